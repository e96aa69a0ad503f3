"""Run a program of the build: quiet when it works, all it said when it does not."""

import os
import subprocess
from pathlib import Path

from scripts.lib.ui import Progress, die

TAIL = 30  # lines shown of a program that failed

# What would make the output differ between machines, and what pins it.
REPRODUCIBLE = {
    "LC_ALL": "C",
    "TZ": "UTC",
    "SOURCE_DATE_EPOCH": "1735689600",  # 2025-01-01
    "KBUILD_BUILD_TIMESTAMP": "@1735689600",
    "KBUILD_BUILD_VERSION": "1",
    "KBUILD_BUILD_USER": "waferpbx",
    "KBUILD_BUILD_HOST": "waferpbx",
}


def run(arguments, *, cwd=None, env=None, log=None, label=None, lines=0, hint=""):
    """Run `arguments`; its output goes to the file `log`, and its end is shown when it fails.

    With a `label`, draw a progress bar that takes about `lines` lines of output for the whole.
    """
    arguments = [str(argument) for argument in arguments]
    environment = {**os.environ, **REPRODUCIBLE, **(env or {})}
    log = Path(log) if log else None
    process = subprocess.Popen(
        arguments,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    tail = _follow(process, log, label, lines)
    if process.wait():
        where = f"; all it said is in {log}" if log else ""
        said = b"".join(tail).decode(errors="replace")
        die(
            f"{' '.join(arguments)[:200]} ended with status {process.returncode}{where}",
            f"{hint}\n{said}".strip(),
        )


def output(arguments, *, cwd=None, env=None):
    """Run `arguments` and return what it printed, as text."""
    result = subprocess.run(
        [str(a) for a in arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        env={**os.environ, **REPRODUCIBLE, **(env or {})},
        check=False,
    )
    if result.returncode:
        die(
            f"{' '.join(map(str, arguments))[:200]} ended with status {result.returncode}",
            result.stderr[-2000:],
        )
    return result.stdout


def jobs():
    """Return make's -j argument for this machine."""
    return f"-j{os.cpu_count() or 1}"


def _follow(process, log, label, lines):
    tail, seen = [], 0
    bar = Progress(label, lines) if label else None
    with open(log or os.devnull, "ab") as sink:
        for line in process.stdout:
            sink.write(line)
            tail = [*tail[1 - TAIL :], line]
            seen += 1
            if bar:
                bar.update(min(seen, lines * 0.99))
    if bar:
        bar.close(failed=process.wait() != 0)
    return tail
