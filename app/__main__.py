"""`python3 -m app` and `waferpbx -m app`."""

import sys

import app.port.stack  # noqa: F401  (first: the imports below go deep)
from app.main import main

sys.exit(main(sys.argv[1:]))
