"""The interpreter's stack: imported before everything else, for its effect."""

OCTETS = 256 * 1024  # of the 8 MB that Linux gives a program

try:
    from box import use_stack

    use_stack(OCTETS)
except ImportError:  # CPython counts calls, and allows enough of them
    pass
