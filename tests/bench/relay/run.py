#!/usr/bin/env python3
"""Measure RTP relays side by side: `make bench-relay` runs it.

usage: tests/bench/relay/run.py [--streams N ...] [--seconds S] [--runs N] [--top]

A stream is one direction of a call: 160 bytes of speech, 50 packets a second. The relay has one
core, the load the other; the runs of the relays alternate, and the medians are told. Figures of
a machine that does something else beside are worth nothing, their ratio a little.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections import namedtuple
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from scripts.lib import environment

HERE = Path(__file__).resolve().parent
RELAY_CORE, LOAD_CORE = 0, 1
RATE = 50
LOSS_ALLOWED = 0.001

# cpu: microseconds a packet; loss: share; delays in microseconds; memory: MiB.
Result = namedtuple("Result", ("cpu", "loss", "p50", "p99", "p999", "memory", "rate"))


def build_load():
    """Return the load generator, built."""
    target = environment.ROOT / "build" / "host" / "bench" / "load"
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cc", "-O2", "-Wall", "-o", target, HERE / "load.c"], check=True)
    return target


def measure(relay_class, load, streams, rate, seconds):
    """Return the Result of one run."""
    with tempfile.TemporaryDirectory() as folder, relay_class(folder, RELAY_CORE) as relay:
        words = ["taskset", "-c", str(LOAD_CORE), load, streams, rate, seconds]
        with subprocess.Popen(
            [str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as parties:
            for number in range(streams // 2):
                ports = [int(port) for port in parties.stdout.readline().split()]
                caller, callee = relay.open_call(number, ports)
                parties.stdin.write(f"{caller[0]} {caller[1]} {callee[0]} {callee[1]}\n")
            parties.stdin.flush()
            assert parties.stdout.readline() == "ready\n"
            before = relay.cpu()
            parties.stdin.write("go\n")
            parties.stdin.flush()
            sent, received, *delays = [int(word) for word in parties.stdout.readline().split()]
        cpu = (relay.cpu() - before) / max(received, 1) * 1e6
        return Result(cpu, 1 - received / sent, *delays, relay.memory(), sent / seconds)


def compare(relays, load, streams, seconds, runs):
    """Return {name: [Result]}, the relays taking turns."""
    found = {relay.name: [] for relay in relays}
    for _ in range(runs):
        for relay in relays:
            found[relay.name].append(measure(relay, load, streams, RATE, seconds))
    return found


def top_rate(relay_class, load, seconds):
    """Return the most packets a second that pass with no more than LOSS_ALLOWED lost."""
    best, rate = 0, 60
    while rate <= 400:
        result = measure(relay_class, load, 500, rate, seconds)
        if result.loss > LOSS_ALLOWED:
            break
        best, rate = result.rate, int(rate * 1.1) + 1
    return best


def median(results, field):
    return statistics.median(getattr(each, field) for each in results)


def row(name, results, reference):
    """Return the cells of one relay's line; `reference` is the CPU that the ratio is of."""
    cells = [name, f"{median(results, 'cpu'):.1f}", f"{median(results, 'cpu') / reference:.2f}"]
    cells += [f"{median(results, field):.0f}" for field in ("p50", "p99", "p999")]
    cells += [f"{median(results, 'loss') * 100:.2f} %", f"{median(results, 'memory'):.1f} MiB"]
    return " | ".join(cells)


HEAD = "relay | CPU us a packet | of rtpengine's | delay p50 us | p99 | p99.9 | loss | memory"


def main(arguments):
    """Measure and print the tables."""
    from tests.bench.relay.relays import OurRelayd, OurSockets, Rtpengine

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", type=int, nargs="+", default=[200, 1000])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--top", action="store_true", help="look for the highest rate too")
    options = parser.parse_args(arguments)
    load, relays = build_load(), (Rtpengine, OurRelayd, OurSockets)
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, {options.runs} runs\n")
    for streams in options.streams:
        found = compare(relays, load, streams, options.seconds, options.runs)
        reference = median(found["rtpengine"], "cpu")
        print(f"{streams} streams of {RATE} packets a second\n\n| {HEAD} |")
        print("|" + " --- |" * len(HEAD.split("|")))
        for name, results in found.items():
            print(f"| {row(name, results, reference)} |")
        print()
    if options.top:
        for relay in relays:
            best = top_rate(relay, load, options.seconds)
            print(f"{relay.name}: {best:,.0f} packets a second with at most 0.1 % lost")


if __name__ == "__main__":
    environment.enter("build", "test", "bench")
    main(sys.argv[1:])
