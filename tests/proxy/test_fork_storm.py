"""Calls that go every way they can: responses, CANCEL, names and time in any order.

Whatever happens, the caller gets one final response, every 2xx reaches it, and nothing stays.
The order is drawn, the same in every run; a failure names the number of its call.
"""

from app.sip import build
from app.sip.transaction import client_key
from app.sip.transport import same_place
from tests.dns import answers
from tests.proxy.named import NamedBox
from tests.proxy.phone import SDP, Phone

NAME = "callee.example"
HOSTS = ("203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4")
CODES = (100, 180, 183, 200, 302, 404, 408, 430, 486, 487, 500, 503, 600, 603)
CALLS = 250
STEPS = 24
RECORDS = (
    answers.a(f"one.{NAME}", HOSTS[0]), answers.a(f"one.{NAME}", HOSTS[1]),
    answers.a(f"two.{NAME}", HOSTS[2]),
)  # fmt: skip


class Draw:
    """Numbers of a seed, alike under both interpreters (the constants of Numerical Recipes)."""

    def __init__(self, seed):
        self.state = seed * 7919 + 1

    def __call__(self, count):
        """-> int in 0..count - 1."""
        self.state = (self.state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self.state >> 8) % count

    def of(self, items):
        return items[self(len(items))]


class Script:
    """Forks to some of: a name of two addresses, a name of one, a name of none, an address."""

    def __init__(self, draw):
        self.targets = [
            f"sip:a@one.{NAME}", f"sip:b@two.{NAME}", f"sip:c@none.{NAME}", f"sip:d@{HOSTS[3]}",
        ]  # fmt: skip
        self.count = 1 + draw(4)
        self.qualities = [draw.of((1.0, 1.0, 0.5)) for _ in self.targets]
        self.quick = draw(3) == 0
        self.again = draw(3) == 0

    def request_route(self, r):
        if r.is_method("ACK"):
            return r.t_relay()
        if self.quick:
            r.t_set_fr(20000, 2000)
        if self.again:
            r.t_on_failure("failed")
        r.clear_branches()
        for at in range(self.count):
            r.append_branch(self.targets[at], self.qualities[at])
        return r.t_relay()

    def failed(self, r):
        r.append_branch(self.targets[3])
        r.t_relay()

    def onreply_route(self, r):
        pass


class Storm:
    """One call."""

    def __init__(self, seed):
        self.draw = Draw(seed)
        self.box = NamedBox(*RECORDS)
        self.box.proxy.routes = Script(self.draw)
        self.box.zone.silent = self.draw(2) == 0
        self.alice = Phone(self.box, "200")
        self.phones = [Phone(self.box, f"b{at}", host=HOSTS[at]) for at in range(len(HOSTS))]
        self.invites = []  # (telephone, Request): one for each branch that has come out
        self.answered = {}  # branch of ours -> the status that its telephone has sent
        self.owed = []  # To tags of 2xx that came in time
        self.replies = []  # (status, To tag) that the caller has got, each once
        self.lines = ["Supported: 199"] if self.draw(2) else []
        self.invite = self.alice.make("INVITE", f"sip:d@{HOSTS[3]}", self.lines, body=SDP)
        self.cancelled = False

    def play(self):
        self.box.receive(self.invite, self.alice.peer)
        for _ in range(STEPS):
            self.look()
            self.step()
        self.box.zone.silent = False
        for _ in range(80):
            self.look()
            self.box.wait(10)
        self.look()
        return self

    def step(self):
        kind = self.draw(10)
        if kind < 6 and self.invites:
            self.reply()
        elif kind == 6:
            self.box.zone.silent = not self.box.zone.silent
        elif kind == 7 and not self.cancelled and self.draw(3) == 0:
            self.cancelled = True
            self.box.receive(build.cancel_for(self.invite), self.alice.peer)
        else:
            self.box.wait(self.draw.of((0.1, 1, 2.5, 5, 33, 130)))

    def reply(self):
        """Some telephone answers; after a final response it repeats that alone."""
        phone, request = self.draw.of(self.invites)
        code = self.answered.get(request.via.branch) or self.draw.of(CODES)
        tag = request.via.branch[-20:]
        if code >= 200:
            self.answered[request.via.branch] = code
        if code == 200 and client_key(request.via.branch, "INVITE") in self.box.endpoint._clients:
            self.owed.append(tag)
        phone.reply(request, code, tag=tag)

    def look(self):
        """Takes what has been sent to everybody."""
        for phone in self.phones:
            for message in phone.received():
                if message.is_request and message.method == "INVITE":
                    known = [each.via.branch for _, each in self.invites]
                    if message.via.branch not in known:
                        self.invites.append((phone, message))
                elif message.is_request and message.method == "CANCEL":
                    self.cancel(phone, message)
        for message in self.alice.received():
            if not message.is_request and message.cseq.method == "INVITE":
                found = (message.status, message.to.tag)
                if message.status >= 200 and found not in self.replies:
                    self.replies.append(found)
                if 300 <= message.status:
                    self.box.receive(build.ack_for(self.invite, message), self.alice.peer)

    def cancel(self, phone, message):
        """A CANCEL is answered, and so is its INVITE, as a telephone does most of the time."""
        phone.reply(message, 200)
        for other, request in self.invites:
            if request.via.branch == message.via.branch and self.draw(4):
                self.answered.setdefault(message.via.branch, 487)
                if self.answered[message.via.branch] == 487:
                    other.reply(request, 487, tag=message.via.branch[-20:])


def check(storm, seed):
    final = [code for code, _ in storm.replies]
    failures = [code for code in final if code >= 300]
    assert final, (seed, "the caller has no answer")
    assert len(failures) <= 1 and failures == final[: len(failures)], (seed, final)
    tags = [tag for code, tag in storm.replies if code == 200]
    assert [tag for tag in storm.owed if tag not in tags] == [], (seed, "a 2xx is lost")
    if failures == [487]:
        assert storm.cancelled or 487 in storm.answered.values(), seed
    box = storm.box
    assert len(box.endpoint) == 0, (seed, "transactions stay")
    assert len(box.proxy.deadlines) == 0, (seed, "deadlines stay")
    assert len(box.resolver) == 0 and box.resolver.next_answer() is None, seed
    assert len(box.proxy._strangers) == 0, seed
    calls = box.proxy.calls.all()
    assert not calls or final[0] == 200, (seed, "a call that nobody has answered stays")
    sent = [peer for _, peer in box.sent]
    known = [storm.alice.peer] + [phone.peer for phone in storm.phones]
    for peer in sent:
        assert any([same_place(peer, each) for each in known]), (seed, peer)


def test_whatever_happens_a_call_ends_once_and_leaves_nothing():
    outcomes = {}
    for seed in range(CALLS):
        storm = Storm(seed).play()
        check(storm, seed)
        for code, _ in storm.replies[:1]:
            outcomes[code] = outcomes.get(code, 0) + 1
    assert len(outcomes) > 6, outcomes  # it did go every way
