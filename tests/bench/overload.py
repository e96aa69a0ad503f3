#!/usr/bin/env python3
"""Measure the box under more calls than it can serve. `make bench-overload` runs it.

usage: tests/bench/overload.py [--seconds N] [--runs N] [--limits shipped]

The box has one core for itself, sipp another. A call is INVITE, 100, 200, ACK, BYE, 200, without
a password and without media. The peak is sought first: the rate is raised until no more calls
come through. Then one, two and three times the peak are offered. Goodput counts calls that got
their 200 and whose BYE got its own; everything else is 503, or lost.

With `--limits shipped` the tables have their shipped sizes, and are what the box is short of;
otherwise they are large, and it is the processor.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.lib import environment

BOX_CORE, LOAD_CORE = 0, 1
LARGE = {"max_calls": 20000, "max_transactions": 65536}
HEAP = {"large": "384M", "shipped": "28M"}
STEP = 1.3  # between two rates while the peak is sought
ENOUGH = 1.03  # a rate that brings no more than this is beyond the peak
REST = 34  # seconds until the transactions of a run have ended
TICKS = os.sysconf("SC_CLK_TCK")


class Bench:
    """A box with a telephone 201 that answers, and a trunk that calls it."""

    def __init__(self, folder, limits):
        from tests.peers import pbx, sipp, site

        self.folder = Path(folder)
        sipp.TRACES = ("-trace_stat", "-stf", "stat", "-fd", "1")  # messages would cost too much
        pbx.HEAP = HEAP[limits]
        settings = {"accounting": {"db": "no", "log": "no"}}
        settings["sip"] = LARGE if limits == "large" else {}
        made = site.demo(self.folder / "site", trunk={"address": "127.0.0.1"}, **settings)
        self.box = pbx.Pbx(made, self.folder)
        self.box.start()
        os.sched_setaffinity(self.box.program.pid, {BOX_CORE})
        os.sched_setaffinity(0, {LOAD_CORE})  # sipp inherits it
        self.port = sipp.free_ports()
        sipp.register(self.folder, self.box.target, "201", self.port, expires=7200)

    def offer(self, rate, seconds):
        """-> {what: calls a second}, and cpu: share of its core that the box used."""
        from tests.peers.sipp import Sipp

        target, rate = self.box.target, max(1, int(rate))
        with Sipp(self.folder, target, "load-answer", "201", port=self.port, calls=0,
                  seconds=seconds + 90) as there:  # fmt: skip
            with Sipp(self.folder, target, "load-call", "200", calls=rate * seconds, rate=rate,
                      at_once=rate * 60, seconds=seconds + 60, hold=0) as here:  # fmt: skip
                began, used = time.monotonic(), self.cpu()
                while here.program.status is None and time.monotonic() - began < seconds:
                    time.sleep(0.05)
                used, lasted = self.cpu() - used, time.monotonic() - began
                here.program.wait(60)
                counted = here.counters()
            there.program.kill()
        good, shed = counted.get("good", 0), counted.get("shed", 0)
        sent = counted.get("OutgoingCall", 0)
        return {"offered": sent / seconds, "good": good / seconds, "refused": shed / seconds,
                "lost": (sent - good - shed) / seconds, "cpu": used / lasted}  # fmt: skip

    def cpu(self):
        """-> seconds of processor that the box has used."""
        fields = Path(f"/proc/{self.box.program.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def stop(self):
        self.box.stop()


def peak(bench, seconds, say):
    """-> (calls/s, figures) of the rate beyond which no more calls come through."""
    rate, best = 10.0, None
    while True:
        found = bench.offer(rate, seconds)
        say(found)
        if best is not None and found["good"] < best["good"] * ENOUGH:
            return best["good"]
        if best is None or found["good"] > best["good"]:
            best = found
        rate *= STEP
        time.sleep(REST)


def row(name, found):
    words = [f"{found[key]:7.1f}" for key in ("offered", "good", "refused", "lost")]
    per_cpu = found["good"] / found["cpu"] if found["cpu"] else 0
    return "  ".join([f"{name:10}", *words, f"{found['cpu']:5.0%}", f"{per_cpu:7.1f}"])


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--limits", choices=("large", "shipped"), default="large")
    parser.add_argument("--peak", type=float, help="calls/s, where it is known")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="waferpbx-bench-") as folder:
        bench = Bench(folder, given.limits)
        print("            offered     good  refused     lost    cpu  good/cpu s")
        try:
            top = given.peak or peak(bench, given.seconds, lambda each: print(row("", each)))
            for times in (1, 2, 3):
                runs = []
                for _ in range(given.runs):
                    time.sleep(REST)
                    runs.append(bench.offer(times * top, given.seconds))
                    print(row("", runs[-1]), flush=True)
                middle = {key: statistics.median(each[key] for each in runs) for key in runs[0]}
                print(row(f"{times} x peak", middle), f"  {middle['good'] / top:.0%} of the peak")
        finally:
            bench.stop()


if __name__ == "__main__":
    environment.enter("build", "test")
    from scripts import build

    os.environ["WAFERPBX_MICROPYTHON"] = str(build.build_host() / "waferpbx")
    main()
