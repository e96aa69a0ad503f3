"""What carries a resolver's questions out and brings it the answers: UDP sockets, one task each."""

from app.port import loop, net

EVERYWHERE = {False: "0.0.0.0", True: "::"}


class Asker:
    """The sockets of one resolver, under the numbers that it gives them.

    resolver: `to_send()` -> (data, host, port, source) | None, `is_open(source)` -> bool.
    spawn(task, *arguments) -> the task, started; taken(data, host, port, source): called for
    each datagram that comes. A socket has a port of the kernel's choice, at random from
    net.ipv4.ip_local_port_range, and is closed as soon as no answer can come to it.
    """

    def __init__(self, resolver, spawn, taken):
        self._resolver = resolver
        self._spawn = spawn
        self._taken = taken
        self._sockets = {}  # (source, is IPv6) -> UdpSocket
        self._tasks = {}
        self._reading = None  # key of the socket whose task runs

    def __len__(self):
        return len(self._sockets)

    def flush(self):
        """Sends what the resolver has, and closes what it needs no more."""
        item = self._resolver.to_send()
        while item is not None:
            data, host, port, source = item
            socket = self._socket(source, ":" in host)
            if socket is not None:
                socket.send(data, host, port)  # what is lost is sent again
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
                self._reading = key
                try:
                    self._taken(datagram[0], datagram[1], datagram[2], key[0])
                finally:
                    self._reading = None
            await loop.pause()
