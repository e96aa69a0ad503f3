"""Lay out the image: root folder, squashfs slot, boot loader, data partition, disk.

Everything here is deterministic: names sorted, dates and identifiers fixed, one owner.
"""

import shutil
from collections import namedtuple
from pathlib import Path

from scripts.lib.board import COMMON
from scripts.lib.command import REPRODUCIBLE, run
from scripts.lib.environment import ROOT

OVERLAY = ROOT / "firmware" / "rootfs"
GRUB = Path("/usr/lib/grub")
# GRUB's platform and what its core image has beside the modules below, by firmware. "(,msdos1)" is
# the first partition of the disk that the firmware started from.
GRUB_BIOS = ("i386-pc", "core.img", "(hd0,msdos1)/boot", ("biosdisk",))
GRUB_UEFI = ("x86_64-efi", "bootx64.efi", "(,msdos1)/boot", ("fat", "part_gpt", "efi_gop"))
GRUB_MODULES = (
    "part_msdos",
    "squash4",
    "linux",
    "normal",
    "echo",
    "test",
    "configfile",
    "serial",
    "terminal",
)
DISK_SIGNATURE = "57504258"  # the same in genimage.cfg
DATA_UUID = "d7a1f0c4-5a57-4b8e-9a53-7761666572ff"
DATA_KIB = 3072
FOLDERS = ("bin", "boot", "data", "dev", "etc", "proc", "run", "sbin", "sys")
LINKS = {
    "tmp": "run/tmp",
    "var": "run",
    "etc/resolv.conf": "../run/resolv.conf",
    "etc/mtab": "../proc/mounts",
}

# What the disk is made of: each a path in the build folder.
Image = namedtuple("Image", ("folder", "root", "slot", "disk"))


def assemble(work, board, firmware, busybox, kernel):
    """Lay out the disk of `board` in the folder `work`; return the Image."""
    root = _make_root(work / "root", board, firmware, busybox, kernel)
    slot = work / "slot.squashfs"
    # Dates come from SOURCE_DATE_EPOCH. 256 KiB blocks: small to decompress in 64 MB.
    run(
        [
            "mksquashfs",
            root,
            slot,
            "-noappend",
            "-comp",
            "xz",
            "-b",
            "256K",
            "-all-root",
            "-no-xattrs",
            "-no-exports",
            "-no-progress",
        ],
        log=work / "log",
    )
    _make_data(work)
    _make_boot_loader(work, board)
    _make_disk(work, board)
    return Image(work, root, slot, work / "disk.img")


def _make_root(root, board, firmware, busybox, kernel):
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True)
    shutil.copytree(OVERLAY, root, dirs_exist_ok=True)
    for name, target in LINKS.items():
        (root / name).symlink_to(target)
    shutil.copy(firmware.program, root / "sbin" / "waferpbx")
    shutil.copy(busybox / "busybox", root / "bin" / "busybox")
    for line in sorted((busybox / "links").read_text().split()):
        applet = Path(line).name
        folder = "sbin" if "/sbin/" in line else "bin"
        (root / folder / applet).symlink_to("../bin/busybox" if folder == "sbin" else "busybox")
    shutil.copy(kernel / "bzImage", root / "boot" / "bzImage")
    configuration = (COMMON / "grub.cfg").read_text()
    command_line = (board.folder / "cmdline.txt").read_text().strip()
    (root / "boot" / "grub.cfg").write_text(
        configuration.replace("@CMDLINE@", command_line).replace("@SIGNATURE@", DISK_SIGNATURE)
    )
    for path in root.rglob("*"):  # the same modes whatever the umask of the checkout
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    return root


def _make_data(work):
    run(
        [
            "mke2fs",
            "-q",
            "-t",
            "ext4",
            "-L",
            "waferdata",
            "-U",
            DATA_UUID,
            "-N",
            "256",
            "-J",
            "size=1",
            "-E",
            f"hash_seed={DATA_UUID},lazy_itable_init=0,root_owner=0:0",
            work / "data.ext4",
            str(DATA_KIB),
        ],
        env={
            "E2FSPROGS_FAKE_TIME": REPRODUCIBLE["SOURCE_DATE_EPOCH"],
            "MKE2FS_CONFIG": str(COMMON / "mke2fs.conf"),
        },
        log=work / "log",
    )


def _make_boot_loader(work, board):
    """Make GRUB for every firmware of the board; the MBR's is on each disk, the layout wants it."""
    shutil.copy(GRUB / "i386-pc" / "boot.img", work / "boot.img")
    _make_core(work, *GRUB_BIOS)
    if "uefi" in board.firmware:
        _make_core(work, *GRUB_UEFI)


def _make_core(work, platform, name, prefix, modules):
    core = ["grub-mkimage", "-O", platform, "-p", prefix, "-o", work / name]
    run([*core, *modules, *GRUB_MODULES], log=work / "log")


def _make_disk(work, board):
    """Lay the disk out; a board that UEFI may start gets a partition for it behind the others."""
    layout = (COMMON / "genimage.cfg").read_text()
    extra = ("image", "partition")
    parts = [COMMON / f"esp-{part}.cfg" for part in extra]
    for part, file in zip(extra, parts, strict=True):
        text = file.read_text() if "uefi" in board.firmware else ""
        layout = layout.replace(f"# @ESP {part}@\n", text)
    (work / "genimage.cfg").write_text(layout)
    inputs = work / "genimage-root"
    inputs.mkdir()
    run(
        [
            "genimage",
            "--rootpath",
            inputs,
            "--tmppath",
            work / "genimage-tmp",
            "--inputpath",
            work,
            "--outputpath",
            work,
            "--config",
            work / "genimage.cfg",
        ],
        log=work / "log",
    )
    shutil.rmtree(work / "genimage-tmp", ignore_errors=True)
    inputs.rmdir()
