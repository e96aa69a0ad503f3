#!/usr/bin/env python3
"""Build the image, boot it in QEMU with a demo site, and hand over its serial console.

usage: scripts/run.py [BOARD] [--once] [--memory MB] [--fresh]

  --once      end when the box answers on its SIP port, instead of handing the console over
  --memory    the guest's memory in MB (default 64)
  --fresh     forget the disk and the demo site of earlier runs
"""

import argparse
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import termios
import time
import tty
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.lib import environment

SIP_PORT = 5060
RTP_PORTS = (35000, 35079)  # 80 ports: 20 calls, four ports each
DATA_OFFSET = 12 * 2**20  # where the data partition begins (board/common/genimage.cfg)
BOOT_SECONDS = 120
LEAVE = b"\x1d"  # Ctrl-]
OPTIONS = (
    "OPTIONS sip:{host} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{own};rport;branch=z9hG4bKready{n}\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:ready@{host}>;tag=1\r\nTo: <sip:{host}>\r\n"
    "Call-ID: ready-{own}@{host}\r\nCSeq: {n} OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


def prepare_disk(image, folder):
    """Return the disk to run on: an earlier run's data partition under the new image's slots."""
    disk, fresh = folder / "disk.img", folder / "disk.new"
    shutil.copyfile(image, fresh)
    if disk.exists():
        with open(disk, "rb") as old, open(fresh, "r+b") as new:
            old.seek(DATA_OFFSET)
            new.seek(DATA_OFFSET)
            shutil.copyfileobj(old, new)
    fresh.rename(disk)
    return disk


def wait_for_sip(machine, seconds=BOOT_SECONDS):
    """Return the seconds until the box answers an OPTIONS request on its forwarded port."""
    from scripts.lib import qemu
    from scripts.lib.ui import die

    started = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((qemu.HOST, 0))
        probe.settimeout(0.25)
        for number in range(1, 10**6):
            machine.check_alive()
            own = probe.getsockname()[1]
            text = OPTIONS.format(host=qemu.HOST, own=own, n=number)
            probe.sendto(text.encode(), (qemu.HOST, machine.sip_port))
            try:
                if probe.recv(4096).startswith(b"SIP/2.0"):
                    return time.monotonic() - started
            except (TimeoutError, ConnectionError):
                pass
            if time.monotonic() - started > seconds:
                die(f"no SIP answer within {seconds} s", f"What the console said: {machine.log}")


def provision(machine, folder):
    """Send the demo site over the serial line, as an installer would, unless the box has it."""
    from scripts.lib import cache, qemu
    from scripts.lib.demo_site import PASSWORD_FILE, make_demo_site

    site = make_demo_site(
        folder / "site",
        advertise=qemu.HOST,
        sip_port=machine.sip_port,
        rtp_ports=machine.rtp_ports,
    )
    stamp, content = folder / "provisioned", cache.digest(folder / "site")
    if not stamp.exists() or stamp.read_text() != content:
        password = str(folder / "site" / PASSWORD_FILE)
        command = [sys.executable, "scripts/provision.py", "--password-file", password]
        command += [machine.console_url(), str(folder / "site")]
        if subprocess.call(command, cwd=environment.ROOT):
            sys.exit(1)
        stamp.write_text(content)
    return site


def instructions(site, machine, seconds):
    """Return what a person needs to make the first call."""
    from scripts.lib import qemu

    rows = [
        f"    {extension}   {password}" for extension, password in sorted(site.extensions.items())
    ]
    return "\n".join(
        [
            "",
            f"WaferPBX answers SIP, {seconds:.0f} s after provisioning or power-on.",
            "",
            f"  Softphone: server (domain, registrar) {qemu.HOST}:{machine.sip_port}, UDP",
            "  Extension and password:",
            *rows,
            "",
            f"  Console password: {site.console_password}",
            "  Call 201 from 200. The serial console follows; Ctrl-] powers the box off.",
            "",
        ]
    )


def hand_over(machine):
    """Join this terminal to the serial console until Ctrl-], the end of input, or the machine's."""
    with machine.connect() as console:
        console.sendall(b"\r")
        keyboard = sys.stdin.fileno() if sys.stdin and not sys.stdin.closed else None
        with _raw_terminal(keyboard):
            _copy(machine, console, keyboard)


def _copy(machine, console, keyboard):
    sources = [console] if keyboard is None else [console, keyboard]
    while machine.process.poll() is None:
        for ready in select.select(sources, [], [], 1)[0]:
            if ready is console:
                data = console.recv(4096)
                os.write(sys.stdout.fileno(), data)
                if not data:
                    return
            else:
                data = os.read(keyboard, 1024)
                if LEAVE in data:
                    return
                if not data:  # no terminal: go on showing the console until we are ended
                    sources.remove(keyboard)
                console.sendall(data)


class _raw_terminal:
    """The terminal as the console needs it: every key at once, none of them a signal."""

    def __init__(self, descriptor):
        self.descriptor = descriptor if descriptor is not None and os.isatty(descriptor) else None

    def __enter__(self):
        if self.descriptor is not None:
            self.saved = termios.tcgetattr(self.descriptor)
            tty.setraw(self.descriptor)

    def __exit__(self, kind, error, traceback):
        if self.descriptor is not None:
            termios.tcsetattr(self.descriptor, termios.TCSADRAIN, self.saved)


def parse(arguments):
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("board", nargs="?", default="qemu-i586")
    parser.add_argument("--once", action="store_true", help="end when the box answers SIP")
    parser.add_argument("--memory", type=int, default=64, metavar="MB")
    parser.add_argument("--fresh", action="store_true", help="forget earlier disks and sites")
    return parser.parse_args(arguments)


def main(arguments):
    """Build, boot, provision, print, hand over."""
    from scripts import build
    from scripts.lib import board, cache, qemu
    from scripts.lib.ui import say

    options = parse(arguments)
    started = time.monotonic()
    image = build.build_image(options.board) / "disk.img"
    if any(fresh for _, _, fresh in cache.timings.values()):
        build.summary(started)
    folder = cache.root() / "run" / options.board
    if options.fresh:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    port = qemu.free_port(first=SIP_PORT)
    machine = qemu.Machine(
        board.load(options.board),
        prepare_disk(image, folder),
        port,
        RTP_PORTS,
        options.memory,
        folder,
    )
    for name in (signal.SIGTERM, signal.SIGHUP):  # leave no emulator behind
        signal.signal(name, lambda number, frame: sys.exit(128 + number))
    machine.start()
    try:
        say(f"Booting {options.board} in {machine.board.qemu} with {options.memory} MB")
        site = provision(machine, folder)
        seconds = wait_for_sip(machine)
        say(instructions(site, machine, seconds))
        if not options.once:
            hand_over(machine)
    finally:
        machine.power_off()


if __name__ == "__main__":
    environment.enter("build", "run")
    main(sys.argv[1:])
