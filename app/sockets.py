"""Every SIP socket of the box, behind one descriptor to wait for.

    sockets = Sockets(log, token, sha1)
    sockets.open([("udp", "0.0.0.0", 5060), ...])       raises OSError: nothing has changed
    await loop.readable(sockets.fd); sockets.work()     messages in
    sockets.flush()                                     messages out
    sockets.next_timer(), sockets.handle_timers()

`service` (app/proxy/service.py) gets the messages, and is told what could not be sent.
"""

from app.link import Datagrams, Link, Listening
from app.port import clock, net, tcp, tls
from app.port.poller import READ, Poller, raise_descriptors
from app.transport.client_hello import ClientHello
from app.transport.connections import Connections, Limits

SHAKING = 1  # handshakes of TLS that go on between two looks at all the others
PAUSE = 1.0  # seconds in which nobody is let in when there are no descriptors left
SPARE = 64  # descriptors for all else
WILDCARDS = ("0.0.0.0", "::")
SECURE = ("tls", "wss")
LIMITS = (
    "max_connections", "max_per_address", "connect_timeout", "handshake_timeout", "first_message",
    "message_timeout", "send_timeout", "connection_lifetime", "origins",
)  # fmt: skip


class Sockets:
    """connections: app.transport.connections.Connections; owners: {descriptor: who reads it}."""

    def __init__(self, log, token, sha1):
        self.log = log
        self.service = self.interfaces = None  # see use()
        self.connections = Connections(Limits(), self._known, token, sha1)
        self.owners = {}
        self.secrets = None  # app.secrets.Secrets
        self._poller = Poller()
        self.fd = self._poller.fd
        self._local = {}  # (transport, host, port as asked for) -> Datagrams | Listening
        self._numbered = {}  # number of the interface -> the same
        self._busy = []  # Links that may have more
        self._paused = []  # Listenings
        self._resume = None  # when they go on

    # Where we listen

    def open(self, places):
        """Listen on [(transport, host, port)] and nowhere else; -> [ports], those of port 0 too.

        What was open before stays open, with its connections.
        """
        opened = {}
        try:
            for place in places:
                if place not in self._local:
                    opened[place] = self._open(*place)
        except OSError:
            for place in opened:
                opened[place].close()
            raise
        for place in list(self._local):
            if place not in places:
                self._close_local(self._local.pop(place))
        self._local.update(opened)
        before, self._numbered = self._numbered, {}
        for at, place in enumerate(places):
            owner = self._local[place]
            owner.number = at + 1
            self._numbered[at + 1] = owner
            self._watch(owner, READ)
        self._drop_moved(before)
        return [self._local[place].port for place in places]

    def _open(self, transport, host, port):
        if transport == "udp":
            return Datagrams(self, net.UdpSocket(host, port))
        return Listening(self, transport, tcp.Listener(host, port))

    def _close_local(self, owner):
        self._unwatch(owner)
        owner.close()

    def _drop_moved(self, before):
        """Connections whose interface has another number now, or is closed."""
        for connection in self.connections.all():
            number = connection.peer.flow % 16
            if before.get(number) is not self._numbered.get(number):
                self.close(connection.link)

    def use(self, service, interfaces):
        """Who gets the messages, and what the places of open() are known as."""
        self.service = service
        self.interfaces = interfaces

    def use_site(self, site, secrets):
        """Take a site's limits and certificates; connections go on as they are."""
        self.secrets = secrets
        settings = site.settings.tcp
        given = {name: getattr(settings, name) for name in LIMITS}
        limits = Limits(max_len=site.settings.sip.max_len, **given)
        have = raise_descriptors(limits.max_connections + SPARE)
        if have < limits.max_connections + SPARE:
            limits.max_connections = max(1, have - SPARE)
            self.log.warning(f"{have} descriptors: {limits.max_connections} connections at most")
        self.connections.limits = limits

    # In

    def work(self):
        """Whatever has come, everybody in turn; handshakes, which cost time, one by one."""
        busy, self._busy = self._busy, []
        found = [(link.fd, True, False) for link in busy if link.fd in self.owners]
        later = []
        for fd, readable, writable in found + self._poller.wait():
            owner = self.owners.get(fd)
            if owner is None:
                continue
            if owner.shaking:
                later.append((owner, readable, writable))
            else:
                self._guarded(owner, owner.ready, readable, writable)
        for owner, readable, writable in later[:SHAKING]:
            self._guarded(owner, owner.ready, readable, writable)

    def _guarded(self, owner, function, *arguments):
        """A fault costs a connection, or a datagram, and not the box."""
        try:
            function(*arguments)
        except OSError as error:
            self._failed(owner, error)
        except MemoryError:
            self.service.faults += 1
            if isinstance(owner, Link):
                self.close(owner)
        except Exception as error:
            self.service.faults += 1
            self.log.error(f"fault: {error!r}; a connection is lost, please report it")
            if isinstance(owner, Link):
                self.close(owner)
        if isinstance(owner, Link) and owner.fd in self.owners:
            self._watch(owner, owner.events())

    def _failed(self, owner, error):
        if not isinstance(owner, Link):
            self.log.warning(f"SIP socket: {error}")
            return
        if owner.connection.outbound and not owner.connection.greeted:
            self.log.warning(f"no connection to {owner.connection}: {error}")
        self.close(owner)

    def take(self, data, peer):
        """One message: for the service, where it waits for its turn."""
        self.service.arrive(data, peer, clock.now())

    def come_back_to(self, link):
        """It may have more; others first."""
        self._busy.append(link)

    def accept(self, listening, socket, host, port):
        """Somebody has connected."""
        table = self.connections
        if self.service is None or self.service.is_denied(host):
            socket.close()
            return
        room, victim = table.admit(host)
        if victim is not None:
            self.close(victim.link)
        if not room:
            socket.close()
            return
        interface = self._interface(listening.number)
        connection = table.add(interface, host, port, clock.now())
        hello = ClientHello() if interface.transport in SECURE else None
        self._begin(Link(self, connection, socket, hello))

    def _begin(self, link):
        self.owners[link.fd] = link
        self._watch(link, link.events())

    def out_of_sockets(self, listening):
        """The system has no more descriptors: one stranger goes, and nobody comes for a while."""
        self.log.warning("no descriptors left for connections")
        self._poller.watch(listening.fd, 0)
        self._paused.append(listening)
        self._resume = clock.now() + PAUSE
        victim = self.connections.weakest()
        if victim is not None:
            self.close(victim.link)

    def _known(self, peer, now):
        return None if self.service is None else self.service.known(peer, now)

    def _interface(self, number):
        for each in self.interfaces.all:
            if each.number == number:
                return each
        raise OSError(f"interface {number} is closed")

    def context_for(self, name):
        """-> the context of TLS whose certificate is for that server name, or None."""
        return self.secrets.server(name)

    # Out

    def flush(self):
        """Send what the service has to send."""
        service = self.service
        item = service.to_send() if service is not None else None
        while item is not None:
            data, peer = item
            if not self._send(data, peer, service.sent()):
                service.transport_error(clock.now(), clock.wall())
            item = service.to_send()

    def _send(self, data, peer, mark):
        """-> bool: it is sent, or waits for its connection."""
        if peer.transport == "udp":
            interface = self.interfaces.for_peer(peer)
            owner = interface and self._numbered.get(interface.number)
            return owner is not None and owner.send(data, peer.host, peer.port)
        table = self.connections
        if peer.flow >= 16:
            connection = table.of_flow(peer.flow)
        else:
            connection = table.to(peer) or self._connect(peer)
        if connection is None or not table.send(connection, data, mark, clock.now()):
            return False
        self._guarded(connection.link, connection.link.write)
        return True

    def _connect(self, peer):
        """-> Connection that is being made to a Peer, or None."""
        interface = self.interfaces.for_peer(peer)
        if interface is None or peer.transport in ("ws", "wss"):
            return None
        room, victim = self.connections.admit(peer.host)
        if victim is not None:
            self.close(victim.link)
        if not room:
            return None
        try:
            secure = self._securer(peer)
            source = None if interface.host in WILDCARDS else interface.host
            socket = tcp.connect(peer.host, peer.port, source)
        except (OSError, tls.TlsError) as error:
            self.log.warning(f"no connection to {peer.transport}:{peer.host}:{peer.port}: {error}")
            return None
        connection = self.connections.add(interface, peer.host, peer.port, clock.now(), True)
        self._begin(Link(self, connection, socket, None, secure))
        return connection

    def _securer(self, peer):
        """-> what makes TLS of a tcp.Connection to that Peer, or None without TLS."""
        if peer.transport not in SECURE:
            return None
        name = self.service.server_name(peer) or peer.host
        context = self.secrets.client()
        return lambda socket: tls.Tls(context, socket, name)

    # The end of connections

    def close(self, link):
        """Close a connection, and tell the service what it loses by it."""
        if self.owners.get(link.fd) is not link:
            return
        self._unwatch(link)
        link.close()
        connection = link.connection
        connection.link = None
        unsent = self.connections.remove(connection)
        now, wall = clock.now(), clock.wall()
        for mark in unsent:
            self.service.transport_error(now, wall, mark)
        self.service.connection_lost(connection.peer, now, wall)

    def _watch(self, owner, events):
        self.owners[owner.fd] = owner
        self._poller.watch(owner.fd, events)

    def _unwatch(self, owner):
        self.owners.pop(owner.fd, None)
        self._poller.watch(owner.fd, 0)

    def next_timer(self):
        """-> when to call handle_timers(), or None."""
        if self._busy:
            return clock.now()
        due = [each for each in (self.connections.next_timer(), self._resume) if each is not None]
        return min(due) if due else None

    def handle_timers(self):
        """Close whose time is over."""
        now = clock.now()
        for connection in self.connections.handle_timers(now):
            self.close(connection.link)
        if self._resume is not None and now >= self._resume:
            self._resume = None
            for listening in self._paused:
                if listening.fd in self.owners:
                    self._watch(listening, READ)
            self._paused = []
        if self._busy:
            self.work()

    def close_all(self):
        """Close everything: the program ends."""
        for owner in list(self.owners.values()):
            self._poller.watch(owner.fd, 0)
            owner.close()
        self._poller.close()

    # What the console shows

    def list(self):
        """-> [(transport, "host:port", seconds since, seconds silent, user or "-")]."""
        now = clock.now()
        return [
            (
                each.peer.transport,
                each.peer.host,
                each.peer.port,
                int(now - each.since),
                int(now - (each.talked or each.since)),
                each.user,
            )
            for each in self.connections.all()
        ]

    def counters(self):
        """-> [(label, value)] for the status page."""
        counts = self.connections.counters
        words = ", ".join([f"{counts[name]} {name}" for name in sorted(counts)])
        most = self.connections.limits.max_connections
        return [("connections", f"{len(self.connections)} of {most}; {words}")]
