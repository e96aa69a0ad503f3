"""Next hops: from a URI to the address that a datagram goes to."""

from app.proxy.config import is_address
from app.sip.errors import ParseError
from app.sip.transport import Peer
from app.sip.uri import parse_port, parse_uri

UDP = "1"  # Kamailio's number of a transport in the alias parameter


def next_hop(uri, config, use_alias=True):
    """-> Peer for a Uri, or None when it cannot be reached from here.

    An alias (see alias_of) wins over maddr, and that over the host (RFC 3261 19.1.1). Names
    are looked up in config.hosts alone, never in the DNS. UDP only: another transport, and
    sips, is not ours.
    """
    if uri.scheme != "sip" or uri.params.get("transport", "udp").lower() != "udp":
        return None
    if use_alias and "alias" in uri.params:
        return alias_of(uri)
    host = uri.params.get("maddr") or uri.host
    return peer_of(host, uri.port, config)


def peer_of(host, port, config):
    """-> Peer | None of a host by address, or by a name in config.hosts."""
    host = host.lower()
    if not is_address(host):
        if host not in config.hosts:
            return None
        host, known_port = config.hosts[host]
        port = port or known_port
    if host in ("0.0.0.0", "255.255.255.255", "::"):
        return None
    return Peer("udp", host, port or 5060, 0)


def alias_of(uri):
    """-> Peer of the ;alias=address~port~transport that add_contact_alias wrote, or None."""
    pieces = uri.params.get("alias", "").split("~")
    if len(pieces) != 3 or pieces[2] != UDP:
        return None
    host = pieces[0].strip("[]")
    try:
        port = parse_port(pieces[1])
    except ParseError:
        return None
    return Peer("udp", host, port, 0) if is_address(host) else None


def alias_for(peer):
    """-> str: the value of the alias parameter that leads to a Peer."""
    host = f"[{peer.host}]" if ":" in peer.host else peer.host
    return f"{host}~{peer.port}~{UDP}"


def uri_for(peer):
    """-> str: the URI of a source address, as kept in location's column received."""
    host = f"[{peer.host}]" if ":" in peer.host else peer.host
    return f"sip:{host}:{peer.port}"


def received_peer(text, config):
    """-> Peer | None of a `received` URI."""
    try:
        return next_hop(parse_uri(text), config)
    except ParseError:
        return None


def hop(peer):
    """-> str that names a next hop in a seal; "" for none, which no seal is made for."""
    return "" if peer is None else f"{peer.host.lower()}:{peer.port}"
