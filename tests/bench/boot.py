#!/usr/bin/env python3
"""Measure the image: time to the first SIP answer, memory, sizes. `make bench-boot` runs it.

usage: tests/bench/boot.py [--runs N] [--memory MB ...]

Each run takes a provisioned disk, powers the emulated box on and sends OPTIONS until the
answer comes. QEMU's clock is the host's here, so seconds of the guest are seconds of the
host, BIOS and boot loader included; a busy host makes them longer, never shorter.
"""

import argparse
import os
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.lib import environment

POLL = 0.05


def measure(image, memory, runs):
    """Return {name: text} of one memory size."""
    from tests.device.box import Box
    from tests.device.conftest import provisioned

    with tempfile.TemporaryDirectory(prefix="waferpbx-bench-") as folder:
        box = Box(image, folder, memory)
        try:
            provisioned(box)
            status, times = {}, []
            for _ in range(runs):
                box.cut_power()
                times.append(_to_first_answer(box))
            time.sleep(2)
            status = box.status()
        finally:
            box.cut_power()
    used, own = re.match(r"([\d.]+) MiB of .*, ([\d.]+) MiB by", status["memory"]).groups()
    return {
        "memory": f"{memory} MB",
        "power-on to SIP answer": f"{statistics.median(times):.1f} s "
        f"({min(times):.1f} to {max(times):.1f})",
        "used when idle": f"{used} MiB",
        "of that waferpbx": f"{own} MiB",
    }


def _to_first_answer(box):
    from tests.peers.pbx import ping

    started = time.monotonic()
    box.machine.start()
    while not ping(box.target, POLL):
        box.machine.check_alive()
    return time.monotonic() - started


def table(rows):
    """Return dicts with the same keys as a Markdown table."""
    names = list(rows[0])
    lines = [" | ".join(names), " | ".join("---" for _ in names)]
    lines += [" | ".join(row[name] for name in names) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def main(arguments):
    """Build the image where needed, measure, print."""
    from scripts import build

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--memory", type=int, nargs="+", default=[64, 32], metavar="MB")
    options = parser.parse_args(arguments)
    folder = build.build_image("qemu-i586")
    rows = [measure(folder / "disk.img", memory, options.runs) for memory in options.memory]
    print(f"\n{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, {options.runs} runs\n")
    print(table(rows), end="\n\n")
    print((folder / "sizes.txt").read_text().partition("Frozen modules")[0])


if __name__ == "__main__":
    environment.enter("build", "run", "test")
    main(sys.argv[1:])
