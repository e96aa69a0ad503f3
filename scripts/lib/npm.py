"""Packages from the npm registry, through the machine's own npm, pinned by their hash.

Only what a test shows to a browser; nothing that is built or shipped comes from there.
"""

import base64
import hashlib
import shutil
import tarfile
from collections import namedtuple

from scripts.lib import cache
from scripts.lib.command import run
from scripts.lib.ui import die

# integrity: as the registry and package-lock.json write it, "sha512-" and base64.
Package = namedtuple("Package", ("version", "integrity"))
PACKAGES = {
    "sip.js": Package(
        "0.21.2",
        "sha512-tSqTcIgrOd2IhP/rd70JablvAp+fSfLSxO4hGNY6LkWRY1SKygTO7OtJEV/BQb8oIxtMRx0LE7nUF2Ma"
        "qGbFzA==",
    ),
}


def fetch(name):
    """Return the folder of a package of PACKAGES, fetched on first use and checked."""
    package = PACKAGES[name]
    key = cache.digest(package.version, package.integrity)
    return cache.built(f"npm {name}", key, lambda work: _fetch(name, package, work)) / "package"


def _fetch(name, package, work):
    if not shutil.which("npm"):
        die("there is no npm", "make test installs it; by hand: apt install npm")
    run(["npm", "pack", "--silent", f"{name}@{package.version}"], cwd=work, log=work / "log")
    (archive,) = work.glob("*.tgz")
    if integrity(archive.read_bytes()) != package.integrity:
        die(
            f"{name} {package.version} is not what it was when it was pinned",
            f"Compare {archive} with what its authors published; the hash is in {__file__}.",
        )
    with tarfile.open(archive) as packed:
        packed.extractall(work, filter="data")
    archive.unlink()


def integrity(data):
    """Return the hash of bytes as the registry writes it (Subresource Integrity)."""
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
