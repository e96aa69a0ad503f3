"""The test phone over TCP: one connection to the box, messages framed by Content-Length."""

import re
import socket
import time

from tests.peers import sip
from tests.peers.address import LOOPBACK
from tests.peers.phone import Phone
from tests.peers.site import DOMAIN


class TcpPhone(Phone):
    """address: "host:port" that its Contact names, where that is not its own end."""

    def __init__(self, target, user="200", password=None, domain=DOMAIN, host=LOOPBACK,
                 address=None, ob=False):  # fmt: skip
        super().__init__(target, user, password, domain, host)
        self.socket.close()
        self.socket = None
        self.buffer = b""
        self.connect(address, ob)

    def connect(self, address=None, ob=False):
        """Open the connection, or another one; nothing is registered by that."""
        if self.socket is not None:
            self.socket.close()
        self.buffer = b""
        self.socket = socket.create_connection(self.target, 5, (self.host, 0))
        self.host, self.port = self.socket.getsockname()[:2]
        place = address or self.place
        self.contact = f"sip:{self.user}@{place};transport=tcp" + (";ob" if ob else "")

    def via(self):
        return f"SIP/2.0/TCP {self.place};branch=z9hG4bK{sip.token()}"

    def send(self, data, to=None):
        self.socket.sendall(data)

    def _repeat(self):
        """TCP repeats by itself."""

    def _read(self, limit):
        head, found, rest = self.buffer.lstrip(b"\r\n").partition(b"\r\n\r\n")
        length = re.search(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)", head)
        if not found or len(rest) < int(length.group(1)):
            self._fill(limit)
            return None
        size = int(length.group(1))
        self.buffer = rest[size:]
        return self._fresh(sip.Message(head + found + rest[:size], self.target))

    def _fill(self, limit):
        self.socket.settimeout(max(0.001, limit - time.monotonic()))
        try:
            self.buffer += self.socket.recv(65536)
        except TimeoutError:
            pass
