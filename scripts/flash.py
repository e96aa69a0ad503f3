#!/usr/bin/env python3
"""Write a disk image to a flash card, read it back and compare.

usage: scripts/flash.py IMAGE DEVICE [--yes] [--file]

IMAGE may end in .gz or .xz. DEVICE is a whole disk such as /dev/sdb that nothing uses; with
--file it is a file. Nothing beyond Python is needed. docs/flashing.md has the whole story.
"""

import argparse
import errno
import fcntl
import gzip
import hashlib
import lzma
import mmap
import os
import stat
import sys
import zlib
from collections import namedtuple
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.lib import devices
from scripts.lib.ui import Progress, die, say

CHUNK = 1 << 20  # bytes between two updates of the bar; a multiple of any device's block
BLKRRPART, BLKFLSBUF = 0x125F, 0x1261  # ioctls, linux/fs.h
BOOT_SIGNATURE = b"\x55\xaa"  # at 510 of a disk with an MBR
OPENERS = {".gz": gzip.open, ".xz": lzma.open}
DAMAGED = (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile)

Image = namedtuple("Image", ("path", "size", "sha256"))


class Mismatch(Exception):
    """What was read back is not what was written; `offset` is of the first such chunk."""

    def __init__(self, offset):
        super().__init__(offset)
        self.offset = offset


def read_image(path):
    """Return the Image at `path`, read to its end, so that a damaged one is found first."""
    digest, size, head = hashlib.sha256(), 0, b""
    for chunk in chunks(path):
        head = head or chunk[:512]
        digest.update(chunk)
        size += len(chunk)
    if head[510:512] != BOOT_SIGNATURE:
        die(f"{path} is no disk image: it has no boot record",
            "Give the image that `make image` ends with.")
    return Image(path, size, digest.hexdigest())


def chunks(path):
    """Yield the image in pieces of CHUNK bytes, the last one shorter, unpacked."""
    with OPENERS.get(Path(path).suffix, open)(path, "rb") as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


def write(image, target, progress):
    """Write `image` to the open descriptor `target`; its bytes are on the medium on return."""
    done = 0
    for chunk in chunks(image.path):
        _write_all(target, chunk)
        os.fdatasync(target)  # so that the bar shows what the medium has, not the cache
        done += len(chunk)
        progress.update(done)
    os.fsync(target)


def _write_all(target, data):
    view = memoryview(data)
    while view:
        view = view[os.write(target, view):]


def verify(image, path, progress):
    """Read `path` back past the cache and compare it with `image`; raises Mismatch."""
    digest, done = hashlib.sha256(), 0
    for written, found in zip(chunks(image.path), _read_back(path, image.size), strict=False):
        if written != found:
            raise Mismatch(done)
        digest.update(found)
        done += len(found)
        progress.update(done)
    if done != image.size or digest.hexdigest() != image.sha256:
        raise Mismatch(done)


def _read_back(path, size):
    """Yield the first `size` bytes at `path` in pieces of CHUNK, from the medium itself."""
    source = _open_uncached(path)
    try:
        with mmap.mmap(-1, CHUNK) as buffer:  # aligned to a page, as O_DIRECT demands
            while size > 0:
                count = _fill(source, buffer, min(CHUNK, size))
                if count == 0:
                    return
                yield buffer[:min(count, size)]
                size -= count
    finally:
        os.close(source)


def _fill(source, buffer, wanted):
    """Read until the buffer has `wanted` bytes or the medium ends; return how many it has."""
    filled = 0
    with memoryview(buffer) as view:
        while filled < wanted:
            count = os.readv(source, [view[filled:]])
            if count == 0:
                break
            filled += count
    return filled


def _open_uncached(path):
    """Open for reading past the page cache, or at least after it was emptied of the file."""
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECT)
    except OSError as error:
        if error.errno != errno.EINVAL:  # file systems such as tmpfs have no O_DIRECT
            raise
    source = os.open(path, os.O_RDONLY)
    os.posix_fadvise(source, 0, 0, os.POSIX_FADV_DONTNEED)
    return source


def flash(image, path, flags=os.O_EXCL):
    """Write and verify; raises OSError and Mismatch. O_EXCL on a disk fails if it is in use."""
    target = os.open(path, os.O_RDWR | flags, 0o644)
    try:
        with Progress("writing", image.size) as progress:
            write(image, target, progress)
        _ioctl(target, BLKFLSBUF)
        with Progress("reading back", image.size) as progress:
            verify(image, path, progress)
        _ioctl(target, BLKRRPART)
    finally:
        os.close(target)


def _ioctl(target, request):
    """Best effort: a file knows neither request, and some devices have no partitions."""
    if stat.S_ISBLK(os.fstat(target).st_mode):
        try:
            fcntl.ioctl(target, request)
        except OSError:
            pass


def check_device(path, image, machine):
    """Return the Device at `path`, or end with an error where it must not be written."""
    try:
        device = devices.describe(path, machine)
        objections = devices.objections(device, machine)
    except devices.NotADevice as error:
        die(str(error), "Give a disk such as /dev/sdb; lsblk lists them. To write into a file "
                        "instead, add --file.")
    except FileNotFoundError:
        die(f"there is no {path}", "Insert the card and look it up with lsblk.")
    if objections:
        die("\n       ".join(objection.problem for objection in objections),
            "\n".join(objection.remedy for objection in objections))
    if device.size < image.size:
        die(f"{path} holds {megabytes(device.size)}, the image takes {megabytes(image.size)}",
            "Use a larger card.")
    return device


def confirm(device, image, answer=input):
    """Let the user type the device's name, or end."""
    say(f"{image.path}: {megabytes(image.size)}, SHA-256 {image.sha256}")
    say(f"{device.path}: {device.model}, {megabytes(device.size)}; everything on it will be lost")
    if device.fixed:
        say("It does not look removable: make sure that it is not a disk of this machine.")
    try:
        typed = answer(f"Type {device.name} to write it: ").strip()
    except EOFError:
        die("nobody is there to confirm", "Run it on a terminal, or add --yes.")
    if typed not in (device.name, device.path):
        die(f"{typed!r} is not {device.name}: nothing was written")


def megabytes(size):
    """Bytes in the unit that cards are sold in."""
    return f"{size / 1e6:.1f} MB"


def explain(error, path):
    """End with what an OSError during the work means for the user."""
    known = {
        errno.EACCES: ("you may not write it", "Run this with sudo."),
        errno.EPERM: ("you may not write it", "Run this with sudo."),
        errno.EBUSY: ("something uses it", "Unmount it and close what has it open (lsof)."),
        errno.ENOSPC: ("it is full", "Use a larger one."),
        errno.EROFS: ("it is read-only", "Slide the card's write-protection switch."),
        errno.ENOMEDIUM: ("there is no medium in it", "Insert the card."),
        errno.EIO: ("it reported an error", "The card or its reader is broken: use another."),
        errno.ENXIO: ("it is gone", "Insert the card and start again."),
        errno.ENODEV: ("it is gone", "Insert the card and start again."),
    }
    problem, remedy = known.get(error.errno, (error.strerror or str(error), ""))
    die(f"{path}: {problem}", remedy)


def main(arguments=None, machine=None, answer=input):
    """Read the command line and flash."""
    parser = argparse.ArgumentParser(description="Write a disk image to a flash card.")
    parser.add_argument("image", type=Path)
    parser.add_argument("device")
    parser.add_argument("--yes", action="store_true", help="do not ask before writing")
    parser.add_argument("--file", action="store_true", help="DEVICE is a file to write into")
    options = parser.parse_args(arguments)
    image = _image(options.image)
    if options.file:
        _check_file(options.device)
    else:
        device = check_device(options.device, image, machine or devices.Machine())
        if not options.yes:
            confirm(device, image, answer)
    _flash_or_explain(image, options.device, os.O_CREAT if options.file else os.O_EXCL)
    say(f"{options.device} holds {options.image.name}, read back and compared "
        f"(SHA-256 {image.sha256}).")


def _image(path):
    try:
        return read_image(path)
    except DAMAGED as error:
        die(f"{path} is damaged: {error}", "Fetch or build it again.")
    except OSError as error:
        die(f"{path}: {error.strerror}", "Give the image that `make image` ends with.")


def _check_file(path):
    if os.path.exists(path) and not os.path.isfile(path):
        die(f"{path} is not a file", "Leave out --file to write to a device.")


def _flash_or_explain(image, path, flags):
    try:
        flash(image, path, flags)
    except Mismatch as error:
        die(f"{path}: what was read back differs from the image, from byte {error.offset} on",
            "The card or its reader is broken, or holds less than it claims: use another.")
    except OSError as error:
        explain(error, path)
    except KeyboardInterrupt:
        die(f"interrupted: {path} is half written and will not boot", "Run this again.")


if __name__ == "__main__":
    main()
