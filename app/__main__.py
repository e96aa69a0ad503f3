"""`python3 -m app` and `waferpbx -m app`."""

import sys

import app.port  # noqa: F401  (first: it makes room for imports as deep as those below)
from app.main import main

sys.exit(main(sys.argv[1:]))
