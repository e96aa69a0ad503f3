"""sipvicious: the scanner that most attacks come from (https://github.com/EnableSecurity/sipvicious).

Its programs are Python scripts of PyPI's package (requirements.txt); each prints a table of what
it has found.
"""

import subprocess
import sys
from pathlib import Path

from tests.peers.process import missing

PATIENCE = 60  # seconds


def run(tool, target, *arguments):
    """-> str: what sipvicious_TOOL prints, scanning `target` (from the address 127.0.0.1)."""
    program = Path(sys.executable).with_name(f"sipvicious_{tool}")
    if not program.exists():
        missing(program.name, "pip install -r requirements.txt", "WAFERPBX_REQUIRE_PEERS")
    words = list(map(str, [program, "-p", target.port, *arguments, target.host]))
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE)
    return done.stdout + done.stderr


def devices(target):
    """-> {address: what it is} that svmap finds."""
    return found(run("svmap", target))


def extensions(target, which, method):
    """-> {extension: how it answered} that svwar finds among `which`, as "198-205"."""
    return found(run("svwar", target, "-e", which, "-m", method))


def passwords(target, user, words, folder):
    """-> {extension: password} that svcrack finds for `user` among `words`."""
    dictionary = Path(folder) / "dictionary"
    dictionary.write_text("\n".join(words) + "\n")
    limit = "--maximumtime=3"  # seconds without an answer until it gives up
    return found(run("svcrack", target, "-u", user, "-d", dictionary, limit))


def found(output):
    """-> {first column: second column} of the table in a tool's output, {} without one."""
    rows = [line.strip("|").split("|") for line in output.splitlines() if line[:1] == "|"]
    return {row[0].strip(): row[1].strip() for row in rows[1:]}
