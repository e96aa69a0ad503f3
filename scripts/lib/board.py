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
# firmware: what starts it, of FIRMWARES; drivers: names of kernel modules that are to be built in.
Board = namedtuple(
    "Board", ("name", "folder", "arch", "description", "firmware", "drivers", "qemu", "qemu_cpu")
)
REQUIRED = ("ARCH", "DESCRIPTION")
FIRMWARES = ("bios", "uefi")


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
        _firmware(folder / "meta", meta),
        _drivers(folder / "drivers"),
        meta.get("QEMU"),
        meta.get("QEMU_CPU"),
    )


def _drivers(path):
    """Return the drivers that the board names."""
    if not path.is_file():
        die(f"{path} is missing", "List the drivers that its kernel is to have, one a line.")
    return tuple(path.read_text().split())


def _firmware(path, meta):
    """Return the firmwares that the board may start from: "bios" where nothing is said."""
    words = tuple(meta.get("FIRMWARE", "bios").split())
    for word in words:
        if word not in FIRMWARES:
            die(f"{path}: FIRMWARE={word} is not known", f"Write {' or '.join(FIRMWARES)}.")
    if "uefi" in words and meta["ARCH"] != "x86_64":
        die(f"{path}: FIRMWARE=uefi with ARCH={meta['ARCH']}", "UEFI starts x86_64 boards alone.")
    return words


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
