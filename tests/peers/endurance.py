"""Endurance: many calls over a bad line, and calls while everybody registers; then a look inside.

tests/interop has both for a minute, tests/soak (`make soak`) for as long as it takes.
"""

import sys
import time

from tests.peers.load import Line, Load
from tests.peers.pbx import ROOT, Pbx
from tests.peers.process import Program, wait_until

BAD = {"lost": 0.05, "doubled": 0.05, "late": 0.05}  # shares of all messages, each way
STRAYS = 0.2  # of the calls send CANCELs that come too late
SILENCE = 40  # seconds until the last transaction has ended: 64*T1 and some
WARM = 150  # calls until the heap has what it keeps: nonces, caches, lines of the log
CAP = 3 * 1024 * 1024  # bytes that may live in the heap under a flood: docs/security.md, "A flood"
SLACK = 128 * 1024  # bytes that it may differ by at rest, of whatever age


class Rest:
    """A box at rest: what it holds, to be held against the same later."""

    def __init__(self, box):
        def is_idle():
            found = box.figures()
            return found["transactions"] == found["calls"] == 0 and found

        self.figures = wait_until(is_idle, lambda: f"the box is idle: {box.figures()}", 3 * SILENCE)

    def same(self, other, slack=SLACK):
        """AssertionError if `other`, later, holds more."""
        for name in ("transactions", "calls", "streams", "waiting", "descriptors", "bindings"):
            assert other.figures[name] == self.figures[name], (name, self.figures, other.figures)
        assert other.figures["deadlines"] <= self.figures["deadlines"] + 40, other.figures
        assert other.figures["faults"] == 0, other.figures
        grown = other.figures["heap"] - self.figures["heap"]
        assert grown <= slack, f"the heap grew by {grown} bytes: {self.figures}, {other.figures}"


def make_box(site, folder, **options):
    """-> Pbx that tells its figures."""
    return Pbx(site, folder, words=["--stats", folder / "figures"], **options)


def calls_over_a_bad_line(box, calls, rate, warm=WARM, say=print):
    """`calls` calls; the box must hold nothing of them afterwards. -> Rest behind them.

    warm: calls before, behind which a first look is taken to hold the second against; 0: none.
    """
    line = Line(**BAD)
    load = Load(box.target, rate, line=line, strays=STRAYS)
    try:
        load.register()
        before = None
        if warm:
            assert load.run(warm)["good"] == warm, load.results
            before = Rest(box)
        began = time.monotonic()
        results = load.run(calls)
    finally:
        load.close()
    took = time.monotonic() - began
    after = Rest(box)
    say(f"{calls} calls in {took:.0f} s: {dict(results)}; messages: {dict(line.counted)}")
    say(f"before: {before and before.figures}\nafter:  {after.figures}")
    assert results["good"] == calls, results
    if before:
        before.same(after)
    return after


def calls_in_a_flood(box, seconds, flood_rate, call_rate=2.0, say=print):
    """Calls while REGISTERs come from everywhere. All are good. -> most bytes of the heap."""
    calls = int(seconds * call_rate)
    load = Load(box.target, call_rate)
    words = [sys.executable, ROOT / "tests" / "peers" / "flood.py", *box.target, seconds,
             flood_rate]  # fmt: skip
    most = 0
    try:
        load.register()
        flood = Program(words, ROOT, box.folder / "flood.log")
        try:
            results = load.run(calls)
            most = box.figures()["heap"]
            assert flood.wait(seconds + 60) == 0, flood.tail()
        finally:
            flood.stop()
    finally:
        load.close()
    say(f"{calls} calls beside {flood.output().strip()} REGISTERs; {most} bytes live")
    assert results["good"] == calls, results
    assert most < CAP, most
    return most
