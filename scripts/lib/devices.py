"""Block devices as the kernel describes them: what one is, and what speaks against writing it.

Everything is read from sysfs and procfs (Linux, Documentation/ABI/stable/sysfs-block,
proc_pid_mountinfo(5), /proc/swaps); `Machine` says where those are, so tests bring their own.
"""

import os
import stat
from collections import namedtuple
from pathlib import Path

SECTOR = 512  # bytes; the unit of sysfs "size", whatever the device's own block is
SYSTEM_MOUNTS = ("/", "/boot", "/boot/efi", "/usr", "/var", "/home")

# size: bytes; parts: names of the disk and its partitions; fixed: not made to be taken out.
Device = namedtuple("Device", ("path", "name", "size", "model", "fixed", "read_only", "parent",
                               "parts"))
Objection = namedtuple("Objection", ("problem", "remedy"))


class NotADevice(Exception):
    """The path names no block device; the text says what it is."""


class Machine:
    """Where the kernel shows its devices and mounts."""

    def __init__(self, sys="/sys", proc="/proc"):
        self.sys, self.proc = Path(sys), Path(proc)

    def number(self, path):
        """(major, minor) of the block device at `path`; raises NotADevice, OSError."""
        status = os.stat(path)
        if not stat.S_ISBLK(status.st_mode):
            raise NotADevice(f"{path} is {_kind(status.st_mode)}, not a block device")
        return os.major(status.st_rdev), os.minor(status.st_rdev)

    def folder(self, number):
        """The device's folder in sysfs."""
        return (self.sys / "dev" / "block" / f"{number[0]}:{number[1]}").resolve()

    def mounts(self):
        """[(device number "8:1", source, mount point)] of what is mounted."""
        found = []
        for line in (self.proc / "self" / "mountinfo").read_text().splitlines():
            before, _, after = line.partition(" - ")
            fields, source = before.split(), after.split()
            found.append((fields[2], _unescape(source[1]), _unescape(fields[4])))
        return found

    def swaps(self):
        """Paths of the devices and files that are swapped to."""
        lines = (self.proc / "swaps").read_text().splitlines()[1:]
        return [_unescape(line.split()[0]) for line in lines if line.strip()]


def describe(path, machine):
    """Return the Device at `path`; raises NotADevice or OSError."""
    folder = machine.folder(machine.number(path))
    if not folder.is_dir():
        raise NotADevice(f"{path}: the kernel has no device of that number")
    parts = sorted(entry.name for entry in folder.iterdir() if (entry / "partition").is_file())
    return Device(str(path), folder.name, int(_read(folder / "size", "0")) * SECTOR,
                  _model(folder), _is_fixed(folder), _read(folder / "ro", "0") == "1",
                  folder.parent.name if (folder / "partition").is_file() else None,
                  [folder.name, *parts])


def objections(device, machine):
    """Return the Objections to writing `device`, the gravest first; none if it is free."""
    if device.parent:
        return [Objection(f"{device.path} is a partition of /dev/{device.parent}",
                          f"The image holds a whole disk: give /dev/{device.parent}.")]
    found = _mounted(device, machine) + _held(device, machine) + _swapped(device, machine)
    if device.read_only:
        found.append(Objection(f"{device.path} is read-only",
                               "Slide the card's write-protection switch, or use another."))
    if device.size == 0:
        found.append(Objection(f"{device.path} has no medium in it", "Insert the card."))
    return found


def _mounted(device, machine):
    numbers, names = _numbers_above(device, machine)
    points = sorted({point for number, source, point in machine.mounts()
                     if number in numbers or os.path.basename(os.path.realpath(source)) in names
                     and source.startswith("/dev/")})
    system = [point for point in points if point in SYSTEM_MOUNTS]
    if system:
        return [Objection(f"{device.path} holds this machine's own system ({', '.join(system)})",
                          "Give the device of the flash card; lsblk lists them all.")]
    if points:
        return [Objection(f"{device.path} is mounted at {', '.join(points)}",
                          f"Unmount it: umount {' '.join(points)}")]
    return []


def _numbers_above(device, machine):
    """Numbers and names of the disk, its partitions and all that is stacked on them."""
    queue, numbers, names = list(device.parts), set(), set()
    while queue:
        name = queue.pop()
        folder = _folder_of(name, machine)
        if name not in names:
            names.add(name)
            numbers.add(_read(folder / "dev", ""))
            queue += _holders(folder)
    return numbers - {""}, names


def _folder_of(name, machine):
    return (machine.sys / "class" / "block" / name).resolve()


def _holders(folder):
    holders = folder / "holders"
    return sorted(entry.name for entry in holders.iterdir()) if holders.is_dir() else []


def _held(device, machine):
    found = []
    for part in device.parts:
        holders = _holders(_folder_of(part, machine))
        if holders:
            found.append(Objection(
                f"/dev/{part} is part of {', '.join(holders)} (LVM, RAID or encryption)",
                "Take it out first (vgchange -an, mdadm --stop, cryptsetup close), if it is "
                "the right device at all."))
    return found


def _swapped(device, machine):
    used = {os.path.basename(os.path.realpath(path)) for path in machine.swaps()}
    return [Objection(f"/dev/{part} is used as swap space", f"Take it out: swapoff /dev/{part}")
            for part in device.parts if part in used]


def _is_fixed(folder):
    """Whether the device looks built in: neither removable nor on USB nor an SD card."""
    disk = folder.parent if (folder / "partition").is_file() else folder
    removable = _read(disk / "removable", "0") == "1"
    return not (removable or "/usb" in str(disk) or "/mmc_host/" in str(disk))


def _model(folder):
    words = [_read(folder / "device" / name, "") for name in ("vendor", "model", "name")]
    return " ".join(" ".join(words).split()) or "unnamed device"


def _read(path, default):
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return default


def _unescape(text):
    """Mount tables write blanks and the like as octal escapes."""
    for code in ("040", "011", "012", "134"):
        text = text.replace("\\" + code, chr(int(code, 8)))
    return text


def _kind(mode):
    if stat.S_ISREG(mode):
        return "a file"
    return "a folder" if stat.S_ISDIR(mode) else "a special file"
