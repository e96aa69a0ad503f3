"""What the host tools need from the machine: Debian packages and a Python environment.

Standard library only: this is the first code that a fresh machine runs.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.lib import cache
from scripts.lib.ui import Progress, die, say

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements.txt"

# Debian package names by purpose; docs/dependencies.md says why each is here.
PACKAGES = {
    "python": ["python3-venv"],
    "build": [
        "gcc",
        "libc6-dev",
        "make",
        "patch",
        "perl",
        "flex",
        "bison",
        "bc",
        "cpio",
        "xz-utils",
        "bzip2",
        "dpkg-dev",
        "debian-archive-keyring",
        "squashfs-tools",
        "e2fsprogs",
        "libelf-dev",
        "genimage",
        "grub-common",
        "grub-pc-bin",
        "grub-efi-amd64-bin",
        "dosfstools",
        "mtools",
    ],
    "run": ["qemu-system-x86"],
    "test": [
        "sip-tester",
        "sipsak",
        "baresip",
        "linphone-cli",
        "kamailio",
        "dnsmasq-base",
        "shellcheck",
        "cppcheck",
        "clang",
        "libclang-rt-dev",
        "iproute2",
        "iptables",
        "openssl",
        "procps",
        "chromium-headless-shell",
        "npm",
    ],
    "boards": ["ovmf"],
    "bench": ["rtpengine-daemon", "util-linux"],
}


# Packages that are not wanted where their command is there, from wherever: Debian's npm cannot be
# installed beside a Node.js of other origin.
COMMANDS = {"npm": "npm"}


def enter(*purposes):
    """Install what `purposes` need, then run this program inside the tools' own environment.

    Returns at once when it already runs there and nothing is missing.
    """
    # mke2fs, kamailio: Debian keeps these out of a user's PATH, and they need no root here.
    os.environ["PATH"] += os.pathsep + os.pathsep.join(("/usr/local/sbin", "/usr/sbin", "/sbin"))
    install_packages("python", *purposes)
    python = tools_python()
    if Path(sys.prefix) != python.parent.parent:
        os.environ["PYTHONPATH"] = str(ROOT)
        os.execv(python, [str(python), *sys.orig_argv[1:]])


def install_packages(*purposes):
    """Install the Debian packages of `purposes` that the machine lacks, with apt."""
    wanted = [name for purpose in purposes for name in PACKAGES[purpose]]
    wanted = [name for name in wanted if not shutil.which(COMMANDS.get(name, ""))]
    missing = sorted(set(wanted) - _installed(wanted))
    if not missing:
        return
    if not shutil.which("apt-get"):
        die(
            "this machine has no apt-get",
            f"Debian 12 or 13 is needed, or install: {' '.join(missing)}",
        )
    say(f"Installing {len(missing)} Debian packages: {' '.join(missing)}")
    _apt_get("update")
    _apt_get("install", "-y", "--no-install-recommends", *missing)


def _apt_get(*arguments):
    """Run apt-get with a progress bar from its own status lines; end with its log on failure."""
    root = as_root("installing packages")
    command = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
    log = cache.root() / f"apt-{arguments[0]}.log"
    process = subprocess.Popen(
        [*command, "-o", "APT::Status-Fd=1", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    bar = Progress(f"apt-get {arguments[0]}", 200)  # 100 for the downloads, 100 for the rest
    with open(log, "w") as output:
        for line in process.stdout:
            output.write(line)
            kind, _, rest = line.partition(":")
            if kind in ("dlstatus", "pmstatus"):
                bar.update((100 if kind == "pmstatus" else 0) + _percent(rest))
    failed = process.wait() != 0
    bar.close(failed)
    if failed:
        die(
            f"apt-get {arguments[0]} failed; its output is in {log}",
            "Check the network and the apt configuration, then run the command again.",
        )


def _percent(status):
    """Return the share in a status line of apt (README.progress-reporting): "pkg:12.5:text"."""
    try:
        return float(status.split(":")[1])
    except (IndexError, ValueError):
        return 0.0


def tools_python():
    """Return the interpreter of the tools' environment, made on first use."""
    version = "{}.{}".format(*sys.version_info[:2])
    key = hashlib.sha256(REQUIREMENTS.read_bytes() + version.encode()).hexdigest()[:16]
    folder = cache.root() / f"python-{key}"
    if not (folder / ".complete").exists():
        say("Installing the Python packages of requirements.txt")
        shutil.rmtree(folder, ignore_errors=True)
        base = getattr(sys, "_base_executable", sys.executable)
        pip = [
            str(folder / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
            str(REQUIREMENTS),
        ]
        for command in ([base, "-m", "venv", str(folder)], pip):
            if subprocess.call(command):
                die(
                    f"{' '.join(command)} failed",
                    "Check the network and the pip configuration, then run the command again.",
                )
        (folder / ".complete").touch()
    return folder / "bin" / "python"


def _installed(names):
    result = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Abbrev}\\n", *names],
        capture_output=True,
        text=True,
        check=False,
    )
    return {line.split()[0] for line in result.stdout.splitlines() if line.split()[1:] == ["ii"]}


def as_root(what):
    """Return the words that run a command as root; end where there is no way, naming `what`."""
    if os.geteuid() == 0:
        return []
    if not shutil.which("sudo"):
        die(f"{what} needs root", "Run the command as root, or install sudo.")
    return ["sudo"]
