"""The build cache: folders named by the content that went into them, outside the tree.

A step's folder appears under its final name only when the step has ended well, so a
build that was cut off leaves nothing that a later one would trust.
"""

import fcntl
import hashlib
import os
import shutil
import time
from pathlib import Path

SECONDS = ".seconds"  # how long the step took, for the report
timings = {}  # label: (seconds now, seconds when it was built, whether that was now), in order


def root():
    """Return the cache folder: $WAFERPBX_CACHE, else waferpbx in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(os.environ.get("WAFERPBX_CACHE") or Path(home) / "waferpbx")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def digest(*parts):
    """Return 16 hex digits over strings, bytes, and the names and contents of files and folders."""
    state = hashlib.sha256()
    for part in parts:
        for item in _flatten(part):
            state.update(len(item).to_bytes(8, "big") + item)
    return state.hexdigest()[:16]


def built(label, key, build):
    """Return the folder of step `label` for `key`; `build(folder)` fills it on first use.

    A second run that wants the same step waits for the first.
    """
    name = label.replace(" ", "-")
    final = root() / f"{name}-{key}"
    started = time.monotonic()
    with open(root() / f".{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        fresh = not (final / SECONDS).exists()
        if fresh:
            _build(root() / f".{name}", final, build)
    cold = float((final / SECONDS).read_text())
    timings.setdefault(label, (time.monotonic() - started, cold, fresh))
    return final


def _build(work, final, build):
    """Build in the folder `work`, which stays with its log when that fails."""
    started = time.monotonic()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    build(work)
    (work / SECONDS).write_text(f"{time.monotonic() - started:.1f}\n")
    shutil.rmtree(final, ignore_errors=True)
    work.rename(final)


def _flatten(part):
    if isinstance(part, bytes):
        yield part
    elif isinstance(part, Path):
        files = sorted(p for p in part.rglob("*") if p.is_file()) if part.is_dir() else [part]
        for file in files:
            if "__pycache__" not in file.parts:
                relative = file.relative_to(part) if file != part else Path(file.name)
                yield f"{relative} {file.stat().st_mode & 0o111:o}".encode()
                yield file.read_bytes()
    else:
        yield str(part).encode()
