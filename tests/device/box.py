"""One emulated box for the device tests: boot, provision, console, power."""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from scripts.lib import board, qemu
from scripts.lib.demo_site import PASSWORD_FILE, make_demo_site

ROOT = Path(__file__).resolve().parents[2]
PROMPT = re.compile(rb"waferpbx(?:@[\w.-]+| \(unprovisioned\))> $")
BOOT_SECONDS = 120
RTP_PORT_COUNT = 24  # six calls


class Box:
    """A disk of its own, made from `image`, and the machine that runs on it."""

    def __init__(self, image, folder, memory=64):
        self.folder = Path(folder)
        disk = self.folder / "disk.img"
        shutil.copyfile(image, disk)
        sip = qemu.free_port()
        rtp = qemu.free_port(count=RTP_PORT_COUNT)
        self.machine = qemu.Machine(
            board.load("qemu-i586"), disk, sip, (rtp, rtp + RTP_PORT_COUNT - 1), memory, self.folder
        )
        self.site = make_demo_site(
            self.folder / "site",
            advertise=qemu.HOST,
            sip_port=sip,
            rtp_ports=self.machine.rtp_ports,
        )

    @property
    def address(self):
        """Return (host, port) of the box's SIP port as the host reaches it."""
        return qemu.HOST, self.machine.sip_port

    def power_on(self):
        """Boot until the console's login or prompt is there; return this box."""
        self.machine.start()
        self.console_until(re.compile(rb"(login|Password|\)>|@[\w.-]+>)"), BOOT_SECONDS)
        return self

    def cut_power(self):
        """Take the power away, as a fuse does."""
        self.machine.power_off()

    def provision(self, site=None, port=None, arguments=()):
        """Send a site folder over the serial line; return the finished process."""
        return subprocess.run(self.provision_command(site, port, arguments), capture_output=True,
                              text=True, timeout=300, cwd=ROOT, check=False)

    def provision_command(self, site=None, port=None, arguments=()):
        """Return the command line that sends `site` (default: the demo site)."""
        return [sys.executable, "scripts/provision.py", port or self.machine.console_url(),
                str(site or self.folder / "site"),
                "--password-file", str(self.folder / "site" / PASSWORD_FILE), *arguments]

    def console_until(self, pattern, seconds):
        """Return what the console prints until `pattern`, nudging it with a return key."""
        heard, end = b"", time.monotonic() + seconds
        while time.monotonic() < end:
            self.machine.check_alive()
            try:
                with self.machine.connect(timeout=2) as console:
                    console.sendall(b"\r")
                    heard += self._listen(console, pattern, 2)
            except OSError:
                time.sleep(0.2)
            if pattern.search(heard):
                return heard
        raise AssertionError(f"no {pattern.pattern!r} on the console; it said: {heard[-2000:]!r}")

    def command(self, line):
        """Log in where needed, give one command, return what it prints."""
        with self.machine.connect() as console:
            console.sendall(b"\x03\r")
            greeting = self._listen(console, re.compile(rb"(Password: |> )$"), 10)
            if greeting.endswith(b"Password: "):
                console.sendall(self.site.console_password.encode() + b"\r")
                self._listen(console, PROMPT, 60)
            console.sendall(line.encode() + b"\r")
            said = self._listen(console, PROMPT, 30).decode(errors="replace")
            console.sendall(b"logout\r")
        return said

    def uptime(self):
        """Return the guest's seconds since its kernel started, as the console tells it."""
        return re.search(r"(?i)uptime\s+(.*)", self.command("status"))[1].strip()

    def _listen(self, console, pattern, seconds):
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
