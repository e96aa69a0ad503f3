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


def install(arch):
    """Return a folder with `cc`, `ar` and `ranlib` for `arch`."""
    return cache.built(
        f"toolchain {arch.name}",
        cache.digest(version(), COMPILER, TOOL, arch, _zig()),
        lambda work: _write_tools(work, arch),
    )


def _zig():
    return Path(importlib.util.find_spec("ziglang").origin).parent / "zig"


def _write_tools(work, arch):
    zig_cache = cache.root() / "zig"
    names = {"zig": _zig(), "target": arch.target, "cpu": arch.cpu, "zig_cache": zig_cache}
    tools = {"cc": COMPILER, "ar": TOOL, "ranlib": TOOL}
    for tool, text in tools.items():
        path = work / tool
        path.write_text(text.format(tool=tool, **names))
        os.chmod(path, 0o755)
