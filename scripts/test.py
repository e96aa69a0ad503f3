#!/usr/bin/env python3
"""Run the tests: everything, or one part.

usage: scripts/test.py all|lint|unit|interop|device|boards [PYTEST ARGUMENTS]
       scripts/test.py fuzz COUNT SECONDS
       scripts/test.py soak CALLS SECONDS
       scripts/test.py mutants

"all" leaves out boards, which builds the kernel of every board. What a part needs is installed
and built first; a peer or a product that is missing is a failure here, never a skip.
"""

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.lib import environment

ROOT = environment.ROOT
NAMESPACES = "tests/interop/net"  # networks of namespaces(7): these tests take root
NOTHING_SELECTED = 5  # pytest's exit status
PARTS = ("lint", "unit", "interop", "device")
FOLDERS = {
    "unit": ["tests", "--ignore=tests/interop", "--ignore=tests/device", "--ignore=tests/bench",
             "--ignore=tests/soak"],
    "interop": ["tests/interop"],
    "device": ["tests/device"],
    "soak": ["tests/soak"],
    "boards": ["tests/device/test_boards.py"],
}


def lint():
    """Run the linters; return their exit status."""
    return subprocess.call([sys.executable, "scripts/lint.py"], cwd=ROOT)


def tests(parts, arguments):
    """Build what `parts` need and run their tests in one pytest run; return its exit status."""
    from scripts import build
    from scripts.lib import board

    settings = {
        "WAFERPBX_REQUIRE_FIRMWARE": "1",
        "WAFERPBX_REQUIRE_PEERS": "1",
        "PYTHONPATH": str(ROOT),
    }
    host = build.build_host()
    settings["WAFERPBX_MICROPYTHON"] = str(host / "waferpbx")
    settings["WAFERPBX_ENGINE"] = str(host / "libmediaengine.so")
    if "device" in parts:
        settings["WAFERPBX_IMAGE"] = str(build.build_image("qemu-i586") / "disk.img")
    if "boards" in parts:
        names = board.names()
        for name in names:
            build.build_image(name)
        settings["WAFERPBX_BOARDS"] = " ".join(names)
    if set(parts) >= {"unit", "interop", "device"}:
        selected = ["tests", "--ignore=tests/bench", "--ignore=tests/soak"]
    else:
        selected = [word for part in parts for word in FOLDERS[part]]
    if os.geteuid() == 0 or "interop" not in parts:
        return pytest([], settings, *selected, *arguments)
    status = pytest([], settings, *selected, f"--ignore={NAMESPACES}", *arguments)
    root = environment.as_root("making network namespaces")
    rest = pytest(root, settings, "-p", "no:cacheprovider", NAMESPACES, *arguments)
    return status or (0 if rest == NOTHING_SELECTED else rest)


def pytest(root, settings, *arguments):
    """Run pytest, `root` (words) in front of it, with these variables; return its exit status."""
    variables = [f"{name}={value}" for name, value in settings.items()]
    command = [*root, "env", f"PATH={os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE=1", *variables]
    command += [sys.executable, "-m", "pytest", "-q", *arguments]
    return subprocess.call(command, cwd=ROOT)


def fuzz(count, seconds):
    """Fuzz SIP with `count` datagrams, and the C engine for `seconds`; return the status."""
    from scripts.build import ENGINE, build_host
    from scripts.lib import fuzz as sip

    status = sip.run(build_host() / "waferpbx", int(count))
    return status or subprocess.call(["make", "-C", str(ENGINE), "fuzz", f"FUZZ_SECONDS={seconds}"])


def soak(calls, seconds):
    """Make calls over a bad line, then calls in a flood of REGISTERs; return the status."""
    os.environ.update({"WAFERPBX_CALLS": calls, "WAFERPBX_SECONDS": seconds})
    return tests(["soak"], ["-s"])


def main(part, *arguments):
    """Run `part` and end with its status."""
    if part == "fuzz" and len(arguments) == 2:
        sys.exit(fuzz(*arguments))
    if part == "soak" and len(arguments) == 2:
        sys.exit(soak(*arguments))
    if part == "mutants":
        sys.exit(subprocess.call([sys.executable, "-m", "tests.mutants.run", *arguments], cwd=ROOT))
    if part not in (*PARTS, "boards", "all"):
        sys.exit(__doc__)
    parts = PARTS if part == "all" else (part,)
    status = lint() if "lint" in parts else 0
    rest = [name for name in parts if name != "lint"]
    if rest and not status:
        status = tests(rest, arguments)
    sys.exit(status)


if __name__ == "__main__":
    environment.enter("build", "run", "test", "boards")
    main(*(sys.argv[1:] or ["help"]))
