"""One connection: bytes in, SIP messages out, and what is to be sent waits here."""

from app.sip import build
from app.sip.errors import ParseError
from app.sip.message import parse
from app.sip.transport import Peer
from app.transport import stun
from app.transport.framing import BROKEN, MESSAGE, PING, STUN
from app.transport.websocket import END

# Whom to keep when there are too many: those later in this list.
STRANGER = 0  # has not sent a SIP message yet
SPEAKS = 1  # has, and nobody vouches for it
EXPECTED = 2  # we called it, or it comes from where somebody known came from lately
KNOWN = 3  # an authenticated user's, or a trunk's

PONG = b"\r\n"  # RFC 5626 4.4.1


class Connection:
    """peer: app.sip.transport.Peer; layer: framing.Framer or websocket.WebSocket.

    link: for the socket side, not looked at here. outbound: we called. since, talked, partial,
    stalled: `now` of its beginning, of the last SIP message (None: none yet), since when part
    of a message has been waited for, and since when nothing is taken of what is to be sent.
    """

    def __init__(self, peer, layer, now, outbound=False):
        self.peer = peer
        self.layer = layer
        self.outbound = outbound
        self.since = now
        self.connected = not outbound
        self.greeted = peer.transport == "tcp" and not outbound  # handshakes are done
        self.talked = now if outbound else None
        self.partial = self.stalled = None
        self.ending = None  # since when no more than what waits is to be sent
        self.standing = EXPECTED if outbound else STRANGER
        self.user = None
        self.link = None
        self.due = None  # entry of the table's heap
        self.waiting = []  # [bytes, mark of the message or None] to be sent
        self.waits = 0  # bytes of these

    def __str__(self):
        return f"{self.peer.transport}:{self.peer.host}:{self.peer.port}"

    # In

    def receive(self, data, now, token):
        """-> [bytes]: the SIP messages that these bytes complete; answers of ours wait to go."""
        messages = []
        for kind, value in self.layer.receive(data):
            if kind == MESSAGE:
                messages.append(value)
            elif kind == PING:
                self.put(self.layer.wrap(PONG))
            elif kind == STUN:
                self.put(stun.respond(value, self.peer.host, self.peer.port))
            elif kind == BROKEN:
                self.put(refusal(value, self.peer, token))
                self.ending = now
            else:
                self.put(value)
                if kind == END:
                    self.ending = now
        if messages:
            self.talked = now
            self.standing = max(self.standing, SPEAKS)
        self.greeted = self.greeted or self.layer.ready
        # one message after the other may begin in the same bytes: each has its own time
        if not self.layer.partial:
            self.partial = None
        elif messages or self.partial is None:
            self.partial = now
        return messages

    # Out

    def put(self, data, mark=None):
        """Let bytes wait to be sent; None and b"" are nothing."""
        if data:
            self.waiting.append([data, mark])
            self.waits += len(data)

    def output(self):
        """-> bytes to write next, or None. What was not taken comes again as it was."""
        return self.waiting[0][0] if self.waiting else None

    def written(self, count, now):
        """So many bytes of output() were taken."""
        if not count:
            if self.stalled is None:
                self.stalled = now
            return
        self.stalled = None
        self.greeted = self.greeted or self.outbound
        self.waits -= count
        head = self.waiting[0]
        if count < len(head[0]):
            head[0] = head[0][count:]
        else:
            self.waiting.pop(0)

    def unsent(self):
        """-> [mark] of the messages that were not sent whole."""
        return [mark for _, mark in self.waiting if mark is not None]


def peer_of(interface, host, port, serial):
    """-> Peer of a connection on one of our interfaces (see Peer.flow)."""
    return Peer(interface.transport, host, port, serial * 16 + interface.number)


def refusal(broken, peer, token):
    """-> bytes of the answer to the request that ends a connection, or None.

    broken: (head, code, reason) of framing. Only a request with a Via has an answer.
    """
    head, code, reason = broken
    try:
        request = None if head is None else parse(head)
    except ParseError as error:
        request = error.message
    if request is None or not request.is_request or request.method in (None, "ACK"):
        return None
    if "via" not in request.spans:
        return None
    try:
        request.mark_received(peer.host, peer.port)
    except ParseError:
        pass  # the answer goes where the request came from
    return build.response(request, code, reason, to_tag=token(20))
