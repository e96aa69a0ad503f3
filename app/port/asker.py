"""What carries a resolver's questions out and brings it the answers: sockets, one task each."""

from app.port import loop, net, tcp

LENGTH = 2  # octets in front of a message over TCP
EVERYWHERE = {False: "0.0.0.0", True: "::"}


class Asker:
    """The sockets of one resolver, under the numbers that it gives them.

    resolver: `to_send()` -> (data, host, port, source, over_tcp) | None, `is_open(source)` -> bool.
    spawn(task, *arguments) -> the task, started; taken(data, host, port, source): called for
    each message that comes. A UDP socket has a port of the kernel's choice, at random from
    net.ipv4.ip_local_port_range, and is closed as soon as no answer can come to it.
    """

    def __init__(self, resolver, spawn, taken):
        self._resolver = resolver
        self._spawn = spawn
        self._taken = taken
        self._sockets = {}  # (source, is IPv6) -> UdpSocket | tcp.Connection
        self._tasks = {}
        self._reading = None  # key of the socket whose task runs

    def __len__(self):
        return len(self._sockets)

    def flush(self):
        """Sends what the resolver has, and closes what it needs no more."""
        item = self._resolver.to_send()
        while item is not None:
            if item.over_tcp:
                self._connect(item)
            else:
                socket = self._socket(item.source, ":" in item.host)
                if socket is not None:
                    socket.send(item.data, item.host, item.port)  # what is lost is sent again
            item = self._resolver.to_send()
        for key in [key for key in self._sockets if not self._resolver.is_open(key[0])]:
            self._close(key)

    def close(self):
        for key in list(self._sockets):
            self._close(key)

    def _socket(self, source, is_ipv6):
        """-> UdpSocket, None where there is no address of that family."""
        key = source, is_ipv6
        if key not in self._sockets:
            try:
                self._sockets[key] = net.UdpSocket(EVERYWHERE[is_ipv6], 0)
            except OSError:
                return None
            self._tasks[key] = self._spawn(self._read, key, self._sockets[key])
        return self._sockets[key]

    def _close(self, key):
        socket, task = self._sockets.pop(key), self._tasks.pop(key)
        if key != self._reading:  # a task cannot cancel itself; it sees that it is over
            task.cancel()
        socket.close()

    async def _read(self, key, socket):
        while self._sockets.get(key) is socket:
            await loop.readable(socket.socket)
            try:
                datagram = socket.receive()
            except OSError:  # "connection refused" and its like: no answer
                datagram = None
            if datagram is not None:
                self._tell(key, datagram[0], datagram[1], datagram[2])
            await loop.pause()

    def _tell(self, key, data, host, port):
        self._reading = key
        try:
            self._taken(data, host, port, key[0])
        finally:
            self._reading = None

    # Over TCP: one question, one connection

    def _connect(self, item):
        key = item.source, ":" in item.host
        try:
            self._sockets[key] = tcp.connect(item.host, item.port)
        except OSError:
            return
        self._tasks[key] = self._spawn(self._talk, key, self._sockets[key], item)

    async def _talk(self, key, connection, item):
        """Sends the question, and tells of the answer; what fails is silence."""
        try:
            await loop.writable(connection.fd)
            size = len(item.data)
            whole = bytes((size >> 8, size & 255)) + item.data
            if connection.error() or connection.write(whole) < len(whole):
                return
            data = await self._message(connection)
        except OSError:
            return
        if data is not None:
            self._tell(key, data, item.host, item.port)

    async def _message(self, connection):
        """Return the bytes of one message behind its length, None where the server ends early."""
        data = b""
        while len(data) < LENGTH or len(data) < LENGTH + data[0] * 256 + data[1]:
            await loop.readable(connection.fd)
            piece = connection.read()
            if piece == b"":
                return None
            data += piece or b""
        return data[LENGTH : LENGTH + data[0] * 256 + data[1]]
