"""What the endpoint knows of connections: whose may be used again, and who refuses TCP.

A request names the address it goes to. Over which connection it goes there is decided here:
over one that the peer itself has opened and said to be good for it (`alias` of RFC 5923), and,
if it is too long for a datagram, over TCP (RFC 3261 18.1.1) unless that has failed before.
"""

from app.sip.hosts import parse_host
from app.sip.transport import DEFAULT_PORTS, Peer

LONGEST_DATAGRAM = 1300  # octets of a request over UDP (RFC 3261 18.1.1)
REFUSAL = 600.0  # seconds until TCP is tried again where it was refused
MAX_REFUSALS = 256
FIRST_CONNECTION = 16  # Peer.flow from here on names a connection


class Connections:
    """Aliases end with their connection: there are at most as many as there are connections."""

    def __init__(self):
        self._aliases = {}  # (transport, host, port) -> Peer with its flow
        self._claims = {}  # Peer -> the key that it has among the aliases
        self._refusals = {}  # (host, port) -> `now` until when

    def claim(self, via, peer):
        """A request whose topmost Via asks for the reuse of its connection, if it may.

        RFC 5923 8 wants both ends authenticated by certificates, or anybody could have what
        is meant for another. Here a connection stands for the address that it comes from and
        no other: the sent-by must be that address. It keeps its first claim, and who came
        first keeps the address.
        """
        if peer.flow < FIRST_CONNECTION or peer.transport not in ("tcp", "tls"):
            return
        source = parse_host(peer.host)
        if "alias" not in via.params or source is None or parse_host(via.host) != source:
            return
        key = (peer.transport, peer.host, via.port or DEFAULT_PORTS[peer.transport])
        if key not in self._aliases and peer not in self._claims:
            self._aliases[key] = peer
            self._claims[peer] = key

    def chosen(self, peer):
        """-> Peer: the same, with the flow of a connection that is good for it."""
        return peer if peer.flow else self._aliases.get(peer[:3], peer)

    def lost(self, peer):
        """The connection is gone, and what it was good for with it."""
        key = self._claims.pop(peer, None)
        if key is not None:
            del self._aliases[key]

    def tcp_for(self, peer, length, now):
        """-> Peer to try instead of a UDP one with a request of so many octets, or None.

        A flow that is said is kept: behind a NAT nobody listens for connections.
        """
        if peer.transport != "udp" or peer.flow or length <= LONGEST_DATAGRAM:
            return None
        if self._refusals.get((peer.host, peer.port), now) > now:
            return None
        return Peer("tcp", peer.host, peer.port, 0)

    def refused(self, peer, now):
        """TCP did not work for a request that UDP has to take now."""
        if len(self._refusals) >= MAX_REFUSALS:
            self._refusals = {
                place: self._refusals[place]
                for place in self._refusals if self._refusals[place] > now
            }  # fmt: skip
        if len(self._refusals) < MAX_REFUSALS:
            self._refusals[peer.host, peer.port] = now + REFUSAL
