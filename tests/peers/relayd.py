"""Our relay daemon as a program: built from the sources, commanded by rtpproxy's protocol."""

import itertools
import os
import socket
import subprocess
from pathlib import Path

from tests.peers.address import LOOPBACK, free_ports
from tests.peers.process import Program, wait_until

CORE = Path(__file__).resolve().parents[2] / "firmware" / "modules" / "media"
BUILT = CORE.parents[2] / "build" / "host" / "relayd"

_cookies = itertools.count(1)


def build():
    """Bring build/host/relayd up to date. -> Path."""
    subprocess.run(["make", "-s", "-C", CORE, "relayd"], check=True)
    return BUILT


class Relayd:
    """One daemon: `media` are its ports (first, last), `udp` (host, port) is where it listens.

    options: further words of its command line. with Relayd(folder) as relay: it runs.
    """

    def __init__(self, folder, *options, pairs=20):
        self.folder = Path(folder)
        first = free_ports(2 * pairs)
        self.media = (first, first + 2 * pairs - 1)
        self.udp = (LOOPBACK, free_ports(1))
        self.unix = str(self.folder / "relayd.sock")
        self.lines = str(self.folder / "relayd.lines")
        words = [build(), "-m", first, "-M", self.media[1], "-s", f"udp:{LOOPBACK}:{self.udp[1]}"]
        self._words = words + ["-s", f"unix:{self.unix}", "-s", f"cunix:{self.lines}", *options]
        self.program = None

    def __enter__(self):
        self.program = Program(self._words, self.folder, self.folder / "relayd.log")
        wait_until(lambda: self._is_up(), lambda: f"relayd listens\n{self.program.tail()}")
        return self

    def __exit__(self, *_):
        self.program.stop()

    def _is_up(self):
        assert self.program.status is None, self.program.tail()
        return os.path.exists(self.lines)

    def ask(self, command, cookie=None):
        """-> str: the answer to a command by UDP, without its cookie and line feed."""
        cookie = cookie or f"{os.getpid()}_{next(_cookies)}"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.settimeout(5)
            asker.sendto(f"{cookie} {command}".encode(), self.udp)
            answer = asker.recv(4096).decode()
        assert answer.startswith(cookie + " ") and answer.endswith("\n"), answer
        return answer[len(cookie) + 1 : -1]

    def ask_once(self, command):
        """-> str: the answer by the Unix socket, whose connection then ends."""
        with socket.socket(socket.AF_UNIX) as asker:
            asker.settimeout(5)
            asker.connect(self.unix)
            asker.sendall(command.encode())
            found = b""
            while True:
                more = asker.recv(4096)
                if not more:
                    return found.decode()
                found += more

    def port(self, command):
        """-> int: the port that a U or L is answered with."""
        answer = self.ask(command)
        assert answer.split()[0].isdigit(), f"{command}: {answer}"
        return int(answer.split()[0])
