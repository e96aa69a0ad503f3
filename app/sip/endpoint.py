"""The transaction layer, sans-IO: RFC 3261 17 and 18 with RFC 3581 and RFC 6026.

The loop around it: receive() each datagram, then pull next_event() until None and act, then
pull to_send() until None; sleep until next_timer(), then handle_timers() and pull again.
"""

from app.sip import build, events, machines
from app.sip.connections import Connections
from app.sip.edits import Edits
from app.sip.errors import ParseError, bad
from app.sip.interfaces import Interfaces
from app.sip.message import parse
from app.sip.timers import Deadlines
from app.sip.transaction import ClientTransaction, ServerTransaction, client_key, server_key
from app.sip.transport import (
    Peer,
    is_keepalive,
    is_reliable,
    other_reply_peer,
    reply_peer,
)

__all__ = ["Endpoint", "LimitReached", "Peer"]

COOKIE = "z9hG4bK"  # RFC 3261 8.1.1.7
# An answer to an address that has proved nothing is at most so many times as long as what came
# from there, as in RFC 9000 8.1: nobody floods somebody else with us as his loudspeaker.
AMPLIFICATION = 3
COPIED = ("from", "to", "call-id")  # what no response lacks (RFC 3261 8.2.6.2)


class _Nobody:
    """Whose message it is when nothing follows from that it could not be sent."""

    def transport_error(self, now):
        pass


NOBODY = _Nobody()
# Transactions beyond the limit for urgent requests, so that an emergency call finds room.
RESERVE = 64


class LimitReached(Exception):
    """There are as many transactions as the endpoint may hold: answer 503 with Retry-After."""


class Endpoint:
    """One SIP element's transactions.

    interfaces: app.sip.interfaces.Interfaces, or "host[:port]" for one of UDP: what our Via
    says; token, hashes: see docs/architecture.md; limit: the most transactions at a time. Each
    INVITE's CANCEL comes on top, so that a call can always be given up; messages that match
    nothing take no memory.

    counters: {name: int}; received, sent: messages; dropped: what is no SIP, or not for us.
    """

    def __init__(self, interfaces, token, hashes, limit=2048):
        if isinstance(interfaces, str):
            interfaces = Interfaces.of_sent_by(interfaces)
        self.interfaces = interfaces
        self.limit = limit
        self.deadlines = Deadlines()
        self.counters = {"received": 0, "sent": 0, "dropped": 0}
        self._token = token
        self._hashes = hashes
        self._secret = token(32)
        self._servers = {}  # server_key -> ServerTransaction
        self._clients = {}  # client_key -> ClientTransaction
        self._connections = Connections()
        self._streams = {}  # (transport, host, port) -> {ClientTransaction: True}
        self._events = []
        self._sends = []  # (data, peer, transaction | _Stateless | NOBODY)
        self._last = NOBODY  # whose message to_send() gave last

    def __len__(self):
        """Transactions held, those for CANCEL too."""
        return len(self._servers) + len(self._clients)

    # What arrives

    def receive(self, data, peer, now):
        """Take one datagram (or one message of a stream) that came from `peer`."""
        if is_keepalive(data):
            self._pong(data, peer)
            return
        self.counters["received"] += 1
        message = None
        try:
            message = parse(data)
            if message.is_request:
                message.mark_received(peer.host, peer.port)
                self._receive_request(message, peer, now)
            else:
                self._receive_response(message, peer, now)
        except ParseError as error:
            self._malformed(message or error.message, peer, error)

    def _pong(self, data, peer):
        """RFC 5626 3.5.1: on streams a double CRLF is answered, on UDP nothing is."""
        if is_reliable(peer) and data == b"\r\n\r\n":
            self.queue(b"\r\n", peer, None)

    def _malformed(self, message, peer, error):
        """Only a request with a Via is answered: one that cannot be read too (RFC 4475 3.1.2.1)."""
        if message is None or not message.is_request or message.method == "ACK":
            self.counters["dropped"] += 1
            return
        if "via" not in message.spans:
            self.counters["dropped"] += 1
            return
        code, reason = error.code, error.reason
        if message.version not in (None, "SIP/2.0"):
            # another version may have another Via as well (RFC 4475 3.1.2.16)
            code, reason = 505, "Version Not Supported"
        try:
            message.mark_received(peer.host, peer.port)
        except ParseError:
            pass  # the answer goes to where the request came from
        self.tell(events.Malformed(message, peer, code, reason))

    def _receive_request(self, message, peer, now):
        method = message.method
        transaction = self._server_for(message, peer, "INVITE" if method == "ACK" else method)
        if transaction is not None:
            event = machines.ACK if method == "ACK" else machines.REQUEST
            transaction.fire(event, now, message, peer)
        elif method == "ACK":
            self._receive_ack(message, peer)
        elif method == "CANCEL":
            self._receive_cancel(message, peer, now)
        else:
            self.tell(events.Request(message, peer))

    def _server_for(self, message, peer, method):
        """-> ServerTransaction | None. An ACK and a CANCEL come from the host that their INVITE
        came from (RFC 3261 9.1, 17.1.1.3: to the same next hop), or they are somebody else's."""
        transaction = self._servers.get(server_key(message, method))
        if transaction is None or not transaction.matches(message):
            return None
        if message.method != method and transaction.peer.host != peer.host:
            return None
        return transaction

    def serves(self, key):
        """-> bool: there is a server transaction of this key (transaction.server_key)."""
        return key in self._servers

    def _receive_ack(self, message, peer):
        """An ACK of no transaction: for a 2xx, or for an answer of reply(), which ends here."""
        if message.to.tag != self.to_tag(message):
            self.tell(events.Ack(message, peer))

    def _receive_cancel(self, message, peer, now):
        """RFC 3261 9.2 and 16.10: the 200 is the endpoint's, the rest is the user's."""
        invite = self._server_for(message, peer, "INVITE")
        if invite is None:
            self.tell(events.Request(message, peer))
            return
        answer = build.response(message, 200, "OK", to_tag=self.to_tag(message))
        transaction = self._start_server(message, peer, now)
        transaction.silent = True
        transaction.fire(machines.SUCCESS, now, answer)
        invite.fire(machines.CANCEL, now, message, peer)

    def _receive_response(self, message, peer, now):
        via = message.via
        if not self.interfaces.is_own(via.sent_by):  # RFC 3261 18.1.2: not an answer to us
            self.counters["dropped"] += 1
            return
        for name in COPIED:
            if name not in message.spans:
                raise bad(f"no {name} header")
        transaction = self._clients.get(client_key(via.branch or "", message.cseq.method))
        if transaction is None:
            self.tell(events.StrayResponse(message, peer))
        else:
            transaction.receive(message, peer, now)

    # What the user does

    def accept(self, request, peer, now, urgent=False):
        """Begin a server transaction for the request of a Request event.

        An INVITE is answered with 100 at once. urgent: RESERVE more are allowed for it.
        -> ServerTransaction; raises LimitReached,
        ParseError for what check.check() refuses, and ValueError for an ACK or a request that
        has its transaction already.
        """
        if request.method == "ACK":
            raise ValueError("an ACK has no transaction: forward() it")
        self._admit(urgent)
        return self._start_server(request, peer, now)

    def _admit(self, urgent):
        if len(self) >= self.limit + (RESERVE if urgent else 0):
            raise LimitReached(f"{self.limit} transactions are in progress")

    def _start_server(self, request, peer, now):
        key = server_key(request, request.method)
        if key in self._servers:
            raise ValueError("this request has its transaction: accept() it once")
        self._connections.claim(request.via, peer)
        transaction = ServerTransaction(self, key, reply_peer(request, peer), request)
        transaction.fire(machines.REQUEST, now, request, peer)
        self._servers[key] = transaction  # last: an unreadable request leaves nothing behind
        return transaction

    def respond(self, transaction, response, now):
        """Send a response (bytes) in a server transaction; one that comes too late is dropped."""
        status = int(response[8:11].decode())
        transaction.fire(machines.event_of(status), now, response)

    def reply(self, request, peer, code, reason, headers=(), to_tag=None):
        """Answer without a transaction; the ACK to it is absorbed.

        Takes the message of a Malformed event too. Nothing is sent to an ACK, nor to a
        request whose Via headers cannot be read, for there is no telling where to; nor, over
        UDP, what is much longer than the request, whose source may be forged.
        """
        if request.method == "ACK":
            return
        try:
            data, target = self.answer(request, peer, code, reason, headers, to_tag)
            if not is_reliable(peer) and len(data) > AMPLIFICATION * len(request.raw):
                self.counters["dropped"] += 1
                return
            other = other_reply_peer(request, peer)
            sent = None if other is None else _Stateless(self, data, other)
            self.queue(data, target, sent)
        except ParseError:
            self.counters["dropped"] += 1

    def answer(self, request, peer, code, reason, headers=(), to_tag=None):
        """-> (bytes, Peer) of what reply() sends, for who sends it later; raises ParseError."""
        if to_tag is None and code > 100:
            to_tag = self.to_tag(request)
        data = build.response(request, code, reason, to_tag=to_tag, headers=headers)
        return data, reply_peer(request, peer)

    def to_tag(self, request):
        """-> str: the To tag of our own answers to this request.

        Keyed by our secret, so nobody else can make one, and the same in each retransmission
        and in the ACK, so that reply() needs no memory (RFC 3261 8.2.7).
        """
        try:
            from_tag = request.from_.tag or ""
        except ParseError:
            from_tag = ""
        cseq = (request.header("cseq") or "").split()  # an ACK has the number of its INVITE
        marks = [self._secret, request.header("call-id") or "", from_tag, "".join(cseq[:1])]
        return self._digest(marks)

    def _digest(self, marks):
        return self._hashes.sha256("\n".join(marks).encode())[:20]

    def request(self, edits, peer, now, suffix="", urgent=False):
        """Send a request (Edits, or bytes without our Via) in a client transaction.

        Our Via goes on top, its branch unique to the transaction; `suffix` (token characters)
        ends the branch, for loop detection (RFC 3261 16.6 step 8, RFC 5393). The edits are
        left as they are. urgent: as of accept(). -> ClientTransaction; raises LimitReached.
        """
        self._admit(urgent)
        edits = edits if isinstance(edits, Edits) else Edits(parse(edits))
        branch = COOKIE + self._token(20) + suffix
        data, way = self._addressed(edits, branch, peer, now)
        return self._start_client(branch, edits.message.method, way, data, now, peer)

    def _addressed(self, edits, branch, peer, now):
        """-> (bytes with our Via, Peer): over the connection or the transport that is right."""
        peer = self._connections.chosen(peer)
        data = self._with_via(edits, branch, peer)
        other = self._connections.tcp_for(peer, len(data), now)
        if other is None or self.interfaces.for_peer(other) is None:
            return data, peer
        other = self._connections.chosen(other)
        return self._with_via(edits, branch, other), other

    def _with_via(self, edits, branch, peer):
        """-> bytes. The Via names the transport that is used (RFC 3261 18.1.1)."""
        edits = edits.copy()
        transport = peer.transport.upper()
        sent_by = self.interfaces.sent_by(peer)
        # RFC 5923 5: the peer may send its requests on the connection that we open
        alias = ";alias" if transport == "TLS" else ""
        edits.push("Via", f"SIP/2.0/{transport} {sent_by};branch={branch};rport{alias}")
        if is_reliable(peer):
            edits.set_length()
        return edits.to_bytes()

    def _start_client(self, branch, method, peer, data, now, asked, silent=False):
        """asked: the Peer that the request was for, which `peer` may reach otherwise."""
        key = client_key(branch, method)
        transaction = ClientTransaction(self, key, method, peer, data)
        transaction.silent = silent
        if asked.transport != peer.transport:
            transaction.datagram = asked
        self._clients[key] = transaction
        if is_reliable(peer):
            self._streams.setdefault(peer[:3], {})[transaction] = True
        transaction.fire(machines.REQUEST, now)
        return transaction

    def forward(self, message, peer, now=0.0):
        """Send without a transaction: bytes as they are, or Edits of a request with our Via.

        That Via's branch is the same for a retransmission, and for a CANCEL as for its INVITE
        (RFC 3261 16.11). So are an ACK for 2xx and a CANCEL that matches nothing forwarded.
        """
        sent = None
        if isinstance(message, Edits):
            edits, request = message, message.message
            message = edits.to_bytes()
            if request.is_request:
                branch = COOKIE + self._digest([self._secret, server_key(request, "")])
                message, way = self._addressed(edits, branch, peer, now)
                if way.transport != peer.transport:
                    sent = _Stateless(self, self._with_via(edits, branch, peer), peer)
                peer = way
        self.queue(message, peer, sent)

    def cancel(self, transaction, now, headers=()):
        """Give up an INVITE that was sent: a CANCEL goes out once RFC 3261 9.1 allows it.

        Before a provisional response it waits for one; after a final one, and for any other
        method, nothing is sent. The answer to the INVITE still comes as Response or Timeout.
        headers: lines of the CANCEL, "Name: value": its Reason (RFC 3326).
        """
        if not transaction.cancelled:
            transaction.cancelled = True
            transaction.cancel_headers = headers
            transaction.fire(machines.CANCEL, now)

    def abandon(self, transaction, now):
        """Give up a server transaction of another method than INVITE without a final response.

        RFC 4320 4.2: who is too late says nothing. Retransmissions are absorbed for the 64*T1
        that a completed transaction lasts.
        """
        transaction.fire(machines.ABANDON, now)

    # What the loop pulls

    def next_event(self):
        """-> the next of app/sip/events.py, or None."""
        return self._events.pop(0) if self._events else None

    def to_send(self):
        """-> (bytes, Peer) to send next, or None."""
        if not self._sends:
            return None
        data, peer, self._last = self._sends.pop(0)
        self.counters["sent"] += 1
        return data, peer

    def sent(self):
        """-> a mark of what to_send() gave last, for transport_error()."""
        return self._last

    def transport_error(self, now, sent=None):
        """What to_send() gave last could not be sent (RFC 3261 18.4).

        sent: of a message that waited for its connection, what sent() said when it was given.
        """
        if sent is None:
            sent, self._last = self._last, NOBODY
        sent.transport_error(now)

    def connection_lost(self, peer, now):
        """The connection that `peer` names by its flow is gone, or never came about.

        Requests that were sent on it and have had no answer at all will have none; what is
        answered provisionally may go on over another connection (RFC 3261 18.2.2).
        """
        self._connections.lost(peer)
        for transaction in list(self._streams.get(peer[:3], ())):
            flow = transaction.peer.flow
            if flow in (0, peer.flow) and transaction.is_unanswered():
                transaction.transport_error(now)

    def next_timer(self):
        """-> when to call handle_timers(), as `now`; None: no timer runs."""
        return self.deadlines.next()

    def handle_timers(self, now):
        """Fire every timer whose time has come."""
        item = self.deadlines.pop(now)
        while item is not None:
            transaction, timer = item
            transaction.fire_timer(timer, now)
            item = self.deadlines.pop(now)

    # What the transactions ask for (see transaction.py)

    def queue(self, data, peer, transaction):
        self._sends.append((data, peer, transaction or NOBODY))

    def tell(self, event):
        self._events.append(event)

    def start_cancel(self, invite, now):
        branch = invite.key.split("\n")[1]
        data = build.cancel_for(invite.request, invite.cancel_headers)
        peer = invite.peer
        self._start_client(branch, "CANCEL", peer, data, now, peer, silent=True)

    def over_udp(self, transaction, now):
        """RFC 3261 18.1.1: who refuses TCP gets the request in a datagram, however long."""
        peer, transaction.datagram = transaction.datagram, None
        self._connections.refused(peer, now)
        self._not_on_stream(transaction)
        edits = Edits(parse(transaction.request))
        branch = edits.message.via.branch
        edits.pop("via")
        transaction.restart(self._with_via(edits, branch, peer), peer, now)

    def tcp_refused(self, peer, now):
        self._connections.refused(peer, now)

    def _not_on_stream(self, transaction):
        place = transaction.peer[:3]
        there = self._streams.get(place)
        if there is not None and there.pop(transaction, False) and not there:
            del self._streams[place]

    def forget(self, transaction):
        is_client = isinstance(transaction, ClientTransaction)
        if is_client:
            self._not_on_stream(transaction)
        held = self._clients if is_client else self._servers
        del held[transaction.key]


class _Stateless:
    """A message without a transaction that has another way if the first one fails."""

    def __init__(self, endpoint, data, peer):
        self._endpoint = endpoint
        self._data = data
        self._peer = peer

    def transport_error(self, now):
        if self._peer.transport == "udp":
            self._endpoint.tcp_refused(self._peer, now)
        self._endpoint.queue(self._data, self._peer, None)
