"""More messages than can be served: who waits, who goes first, who gets 503."""

from app.proxy.overload import BYTES_MAX, CALM, MAX_AGE, WAITING_MAX
from app.sip import build
from app.sip.message import parse
from app.sip.transport import Peer
from tests.proxy.phone import SDP, Phone, last, status
from tests.proxy.test_service import Bench

STRANGER = Peer("udp", "203.0.113.5", 5060, 1)


class Rush(Bench):
    """A Bench whose messages wait: put() them, then serve()."""

    def __init__(self, **settings):
        settings.setdefault("ban", 0)  # floods are pike's otherwise: what is left is ours
        super().__init__(**settings)

    def put(self, data, peer=STRANGER):
        self.service.arrive(data, peer, self.now)

    def serve(self, count=10000):
        """-> how many messages were served."""
        served = 0
        while served < count and self.service.work(self.now, self.wall):
            served += 1
            self.collect()
        self.collect()
        return served

    def collect(self):
        item = self.service.to_send()
        while item is not None:
            self.sent.append(item)
            item = self.service.to_send()

    def first_lines(self):
        sent, self.sent = self.sent, []
        return [data.split(b"\r\n")[0].decode() for data, _ in sent]


def scene(**settings):
    """-> (Rush, alice, bob), both registered, nothing on its way."""
    box = Rush(**settings)
    alice, bob = Phone(box, "200"), Phone(box, "201")
    alice.register()
    bob.register()
    return box, alice, bob


def flood(box, count, method="INVITE", start=0, peer=STRANGER):
    """So many requests of one stranger wait."""
    stranger = Phone(box, "mallory", host=peer.host, domain="example.com")
    stranger.number = 500000 + start
    sent = []
    for number in range(start, start + count):
        sent.append(stranger.make(method, "sip:201@example.org", call_id=f"flood{number}"))
        box.put(sent[-1], peer)
    return sent


def order(box):
    """-> [call-ids] in the order that the messages would be served."""
    found = []
    item = box.service.intake.next(box.now)
    while item is not None:
        found.append(parse(item[0]).call_id)
        item = box.service.intake.next(box.now)
    return found


def test_few_messages_are_served_as_they_come():
    box, alice, bob = scene()
    flood(box, CALM - 1)
    box.put(alice.make("OPTIONS", "sip:example.org", call_id="ours"), alice.peer)
    assert order(box) == [f"flood{number}" for number in range(CALM - 1)] + ["ours"]


def test_with_many_what_goes_on_comes_first_and_strangers_last():
    box, alice, bob = scene(emergency=("112",))
    flood(box, 2 * CALM)
    box.put(alice.make("INVITE", "sip:201@example.org", call_id="ours"), alice.peer)
    box.put(alice.make("REGISTER", "sip:example.org", call_id="refresh"), alice.peer)
    box.put(alice.make("INVITE", "sip:201@example.org", call_id="dialog",
                       to="<sip:201@example.org>;tag=x"), alice.peer)  # fmt: skip
    box.put(alice.make("INVITE", "sip:112@example.org", call_id="help"), alice.peer)
    box.put(alice.make("BYE", "sip:201@example.org", call_id="end"), alice.peer)
    box.put(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x\r\nCall-ID: answer\r\nCSeq: 1 BYE\r\n"
            b"From: <sip:a@b>\r\nTo: <sip:a@b>\r\n\r\n", STRANGER)  # fmt: skip
    assert order(box)[:6] == ["help", "end", "answer", "refresh", "dialog", "ours"]


def test_an_emergency_call_of_a_stranger_comes_before_other_strangers():
    box, alice, bob = scene(emergency=("112",))
    flood(box, 2 * CALM)
    stranger = Phone(box, "m", host="203.0.113.6", domain="example.com")
    box.put(stranger.make("INVITE", "sip:112@example.org", call_id="help"), stranger.peer)
    box.put(stranger.make("INVITE", "urn:service:sos.fire", call_id="sos"), stranger.peer)
    assert order(box)[:2] == ["help", "sos"]


def test_who_has_waited_too_long_gets_503_and_leaves_nothing():
    box, alice, bob = scene()
    sent = flood(box, 2 * CALM)
    box.now += MAX_AGE + 0.01
    assert box.serve() == 0
    answers = [parse(data) for data, _ in box.sent]
    assert [each.status for each in answers] == [503] * len(sent)
    waits = [int(each.header("retry-after")) for each in answers]
    least = box.config.retry_after
    assert min(waits) == least and max(waits) > least + 4
    assert len(box.service.endpoint) == 2  # of the two that registered
    assert box.service.intake.shed == len(sent)
    box.sent = []
    for data, answer in zip(sent, answers):  # the ACK of a 503 is for nobody
        box.put(build.ack_for(data, answer))
    assert len(box.service.intake) == 0
    assert len(box.log.has("overload: messages wait for too long")) == 1


def test_what_goes_on_is_served_however_late():
    box, alice, bob = scene()
    invite = alice.make("INVITE", "sip:201@example.org", body=SDP)
    answers = alice.send(invite)
    alice.send(build.ack_for(invite, last(answers)))
    alice.send(alice.authenticated(invite, last(answers)))
    bob.reply(last(bob.received()), 200, body=SDP)
    answer = last(alice.received())
    flood(box, 2 * CALM)
    box.put(alice.within("ACK", answer, answer, cseq=answer.cseq.number), alice.peer)
    box.put(alice.within("BYE", answer, answer), alice.peer)
    box.put(alice.within("INVITE", answer, answer, body=SDP), alice.peer)
    box.now += 10
    assert box.serve() == 3
    assert [each.method for each in bob.received()] == ["ACK", "BYE", "INVITE"]


def test_the_copy_of_a_request_that_is_served_is_not_refused():
    box, alice, bob = scene()
    invite = alice.make("INVITE", "sip:201@example.org")
    answers = alice.send(invite)
    alice.send(build.ack_for(invite, last(answers)))
    again = alice.authenticated(invite, last(answers))
    assert status(alice.send(again)) == [100]
    flood(box, 2 * CALM)
    box.put(again, alice.peer)
    box.now += 1
    box.serve()
    assert status(alice.received()) == [100]


def test_full_tables_refuse_what_begins_and_serve_what_goes_on():
    box, alice, bob = scene(max_transactions=64, strangers=1, max_calls=1000)
    flood(box, 40)
    box.serve()
    calls, in_use = len(box.service.proxy.calls), len(box.service.endpoint)
    assert calls >= 12 and 56 <= in_use + 2 * calls < 64, (calls, in_use)
    invite = last([each for each in bob.received() if each.method == "INVITE"])
    flood(box, CALM + 1, start=100)
    assert box.serve() == 0 and box.service.intake.shed == CALM + 1
    assert len(box.log.has("overload: tables are nearly full")) == 1
    box.first_lines()
    bob.reply(invite, 200, body=SDP)
    assert [line for line in box.first_lines() if line.startswith("SIP/2.0 200")]


def test_requests_within_dialogs_and_emergencies_have_room_left():
    box, alice, bob = scene(max_transactions=64, emergency=("112",), max_calls=1)
    box.service.endpoint._servers.update({f"held{number}": None for number in range(57)})
    invite = alice.make("INVITE", "sip:201@example.org")
    answers = alice.send(invite)
    assert status(answers) == [407]
    assert status(alice.send(alice.authenticated(invite, answers[-1]))) == [503]
    invite = alice.make("INVITE", "sip:112@example.org", call_id="help")
    answers = alice.send(invite)
    answers = alice.send(alice.authenticated(invite, answers[-1]))
    assert status(answers) == [404]  # nobody is registered as 112, but it was looked up


def test_no_more_wait_than_said():
    box, alice, bob = scene()
    flood(box, WAITING_MAX + 50)
    box.serve(1)
    assert len(box.service.intake) <= WAITING_MAX
    assert box.service.intake.shed == 50
    box.first_lines()
    box, alice, bob = scene()
    for _ in range(80):
        box.put(b"BYE " + b"x" * 60000, alice.peer)
    box.serve(1)
    assert sum([len(each[0]) for each in box.service.intake._classes[0]]) <= BYTES_MAX


def test_what_cannot_be_read_at_a_glance_is_let_go_not_answered():
    box, alice, bob = scene()
    for _ in range(2 * CALM):
        box.put(b"INVITE sip:201@example.org SIP/2.0\r\nVIA : odd\r\n\r\n")
    box.now += 1
    assert box.serve() == 0 and box.first_lines() == []
    assert box.service.intake.shed == 2 * CALM


def test_the_status_page_says_so():
    box, alice, bob = scene()
    flood(box, 2 * CALM)
    box.now += 1
    box.serve()
    assert ("overload", f"{2 * CALM} messages refused, 0 wait") in box.service.counters()


def test_a_message_that_finds_no_memory_is_lost_alone():
    """What waits behind it is served, and what was lost counts no more."""
    for failing in ("_class_of", "_is_served", "_refuse"):
        box, alice, bob = scene()
        intake = box.service.intake
        working = getattr(intake, failing)
        left = [3]

        def fail(*arguments, _working=working, _left=left):
            if _left[0]:
                _left[0] -= 1
                raise MemoryError()
            return _working(*arguments)

        setattr(intake, failing, fail)
        flood(box, 40)
        box.now += MAX_AGE + 0.1
        for _ in range(4):  # a turn of the loop each
            box.serve()
        assert left == [0] and box.service.faults == 3, failing
        assert len(intake) == 0 and intake._bytes == 0, failing
        assert len(box.first_lines()) >= 37, failing
        assert status(alice.register()) == [200]
