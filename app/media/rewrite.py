"""What a description looks like behind the relay: c=, m= and a=rtcp name our ports.

o= stays as it is: it names the session, not a place to send to (RFC 4566 5.2, RFC 3264 8).
"""

from app.sip.hosts import UNSPECIFIED
from app.sip.sdp import parse_sdp

# Candidates (RFC 8839) would lead the two parties past the relay; without the others a party
# does not expect any.
ICE = (b"a=candidate", b"a=remote-candidates", b"a=end-of-candidates", b"a=ice-")


def read_sdp(data):
    """-> Sdp of the octets of a description without its ICE lines. Raises ParseError."""
    if b"candidate" in data or b"a=ice-" in data:
        lines = data.split(b"\n")
        data = b"\n".join([line for line in lines if not _is_ice(line)])
    return parse_sdp(data)


def _is_ice(line):
    return any(line.startswith(prefix) for prefix in ICE)


def is_relayed(media):
    """-> bool: datagrams. MSRP or BFCP over TCP (RFC 4145) is left to the two parties."""
    return not media.proto.startswith("TCP")


def is_active(media):
    return media.port != 0 and is_relayed(media)


def rewrite(sdp, address, ports):
    """Puts `address` and ports [int, by m= line; 0: refused] in. -> bytes

    An address of 0.0.0.0 stays: to the other party too it says hold (RFC 3264 8.4).
    """
    own = [media.connection for media in sdp.media]
    sdp.set_connection(_ours(address, sdp.connection))
    for media, port, connection in zip(sdp.media, ports, own):
        if not is_relayed(media):
            if connection and not media.has_connection:
                sdp.set_connection(connection, media)
            continue
        if connection is None or media.has_connection:
            sdp.set_connection(_ours(address, connection), media)
        if media.port:
            _put_port(sdp, media, port)
    return sdp.to_bytes()


def _ours(address, theirs):
    return theirs if theirs in UNSPECIFIED else address


def _put_port(sdp, media, port):
    muxed = media.rtcp == media.port  # RFC 5761 5.1.3
    sdp.set_port(media, port)
    if port and media.is_rtp:
        sdp.set_rtcp(media, port if muxed else port + 1)
