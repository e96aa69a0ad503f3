"""Our PBX as a program of its own: the firmware for this machine, on the loopback."""

import os
import socket
import sys
from contextlib import nullcontext
from pathlib import Path

from tests.peers.address import LOOPBACK, Target, free_ports, host_port
from tests.peers.process import Program, missing, wait_until

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "build" / "host" / "waferpbx"
HEAP = os.environ.get("WAFERPBX_HEAP", "12M")  # what the smallest box gives it
RTP_PORTS = 400


def command():
    """-> (words that start the interpreter, environment).

    The firmware of WAFERPBX_MICROPYTHON, else of build/host; skips the test where there is
    none. WAFERPBX_INTEROP=cpython runs the sources under this Python instead.
    """
    if os.environ.get("WAFERPBX_INTEROP") == "cpython":
        return [sys.executable, "-u"], {"PYTHONPATH": str(ROOT)}
    firmware = os.environ.get("WAFERPBX_MICROPYTHON") or str(FIRMWARE)
    if not os.access(firmware, os.X_OK):
        missing(firmware, "run scripts/build.py host", "WAFERPBX_REQUIRE_FIRMWARE")
    return [firmware, "-X", f"heapsize={HEAP}"], {}


class Pbx:
    """One PBX with `site` (a folder), its state in `folder`/state, its output in pbx.log.

    host: the address to listen on; port: a free one unless given; rtp_ports: how many
    ports for media, whose first and last are in `rtp`; words: more of the command line;
    net: nets.Host that it runs on, instead of this one.
    with Pbx(...) as pbx: it runs, and is stopped in the end.
    """

    def __init__(self, site, folder, host=LOOPBACK, port=None, rtp_ports=RTP_PORTS, words=(),
                 net=None):  # fmt: skip
        self.site = Path(site)
        self.folder = Path(folder)
        self.state = self.folder / "state"
        self.state.mkdir(parents=True, exist_ok=True)
        first = free_ports(rtp_ports, host)
        self.rtp = (first, first + rtp_ports - 1)
        self.target = Target(host, port or free_ports(1, host))
        self.words = list(words)
        self.net = net
        self.program = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Start it and wait until it answers OPTIONS."""
        words, environment = command()
        arguments = ["-m", "app", "--site", self.site.resolve(), "--state", self.state.resolve()]
        arguments += ["--listen", host_port(*self.target), "--rtp", f"{self.rtp[0]}-{self.rtp[1]}"]
        arguments += self.words
        words = (self.net.words if self.net else []) + words
        # from a folder without app/: the frozen modules are what is tested
        self.program = Program(words + arguments, self.folder, self._log, environment)
        wait_until(self._is_up, lambda: "the PBX answers OPTIONS\n" + self.log())

    def stop(self):
        """End it as init does. -> exit status."""
        return self.program.stop() if self.program else None

    def kill(self):
        """End it as a loss of power does."""
        self.program.kill()

    def restart(self):
        """Start it anew on the same ports and state."""
        self.stop()
        self.start()

    def figures(self):
        """-> {name: int}: what it holds, as app/figures.py tells; waits for the next telling."""
        path = self.folder / "figures"
        before = path.read_bytes() if path.exists() else b""
        wait_until(lambda: path.exists() and path.read_bytes() != before, "the PBX tells figures")
        return {name: int(number) for name, number in
                [line.split() for line in path.read_text().splitlines()]}  # fmt: skip

    def log(self):
        """-> str: the last of its output."""
        return self.program.tail(80) if self.program else "(not started)"

    @property
    def _log(self):
        return self.folder / "pbx.log"

    def _is_up(self):
        if self.program.status is not None:
            raise AssertionError(f"the PBX ended with {self.program.status}:\n{self.log()}")
        with self.net.inside() if self.net else nullcontext():
            return ping(self.target) is not None


def ping(target, seconds=0.5):
    """-> bytes: the answer of `target` to an OPTIONS, None when there is none in time."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(target)
        probe.settimeout(seconds)
        host, port = probe.getsockname()
        try:
            probe.send(options(target, host, port))
            return probe.recv(4096)
        except OSError:  # no answer yet, or nobody listens there (ICMP)
            return None


def options(target, host, port):
    """-> bytes: an OPTIONS for the box itself from host:port."""
    lines = (
        f"OPTIONS sip:{target.host}:{target.port} SIP/2.0",
        f"Via: SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bK-ping-{os.urandom(6).hex()}",
        "Max-Forwards: 70",
        f"From: <sip:ping@{host}>;tag={os.urandom(4).hex()}",
        f"To: <sip:{target.host}:{target.port}>",
        f"Call-ID: {os.urandom(8).hex()}@{host}",
        "CSeq: 1 OPTIONS",
        "Content-Length: 0",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
