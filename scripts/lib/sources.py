"""Sources, fetched by apt from the Debian suite below, whatever release this machine runs.

A private apt root (its own state, cache and source list) asks the machine's own mirror;
apt checks the archive's signature with Debian's keyring and every file's hash.
"""

import hashlib
import subprocess
from collections import namedtuple
from pathlib import Path

from scripts.lib import cache
from scripts.lib.command import output, run
from scripts.lib.ui import die, say

SUITE = "trixie"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

# kind: "source" (a Debian source package) or "binary" (one that carries a source tarball).
Package = namedtuple("Package", ("name", "kind", "patched"))
PACKAGES = {
    # Debian's patches for MicroPython tie it to the system's mbedTLS: upstream's text is used.
    "micropython": Package("micropython", "source", False),
    "mbedtls": Package("mbedtls", "source", True),
    "busybox": Package("busybox", "source", True),
    "linux": Package("linux-source-6.12", "binary", True),
}
# sha256: of the package's archives, one after the other in the order of their names.
Source = namedtuple("Source", ("package", "version", "folder", "sha256"))


def fetch(name):
    """Return the Source of `name`: its version, the folder it was unpacked in, its digest."""
    package = PACKAGES[name]
    folder = cache.built(f"source {name}", SUITE, lambda work: _fetch(package, work))
    version, sha256 = (folder / "version").read_text().split()
    return Source(package.name, version, folder / "tree", sha256)


def _fetch(package, work):
    say(f"Fetching {package.name} from Debian {SUITE}")
    environment = _apt_root()
    log = work / "log"
    if package.kind == "source":
        run(
            ["apt-get", "source", "--download-only", package.name],
            cwd=work,
            env=environment,
            log=log,
        )
    else:
        run(["apt-get", "download", package.name], cwd=work, env=environment, log=log)
    archives = sorted(work.glob("*.tar.*")) + sorted(work.glob("*.deb"))
    sha256 = hashlib.sha256(b"".join(archive.read_bytes() for archive in archives)).hexdigest()
    (work / "version").write_text(f"{_version(package, environment)} {sha256}\n")
    _unpack(package, work, log)
    for archive in [*archives, *work.glob("*.dsc"), *work.glob("*.asc")]:
        archive.unlink(missing_ok=True)


def _unpack(package, work, log):
    tree = work / "tree"
    if package.kind == "binary":
        (deb,) = work.glob("*.deb")
        run(["dpkg-deb", "-x", deb, work / "deb"], log=log)
        (tarball,) = (work / "deb").rglob("linux-source-*.tar.xz")
        tarball.rename(work / "tree.tar.xz")  # the kernel step unpacks it: it is large
        run(["rm", "-rf", work / "deb"])
    elif package.patched:
        (description,) = work.glob("*.dsc")
        run(["dpkg-source", "--no-check", "-x", description, tree], log=log)
    else:
        (tarball,) = work.glob("*.orig.tar.*")
        tree.mkdir()
        run(["tar", "-xf", tarball, "-C", tree, "--strip-components=1"], log=log)


def _version(package, environment):
    show = "showsrc" if package.kind == "source" else "show"
    for line in output(["apt-cache", show, package.name], env=environment).splitlines():
        if line.startswith("Version: "):
            return line.removeprefix("Version: ")
    die(f"Debian {SUITE} offers no {package.name}", "Check the mirror in the apt configuration.")


def _apt_root():
    """Make the private apt root once; return the environment that selects it."""
    folder = cache.built("apt", cache.digest(SUITE, _mirror()), _make_apt_root)
    return {"APT_CONFIG": str(folder / "apt.conf")}


def _make_apt_root(work):
    final = cache.root() / f"apt-{cache.digest(SUITE, _mirror())}"
    for part in ("state/lists/partial", "cache/archives/partial"):
        (work / part).mkdir(parents=True)
    (work / "debian.sources").write_text(
        f"Types: deb deb-src\nURIs: {_mirror()}\nSuites: {SUITE}\nComponents: main\n"
        f"Signed-By: {KEYRING}\n"
    )
    settings = {
        "Dir::State": "state",
        "Dir::State::Lists": "state/lists",
        "Dir::Cache": "cache",
        "Dir::Etc::SourceList": "debian.sources",
    }

    def write_settings(folder):
        lines = [f'{key} "{folder / value}";' for key, value in settings.items()]
        lines += [
            'Dir::State::status "/dev/null";',
            'Dir::Etc::SourceParts "/dev/null";',
            'APT::Sandbox::User "";',
            'APT::Architecture "amd64";',
        ]
        (work / "apt.conf").write_text("\n".join(lines) + "\n")

    write_settings(work)
    run(
        ["apt-get", "-q", "update"],
        env={"APT_CONFIG": str(work / "apt.conf")},
        hint=f"The signature of Debian {SUITE} is checked with {KEYRING}: is "
        "debian-archive-keyring up to date?",
    )
    write_settings(final)


def _mirror():
    """Return the address of the Debian archive that the machine's own apt uses."""
    targets = subprocess.run(
        [
            "apt-get",
            "indextargets",
            "--format",
            "$(ORIGIN)|$(LABEL)|$(REPO_URI)",
            "Created-By: Packages",
        ],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    for line in sorted(set(targets.splitlines())):
        origin, label, address = line.split("|", 2)
        if (origin, label) == ("Debian", "Debian"):
            return address.rstrip("/")
    die("apt knows no Debian archive", "Add one to the apt configuration and run apt-get update.")


def tarball(name):
    """Return the path of the source tarball that `fetch` left packed (the kernel's)."""
    return Path(fetch(name).folder.parent / "tree.tar.xz")
