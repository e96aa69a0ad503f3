"""sipsak: single requests from a program that others wrote."""

import subprocess

from tests.peers.process import require
from tests.peers.site import DOMAIN, USERS

PATIENCE = 30  # seconds; sipsak itself gives up after 64 * T1


def run(target, *arguments):
    """-> (exit status, str: what it printed), with `target` as the next hop."""
    program = require("sipsak", "sipsak")
    words = [program, "-v", "-v", "-p", f"{target.host}:{target.port}", *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE)
    return done.returncode, done.stdout + done.stderr


def ping(target):
    """OPTIONS to the box itself. -> (exit status, output).

    By its domain: sipsak 0.9.8 cuts a port of five digits in the URI down to four.
    """
    return run(target, "-s", f"sip:{DOMAIN}")


def register(target, user, password=None, expires=600, domain=DOMAIN):
    """REGISTER with sipsak's own address as Contact. -> (exit status, output)."""
    word = USERS.get(user, "") if password is None else password
    return run(target, "-U", "-x", expires, "-a", word, "-s", f"sip:{user}@{domain}")
