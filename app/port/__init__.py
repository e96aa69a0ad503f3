"""The only place that knows CPython from MicroPython: sockets, clock, hashes, files, event loop.

Nothing outside app/main.py and tests imports it; everything else gets its parts as arguments.
"""

STACK = 256 * 1024  # bytes; Linux grants 8 MiB, and gives pages as they are touched

try:
    from box import stack_limit

    # before app/main.py imports what is nested deepest
    stack_limit(STACK)
except ImportError:  # CPython, or MicroPython without our C module
    pass
