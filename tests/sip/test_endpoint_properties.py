"""Whatever the network and the users do, transactions end and nothing is left behind."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from app.sip.edits import Edits
from app.sip.endpoint import LimitReached
from app.sip.message import ParseError, parse
from tests.sip.calls import pair
from tests.sip.elements import (
    ALICE,
    BOB,
    datagrams,
    endpoint,
    is_empty,
    name_of,
    received,
    request,
    response,
    told,
)

PLANS = st.lists(
    st.tuples(
        st.floats(0, 40, allow_nan=False),
        st.sampled_from([100, 180, 183, 200, 202, 302, 401, 486, 503, 603]),
    ),
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(
    plan=PLANS,
    method=st.sampled_from(["INVITE", "OPTIONS", "BYE"]),
    cancels=st.lists(st.floats(0, 40, allow_nan=False), max_size=2),
    seed=st.integers(1, 10**6),
    loss=st.integers(0, 60),
    duplication=st.integers(0, 60),
    delay=st.integers(1, 800),
)
def test_two_endpoints_converge(plan, method, cancels, seed, loss, duplication, delay):
    plan = sorted(plan) + [(90.0, 480)]  # a user answers in the end
    link, caller, callee = pair(plan, seed, loss=loss, duplication=duplication, delay=delay)
    transaction = caller.send(link, method, "call")
    for at in cancels:
        link.later(at, lambda: caller.element.cancel(transaction, link.now))
    link.run()
    names = caller.told[transaction.key]
    final = {name for name in names if name == "Timeout" or "200" <= name < "700"}
    assert names[-1] == "Ended" and names.count("Ended") == 1
    assert len(final) == 1
    assert is_empty(caller.element) and is_empty(callee.element)
    assert callee.started == callee.ended <= 1


class OneEndpoint(RuleBasedStateMachine):
    """Requests, responses, CANCELs and time in any order at one endpoint with a small limit."""

    LIMIT = 5

    def __init__(self):
        super().__init__()
        self.element = endpoint(limit=self.LIMIT)
        self.now = 0.0
        self.count = 0
        self.arrived = []  # what may be sent to us again
        self.servers = []
        self.clients = []
        self.live = 0

    def settle(self):
        """Everything pulled: each event and datagram is well formed."""
        for event in told(self.element):
            name = name_of(event)
            if name == "Ended":
                event.transaction.user = "ended"
            if name == "Request" and event.message.method != "CANCEL":
                self.offer(event)
        for data, _ in datagrams(self.element):
            parse(data)

    def offer(self, event):
        try:
            self.servers.append(self.element.accept(event.message, event.peer, self.now))
        except LimitReached:
            self.element.reply(event.message, event.peer, 503, "Service Unavailable")

    @rule(method=st.sampled_from(["INVITE", "OPTIONS"]), old=st.booleans())
    def arrive(self, method, old):
        self.count += 1
        branch = "" if old else f";branch=z9hG4bK{self.count}"
        via = f"SIP/2.0/UDP 192.0.2.1:5060{branch}"
        how = {"via": via, "call": str(self.count)}
        self.arrived.append((method, how))
        self.element.receive(received(method, **how), ALICE, self.now)
        self.settle()

    @precondition(lambda self: self.arrived)
    @rule(data=st.data(), kind=st.sampled_from(["again", "CANCEL", "ACK"]))
    def follow(self, data, kind):
        method, how = data.draw(st.sampled_from(self.arrived))
        kind = method if kind == "again" else kind
        tag = "b1" if kind == "ACK" else None
        self.element.receive(received(kind, to_tag=tag, **how), ALICE, self.now)
        self.settle()

    @precondition(lambda self: self.servers)
    @rule(data=st.data(), status=st.sampled_from([180, 200, 302, 486, 600]))
    def answer(self, data, status):
        transaction = data.draw(st.sampled_from(self.servers))
        self.element.respond(transaction, response(transaction, status), self.now)
        self.settle()

    @rule(method=st.sampled_from(["INVITE", "OPTIONS"]))
    def send(self, method):
        try:
            edits = Edits(parse(request(method)))
            self.clients.append(self.element.request(edits, BOB, self.now))
        except LimitReached:
            assert len(self.element) >= self.LIMIT
        self.settle()

    @precondition(lambda self: self.clients)
    @rule(data=st.data(), status=st.sampled_from([100, 183, 200, 404, 487]))
    def get_answer(self, data, status):
        transaction = data.draw(st.sampled_from(self.clients))
        self.element.receive(response(transaction, status), BOB, self.now)
        self.settle()

    @precondition(lambda self: self.clients)
    @rule(data=st.data())
    def cancel(self, data):
        self.element.cancel(data.draw(st.sampled_from(self.clients)), self.now)
        self.settle()

    @rule(seconds=st.floats(0, 40, allow_nan=False))
    def wait(self, seconds):
        self.now += seconds
        self.element.handle_timers(self.now)
        self.settle()

    @rule()
    def fail_to_send(self):
        self.element.to_send()
        self.element.transport_error(self.now)
        self.settle()

    @invariant()
    def bounded(self):
        assert len(self.element) <= 2 * self.LIMIT
        deadlines = self.element.deadlines
        assert len(deadlines) <= 2 * len(self.element)
        assert deadlines.held <= 2 * (len(deadlines) + deadlines.SLACK) + 1

    def teardown(self):
        """Users answer what is open, then time passes: nothing is left."""
        for transaction in self.servers:
            self.element.respond(transaction, response(transaction, 500), self.now)
        for transaction in self.clients:
            self.element.receive(response(transaction, 500), BOB, self.now)
        for _ in range(3):
            self.now += 40.0
            self.element.handle_timers(self.now)
        self.settle()
        assert is_empty(self.element)
        assert all(item.user == "ended" for item in self.servers + self.clients)


OneEndpoint.TestCase.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None
)
TestOneEndpoint = OneEndpoint.TestCase


@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=300))
def test_no_bytes_make_the_endpoint_fail(data):
    element = endpoint()
    element.receive(data, ALICE, 0.0)
    for event in told(element):
        element.reply(event.message, event.peer, 400, "Bad Request")
    datagrams(element)
    assert is_empty(element)


MESSAGES = [
    received(),
    received("CANCEL"),
    received("ACK", to_tag="b1"),
    received("OPTIONS", via="SIP/2.0/UDP 192.0.2.1:5060"),
    response(received(), 486),
]


@settings(max_examples=200, deadline=None)
@given(
    original=st.sampled_from(MESSAGES),
    cuts=st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=3)), max_size=4),
)
def test_no_damaged_message_makes_the_endpoint_fail(original, cuts):
    element = endpoint()
    server = element.accept(parse(received()), ALICE, 0.0)
    element.request(request(), BOB, 0.0)
    held = len(element)
    for at, piece in cuts:
        original = original[:at] + piece + original[at + len(piece) :]
    element.receive(original, ALICE, 0.0)
    for event in told(element):
        if name_of(event) == "Request":
            try:
                element.accept(event.message, event.peer, 0.0)
            except ParseError:
                element.reply(event.message, event.peer, 400, "Bad Request")
        elif name_of(event) == "Malformed":
            element.reply(event.message, event.peer, event.code, event.reason)
    assert len(element) <= held + 2 and server.state == "proceeding"
