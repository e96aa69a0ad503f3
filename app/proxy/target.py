"""Next hops: from a URI to the transport and address that a message goes to, and back."""

from app.proxy.config import is_address
from app.sip.errors import ParseError
from app.sip.headers import parse_name_addr, split_list
from app.sip.hosts import parse_host
from app.sip.transport import DEFAULT_PORTS, TRANSPORTS, Peer
from app.sip.uri import host_port, parse_port, parse_uri

# Kamailio's number of a transport in the alias parameter; 4 is SCTP, which we have not.
NUMBERS = {"udp": "1", "tcp": "2", "tls": "3", "ws": "5", "wss": "6"}
BY_NUMBER = {NUMBERS[name]: name for name in NUMBERS}
# Transport of a Peer that is a name: what the URI left open is for the DNS to say.
ANY = "any"  # of a sip URI
ANY_SECURE = "any secure"  # of a sips URI
SECURE = {"udp": None, "tcp": "tls", "tls": "tls", "ws": "wss", "wss": "wss"}


def next_hop(uri, config, use_alias=True):
    """-> Peer for a Uri, or None when it cannot be reached from here.

    An alias (see alias_of) wins over maddr, and that over the host (RFC 3261 19.1.1). A name
    is looked up in config.hosts; one that is not there gives, with config.dns, a Peer that is
    still to be located (locate.py): its host is the name, its port 0 where the URI has none.
    """
    if not uri.is_sip:
        return None
    if use_alias and "alias" in uri.params:
        return alias_of(uri, config)
    host = uri.params.get("maddr") or uri.host
    transport = transport_of(uri, config)
    if uri.port is None and not uri.params.get("transport") and _is_to_locate(host, config):
        # RFC 3263 4.1: the DNS says over which transport
        transport = ANY_SECURE if uri.scheme == "sips" else ANY
    return peer_of(host, uri.port, config, transport)


def is_located(peer):
    """-> bool: a Peer has an address, and no name that is still to be looked up."""
    return is_address(peer.host)


def transport_of(uri, config):
    """-> transport that a SIP Uri asks for, or None for one that is not known or not secure.

    RFC 3263 4.1 for addresses: UDP for sip, TLS for sips; a sips URI's ;transport says what
    TLS runs over (RFC 3261 26.2.2), of ws it makes wss (RFC 7118 5.2.4).
    """
    transport = uri.params.get("transport", "").lower()
    if uri.scheme == "sips":
        return SECURE.get(transport or "tls")
    if transport:
        return transport if transport in TRANSPORTS else None
    return "udp" if config.interfaces.has("udp") else "tcp"


def peer_of(host, port, config, transport="udp"):
    """-> Peer | None of a host: an address, a name in config.hosts, or one for the DNS."""
    host = host.lower()
    if _is_to_locate(host, config):
        known = transport in (ANY, ANY_SECURE) or config.interfaces.has(transport)
        return Peer(transport, host, port or 0, 0) if known else None
    if not is_address(host):
        if host not in config.hosts:
            return None
        host, known_port = config.hosts[host]
        port = port or known_port
    return _reachable(transport, host, port, config)


def _is_to_locate(host, config):
    """-> bool: a name that the DNS is asked for. None ends in a number (RFC 1123 2.1)."""
    if not config.dns or is_address(host) or host.lower() in config.hosts:
        return False
    return bool(host.rstrip(".").rpartition(".")[2].strip("0123456789"))


def _reachable(transport, host, port, config):
    """-> Peer | None: what we have an interface for, and no multicast or broadcast."""
    if transport is None or is_for_many(host):
        return None
    if not config.interfaces.has(transport):
        return None
    return Peer(transport, host, port or DEFAULT_PORTS[transport], 0)


def is_for_many(host):
    """-> bool: an address of nobody, or of a multicast group, which responses would flood."""
    if ":" in host:
        return parse_host(host) == (6, 0) or host[:2].lower() == "ff"
    return host in ("0.0.0.0", "255.255.255.255") or 224 <= int(host.partition(".")[0]) < 240


def is_all_secure(target, peer):
    """-> bool: what was for a sips URI may go to a Target by way of a Peer (RFC 3261 26.4.4)."""
    return target.uri.scheme == "sips" and peer.transport in ("tls", "wss", ANY_SECURE)


def peer_from(peer, interface):
    """-> Peer: the same one, to be reached from this Interface."""
    return Peer(peer.transport, peer.host, peer.port, interface.number)


def alias_of(uri, config):
    """-> Peer of the ;alias=address~port~transport that add_contact_alias wrote, or None."""
    pieces = uri.params.get("alias", "").split("~")
    transport = BY_NUMBER.get(pieces[2]) if len(pieces) == 3 else None
    if transport is None:
        return None
    host = pieces[0].strip("[]")
    try:
        port = parse_port(pieces[1])
    except ParseError:
        return None
    return _fixed(_reachable(transport, host, port, config), config) if is_address(host) else None


def _fixed(peer, config):
    """-> Peer | None: what a telephone sends from, which is to be reached that way and no other.

    Over UDP that is said by the flow: a long request is not tried over TCP, where a NAT would
    let nobody in.
    """
    if peer is None or peer.transport != "udp":
        return peer
    interface = config.interfaces.for_peer(peer)
    return peer if interface is None else Peer("udp", peer.host, peer.port, interface.number)


def alias_for(peer):
    """-> str: the value of the alias parameter that leads to a Peer."""
    host = f"[{peer.host}]" if ":" in peer.host else peer.host
    return f"{host}~{peer.port}~{NUMBERS[peer.transport]}"


def uri_for(peer):
    """-> str: the URI of a source address, as kept in location's column received."""
    transport = "" if peer.transport == "udp" else f";transport={peer.transport}"
    return f"sip:{host_port(peer.host, peer.port)}{transport}"


def received_peer(text, config):
    """-> Peer | None of a `received` URI."""
    try:
        return _fixed(next_hop(parse_uri(text), config), config)
    except ParseError:
        return None


def received_source(text):
    """-> Peer | None: the address in a `received` URI, whether we can send there or not."""
    try:
        uri = parse_uri(text or "")
    except ParseError:
        return None
    transport = (uri.params.get("transport") or "udp").lower() if uri.is_sip else ""
    if transport not in TRANSPORTS or not is_address(uri.host):
        return None
    return Peer(transport, uri.host, uri.port or DEFAULT_PORTS[transport], 0)


class Target:
    """Where a request may go.

    uri: Uri; q: float | None; received: URI as str | None; binding: the Binding that it was
    found in, or None; path: [NameAddr] of the proxies on the way (RFC 3327); flows: [Target]
    that are other ways to the same telephone (RFC 5626 7).
    """

    def __init__(self, uri, q, received, binding=None):
        self.uri = uri
        self.q = q
        self.contact = uri  # what the way there is taken from
        self.received = received
        self.binding = binding
        self.flows = []
        self.path = []
        if binding is not None and binding.path:
            self.path = [parse_name_addr(value) for value in split_list(binding.path)]

    def moved(self, uri, q=None):
        """-> Target of another Uri that is reached the same way; q: None as this one's."""
        return Target(uri, self.q if q is None else q, self.received, self.binding)

    def peer(self, config):
        """-> Peer | None: by the Path, else where it registered from, else by the URI."""
        if self.path:
            return next_hop(self.path[0].uri, config)
        if self.received:
            return self._registered_from(received_peer(self.received, config), config)
        return next_hop(self.contact, config, use_alias=False)

    def _registered_from(self, peer, config):
        binding = self.binding
        if peer is None or binding is None:
            return peer
        interface = config.interfaces.named(binding.socket)
        number = interface.number if interface is not None else peer.flow
        return Peer(peer.transport, peer.host, peer.port, binding.flow or number)


def target_of(contact, q=None, received=None, binding=None):
    """-> Target of a URI as text, or None for one that is no SIP URI, or a Path that is none.

    Headers of the URI go no further: no Request-URI has any (RFC 3261 19.1.1).
    """
    try:
        uri = parse_uri(contact)
        uri.headers = ""
        return Target(uri, q, received, binding) if uri.is_sip else None
    except ParseError:
        return None


def target_of_binding(binding, scheme="sips"):
    """-> Target of a Binding for a request to a URI of this scheme, or None.

    A sips Contact is good for both (RFC 5630 5.4): it goes on in the caller's scheme, over TLS.
    """
    target = target_of(binding.contact, binding.q, binding.received, binding)
    if target is not None and scheme == "sip" and target.uri.scheme == "sips":
        target.uri = parse_uri(binding.contact)
        target.uri.headers = ""
        target.uri.scheme = "sip"
    return target


def hop(peer):
    """-> str that names a next hop in a seal; "" for none, which no seal is made for."""
    return "" if peer is None else f"{peer.transport}:{peer.host.lower()}:{peer.port}"
