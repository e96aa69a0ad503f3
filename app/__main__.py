"""`python3 -m app` and `waferpbx -m app`."""

import sys

from app.main import main

sys.exit(main(sys.argv[1:]))
