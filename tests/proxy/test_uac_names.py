"""Requests of our own to a name: located first, and sent on to the next address in line."""

from app.proxy.uac import MAX_REQUESTS
from app.sip import build
from app.sip.errors import ParseError
from app.sip.transport import Peer
from tests.dns import answers
from tests.proxy.named import NamedBox
from tests.proxy.test_uac import Told
from tests.support import raises

NAME = "trunk.example"
ONE = Peer("udp", "203.0.113.1", 5060, 0)
TWO = Peer("udp", "203.0.113.2", 5060, 0)
BOTH = (answers.a(NAME, ONE.host), answers.a(NAME, TWO.host))


def ask(box, told, **fields):
    made = box.proxy.uac.request("OPTIONS", f"sip:{NAME}", now=box.now, done=told.done, **fields)
    box.settle()
    return made


def answer(box, peer, code):
    request = box.to(peer)[-1]
    box.receive(build.response(request, code, "Whatever", to_tag="t"), peer)


def test_a_name_is_located_and_its_answer_is_told():
    box, told = NamedBox(*BOTH), Told()
    assert ask(box, told) is not None
    answer(box, ONE, 200)
    assert [status for status, _ in told] == [200]
    assert box.zone.asked[0][0] == NAME and box.proxy.uac.count == 0
    asked = len(box.zone.asked)
    ask(box, told)
    answer(box, ONE, 200)
    assert len(box.zone.asked) == asked  # known


def test_who_is_busy_or_silent_is_passed_over():
    box, told = NamedBox(*BOTH), Told()
    ask(box, told)
    answer(box, ONE, 503)
    assert told == []
    answer(box, TWO, 200)
    assert [status for status, _ in told] == [200]
    ask(box, told)  # the first one is remembered as dead for a while
    answer(box, TWO, 200)
    assert box.to(ONE) == []


def test_a_silent_name_ends():
    box, told = NamedBox(*BOTH), Told()
    ask(box, told)
    box.wait(33)
    assert told == [] and len(box.to(TWO)) > 0
    box.wait(33)
    assert told == [(408, None)] and box.proxy.uac.count == 0


def test_a_name_that_leads_nowhere():
    box, told = NamedBox(), Told()
    assert ask(box, told) is not None
    assert told == [(478, None)] and box.proxy.uac.count == 0
    assert ask(box, told) is None and len(told) == 1  # known by now


def test_a_name_server_that_is_dead():
    box, told = NamedBox(), Told()
    box.zone.silent = True
    ask(box, told)
    box.wait(60)
    assert told == [(503, None)] and box.proxy.uac.count == 0


def test_values_are_checked_before_anything_is_looked_up():
    box = NamedBox(*BOTH)
    with raises(ParseError):
        ask(box, Told(), headers=["X: a\r\nY: b"])
    assert box.zone.asked == [] and box.proxy.uac.count == 0


def test_what_waits_for_the_dns_counts():
    box, told = NamedBox(), Told()
    box.zone.silent = True
    made = 0
    for number in range(MAX_REQUESTS + 50):
        # all wait for the same few questions
        uri = f"sip:x{number % 60}.example"
        made += box.proxy.uac.request("OPTIONS", uri, now=box.now, done=told.done) is not None
    assert made == MAX_REQUESTS
    box.wait(120)
    assert box.proxy.uac.count == 0 and len(told) == MAX_REQUESTS
