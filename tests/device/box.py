"""One emulated box for the device tests: boot, provision, console, power."""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from scripts.lib import board, qemu
from scripts.lib.site_folder import hash_password
from tests.peers import site
from tests.peers.address import Target, free_ports
from tests.peers.pbx import ping
from tests.peers.process import wait_until

ROOT = Path(__file__).resolve().parents[2]
CONSOLE_PASSWORD = "serial-7-door"
READY = re.compile(rb"Password: |\(unprovisioned\)> |waferpbx@[\w.-]+> ")
PROMPT = re.compile(rb"(\(unprovisioned\)|waferpbx@[\w.-]+)> $")
BOOT_SECONDS = 120
RTP_PORT_COUNT = 24  # six calls


class Box:
    """A disk of its own, made from `image`, and the machine that runs on it.

    target: where it listens by UDP and TCP; secure: where by TLS, if the site says so.
    """

    def __init__(self, image, folder, memory=64, name="qemu-i586", firmware="bios"):
        self.folder = Path(folder)
        disk = self.folder / "disk.img"
        shutil.copyfile(image, disk)
        first = free_ports(RTP_PORT_COUNT)
        self.target, self.secure = [Target(qemu.HOST, free_ports()) for _ in range(2)]
        self.machine = qemu.Machine(
            board.load(name),
            disk,
            self.target.port,
            (first, first + RTP_PORT_COUNT - 1),
            memory,
            self.folder,
            tcp_ports=(self.secure.port,),
            firmware=firmware,
        )
        (self.folder / "password").write_text(CONSOLE_PASSWORD + "\n")
        self.site = self.make_site("site")

    # The site.

    def make_site(self, name, users=site.USERS, network=None, more=None, **tables):
        """Write a site for this box; return its folder.

        `network`: keys of [network]; `more`: {section: {key: value}} besides.
        """
        port = self.target.port
        sections = {
            "system": {"hostname": "box"},
            "sip": {
                "domains": site.DOMAIN,
                "port": port,
                "advertise": f"{qemu.HOST}:{port}",
                "min_expires": 10,
            },
            "network": network or {},
            "media": {"ports": "{}-{}".format(*self.machine.rtp_ports)},
            "console": {"password": hash_password(CONSOLE_PASSWORD)},
        }
        for section, keys in (more or {}).items():
            sections.setdefault(section, {}).update(keys)
        files = {"site.conf": site.conf(sections), "subscriber": site.subscriber(users), **tables}
        return site.write(self.folder / name, files)

    def provision(self, folder=None, port=None):
        """Send a site's folder (default: self.site) over the serial line; return the process."""
        return subprocess.run(
            self.provision_command(folder, port),
            capture_output=True,
            text=True,
            timeout=300,
            cwd=ROOT,
            check=False,
        )

    def provision_command(self, folder=None, port=None):
        """Return the command line that `provision` runs."""
        return [
            sys.executable,
            "scripts/provision.py",
            port or self.machine.console_url(),
            str(folder or self.site),
            "--password-file",
            str(self.folder / "password"),
        ]

    # Power.

    def power_on(self):
        """Boot until the console asks for something; return this box."""
        self.machine.start()
        wait_until(self._console_is_there, lambda: f"a console: {self.log()}", BOOT_SECONDS)
        return self

    def cut_power(self):
        """Take the power away, as a fuse does."""
        self.machine.power_off()

    def wait_for_sip(self):
        """Wait until the box answers on its SIP port; return this box."""
        wait_until(self._answers, lambda: f"an answer to OPTIONS: {self.log()}", BOOT_SECONDS)
        return self

    # The console.

    def log(self):
        """Return the last of what the console has printed."""
        return self.machine.log.read_text(errors="replace")[-3000:]

    def login(self, password=CONSOLE_PASSWORD):
        """Log in where the box asks for it; return (the open console, what it said)."""
        console = self.machine.connect()
        console.sendall(b"\x03\r")
        said = listen(console, re.compile(rb"(Password: |> )$"), 10)
        if said.endswith(b"Password: "):
            console.sendall(password.encode() + b"\r")
            said = listen(console, re.compile(PROMPT.pattern + rb"|incorrect"), 60)
        return console, said.decode(errors="replace")

    def command(self, line):
        """Log in, give one command, return what it prints."""
        console, _ = self.login()
        with console:
            console.sendall(line.encode() + b"\r")
            said = listen(console, PROMPT, 30).decode(errors="replace")
            console.sendall(b"logout\r")
        return said

    def status(self):
        """Return what the command status prints, as {name: text}."""
        lines = [line.strip().partition("  ") for line in self.command("status").splitlines()]
        return {name: text.strip() for name, _, text in lines if text}

    def _console_is_there(self):
        self.machine.check_alive()
        try:
            with self.machine.connect(timeout=2) as console:
                console.sendall(b"\r")
                return READY.search(listen(console, READY, 1))
        except OSError:  # QEMU has not opened the port yet
            return None

    def _answers(self):
        self.machine.check_alive()
        return ping(self.target)


def listen(console, pattern, seconds):
    """Return what comes until `pattern` matches, the time is over, or the line is closed."""
    heard, end = b"", time.monotonic() + seconds
    while time.monotonic() < end and not pattern.search(heard):
        console.settimeout(max(0.01, end - time.monotonic()))
        try:
            data = console.recv(4096)
        except TimeoutError:
            break
        if not data:
            break
        heard += data
    return heard
