"""A board's disk in QEMU, by software emulation: for `make run` and the device tests.

The guest sits behind QEMU's user network: the host reaches its SIP port and its RTP ports
through forwarded ports of the loopback, with the same numbers on both sides, and its
serial console through a TCP port of the loopback.
"""

import contextlib
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from scripts.lib.ui import die

HOST = "127.0.0.1"
OVMF = Path("/usr/share/ovmf/OVMF.fd")
GUEST = "10.0.2.15"  # what QEMU's DHCP server gives the first guest


def _ovmf():
    """Return the path of UEFI for emulated PCs."""
    if not OVMF.is_file():
        die(f"{OVMF} is missing", "apt-get install ovmf")
    return str(OVMF)


def free_port(kind=socket.SOCK_DGRAM, first=0, count=1):
    """Return an even port from which `count` consecutive ones are free on the loopback.

    `first` is tried before any other.
    """
    while True:
        with contextlib.ExitStack() as held:
            try:
                base = first or _any_port(kind) & ~1
                for port in range(base, base + count):
                    _bind(held, kind, port)
                return base
            except OSError:
                first = 0


def _any_port(kind):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def _bind(held, kind, port):
    """Hold `port` until `held` is closed."""
    held.enter_context(socket.socket(socket.AF_INET, kind)).bind((HOST, port))


class Machine:
    """One emulated box.

    `disk` is written to: give it a copy. `rtp_ports` is (first, last), inclusive. `firmware` is
    what starts it: "bios", or "uefi" with OVMF, which wants 256 MB.
    """

    def __init__(
        self, board, disk, sip_port, rtp_ports, memory=64, folder=None, extra=(), tcp_ports=(),
        firmware="bios",
    ):  # fmt: skip
        self.board, self.disk, self.memory = board, Path(disk), memory
        self.sip_port, self.rtp_ports = sip_port, rtp_ports
        self.tcp_ports = (sip_port, *tcp_ports)
        self.folder = Path(folder or self.disk.parent)
        self.console_port = None
        self.extra = extra
        self.firmware = firmware
        self.process = None

    @property
    def log(self):
        """Return the path of everything that the console ever printed."""
        return self.folder / "console.log"

    def start(self):
        """Power on."""
        program = shutil.which(self.board.qemu)
        if not program:
            die(f"{self.board.qemu} is not installed", "apt-get install qemu-system-x86")
        self.console_port = free_port(socket.SOCK_STREAM)
        with open(self.folder / "qemu.log", "ab") as errors:
            self.process = subprocess.Popen(
                self._arguments(program),
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                start_new_session=True,
            )

    def power_off(self):
        """Cut the power: nothing in the guest is told."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        if self.process:
            self.process.wait()
            self.process = None

    def boots(self):
        """Return how often the guest's init has started, by what the console printed."""
        return self.log.read_bytes().count(b"init started")

    def check_alive(self):
        """End with QEMU's own message when it did not start."""
        if self.process.poll() is not None:
            said = (self.folder / "qemu.log").read_text(errors="replace")[-2000:]
            die(f"{self.board.qemu} ended with status {self.process.returncode}", said)

    def console_url(self):
        """Return the console as pyserial names it."""
        return f"socket://{HOST}:{self.console_port}"

    def connect(self, timeout=10):
        """Return a TCP socket to the console."""
        return socket.create_connection((HOST, self.console_port), timeout)

    def _arguments(self, program):
        forwards = [f"hostfwd=udp:{HOST}:{port}-:{port}" for port in self._ports()]
        forwards += [f"hostfwd=tcp:{HOST}:{port}-:{port}" for port in self.tcp_ports]
        return [
            program,
            "-M",
            "pc",
            "-accel",
            "tcg",
            "-cpu",
            self.board.qemu_cpu,
            "-m",
            str(self.memory),
            "-display",
            "none",
            "-nodefaults",
            "-no-user-config",
            "-drive",
            f"file={self.disk},format=raw,if=ide,cache=writethrough",
            "-netdev",
            ",".join(["user", "id=lan", *forwards]),
            "-device",
            "e1000,netdev=lan,romfile=",
            "-rtc",
            "base=utc",
            "-chardev",
            f"socket,id=console,host={HOST},port={self.console_port},server=on,wait=off,"
            f"logfile={self.log},logappend=on",
            "-serial",
            "chardev:console",
            *(["-bios", _ovmf()] if self.firmware == "uefi" else []),
            *self.extra,
        ]

    def _ports(self):
        first, last = self.rtp_ports
        return [self.sip_port, *range(first, last + 1)]
