"""The sockets of the box over the loopback, with a service of the test's own, portable."""

from app.appliance.settings import Settings
from app.appliance.site import Site
from app.appliance.tlscheck import TlsCheck
from app.port import hashes, net, tcp, tls
from app.secrets import Secrets
from app.sip.interfaces import Interfaces, interface
from app.sip.transport import Peer
from app.sockets import Sockets
from app.transport.connection import KNOWN
from tests.certificates import Folder
from tests.port.test_tcp import until
from tests.transport.test_framing import EMPTY

HOST = "127.0.0.1"
MADE = {}


def folder():
    """-> certificates: box, the one that renews it, and a stranger's authority."""
    if not MADE:
        MADE["good"], MADE["bad"] = Folder(), Folder("stranger")
        for name in ("box", "renewed"):
            MADE["good"].issue(name, ("sip.example.org", HOST))
        MADE["bad"].issue("box", (HOST,))
    return MADE["good"]


def site(certificate="box", authorities=None, **settings):
    """-> app.appliance Site with that certificate; settings: of [tls] and [tcp]."""
    made = Settings()
    files = {}
    for ending in (".pem", ".key"):
        files[certificate + ending] = folder().read(certificate + ending)
    made.tls.certificate, made.tls.key = (certificate + ".pem",), (certificate + ".key",)
    if authorities is not None:
        made.tls.ca = "ca.pem"
        files["ca.pem"] = authorities
    for name in settings:
        setattr(made.tls if hasattr(made.tls, name) else made.tcp, name, settings[name])
    check = TlsCheck(made, files)
    check.run()
    assert check.errors == []
    return Site(made, {}, check.pairs, check.authorities)


class Log:
    def __init__(self):
        self.lines = []

    def warning(self, text):
        self.lines.append(text)

    error = warning


class Service:
    """Notes what it is given; sends what the test puts into `queue`: (data, peer, mark)."""

    def __init__(self):
        self.faults = 0
        self.received = []
        self.queue = []
        self.failed = []
        self.lost = []
        self.banned = []
        self.users = {}
        self._sent = None

    def arrive(self, data, peer, now):
        self.received.append((data, peer))

    def to_send(self):
        if not self.queue:
            return None
        data, peer, self._sent = self.queue.pop(0)
        return data, peer

    def sent(self):
        return self._sent

    def transport_error(self, now, wall, sent=None):
        self.failed.append(self._sent if sent is None else sent)

    def connection_lost(self, peer, now, wall):
        self.lost.append(peer)

    def known(self, peer, now):
        return self.users.get(peer.port)

    def is_denied(self, host):
        return host in self.banned

    def server_name(self, peer):
        return None


class Box:
    """Sockets on the loopback. kinds: the transports that they listen on, on those hosts."""

    def __init__(self, *kinds, made=None, hosts=(HOST, HOST)):
        self.log = Log()
        self.service = Service()
        self.sockets = Sockets(self.log, hashes.token, hashes.sha1_digest)
        self.kinds = kinds
        self.hosts = hosts
        self.ports = self.sockets.open([(kind, hosts[at], 0) for at, kind in enumerate(kinds)])
        self.use(made or site())

    def use(self, made):
        known = [
            interface(at + 1, kind, self.hosts[at], self.ports[at])
            for at, kind in enumerate(self.kinds)
        ]  # fmt: skip
        self.sockets.use(self.service, Interfaces(known))
        self.sockets.use_site(made, Secrets(made))

    def run(self, condition):
        """Let the sockets work until condition() gives something. -> that."""

        def step():
            self.sockets.work()
            self.sockets.flush()
            self.sockets.handle_timers()
            return condition()

        return until(step)

    def come(self, at=0):
        """-> (tcp.Connection, its app.transport Connection) of somebody who connects."""
        there = tcp.connect(HOST, self.ports[at])
        place = there.address()
        return there, self.run(lambda: self.connection(place))

    def connection(self, place):
        for each in self.sockets.connections.all():
            if (each.peer.host, each.peer.port) == place:
                return each
        return None

    def send(self, data, peer, mark=None):
        self.service.queue.append((data, peer, mark))
        self.sockets.flush()

    def close(self, *more):
        self.sockets.close_all()
        for each in more:
            each.close()


def test_messages_come_and_go_on_their_connection():
    box = Box("udp", "tcp")
    there, connection = box.come(1)
    there.write(EMPTY + EMPTY[:5])
    box.run(lambda: box.service.received)
    assert box.service.received == [(EMPTY, connection.peer)]
    assert connection.peer.flow % 16 == 2
    box.send(b"SIP/2.0 200 OK\r\n\r\n", connection.peer)
    assert until(there.read) == b"SIP/2.0 200 OK\r\n\r\n"
    there.close()
    box.run(lambda: box.service.lost)
    assert box.service.lost == [connection.peer]
    box.send(b"x", connection.peer, "mark")
    assert box.service.failed == ["mark"]  # that connection or none
    box.close()


def test_datagrams_leave_by_the_interface_that_they_are_for():
    box = Box("udp", "udp", hosts=(HOST, "127.0.0.2"))
    other = net.UdpSocket(HOST, 0)
    for at, host in enumerate(box.hosts):
        other.send(EMPTY, host, box.ports[at])
        data, peer = box.run(lambda: box.service.received and box.service.received.pop())
        assert (data, peer) == (EMPTY, Peer("udp", HOST, other.port, at + 1))
        box.send(b"answer", peer)
        assert until(other.receive) == (b"answer", host, box.ports[at])
    box.send(b"x", Peer("udp", "example.org", 5060, 0), "mark")
    assert box.service.failed == ["mark"]
    box.close(other)


def test_a_connection_is_made_where_there_is_none_and_used_again():
    box = Box("tcp")
    listener = tcp.Listener(HOST, 0)
    peer = Peer("tcp", HOST, listener.port, 0)
    box.send(b"one", peer)
    there = box.run(listener.accept)[0]
    assert box.run(there.read) == b"one"
    box.send(b"two", peer)
    assert box.run(there.read) == b"two"
    assert listener.accept() is None
    there.write(EMPTY)
    box.run(lambda: box.service.received)
    assert box.service.received[0][1].flow // 16 == 1
    assert box.service.failed == []
    box.close(listener, there)


def test_a_refused_connection_fails_what_waited_for_it():
    box = Box("tcp")
    listener = tcp.Listener(HOST, 0)
    listener.close()
    box.send(b"one", Peer("tcp", HOST, listener.port, 0), "one")
    box.run(lambda: box.service.failed)
    assert box.service.failed == ["one"]
    assert "no connection to tcp:127.0.0.1:" in box.log.lines[0]
    assert len(box.sockets.connections) == 0
    box.close()


def test_what_cannot_be_sent_fails_at_once():
    box = Box("tcp", "ws")
    for peer in (
        Peer("tls", HOST, 5061, 0), Peer("ws", HOST, 80, 0), Peer("tcp", "example.org", 5060, 0),
        Peer("tcp", HOST, 5060, 16 * 99 + 1), Peer("tcp", "::1", 5060, 0),
    ):  # fmt: skip
        box.send(b"x", peer, peer.transport)
        assert box.service.failed.pop() == peer.transport
    box.close()


def test_a_peer_that_reads_nothing_has_its_queue_and_no_more():
    box = Box("tcp")
    there, connection = box.come()
    data = b"x" * 8000
    for number in range(2000):
        box.send(data, connection.peer, number)
        if box.service.failed:
            break
    assert box.service.failed == [number]
    assert box.sockets.connections.waits <= 65536
    there.close()
    box.run(lambda: box.service.lost)
    waited = box.service.failed[1:]
    assert len(waited) > 5
    assert waited == list(range(number - len(waited), number))
    assert box.sockets.connections.waits == 0
    box.close()


def secure(box, at, name="sip.example.org", certificate=None):
    """-> tls.Tls of somebody who connects."""
    context = tls.client_context(certificate or folder().read("ca.pem"))
    there = tls.Tls(context, tcp.connect(HOST, box.ports[at]), name)
    port = there.address()[1]

    def shake():
        there.write(EMPTY)
        return [peer for _, peer in box.service.received if peer.port == port]

    box.run(shake)
    return there


def test_a_certificate_is_renewed_without_dropping_anybody():
    box = Box("tcp", "tls")
    before = secure(box, 1)
    box.use(site("renewed"))
    after = secure(box, 1)
    assert b"box" in before.certificate()
    assert b"renewed" in after.certificate()
    peer = box.service.received[0][1]
    box.send(b"still there", peer)
    assert box.run(before.read) == b"still there"
    assert box.service.lost == []
    box.close(before, after)


def test_no_tls_without_a_client_hello():
    box = Box("tls")
    there, connection = box.come()
    there.write(b"\x16\3\1\0")
    box.run(lambda: True)
    assert not connection.link._socket.secure
    there.write(b"\0")
    box.run(lambda: box.service.lost)
    box.close(there)


def called(certificate_of, authorities=None, **settings):
    """-> (box, what failed, whether a message arrived) of a call by TLS to a server."""
    box = Box("tcp", "tls", made=site(authorities=authorities, **settings))
    listener = tcp.Listener(HOST, 0)
    context = tls.server_context(certificate_of.read("box.pem"), certificate_of.read("box.key"))
    box.send(b"hello there", Peer("tls", HOST, listener.port, 0), "mark")
    if box.service.failed:
        box.close(listener)
        return box, box.service.failed, None
    there = tls.Tls(context, box.run(listener.accept)[0])
    got = []

    def look():
        try:
            piece = there.read()
        except OSError:
            piece = b""
        if piece is not None:
            got.append(piece)
        return got or box.service.failed

    box.run(look)
    box.run(lambda: box.service.failed or got[0])
    box.close(listener, there)
    return box, box.service.failed, got[0] if got else None


def test_servers_that_we_call_have_to_be_whom_they_should_be():
    assert called(folder(), folder().read("ca.pem"))[1:] == ([], b"hello there")
    box, failed, got = called(MADE["bad"], folder().read("ca.pem"))
    assert (failed, got or None) == (["mark"], None)
    assert "no connection to tls:127.0.0.1:" in box.log.lines[0]


def test_without_authorities_nobody_is_trusted_unless_the_site_says_so():
    box, failed, _ = called(folder())
    assert failed == ["mark"]
    assert "no [tls] ca" in box.log.lines[0]
    assert called(MADE["bad"], verify_server=False)[1:] == ([], b"hello there")


def test_when_there_are_no_descriptors_a_stranger_goes_and_nobody_comes_for_a_while():
    box = Box("tcp")
    there, connection = box.come()
    listening = box.sockets._numbered[1]

    def accept():
        raise OSError(24, "too many open files")

    whole, listening._listener.accept = listening._listener.accept, accept
    another = tcp.connect(HOST, box.ports[0])
    box.run(lambda: box.service.lost)
    assert box.service.lost == [connection.peer]
    listening._listener.accept = whole
    box.sockets.work()
    assert len(box.sockets.connections) == 0
    box.sockets._resume = 0.0  # a second later
    box.run(lambda: len(box.sockets.connections) == 1)
    box.close(there, another)


def test_who_is_denied_or_too_much_is_sent_away():
    box = Box("tcp", made=site(max_connections=8, max_per_address=2))
    first, one = box.come()
    second, two = box.come()
    third, three = box.come()
    box.run(lambda: box.service.lost)
    assert box.service.lost == [one.peer]
    box.service.users[second.address()[1]] = "200"
    second.write(EMPTY)
    box.run(lambda: box.service.received)
    box.send(b"SIP/2.0 200 OK\r\n\r\n", two.peer)
    assert two.standing == KNOWN
    assert two.user == "200"
    assert box.sockets.list()[0][5] == "200"
    box.service.banned.append(HOST)
    fourth = tcp.connect(HOST, box.ports[0])
    box.run(lambda: fourth.read() == b"")
    assert "1 evicted" in box.sockets.counters()[0][1]
    box.close(first, second, third, fourth)


def test_other_places_leave_what_stays_as_it_is():
    box = Box("tcp", "ws")
    stays, goes = box.come(0), box.come(1)
    box.ports = box.sockets.open([("tcp", HOST, 0)])
    box.kinds = ("tcp",)
    assert box.service.lost == [goes[1].peer]
    box.use(site())
    box.send(b"hello", stays[1].peer)
    assert until(stays[0].read) == b"hello"
    taken = net.UdpSocket(HOST, 0)
    try:
        box.sockets.open([("tcp", HOST, 0), ("ws", HOST, 0), ("udp", HOST, taken.port)])
        raise AssertionError("the port was taken")
    except OSError:
        pass
    assert len(box.sockets.connections) == 1
    box.close(stays[0], goes[0], taken)


def test_a_fault_costs_one_connection():
    box = Box("tcp")
    there, connection = box.come()
    other, kept = box.come()

    def broken(data):
        raise KeyError("a fault of ours")

    connection.layer.receive = broken
    there.write(EMPTY)
    box.run(lambda: box.service.lost)
    assert box.service.lost == [connection.peer]
    assert "fault: KeyError" in box.log.lines[0]
    other.write(EMPTY)
    box.run(lambda: box.service.received)
    box.close(there, other)


def test_zz_remove():
    for each in MADE.values():
        each.remove()
    MADE.clear()


