"""Users of two endpoints on a Link: a caller and a callee, to see transactions converge."""

from app.sip import build
from app.sip.edits import Edits
from app.sip.message import parse
from tests.sip.elements import ALICE, BOB, Link, endpoint, name_of, request, response

T1 = 0.5


class Caller:
    """Sends requests and acknowledges 2xx, as a user agent client does (RFC 3261 13.2.2.4)."""

    def __init__(self, element):
        self.element = element
        self.told = {}  # transaction -> [event names]
        self.acks = 0

    def send(self, link, method, call):
        transaction = self.element.request(request(method, call=call), BOB, link.now)
        self.told[transaction.key] = []
        return transaction

    def on(self, event, now):
        name = name_of(event)
        if name == "StrayResponse":
            return
        self.told[event.transaction.key].append(name)
        if name[0] == "2" and event.transaction.method == "INVITE":
            self.acks += 1
            ack = Edits(parse(build.ack_for(event.transaction.request, event.message)))
            ack.pop("Via")
            branch = f"z9hG4bKack{self.acks}"
            ack.push("Via", f"SIP/2.0/UDP 192.0.2.1:5060;branch={branch};rport")
            self.element.forward(ack.to_bytes(), BOB)


class Callee:
    """Answers each request with `plan` [(seconds, status)], and repeats 2xx until the ACK."""

    def __init__(self, element, plan):
        self.element = element
        self.plan = plan
        self.link = None
        self.names = []
        self.open = {}  # call-id -> server transaction
        self.acknowledged = set()
        self.started = self.ended = 0

    def on(self, event, now):
        name = name_of(event)
        self.names.append(name)
        if name == "Request":
            self.take(event, now)
        elif name == "Ack":
            self.acknowledged.add(event.message.call_id)
        elif name == "Cancel":
            self.answer(event.transaction, 487)
        elif name == "Ended":
            self.ended += 1

    def take(self, event, now):
        if event.message.method == "CANCEL":
            self.element.reply(event.message, event.peer, 481, "No Such Call")
            return
        transaction = self.element.accept(event.message, event.peer, now)
        transaction.user = 0  # the final status
        self.started += 1
        for seconds, status in self.plan:
            self.link.later(seconds, lambda status=status: self.answer(transaction, status))

    def answer(self, transaction, status):
        if transaction.user:
            return
        transaction.user = status if status >= 200 else 0
        self.put(transaction, status)
        if transaction.method == "INVITE" and 200 <= status < 300:
            self.repeat(transaction, status, T1, T1)

    def put(self, transaction, status):
        self.element.respond(transaction, response(transaction, status), self.link.now)

    def repeat(self, transaction, status, interval, elapsed):
        """RFC 3261 13.3.1.4: until the ACK, for 64*T1."""

        def again():
            if transaction.request.call_id in self.acknowledged or elapsed > 64 * T1:
                return
            self.put(transaction, status)
            following = min(2 * interval, 4.0)
            self.repeat(transaction, status, following, elapsed + following)

        self.link.later(interval, again)


def pair(plan, seed, **weather):
    """-> (link, caller, callee) with nothing sent yet; weather: loss, duplication, delay."""
    caller = Caller(endpoint(seed=seed + 1))
    callee = Callee(endpoint(seed=seed + 2, sent_by="192.0.2.2:5060"), plan)
    endpoints = {ALICE: caller.element, BOB: callee.element}
    link = Link(endpoints, {ALICE: caller.on, BOB: callee.on}, seed, **weather)
    callee.link = link
    return link, caller, callee
