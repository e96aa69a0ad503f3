"""The cross compiler: zig's clang with its own musl and compiler-rt, one target a board.

The PyPI package `ziglang` is the whole tool chain; nothing of the machine's own C
library reaches a program of the box.
"""

import importlib.metadata
import importlib.util
import os
from pathlib import Path

from scripts.lib import cache

# zig's front end preprocesses one named file a call once a CPU is named; MicroPython's
# qstr extraction gives it several, and then standard input.
COMPILER = """#!/bin/sh
# Made by scripts/lib/toolchain.py: zig as the C compiler for {target}, {cpu}.
export ZIG_GLOBAL_CACHE_DIR="{zig_cache}" ZIG_LOCAL_CACHE_DIR="{zig_cache}"
case " $* " in
*" -E "*)
    flags="" inputs="" piped=""
    for word; do
        case $word in
        *.c) inputs="$inputs '$word'" ;;
        -) piped=$(mktemp --suffix=.c); cat >"$piped"; inputs="$inputs '$piped'" ;;
        *) flags="$flags '$word'" ;;
        esac
    done
    eval "set -- $inputs"
    for input; do
        eval "{zig} cc -target {target} -mcpu={cpu} $flags \\"\\$input\\"" || exit
    done
    rm -f ${{piped:+"$piped"}} ;;
*)
    for word; do
        shift
        case $word in
        # Diagnosis that busybox asks of GNU ld and that zig's linker does not know.
        -Wl,--warn-common | -Wl,--verbose | -Wl,-Map,*) ;;
        *) set -- "$@" "$word" ;;
        esac
    done
    exec {zig} cc -target {target} -mcpu={cpu} "$@" ;;
esac
"""
TOOL = """#!/bin/sh
exec {zig} {tool} "$@"
"""


def version():
    """Return the version of the compiler package."""
    return importlib.metadata.version("ziglang")


def musl_version():
    """Return the version of the C library in the compiler package."""
    header = _zig().parent / "lib" / "libc" / "musl" / "src" / "internal" / "version.h"
    return header.read_text().split('"')[1]


def install(arch):
    """Return a folder with `cc`, `ar` and `ranlib` for `arch`."""
    zig = _link()
    return cache.built(
        f"toolchain {arch.name}",
        cache.digest(COMPILER, TOOL, arch, str(zig)),
        lambda work: _write_tools(work, arch, zig),
    )


def _zig():
    return Path(importlib.util.find_spec("ziglang").origin).parent / "zig"


def _link():
    """Return the compiler's path by its version alone, whatever environment it is installed in."""
    link, new = cache.root() / f"ziglang-{version()}", cache.root() / ".ziglang"
    new.unlink(missing_ok=True)
    new.symlink_to(_zig().parent)
    new.rename(link)
    return link / "zig"


def _write_tools(work, arch, zig):
    names = {
        "zig": zig,
        "target": arch.target,
        "cpu": arch.cpu,
        "zig_cache": cache.root() / "zig",
    }
    tools = {"cc": COMPILER, "ar": TOOL, "ranlib": TOOL}
    for tool, text in tools.items():
        path = work / tool
        path.write_text(text.format(tool=tool, **names))
        os.chmod(path, 0o755)
