"""The relays that are compared: each is a program that opens calls and can say what it costs."""

import os
import socket
from pathlib import Path

from tests.peers.address import LOOPBACK, free_ports
from tests.peers.process import Program, require, wait_until
from tests.peers.relayd import build

HOSTS = ("127.0.0.2", "127.0.0.3")
TICK = os.sysconf("SC_CLK_TCK")
SDP = (
    "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)


class Relay:
    """A relay under test, bound to `core`. name: as the table has it."""

    name = ""

    def __init__(self, folder, core):
        self.folder = Path(folder)
        self.core = str(core)
        self.control = (LOOPBACK, free_ports(1))
        self.program = None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(5)
        self._cookie = 0

    def __enter__(self):
        words = ["taskset", "-c", self.core, *self.words()]
        self.program = Program(words, self.folder, self.folder / f"{self.name}.log")
        wait_until(self._answers, lambda: f"{self.name} answers\n{self.program.tail()}")
        return self

    def __exit__(self, *_):
        self.program.stop()
        self._socket.close()

    def ask(self, text):
        """-> bytes: the answer to a command, without its cookie."""
        self._cookie += 1
        cookie = f"c{self._cookie} ".encode()
        self._socket.sendto(cookie + text, self.control)
        while True:
            answer = self._socket.recv(65535)
            if answer.startswith(cookie):
                return answer[len(cookie) :]

    def _answers(self):
        try:
            self._socket.settimeout(0.3)
            return self.greet()
        except OSError:
            return False
        finally:
            self._socket.settimeout(5)

    def cpu(self):
        """-> seconds of processor time that it has used, all threads."""
        fields = Path(f"/proc/{self.program.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory(self):
        """-> MiB of its own (PSS)."""
        text = Path(f"/proc/{self.program.pid}/smaps_rollup").read_text()
        line = next(line for line in text.splitlines() if line.startswith("Pss:"))
        return int(line.split()[1]) / 1024


class OurRelayd(Relay):
    """With the ring."""

    name = "relayd"
    more = ()

    def words(self):
        first = 30000
        return [build(), "-l", LOOPBACK, "-s", f"udp:{self.control[0]}:{self.control[1]}",
                "-m", first, "-M", first + 9999, "-N", 2000, *self.more]  # fmt: skip

    def greet(self):
        return self.ask(b"V") == b"20040107\n"

    def open_call(self, number, ports):
        """-> ((host, port) for the caller, the same for the callee)."""
        told = self.ask(f"U call{number} {HOSTS[0]} {ports[0]} a;1".encode())
        answered = self.ask(f"L call{number} {HOSTS[1]} {ports[1]} a;1 b;1".encode())
        return (LOOPBACK, int(answered.split()[0])), (LOOPBACK, int(told.split()[0]))


class OurSockets(OurRelayd):
    """By UDP sockets alone, as where packet sockets are not allowed."""

    name = "relayd-sockets"
    more = ("-S",)


class Rtpengine(Relay):
    name = "rtpengine"

    def words(self):
        return [require("rtpengine", "rtpengine-daemon"), "--table=-1", f"--interface={LOOPBACK}",
                f"--listen-ng={self.control[0]}:{self.control[1]}", "--foreground",
                "--log-stderr", "--log-level=3", "--port-min=30000", "--port-max=39999",
                "--num-threads=1", f"--pidfile={self.folder}/rtpengine.pid"]  # fmt: skip

    def greet(self):
        return b"pong" in self.ask(bencode({"command": "ping"}))

    def open_call(self, number, ports):
        base = {"call-id": f"call{number}", "from-tag": "a"}
        told = self.ask(bencode({**base, "command": "offer", "sdp": sdp(0, ports)}))
        answer = {**base, "command": "answer", "to-tag": "b", "sdp": sdp(1, ports)}
        answered = self.ask(bencode(answer))
        return (LOOPBACK, port_of(answered)), (LOOPBACK, port_of(told))


def sdp(party, ports):
    return SDP.format(host=HOSTS[party], port=ports[party])


def port_of(answer):
    """-> int: the port of the m= line in an answer of the NG protocol."""
    assert b"m=audio " in answer, answer
    return int(answer.partition(b"m=audio ")[2].split()[0])


def bencode(value):
    """-> bytes of a dict of str, as the NG protocol has it."""
    pieces = [f"{len(name)}:{name}{len(value[name])}:{value[name]}" for name in sorted(value)]
    return f"d{''.join(pieces)}e".encode()

