#!/usr/bin/env python3
"""Prove that an image is reproducible: build it again elsewhere and compare every byte.

usage: scripts/reproduce.py [BOARD] [--keep-kernel]

The second build starts from a copy of the tree in another folder, with an empty cache but
for the fetched sources and the tools. --keep-kernel takes the first build's kernel too,
which is most of the time.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.lib import environment

SHARED = ("source-*", "apt-*", "python-*")


def copy_tree(target):
    """Copy what git knows of the tree, changes included, to `target`."""
    from scripts.lib.command import output

    names = output(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=environment.ROOT)
    for name in filter(None, names.split("\0")):
        source = environment.ROOT / name
        if source.exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target / name)


def second_cache(target, keep_kernel):
    """Fill a cache folder with what is fetched, not built."""
    from scripts.lib import cache

    for pattern in SHARED + (("kernel-*",) if keep_kernel else ()):
        for folder in cache.root().glob(pattern):
            (target / folder.name).symlink_to(folder)


def digests(folder, names):
    """Return {name: SHA-256} of files in `folder`."""
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


def compare(board, keep_kernel):
    """Build `board` twice; return ({name: digest}, {name: digest})."""
    from scripts import build
    from scripts.lib import report

    first = digests(build.build_image(board), report.PRODUCTS)
    with tempfile.TemporaryDirectory(prefix="waferpbx-again-") as place:
        tree, cache = Path(place) / "another" / "tree", Path(place) / "cache"
        tree.mkdir(parents=True)
        cache.mkdir()
        copy_tree(tree)
        second_cache(cache, keep_kernel)
        subprocess.run(
            [sys.executable, "scripts/build.py", "image", board],
            cwd=tree,
            env={**os.environ, "WAFERPBX_CACHE": str(cache), "PYTHONPATH": str(tree)},
            check=True,
        )
        return first, digests(tree / "build" / board, report.PRODUCTS)


def main(arguments):
    """Print each product's digest; end with 1 where the two builds differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("board", nargs="?", default="qemu-i586")
    parser.add_argument("--keep-kernel", action="store_true", help="do not build the kernel again")
    options = parser.parse_args(arguments)
    first, second = compare(options.board, options.keep_kernel)
    for name, digest in first.items():
        print(f"{digest[:16]}  {name}: {'the same' if second[name] == digest else 'DIFFERS'}")
    sys.exit(first != second)


if __name__ == "__main__":
    environment.enter("build")
    main(sys.argv[1:])
