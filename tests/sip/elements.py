"""SIP elements in memory: messages to send them, and a link that loses what it likes.

Portable: no pytest, no socket, no clock, no randomness but a seed's.
"""

import binascii
import hashlib

from app.sip import build, events
from app.sip.edits import Edits
from app.sip.endpoint import Endpoint
from app.sip.message import parse
from app.sip.transport import Peer

ALICE = Peer("udp", "192.0.2.1", 5060, 0)
BOB = Peer("udp", "192.0.2.2", 5060, 0)


class Hashes:
    @staticmethod
    def sha256(data):
        return binascii.hexlify(hashlib.sha256(data).digest()).decode()


class Random:
    """Reproducible numbers: a linear congruential generator."""

    def __init__(self, seed):
        self.state = seed * 2654435761 % 4294967296

    def below(self, limit):
        self.state = (self.state * 1664525 + 1013904223) % 4294967296
        return (self.state >> 8) % limit

    def chance(self, percent):
        return self.below(100) < percent

    def token(self, count):
        return "".join(["0123456789abcdef"[self.below(16)] for _ in range(count)])


def endpoint(seed=1, sent_by="192.0.2.1:5060", limit=2048):
    return Endpoint(sent_by, Random(seed).token, Hashes, limit)


def request(method="INVITE", call="c1", number=1, lines=(), to_tag=None):
    """-> bytes of a request as the TU gives it: without our Via."""
    to = f"<sip:bob@example.org>;tag={to_tag}" if to_tag else "<sip:bob@example.org>"
    head = [
        f"{method} sip:bob@example.org SIP/2.0",
        "Max-Forwards: 70",
        "From: <sip:alice@example.org>;tag=a1",
        f"To: {to}",
        f"Call-ID: {call}",
        f"CSeq: {number} {method}",
    ]
    return "\r\n".join(head + list(lines) + ["Content-Length: 0", "", ""]).encode()


def received(method="INVITE", via="SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx1;rport", **how):
    """-> bytes of a request as it arrives: with the sender's Via."""
    edits = Edits(parse(request(method, **how)))
    edits.push("Via", via)
    return edits.to_bytes()


def response(transaction_or_message, code, reason="Whatever", to_tag="b1", **how):
    """-> bytes of a response to what a transaction (or a Request, or its bytes) holds."""
    message = getattr(transaction_or_message, "request", transaction_or_message)
    if isinstance(message, bytes):
        message = parse(message)
    return build.response(message, code, reason, to_tag=to_tag, **how)


def sent(element):
    """-> [(first line as str, Peer)] of what an endpoint sends now."""
    return [(first_line(data), peer) for data, peer in datagrams(element)]


def lines(element):
    return [line for line, _ in sent(element)]


def datagrams(element):
    found = []
    item = element.to_send()
    while item is not None:
        found.append(item)
        item = element.to_send()
    return found


def told(element):
    """-> [event] that an endpoint tells now."""
    found = []
    event = element.next_event()
    while event is not None:
        found.append(event)
        event = element.next_event()
    return found


def names(element):
    """-> [str]: the events' names, a Response with its status."""
    return [name_of(event) for event in told(element)]


KINDS = ("Request", "Ack", "Cancel", "Response", "Timeout", "TransportError", "StrayResponse",
         "Ended", "Malformed")


def name_of(event):
    for name in KINDS:
        if isinstance(event, getattr(events, name)):
            return f"{event.message.status}" if name == "Response" else name
    raise ValueError(event)


def first_line(data):
    return data.split(b"\r\n")[0].decode()


def run_timers(element, until):
    """Fire every timer up to `until`; -> [(when, [first lines sent])] of those that send."""
    found = []
    at = element.next_timer()
    while at is not None and at <= until:
        element.handle_timers(at)
        out = lines(element)
        if out:
            found.append((at, out))
        at = element.next_timer()
    return found


def is_empty(element):
    """No transaction, timer, event or datagram is left."""
    element.next_timer()  # drops the cancelled ones in front
    return (len(element), len(element.deadlines), element.deadlines.held) == (0, 0, 0) and (
        element.to_send() is None and element.next_event() is None
    )


class Link:
    """Endpoints by peer, and between them a network that drops, doubles and delays.

    users: {peer: function(event, now)}, what each element's user does on an event.
    """

    def __init__(self, endpoints, users, seed, loss=0, duplication=0, delay=200):
        self.endpoints = endpoints
        self.users = users
        self.now = 0.0
        self.random = Random(seed)
        self.loss = loss  # percent
        self.duplication = duplication  # percent
        self.delay = delay  # milliseconds at most
        self.flying = []  # [when, order, data, source, target]
        self.order = 0
        self.carried = 0
        self.calls = []  # [when, order, function]: what users do later

    def later(self, seconds, function):
        self.order += 1
        self.calls.append((self.now + seconds, self.order, function))

    def carry(self, data, source, target):
        copies = 2 if self.random.chance(self.duplication) else 1
        for _ in range(copies):
            if self.random.chance(self.loss):
                continue
            self.order += 1
            when = self.now + (1 + self.random.below(self.delay)) / 1000
            self.flying.append((when, self.order, data, source, target))

    def pump(self):
        """Events to users and datagrams onto the wire, until both are quiet."""
        busy = True
        while busy:
            busy = False
            for peer, element in self.endpoints.items():
                for event in told(element):
                    busy = True
                    self.users[peer](event, self.now)
                for data, target in datagrams(element):
                    busy = True
                    self.carry(data, peer, target)

    def step(self):
        """The next thing that happens; -> False when nothing ever will."""
        self.pump()
        timers = [at for at in [e.next_timer() for e in self.endpoints.values()] if at is not None]
        times = timers + [flight[0] for flight in self.flying] + [call[0] for call in self.calls]
        if not times:
            return False
        self.now = max(self.now, min(times))
        for flight in self._due(self.flying):
            self.carried += 1
            if flight[4] in self.endpoints:
                self.endpoints[flight[4]].receive(flight[2], flight[3], self.now)
                self.pump()
        for call in self._due(self.calls):
            call[2]()
        for element in self.endpoints.values():
            element.handle_timers(self.now)
        return True

    def _due(self, waiting):
        due = sorted([item[:2] for item in waiting if item[0] <= self.now])
        found = []
        for mark in due:
            for place in range(len(waiting)):
                if waiting[place][:2] == mark:
                    found.append(waiting.pop(place))
                    break
        return found

    def run(self, most=20000):
        """Until nothing is left to happen; it must come to that within `most` steps."""
        for _ in range(most):
            if not self.step():
                return
        raise AssertionError("the elements do not come to rest")
