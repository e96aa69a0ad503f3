"""The only place that knows CPython from MicroPython: sockets, clock, hashes, files, event loop.

Nothing outside app/main.py and tests imports it; everything else gets its parts as arguments.
"""
