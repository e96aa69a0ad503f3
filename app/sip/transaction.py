"""Transactions: app/sip/machines.py put to work, and the keys that messages find them by.

A transaction owns no socket and no clock. Its `layer`, the endpoint, offers:

    queue(data, peer, transaction)      send this; transport_error() if that fails
    tell(event)                         for the user (app/sip/events.py)
    deadlines                           app.sip.timers.Deadlines; items are (transaction, timer)
    start_cancel(transaction, now)      a CANCEL for this client transaction
    over_udp(transaction, now)          its request again, as TCP was refused
    forget(transaction)                 it has ended
"""

from app.sip import build, events, machines, timers
from app.sip.message import parse
from app.sip.transport import is_reliable, other_reply_peer


class Transaction:
    """What the four kinds share: a walk through a table of app/sip/machines.py.

    state: one of machines' states. method: str. peer: where its messages go.
    user: free for the transaction's user.
    """

    machine = None

    def __init__(self, layer, key, method, peer):
        self.layer = layer
        self.key = key
        self.method = method
        self.peer = peer
        self.state = machines.START
        self.silent = False  # tells the user nothing: a CANCEL that the endpoint handles alone
        self.user = None
        self._timers = {}  # timer -> its entry among the deadlines
        self._backoff = 0.0  # the last interval of the retransmission timer A, E or G

    def fire(self, event, now, message=None, peer=None):
        """Take the cell of `event` in the present state; without one the event is dropped.

        `message` is what arrived, from `peer`, or the bytes of the response that the TU gives.
        -> bool: there was a cell.
        """
        cell = self.machine[self.state].get(event)
        if cell is None:
            return False
        self.state, actions, starts = cell
        self._stop_timers()
        # timers first: where memory runs out in an action, they end the transaction still
        for timer in starts:
            self._start_timer(timer, now)
        for action in actions:
            getattr(self, action)(message, peer, now)
        if self.state == machines.TERMINATED:
            self.layer.forget(self)
            self.tell(events.Ended(self))
        return True

    def fire_timer(self, timer, now):
        """The deadline of `timer` has come."""
        del self._timers[timer]
        self.fire(timer, now)

    def transport_error(self, now):
        """What was given to queue() last could not be sent (RFC 3261 18.4)."""
        self.fire(machines.TRANSPORT_ERROR, now)

    def tell(self, event):
        if not self.silent:
            self.layer.tell(event)

    def tell_timeout(self, message, peer, now):
        self.tell(events.Timeout(self))

    def tell_error(self, message, peer, now):
        self.tell(events.TransportError(self))

    def _start_timer(self, timer, now):
        seconds = timers.interval(timer, self.state, is_reliable(self.peer), self._backoff)
        if seconds is None:
            return
        if timer in timers.LONGEST:
            self._backoff = seconds
        self._timers[timer] = self.layer.deadlines.add(now + seconds, (self, timer))

    def _stop_timers(self):
        """A timer lives while the state's row has a cell for it."""
        row = self.machine[self.state]
        for timer in [timer for timer in self._timers if timer not in row]:
            self.layer.deadlines.cancel(self._timers.pop(timer))


class ClientTransaction(Transaction):
    """RFC 3261 17.1. `request`: bytes as sent, with our Via on top."""

    def __init__(self, layer, key, method, peer, request):
        super().__init__(layer, key, method, peer)
        is_invite = method == "INVITE"
        self.machine = machines.INVITE_CLIENT if is_invite else machines.NON_INVITE_CLIENT
        self.request = request
        self.datagram = None  # the UDP Peer that this request was too long for
        self.cancelled = False  # the TU asked for a CANCEL
        self.cancel_headers = ()  # lines that it wants there
        self._cancel_deferred = False

    def receive(self, response, peer, now):
        """A response that matches arrives."""
        self.fire(machines.event_of(response.status), now, response, peer)
        if self._cancel_deferred and self.state == machines.PROCEEDING:
            self._cancel_deferred = False
            self.fire(machines.CANCEL, now)

    def transport_error(self, now):
        if self.datagram is not None and self.is_unanswered():
            self.layer.over_udp(self, now)
        else:
            self.fire(machines.TRANSPORT_ERROR, now)

    def is_unanswered(self):
        return self.state in (machines.CALLING, machines.TRYING)

    def restart(self, request, peer, now):
        """The same transaction from its start, over another transport."""
        self.request, self.peer = request, peer
        self.state = machines.START
        self._stop_timers()
        self.fire(machines.REQUEST, now)

    def send(self, message, peer, now):
        self.layer.queue(self.request, self.peer, self)

    def send_ack(self, response, peer, now):
        """RFC 3261 17.1.1.3: to where the INVITE went."""
        self.layer.queue(build.ack_for(self.request, response), self.peer, self)

    def send_cancel(self, message, peer, now):
        self.layer.start_cancel(self, now)

    def defer_cancel(self, message, peer, now):
        self._cancel_deferred = True

    def pass_up(self, response, peer, now):
        self.tell(events.Response(self, response, peer))


class ServerTransaction(Transaction):
    """RFC 3261 17.2. `request`: the Request; `response`: bytes last sent, or None."""

    def __init__(self, layer, key, peer, request):
        super().__init__(layer, key, request.method, peer)
        is_invite = request.method == "INVITE"
        self.machine = machines.INVITE_SERVER if is_invite else machines.NON_INVITE_SERVER
        self.request = request
        self.response = None
        self._is_moved = False  # to a connection of our own
        self.is_located = False  # for the user: its sent-by has been looked up (RFC 3263 5)

    def transport_error(self, now):
        """The connection that the request came on is gone: once, a new one is tried."""
        other = None
        if not self._is_moved and self.request is not None:
            other = other_reply_peer(self.request, self.peer)
        if other is None or self.response is None:
            self.fire(machines.TRANSPORT_ERROR, now)
            return
        self._is_moved = True
        self.peer = other
        self.layer.queue(self.response, other, self)

    def redirect(self, peer, now):
        """Responses go there from now on, the last one again: the connection is gone."""
        self.peer = peer
        if self.response is not None:
            self.layer.queue(self.response, peer, self)

    def matches(self, message):
        """-> bool: `message`, found by our key, has the right To tag too (17.2.3).

        It tells apart RFC 2543's requests only; in RFC 3261's the branch has said it all.
        """
        if message.via.is_unique:
            return True
        if message.method == "ACK" and self.response is not None:
            return message.to.tag == parse(self.response).to.tag
        return message.to.tag == self.request.to.tag

    def release(self):
        """Its user is done with the request: it is kept only where its copies are known by it."""
        if not is_reliable(self.peer) and self.request is not None and self.request.via.is_unique:
            self.request = None

    def send_trying(self, request, peer, now):
        self.respond(build.response(self.request, 100, "Trying"), peer, now)

    def respond(self, response, peer, now):
        self.response = response
        self.layer.queue(response, self.peer, self)

    def resend(self, message, peer, now):
        if self.response is not None:  # one that was abandoned never had any
            self.layer.queue(self.response, self.peer, self)

    def pass_up(self, message, peer, now):
        if message.method == "CANCEL":
            self.tell(events.Cancel(self, message, peer))
        else:
            self.tell(events.Ack(message, peer))


def server_key(message, method):
    """-> str: what a server transaction of `method` for this request is found by (17.2.3).

    An ACK and a CANCEL are of their INVITE, so the method is the caller's to say. Without a
    branch of RFC 3261 (the cookie alone is none: RFC 4475 3.1.2.19) all of RFC 2543's marks
    count but the To tag, which ServerTransaction.matches() compares. Raises ParseError.
    """
    via = message.via
    marks = [method, via.sent_by, (via.branch or "").lower()]
    if not via.is_unique:
        cseq = str(message.cseq.number)
        marks += [message.uri, message.from_.tag or "", message.call_id, cseq]
    return "\n".join(marks)


def client_key(branch, method):
    """-> str: what a client transaction is found by (17.1.3)."""
    return method + "\n" + branch.lower()
