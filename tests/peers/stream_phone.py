"""A telephone like phone.Phone over TCP, TLS or WebSocket: one message at a time, by hand."""

import socket
import ssl
import time

from websockets.sync.client import connect

from tests.peers import sip
from tests.peers.phone import PATIENCE, Phone

NOWHERE = "telephone.invalid"  # RFC 7118 5.1: a browser does not know its address


class StreamPhone(Phone):
    """User `user` over `transport` "tcp", "tls", "ws" or "wss" to `target`.

    authority: file with the certificate of who vouches for the box, whose name is `name`.
    """

    def __init__(self, target, user="200", transport="tcp", authority=None, name=None,
                 origin=None, **options):  # fmt: skip
        self.transport = transport
        self._received = b""
        self._websocket = self._manager = None
        super().__init__(target, user, **options)
        self.socket.close()
        plain = socket.create_connection(target, timeout=PATIENCE)
        self.host, self.port = plain.getsockname()[:2]
        if transport in ("tls", "wss"):
            context = ssl.create_default_context(cafile=authority)
            plain = context.wrap_socket(plain, server_hostname=name or target.host)
        self.socket = plain
        if transport in ("ws", "wss"):
            plain.settimeout(None)
            uri = f"ws://{target.host}:{target.port}/"  # TLS is below it already
            self._manager = connect(uri, sock=plain, subprotocols=["sip"], origin=origin)
            self._websocket = self._manager.__enter__()
            assert self._websocket.subprotocol == "sip"
        way = "ws" if self._websocket else transport
        self.contact = f"sip:{user}@{self.place};transport={way}"

    @property
    def place(self):
        return super().place if self._websocket is None else NOWHERE

    def close(self):
        if self._manager is not None:
            self._manager.__exit__(None, None, None)
        self.socket.close()

    def send(self, data, to=None):
        if self._websocket is not None:
            self._websocket.send(data.decode())
        else:
            self.socket.sendall(data)

    def via(self):
        return f"SIP/2.0/{self.transport.upper()} {self.place};branch=z9hG4bK{sip.token()};rport"

    def _read(self, limit):
        seconds = max(0.001, limit - time.monotonic())
        self._pending = None  # nothing is repeated over a stream (RFC 3261 17.1.1.2)
        try:
            if self._websocket is not None:
                data = self._websocket.recv(timeout=seconds)
                return self._fresh(sip.Message(data.encode() if isinstance(data, str) else data))
            message = self._next()
            if message is not None:
                return self._fresh(message)
            self.socket.settimeout(seconds)
            piece = self.socket.recv(65536)
        except TimeoutError:
            return None
        assert piece, f"the box has closed the connection of {self.user}"
        self._received += piece
        return None

    def _next(self):
        """-> sip.Message at the start of what was received, or None."""
        self._received = self._received.lstrip(b"\r\n")
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end:
            return None
        length = int(sip.Message(head + end)["content-length"])
        if len(rest) < length:
            return None
        self._received = rest[length:]
        return sip.Message(head + end + rest[:length])


