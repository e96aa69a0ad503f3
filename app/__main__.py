"""`python3 -m app` and `waferpbx -m app`."""

# isort: off  (the stack first: the imports below go deep)
import app.port.stack  # noqa: F401
import sys

from app.main import main

sys.exit(main(sys.argv[1:]))
