"""A board is a folder of data under board/; this reads it."""

from collections import namedtuple

from scripts.lib.environment import ROOT
from scripts.lib.ui import die

BOARDS = ROOT / "board"
COMMON = BOARDS / "common"

# What a processor family means to the tools: zig's target and CPU, the kernel's ARCH.
Architecture = namedtuple("Architecture", ("name", "target", "cpu", "kernel", "machine"))
ARCHITECTURES = {
    "i586": Architecture("i586", "x86-linux-musl", "pentium", "i386", "EM_386"),
    "x86_64": Architecture("x86_64", "x86_64-linux-musl", "x86_64", "x86_64", "EM_X86_64"),
}
Board = namedtuple("Board", ("name", "folder", "arch", "description", "qemu", "qemu_cpu"))
REQUIRED = ("ARCH", "DESCRIPTION")


def names():
    """Return the names of all boards."""
    return sorted(folder.parent.name for folder in BOARDS.glob("*/meta"))


def load(name):
    """Return the Board called `name`."""
    folder = BOARDS / name
    if not (folder / "meta").is_file():
        die(f"there is no board {name!r}", f"Boards: {', '.join(names())}")
    meta = _read_meta(folder / "meta")
    if meta["ARCH"] not in ARCHITECTURES:
        die(
            f"{folder / 'meta'}: ARCH={meta['ARCH']} is not known",
            f"Write one of: {', '.join(ARCHITECTURES)}",
        )
    return Board(
        name,
        folder,
        ARCHITECTURES[meta["ARCH"]],
        meta["DESCRIPTION"],
        meta.get("QEMU"),
        meta.get("QEMU_CPU"),
    )


def _read_meta(path):
    meta = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        key, separator, value = line.partition("=")
        if line.startswith("#") or not line:
            continue
        if not separator:
            die(f"{path}:{number}: no '=' in {line!r}", "Write KEY=value.")
        meta[key] = value.strip('"')
    for key in REQUIRED:
        if key not in meta:
            die(f"{path}: {key} is missing", f"Add a line {key}=...")
    return meta
