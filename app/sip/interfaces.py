"""Our own addresses: where we listen, what peers are told of it, where a message leaves from.

An interface is SER's `listen`: a transport, an address and a port, with the address that
others know it by (`advertise`). Behind a NAT the two differ, and then they differ for the
outside only: who is in one of the local networks is told the address itself.
"""

from collections import namedtuple

from app.sip.hosts import ANY, family_of, in_networks, parse_network
from app.sip.transport import DEFAULT_PORTS
from app.sip.uri import host_port, parse_host_port

MAX_INTERFACES = 15  # what Peer.flow has room for

# number: 1..15, `Peer.flow % 16`. transport: of transport.TRANSPORTS. host, port: what is
# listened on, "0.0.0.0" or "::" for every address. advertised_host, advertised_port (None: not
# printed): what Via and Record-Route name. name: "udp:192.0.2.1:5060", as Kamailio prints a
# socket.
Interface = namedtuple("Interface", (
    "number", "transport", "host", "port", "advertised_host", "advertised_port", "name",
))  # fmt: skip


def interface(number, transport, host, port, advertised=(None, None)):
    """-> Interface. advertised: (host | None, port | None): each as listened on without."""
    name = f"{transport}:{host_port(host, port)}"
    known = (advertised[0] or host, advertised[1] or port)
    return Interface(number, transport, host, port, known[0], known[1], name)


def places_of(listen, port, usual=("udp", "tcp"), ipv6=False):
    """-> the same list of (transport, host, port, advertised) with every port filled in.

    `port` is the one of UDP and TCP where `listen` says none. When it says nothing the `usual`
    transports are listened on everywhere, over IPv6 too where there is IPv6.
    """
    if not listen:
        hosts = ("0.0.0.0", "::") if ipv6 else ("0.0.0.0",)
        listen = [(each, host, None, None) for host in hosts for each in usual]
    found = []
    for transport, host, given, advertised in listen:
        if given is None:
            given = port if DEFAULT_PORTS[transport] == 5060 else DEFAULT_PORTS[transport]
        found.append((transport, host, given, advertised))
    return found


def known_as(places, port, advertise, own_address):
    """-> [Interface] of [(transport, host, port, advertised)], numbered from 1.

    advertised: (host, port | None), or None to take `advertise` (host | None, port | None): its
    host where the family is the same, its port for those that listen on `port`. What listens
    on every address is known by own_address(host).
    """
    found = []
    for transport, host, local_port, advertised in places:
        if advertised is None:
            same = family_of(advertise[0] or host) == family_of(host)
            name = advertise[0] if same else None
            if name is None and host in ANY.values():
                name = own_address(host)
            advertised = (name, advertise[1] if same and local_port == port else None)
        found.append(interface(len(found) + 1, transport, host, local_port, advertised))
    return found


class Interfaces:
    """All of our interfaces; the first one of a transport and family is its default.

    local_nets: ("192.168.0.0/16", ...) whose hosts reach us without a NAT between; ValueError
    for one that is no network. source(host) -> the local address that packets to `host` leave
    from, or None: it chooses where several interfaces serve (Kamailio's mhomed), and names a
    wildcard's address.
    """

    def __init__(self, interfaces, local_nets=(), source=None):
        self.all = list(interfaces)
        self.local_nets = tuple(local_nets)
        self._local = [parse_network(text) for text in local_nets]
        self._source = source
        self._own = {}  # sent-by -> True
        self._before = {}  # the same, of those that these have taken the place of
        self._serving = {}  # (transport, whether IPv6) -> [Interface]
        for each in self.all:
            for six in (False, True):
                if family_of(each.host) in (6 if six else 4, 0):
                    self._serving.setdefault((each.transport, six), []).append(each)
            self._own[host_port(each.host.lower(), each.port)] = True
            self._own[host_port(each.advertised_host.lower(), each.advertised_port)] = True

    @classmethod
    def of_sent_by(cls, text):
        """-> Interfaces of one UDP address that is known as "host" or "host:port"."""
        host, port = parse_host_port(text)
        known = Interface(1, "udp", host, port or 5060, host, port, "udp:" + text)
        return cls([known])

    def for_peer(self, peer):
        """-> Interface that a message to `peer` leaves from, or None: there is none for it.

        A number that is another transport's now, as a flow is kept for longer than a site, is
        none: another one of UDP serves as well, of a connection there is no other.
        """
        number = peer.flow % 16
        found = self._serving.get((peer.transport, ":" in peer.host), ())
        for each in found if number else ():
            if each.number == number:
                return each
        if peer.flow > 15:
            return None
        if len(found) > 1 and self._source is not None:
            here = self._source(peer.host)
            for each in found:
                if each.host == here:
                    return each
            for each in found:
                if each.host in ANY.values():
                    return each
        return found[0] if found else None

    def has(self, transport):
        """-> bool: we listen on this transport."""
        return (transport, False) in self._serving or (transport, True) in self._serving

    def named(self, name):
        """-> Interface of that name, or None."""
        for each in self.all:
            if each.name == name:
                return each
        return None

    def known_at(self, host, port, peer):
        """-> Interface that somebody was told of as host:port, if a message to `peer` may
        leave from it, else None."""
        for each in self._serving.get((peer.transport, ":" in peer.host), ()):
            if (host.lower(), port) == (each.advertised_host.lower(), each.advertised_port):
                return each
            if port == each.port and (each.host == host.lower() or each.host in ANY.values()):
                return each
        return None

    # What peers are told

    def told(self, peer):
        """-> (host, port | None): the address that `peer` is to know us by."""
        chosen = self.for_peer(peer) or self.all[0]
        if not self._local or not in_networks(peer.host, self._local):
            return chosen.advertised_host, chosen.advertised_port
        host = chosen.host
        if host in ANY.values():
            host = (self._source and self._source(peer.host)) or chosen.advertised_host
        return host, chosen.port

    def sent_by(self, peer):
        """-> str: the sent-by of our Via in a request to `peer`."""
        text = host_port(*self.told(peer)).lower()
        self._own[text] = True  # that of a wildcard is one of the machine's few addresses
        return text

    def succeed(self, before):
        """Takes the place of other Interfaces: what is in progress has their sent-by in its Via,
        and is answered to that."""
        for sent_by in before.recent():
            self._before[sent_by] = True

    def recent(self):
        """-> [str]: every sent-by of these Interfaces themselves."""
        return list(self._own)

    def is_own(self, sent_by):
        """-> bool: a Via with this sent-by (str, lower case) may be ours (RFC 3261 18.1.2)."""
        return sent_by in self._own or sent_by in self._before

    def of_family(self, family):
        """-> Interface: the first one of an address family (4, 6), UDP before others, or None."""
        found = [each for each in self.all if family_of(each.host) in (family, 0)]
        plain = [each for each in found if each.transport == "udp"]
        return (plain + found + [None])[0]

    def ports(self):
        """-> (int, ...) that belong to our addresses: listening and advertised ones."""
        found = []
        for each in self.all:
            for port in (each.port, each.advertised_port or 5060):
                if port not in found:
                    found.append(port)
        return tuple(found)

    def same_as(self, other):
        """-> bool: both listen alike and are known alike."""
        return (self.all, self.local_nets) == (other.all, other.local_nets)
