"""The three kinds of sockets that SIP comes over, as app/sockets.py waits for them.

ready(readable, writable) is called when the descriptor `fd` has something.
"""

from app.port import clock, tcp, tls
from app.port.poller import READ, WRITE
from app.sip.transport import Peer
from app.transport import stun
from app.transport.client_hello import MORE, WHOLE

DATAGRAMS = 128  # taken at a time: they wait in app/proxy/overload.py, not with the kernel
BURST = 32  # connections taken before the others have their turn
READS = 8  # pieces of one connection


class Datagrams:
    """A UDP socket; its datagrams are messages, or ask by STUN where they come from."""

    shaking = False

    def __init__(self, sockets, socket):
        self.fd = socket.fd
        self.host, self.port = socket.host, socket.port
        self.number = 0  # of its interface
        self._sockets = sockets
        self._socket = socket

    def ready(self, readable, writable):
        for _ in range(DATAGRAMS):
            datagram = self._socket.receive()
            if datagram is None:
                break
            data, host, port = datagram
            if data and data[0] < 2 and stun.is_stun(data):
                self._ask(data, host, port)
            else:
                self._sockets.take(data, Peer("udp", host, port, self.number))

    def _ask(self, data, host, port):
        answer = stun.respond(data, host, port)
        if answer is not None:
            self._socket.send(answer, host, port)

    def send(self, data, host, port):
        """-> bool: the kernel took it."""
        return self._socket.send(data, host, port)

    def close(self):
        self._socket.close()


class Listening:
    """A TCP socket that connections come to."""

    shaking = False

    def __init__(self, sockets, transport, listener):
        self.fd = listener.fd
        self.host, self.port = listener.host, listener.port
        self.number = 0
        self._sockets = sockets
        self._transport = transport
        self._listener = listener

    def ready(self, readable, writable):
        for _ in range(BURST):
            try:
                found = self._listener.accept()
            except OSError as error:
                if error.errno not in tcp.OUT_OF_SOCKETS:
                    raise
                self._sockets.out_of_sockets(self)
                break
            if found is None:
                break
            self._sockets.accept(self, *found)

    def close(self):
        self._listener.close()


class Link:
    """One connection: its socket, and the app.transport Connection that knows what it means.

    hello: the ClientHello that is waited for before there is any TLS. secure: who wraps the
    socket of a connection of ours once it is there, or None.
    """

    def __init__(self, sockets, connection, socket, hello=None, secure=None):
        self.fd = socket.fd
        self.connection = connection
        self._sockets = sockets
        self._table = sockets.connections
        self._socket = socket
        self._hello = hello
        self._secure = secure
        self._finished = False
        connection.link = self

    @property
    def shaking(self):
        """-> bool: what comes next may cost as much time as keys do."""
        return self.connection.peer.transport in ("tls", "wss") and not self.connection.greeted

    def events(self):
        """-> what to watch the descriptor for."""
        if not self.connection.connected:
            return WRITE
        if self._hello is None and (self._socket.wants_write() or self._is_full()):
            return READ | WRITE
        return READ

    def _is_full(self):
        return bool(self.connection.waiting) and not self._socket.secure

    def ready(self, readable, writable):
        if not self.connection.connected:
            self._connected()
        if self._hello is not None:
            self._greet()
            return
        self.write()
        if readable or self.shaking:
            self._read()
        if self.fd in self._sockets.owners:  # a handshake may be over now
            self.write()

    def _connected(self):
        """The connection that we asked for is there. Raises OSError: it is not."""
        error = self._socket.error()
        if error:
            raise OSError(error)
        self.connection.connected = True
        if self._secure is not None:
            self._socket = self._secure(self._socket)

    def _greet(self):
        """Wait for the ClientHello, and only then begin with TLS."""
        data = self._socket.read()
        if data is None:
            return
        outcome = self._hello.receive(data) if data else None
        if outcome == MORE:
            return
        context = self._sockets.context_for(self._hello.name) if outcome == WHOLE else None
        if context is None:
            self._sockets.close(self)
            return
        self._socket = tls.Tls(context, self._socket, None, self._hello.data)
        self._hello = None
        self._read()

    def _read(self):
        for _ in range(READS):
            data = self._socket.read()
            if data is None:
                return
            if data == b"":
                self._sockets.close(self)
                return
            if self.connection.ending is None:
                self._take(data)
            if self.fd not in self._sockets.owners:  # closed meanwhile
                return
        # TLS may hold bytes that no poll tells of
        self._sockets.come_back_to(self)

    def _take(self, data):
        for message in self._table.receive(self.connection, data, clock.now()):
            self._sockets.take(message, self.connection.peer)
        self.write()

    def write(self):
        """Send as much of what waits as the socket takes."""
        connection = self.connection
        if not connection.connected or self._hello is not None:
            return
        data = connection.output()
        while data is not None:
            taken = self._socket.write(data)
            self._table.written(connection, taken, clock.now())
            if taken < len(data):
                return
            data = connection.output()
        if connection.ending is not None and not self._finished:
            self._finished = True
            self._socket.finish()

    def close(self):
        self._socket.close()
