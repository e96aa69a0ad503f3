"""Flow tokens (RFC 5626 5.2): the connection that a request came on, named in a URI's user part.

A telephone that asks for Outbound is reached by the way that it has opened itself, never by
its Contact. Where requests for it come past us later, a URI of ours says by which way they go
on: Path for its registrar, Record-Route within a dialog. Who holds a token can send to that
telephone and nowhere else, and nobody can make one: it carries a keyed hash.

    ob~HASH~KIND~TRANSPORT~HOST~PORT~FLOW~START

START tells this run of the program from others, whose connections are gone; over UDP a flow
outlives a restart. IPv6 addresses have "_" for ":", which a user part has no room for.
"""

from app.sip.digest import same_secret
from app.sip.hosts import parse_host
from app.sip.transport import TRANSPORTS, Peer, is_reliable

OPTION = "outbound"  # the option tag
PARAM = "ob"  # of a Contact, and of our Path
MARK = "ob~"
LENGTH = 20  # hex digits: the 80 bits of RFC 5626 5.2
START = 8  # hex digits

PATH = "p"  # the token alone opens the way: the registrar has it
WITHIN = "r"  # of Record-Route: good together with the seal of its dialog

FORGED = "forged"
GONE = "gone"


class Flows:
    """Makes and reads flow tokens with `secret` (str), which should survive a restart."""

    def __init__(self, hashes, secret, start):
        self._hashes = hashes
        self._secret = secret
        self._start = start[:START]

    def token(self, kind, peer):
        """-> str for the way that `peer` names; kind: PATH or WITHIN."""
        start = self._start if is_reliable(peer) else ""
        host = peer.host.lower().replace(":", "_")
        text = f"{kind}~{peer.transport}~{host}~{peer.port}~{peer.flow}~{start}"
        return f"{MARK}{self._hash(text)}~{text}"

    def read(self, token):
        """-> (kind, Peer), or FORGED, or GONE for one whose connection cannot be there any more."""
        pieces = token.split("~")
        if len(pieces) != 8:
            return FORGED
        text = "~".join(pieces[2:])
        if not same_secret(self._hash(text), pieces[1]):
            return FORGED
        kind, transport, host, port, flow, start = pieces[2:]
        peer = Peer(transport, host.replace("_", ":"), int(port), int(flow))  # we wrote them
        if is_reliable(peer) and start != self._start:
            return GONE
        return kind, peer

    def _hash(self, text):
        # nested as HMAC is (RFC 2104), so that no hash can be extended
        inner = self._hashes.sha256(f"{self._secret}\nflow\n{text}".encode())
        return self._hashes.sha256(f"{self._secret}\nflow\n{inner}".encode())[:LENGTH]


def is_token(user):
    """-> bool: a user part that looks like one; read() tells whether it is."""
    return bool(user) and user.startswith(MARK)


def asks_for_outbound(message):
    """-> bool: a request says that its sender can do Outbound (RFC 5626 4.2, 6)."""
    for name in ("supported", "require"):
        if OPTION in [tag.lower() for tag in message.headers(name)]:
            return True
    return False


def loses(binding_uri, peer):
    """-> bool: without the connection from `peer` nobody reaches a contact of this Uri.

    A telephone that names the very address that it sends from may listen there as well.
    """
    if peer.transport not in TRANSPORTS[1:3] or not binding_uri.is_sip:
        return True
    return parse_host(binding_uri.host) != parse_host(peer.host)
