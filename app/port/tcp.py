"""TCP sockets with textual addresses that never block: listeners and connections.

    listener = Listener("::", 5060)
    listener.accept() -> (Connection, host, port) | None
    connection = connect("192.0.2.1", 5060)
    connection.read() -> bytes | None | b""; connection.write(data) -> bytes taken

Every failure is an OSError. Under MicroPython the C module `box` is needed.
"""

import socket

try:
    import box
except ImportError:
    box = None

BACKLOG = 128  # connections that the kernel keeps until accept()
PIECE = 4096  # bytes of one read
TCP_NODELAY = 1
ENOSYS = 38
# too many descriptors of this process or of the machine, no memory for a socket: ENFILE,
# EMFILE, ENOBUFS, ENOMEM
OUT_OF_SOCKETS = (23, 24, 105, 12)
# seconds until a silent peer is asked whether it is there, between two questions, questions
KEEPALIVE = ((4, 60), (5, 15), (6, 4))  # TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT


class Listener:
    """A TCP socket bound to `host` and `port` (0: any free one); "::" takes IPv6 alone."""

    def __init__(self, host, port, backlog=BACKLOG):
        self.host = host
        self.fd, self._socket = _listen(host, port, backlog)
        self.port = _address(self.fd, self._socket)[1]

    def accept(self):
        """Return (Connection, host, port) of the next who came, or None where nobody waits."""
        return _accept(self.fd, self._socket)

    def close(self):
        """Give the port back."""
        _close(self.fd, self._socket)


class Connection:
    """One TCP connection; `fd` is what a Poller watches."""

    secure = False

    def __init__(self, fd, sock=None):
        self.fd = fd
        self._socket = sock

    def read(self):
        """Return the bytes that came, None where none did, b"" at the end."""
        return _receive(self.fd, self._socket, PIECE, False)

    def peek(self, size):
        """The same, and leave them to be read again."""
        return _receive(self.fd, self._socket, size, True)

    def write(self, data):
        """Return how many of the bytes the kernel took: 0 while it takes none."""
        return _send(self.fd, self._socket, data)

    def wants_write(self):
        """Say whether a read() that brought nothing waits for the socket to take bytes."""
        return False

    def error(self):
        """Return the errno of what went wrong since the last call (a connect, too), or 0."""
        return _error(self.fd, self._socket)

    def address(self):
        """Return the local (host, port)."""
        return _address(self.fd, self._socket)

    def finish(self):
        """Send nothing more; what was sent still arrives."""
        _send_end(self.fd, self._socket)

    def close(self):
        """Give the descriptor back; a second time does nothing."""
        if self.fd >= 0:
            fd, self.fd = self.fd, -1
            _close(fd, self._socket)


def connect(host, port, source=None):
    """Return a Connection that is being made: once it can be written to, error() tells.

    source: the local address to leave from.
    """
    fd, sock = _connect(host, port, source)
    return Connection(fd, sock)


if box and hasattr(box, "tcp_listen"):

    def _listen(host, port, backlog):
        return box.tcp_listen(host, port, backlog), None

    def _accept(fd, sock):
        found = box.tcp_accept(fd)
        return found and (Connection(found[0]), found[1], found[2])

    def _connect(host, port, source):
        return box.tcp_connect(host, port, source), None

    def _receive(fd, sock, size, peek):
        return box.recv(fd, size, peek)

    def _send(fd, sock, data):
        return box.send(fd, data) or 0

    def _error(fd, sock):
        return box.socket_error(fd)

    def _address(fd, sock):
        return box.getsockname(fd)

    def _send_end(fd, sock):
        box.send_end(fd)

    def _close(fd, sock):
        box.close(fd)

elif hasattr(socket.socket, "getsockname"):  # CPython

    def _new(host):
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        if ":" in host:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setblocking(False)
        return sock

    def _tune(sock):
        # a SIP message goes out whole at once; a peer that is gone is found in two minutes
        sock.setsockopt(socket.IPPROTO_TCP, TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEPALIVE:
            sock.setsockopt(socket.IPPROTO_TCP, name, value)

    def _listen(host, port, backlog):
        sock = _new(host)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((host, port))
            sock.listen(backlog)
        except OSError:
            sock.close()
            raise
        return sock.fileno(), sock

    def _accept(fd, sock):
        try:
            found, address = sock.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return None
        found.setblocking(False)
        _tune(found)
        return Connection(found.fileno(), found), address[0], address[1]

    def _connect(host, port, source):
        # inet_pton first: connect would look a name up
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.inet_pton(family, host.partition("%")[0])
        sock = _new(host)
        try:
            _tune(sock)
            if source is not None:
                sock.bind((source, 0))
            sock.connect((host, port))
        except BlockingIOError:
            pass
        except OSError:
            sock.close()
            raise
        return sock.fileno(), sock

    def _receive(fd, sock, size, peek):
        try:
            return sock.recv(size, socket.MSG_PEEK if peek else 0)
        except (BlockingIOError, InterruptedError):
            return None

    def _send(fd, sock, data):
        try:
            return sock.send(data)
        except (BlockingIOError, InterruptedError):
            return 0

    def _error(fd, sock):
        return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def _address(fd, sock):
        return sock.getsockname()[:2]

    def _send_end(fd, sock):
        try:
            sock.shutdown(socket.SHUT_WR)
        except OSError:  # a peer that is gone already: well
            pass

    def _close(fd, sock):
        sock.close()

else:

    def _listen(host, port, backlog):
        raise OSError(ENOSYS, "TCP needs the C module box")

    def _connect(host, port, source):
        raise OSError(ENOSYS, "TCP needs the C module box")
