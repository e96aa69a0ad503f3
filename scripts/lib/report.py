"""What stands beside an image: inspection, sizes, bill of materials."""

import hashlib
import shutil

from scripts import inspect_root, sbom
from scripts.lib import sizes, sources, toolchain
from scripts.lib.command import output
from scripts.lib.environment import ROOT
from scripts.lib.ui import die, say

# What a build leaves for the user, all in build/<board>/.
PRODUCTS = (
    "disk.img",
    "slot.squashfs",
    "sbom.cdx.json",
    "sizes.json",
    "sizes.txt",
    "kernel.config",
)
INSTALLED = {"micropython": "sbin/waferpbx", "busybox": "bin/busybox", "linux": "boot/bzImage"}


def write(image, board, parts):
    """Inspect the image's programs, hold the sizes to their limits, write the documents."""
    twins = {
        "sbin/waferpbx": parts["firmware"].symbols,
        "bin/busybox": parts["busybox"] / "busybox.symbols",
    }
    inspect_root.check(image.root, board.arch.name, twins, parts["kernel"] / "vmlinux")
    limit = sizes.DISK_LIMIT if "uefi" in board.firmware else sizes.FLASH_LIMIT
    slot = sizes.slot_sizes(image.root, image.slot, image=image.disk, limit=limit)
    sizes.write(image.folder, sizes.program_sizes(parts["firmware"].symbols), slot)
    excess = sizes.over_budget(slot)
    if excess:
        die("\n".join(excess), f"{image.folder / 'sizes.txt'} says what takes the space.")
    sbom.write_sbom(image.folder / "sbom.cdx.json", _components(image), _subject(image, board))
    shutil.copy(parts["kernel"] / "config", image.folder / "kernel.config")
    say(f"  slot {slot_line(image)}")


def slot_line(image):
    """Return the sizes of the slot and of the disk in one line."""
    return (
        f"{image.slot.stat().st_size / 2**20:.2f} MiB of {sizes.SLOT_LIMIT / 2**20:.1f}, "
        f"disk {image.disk.stat().st_size / 1e6:.1f} MB of {sizes.FLASH_LIMIT / 1e6:.0f}"
    )


def version():
    """Return the project's version, from CHANGELOG.md's first release heading."""
    for line in (ROOT / "CHANGELOG.md").read_text().splitlines():
        if line.startswith("## ") and line != "## Unreleased":
            return line.split()[1].strip("[]")
    die("CHANGELOG.md has no release heading", 'Add a line like "## 0.1.0".')


def _subject(image, board):
    return {
        "name": f"waferpbx-{board.name}",
        "version": version(),
        "licence": sbom.LICENCES["waferpbx"],
        "description": board.description,
        "files": {"disk.img": _sha256(image.disk)},
    }


def _components(image):
    """Return what the image is made of, as sbom.write_sbom wants it."""
    ours = {"name": "waferpbx", "version": version(), "kind": "application"}
    grub = output(["dpkg-query", "-W", "-f", "${Version}", "grub-pc-bin"])
    zig = {"source": "ziglang", "source_version": toolchain.version(), "origin": "pypi"}
    listed = [
        ours,
        *(_debian(name, image) for name in sources.PACKAGES),
        {"name": "musl", "version": toolchain.musl_version(), **zig},
        {"name": "compiler-rt", "version": toolchain.version(), **zig},
        {"name": "grub", "version": grub, "source": "grub2", "origin": "deb"},
    ]
    return [{"licence": sbom.LICENCES[entry["name"]], **entry} for entry in listed]


def _debian(name, image):
    """Return the component of a Debian source package."""
    source = sources.fetch(name)
    upstream = source.version.partition(":")[2] or source.version
    entry = {
        "name": name,
        "version": upstream.partition("-")[0],
        "source": source.package,
        "source_version": source.version,
        "sha256": source.sha256,
        "origin": "deb",
    }
    if name in INSTALLED:
        entry["files"] = {INSTALLED[name]: _sha256(image.root / INSTALLED[name])}
    return entry


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
