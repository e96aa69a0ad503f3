"""UDP sockets with textual addresses, and the addresses of this machine.

Hosts are textual IP addresses, never names: looking one up would block the loop.
Without the C module `box`, MicroPython packs addresses through getaddrinfo; that is
for tests, and slower.
"""

import socket

try:
    import box
except ImportError:
    box = None

PACKED = not hasattr(socket.socket, "getsockname")  # MicroPython: addresses are packed bytes
MAX_DATAGRAM = 65535  # larger than any UDP payload, so no datagram is ever cut
EAGAIN = (11, 4)  # and EINTR: nothing to read now
IPPROTO_IPV6 = 41
IPV6_V6ONLY = 26
SO_RCVBUF = 8
RECEIVE_BUFFER = 512 * 1024  # bytes: half a second of 1,000 messages while Python is busy
AI_NUMERICHOST = 4
ADDRESS_CACHE = 256  # packed addresses kept at most


class UdpSocket:
    """A non-blocking UDP socket bound to `host` (IPv4 or IPv6) and `port` (0: any free one).

    Raises OSError where the address cannot be had. An IPv6 socket takes IPv6 alone,
    so "::" and "0.0.0.0" can be bound side by side.
    """

    def __init__(self, host, port):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.host = host
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            if family == socket.AF_INET6:
                self.socket.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 1)
            self.port = _bind(self.socket, host, port)
        except OSError:
            self.socket.close()
            raise
        # The kernel grants what net.core.rmem_max allows; less is no error.
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER)
        self.socket.setblocking(False)
        self.fd = self.socket.fileno()

    def receive(self):
        """Return (data, host, port) of the next datagram, whole, or None where none waits."""
        return _receive(self.socket)

    def send(self, data, host, port):
        """Send one datagram; return False where the kernel or the address does not allow it."""
        try:
            _send(self.socket, data, host, port)
            return True
        except OSError:
            return False

    def close(self):
        """Give the port back."""
        self.socket.close()


def _is_nothing(error):
    return error.errno in EAGAIN


if not PACKED:  # CPython

    def _bind(sock, host, port):
        sock.bind((host, port))
        return sock.getsockname()[1]

    def _receive(sock):
        try:
            data, address = sock.recvfrom(MAX_DATAGRAM)
        except OSError as error:
            if _is_nothing(error):
                return None
            raise
        return data, address[0], address[1]

    def _send(sock, data, host, port):
        # inet_pton first: sendto would look a name up
        socket.inet_pton(sock.family, host.partition("%")[0])
        sock.sendto(data, (host, port))

elif box:

    def _bind(sock, host, port):
        box.bind(sock.fileno(), host, port)
        return box.getsockname(sock.fileno())[1]

    def _receive(sock):
        return box.recvfrom(sock.fileno())

    def _send(sock, data, host, port):
        box.sendto(sock.fileno(), data, host, port)

else:
    from os import urandom

    _packed = {}  # (host, port) -> packed address

    def _pack(host, port):
        key = (host, port)
        if key not in _packed:
            if len(_packed) >= ADDRESS_CACHE:
                _packed.clear()
            found = socket.getaddrinfo(host, port, 0, socket.SOCK_DGRAM, 0, AI_NUMERICHOST)
            _packed[key] = bytes(found[0][4])
        return _packed[key]

    def _bind(sock, host, port):
        for _ in range(100):
            draw = urandom(2)
            # no getsockname: draw from the dynamic ports of RFC 6335 section 6
            chosen = port or 49152 + (draw[0] * 256 + draw[1]) % 16384
            try:
                sock.bind(_pack(host, chosen))
                return chosen
            except OSError:
                if port:
                    raise
        raise OSError("no free port in 49152 to 65535")

    def _receive(sock):
        try:
            data, address = sock.recvfrom(MAX_DATAGRAM)
        except OSError as error:
            if _is_nothing(error):
                return None
            raise
        family, host, port = socket.sockaddr(address)[:3]
        return data, socket.inet_ntop(family, host), port

    def _send(sock, data, host, port):
        sock.sendto(data, _pack(host, port))


def is_address(host):
    """Say whether `host` is a textual IP address (v4, or v6 without brackets)."""
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
        return True
    except OSError:
        return False


def has_ipv6():
    """Say whether this machine's kernel has IPv6."""
    try:
        UdpSocket("::", 0).close()
        return True
    except OSError:
        return False


def source_address(host, port=5060):
    """Return the local address that packets to `host` leave from, or None without a route."""
    try:
        if box:
            return box.source_address(host, port)
        if PACKED:
            return None
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((host, port))  # UDP: sends nothing
            return probe.getsockname()[0]
    except OSError:
        return None


def interfaces():
    """Return [(interface, address)] of every address up on this machine, IPv4 first."""
    if box:
        found = box.interfaces()
    elif PACKED:
        found = []
    else:
        found = _addresses4()
    return sorted(found, key=_family_first) + ([] if box else _addresses6())


def _family_first(item):
    return ":" in item[1], item


def _addresses4():
    """IPv4 addresses by the SIOCGIFADDR request of netdevice(7); CPython has no getifaddrs."""
    import fcntl
    import struct

    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            try:
                answer = fcntl.ioctl(probe.fileno(), 0x8915, request)
            except OSError:  # an interface without an IPv4 address
                continue
            found.append((name, socket.inet_ntop(socket.AF_INET, answer[20:24])))
    return found


def _addresses6():
    """IPv6 addresses from /proc/net/if_inet6: 32 hex digits, four numbers, the interface."""
    from binascii import unhexlify

    found = []
    try:
        with open("/proc/net/if_inet6") as table:
            for line in table:
                fields = line.split()
                address = socket.inet_ntop(socket.AF_INET6, unhexlify(fields[0]))
                found.append((fields[5], address))
    except OSError:  # a kernel without IPv6
        pass
    return sorted(found)
