"""Network namespaces (namespaces(7)): entering one from Python, and commands in it. Linux, root."""

import ctypes
import os
import subprocess
from contextlib import contextmanager

CLONE_NEWNET = 0x40000000
FOLDER = "/run/netns"

_libc = ctypes.CDLL(None, use_errno=True)


def join(name):
    """Move the calling thread into the namespace of that name, for good."""
    with open(f"{FOLDER}/{name}") as place:
        _set(place)


@contextmanager
def inside(name):
    """Within the block the calling thread is in that namespace.

    Sockets that it opens and programs that it starts stay there.
    """
    with open("/proc/thread-self/ns/net") as here:
        join(name)
        try:
            yield
        finally:
            _set(here)


def _set(place):
    if _libc.setns(place.fileno(), CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def run(*words):
    """Run a command to its end. -> what it printed; AssertionError with it if it fails."""
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, words))}: {done.stdout}{done.stderr}"
    return done.stdout
