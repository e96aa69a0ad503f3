"""`make fuzz`: the SIP fuzzers of tests/fuzz on every core, under both interpreters."""

import os
import subprocess
import sys
import time

from scripts.lib.environment import ROOT

RUN = ROOT / "tests" / "fuzz" / "run.py"
HEAP = "24M"  # what the box has, for words twice as long
# Of all damaged datagrams, the part that MicroPython gets: it is some five times slower, and
# both are to end at about the same time on two cores.
MICROPYTHON_PART = 6
EXTRA_PART = 20  # each of the other kinds gets one message for so many datagrams
STRIDE = 10_000_000  # seeds between two processes, so that no two make the same damage


def kinds():
    """Return the names of the fuzzers, the whole box first."""
    sys.path.insert(0, str(ROOT))
    words = [sys.executable, "-c", "from tests.fuzz.run import KINDS; print(*sorted(KINDS))"]
    found = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    names = found.stdout.split()
    return ["box"] + [name for name in names if name != "box"]


def commands(interpreter, count, first=1, cores=None):
    """Return [words of a command], to be run at once: `count` datagrams to the box in all."""
    micropython = [str(interpreter), "-X", f"heapsize={HEAP}", str(RUN)]
    cpython = [sys.executable, "-u", str(RUN)]
    part = count // MICROPYTHON_PART
    others = max(1, (cores or os.cpu_count() or 2) - 1)
    shares = [(micropython, part)] + [(cpython, (count - part) // others)] * others
    shares[1] = (cpython, count - part - (count - part) // others * (others - 1))
    made = []
    for number, (words, share) in enumerate(shares):
        made.append([*words, "box", str(first + number * STRIDE), str(share)])
    return made


def run(interpreter, count):
    """Fuzz the whole box with `count` damaged datagrams, then the parsers; return the status."""
    began = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MICROPYPATH": f"{ROOT}:.frozen"}
    status = _all(commands(interpreter, count), environment)
    extra = max(1, count // EXTRA_PART)
    for kind in kinds()[1:]:
        words = [[*each[:-3], kind, *each[-2:]] for each in commands(interpreter, extra)]
        status = status or _all(words, environment)
    minutes = (time.monotonic() - began) / 60
    said = "no failure" if not status else "a failure"
    print(f"{count} damaged datagrams to the whole box, {said}, {minutes:.0f} minutes")
    return status


def _all(words, environment):
    """Run commands at the same time; return the first status that is not 0."""
    running = [subprocess.Popen(each, cwd=ROOT, env=environment) for each in words]
    return next((each for each in [process.wait() for process in running] if each), 0)
