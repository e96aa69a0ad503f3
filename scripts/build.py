#!/usr/bin/env python3
"""Build the firmware for this machine (`host`) or the disk image of a board (`image`).

usage: scripts/build.py host | image BOARD
"""

import os
import shutil
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.lib import environment

BUILD = environment.ROOT / "build"
ENGINE = environment.ROOT / "firmware" / "modules" / "media"


def build_host():
    """Build `waferpbx` and the media engine's shared library for this machine into build/host."""
    from scripts.lib import board, firmware
    from scripts.lib.command import run

    made = firmware.build(board.ARCHITECTURES["x86_64"])
    target = BUILD / "host"
    target.mkdir(parents=True, exist_ok=True)
    _place(made.program, target / "waferpbx")
    _place(made.symbols, target / "waferpbx.symbols")
    run(["make", "-s", "-C", ENGINE, "lib", f"OUT={target}"])
    return target


def build_image(name):
    """Build the disk image of the board `name` into build/<name>; return that folder."""
    from scripts.lib import board as boards
    from scripts.lib import busybox, cache, firmware, image, kernel, report

    board = boards.load(name)
    parts = {
        "firmware": firmware.build(board.arch),
        "busybox": busybox.build(board.arch),
        "kernel": kernel.build(board),
    }
    key = cache.digest(
        *(str(part) for part in parts.values()),
        image.OVERLAY,
        boards.COMMON,
        board.folder,
        *sorted((environment.ROOT / "scripts").rglob("*.py")),
    )
    folder = cache.built(f"image {name}", key, lambda work: _make_image(work, board, parts))
    target = BUILD / name
    target.mkdir(parents=True, exist_ok=True)
    for product in report.PRODUCTS:
        _place(folder / product, target / product)
    return target


def _make_image(work, board, parts):
    from scripts.lib import image, report

    made = image.assemble(work, board, parts["firmware"], parts["busybox"], parts["kernel"])
    report.write(made, board, parts)
    shutil.rmtree(made.root)


def _place(source, target):
    """Put a copy of `source` at `target`, by a hard link where the file system allows."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def summary(started):
    """Say how long each step took, now and when it was built."""
    from scripts.lib import cache
    from scripts.lib.ui import duration, say

    say("")
    for label, (seconds, cold, fresh) in cache.timings.items():
        state = "built" if fresh else f"from the cache (cold: {duration(cold)})"
        say(f"  {label:24} {duration(seconds):>14}  {state}")
    say(f"  {'in all':24} {duration(time.monotonic() - started):>14}\n")


def main(arguments):
    """Run the verb that `arguments` name."""
    started = time.monotonic()
    if arguments == ["host"]:
        target = build_host()
    elif len(arguments) == 2 and arguments[0] == "image":
        target = build_image(arguments[1])
    else:
        sys.exit(__doc__)
    summary(started)
    print(f"Ready in {target}")


if __name__ == "__main__":
    environment.enter("build")
    main(sys.argv[1:])
