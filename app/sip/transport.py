"""What the transaction layer knows of transports: who a peer is, and where a response goes.

The seam for TCP, TLS and WebSocket: a transport is a name in `Peer.transport`. Only "udp"
loses messages; on all others the timers of RFC 3261 17 take their reliable values and a
response goes back on the connection that `Peer.flow` names.
"""

from collections import namedtuple

from app.sip.errors import ParseError

# transport: "udp", "tcp", "tls", "ws" or "wss"; host: a textual IP address; port: int;
# flow: the socket or connection (0: the default one of that transport).
Peer = namedtuple("Peer", ("transport", "host", "port", "flow"))


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


def is_keepalive(data):
    """-> bool: line breaks or NULs only (RFC 5626 3.5.1, and what devices send), or STUN.

    A STUN message begins with its type, below 4 in every method in use (RFC 8489 5); SIP
    begins with a printable character.
    """
    return not data.strip(b"\r\n\0 ") or data[0] < 4
