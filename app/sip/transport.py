"""What the transaction layer knows of transports: who a peer is, and where a response goes.

A transport is a name in `Peer.transport`. Only "udp" loses messages; on all others the
timers of RFC 3261 17 take their reliable values and a response goes back on the connection
that `Peer.flow` names.
"""

from collections import namedtuple

from app.sip.errors import ParseError

# transport: of TRANSPORTS; host: a textual IP address; port: int. flow: 0: not said, choose;
# else `flow % 16` is the number of our interface (interfaces.py), `flow // 16` the serial
# number of the connection (0 over UDP). To a flow of a stream goes that very connection or
# none; to flow 0 an open one to that address, or a new one.
Peer = namedtuple("Peer", ("transport", "host", "port", "flow"))

TRANSPORTS = ("udp", "tcp", "tls", "ws", "wss")
# RFC 3261 19.1.2, 18.2.1; RFC 7118 5.2.4 with RFC 6455 3
DEFAULT_PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061, "ws": 80, "wss": 443}


def same_place(peer, other):
    """-> bool: the same transport, host and port, whichever flow leads there."""
    return peer[:3] == other[:3]


def is_reliable(peer):
    return peer.transport != "udp"


def reply_peer(request, peer):
    """-> Peer: where the responses to `request`, which came from `peer`, go (RFC 3261 18.2.2).

    Over UDP always the address it came from: that is what `received` holds. The port is the
    source's if the client asked for it with rport (RFC 3581), else the sent-by's. A maddr is
    not followed: it would let anybody aim our responses at a third party. So does it go to the
    source when the Via cannot be read.
    """
    try:
        via = request.via
    except ParseError:
        return peer
    if is_reliable(peer) or via.wants_rport:
        return peer
    return Peer(peer.transport, peer.host, via.port or 5060, peer.flow)


def other_reply_peer(request, peer):
    """-> Peer of a new connection for a response whose own is gone (RFC 3261 18.2.2), or None.

    To the address that the request came from, at the port of its sent-by. Nobody listens
    behind a WebSocket client (RFC 7118 5).
    """
    if peer.transport not in ("tcp", "tls") or not peer.flow:
        return None
    try:
        port = request.via.port
    except ParseError:
        return None
    return Peer(peer.transport, peer.host, port or DEFAULT_PORTS[peer.transport], 0)


def is_keepalive(data):
    """-> bool: line breaks or NULs only (RFC 5626 3.5.1, and what devices send), or STUN.

    A STUN message begins with its type, below 4 in every method in use (RFC 8489 5); SIP
    begins with a printable character.
    """
    return not data.strip(b"\r\n\0 ") or data[0] < 4
