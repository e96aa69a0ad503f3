"""Requests within a call from who leaves our Route out: let in by tags and source."""

from app.sip.transport import Peer
from tests.proxy.box import Box
from tests.proxy.phone import Phone, last, status


def call(**settings):
    """-> (box, eve from outside, bob, tags {"from_": ..., "to": ..., "call_id": ...} of hers)."""
    box = Box(**settings)
    bob = Phone(box, "201")
    bob.register()
    eve = Phone(box, "eve", host="203.0.113.66", domain="far.example")
    eve.send(eve.make("INVITE", bob.uri, call_id="one"))
    bob.reply(last(bob.received()), 200)
    answer = last(eve.received())
    tags = {"from_": answer.header("from"), "to": answer.header("to"), "call_id": "one"}
    return box, eve, bob, tags


def test_a_caller_without_routes_is_let_in():
    box, eve, bob, tags = call()
    assert eve.send(eve.make("ACK", bob.uri, cseq=1, **tags)) == []
    assert last(bob.received()).method == "ACK"
    eve.send(eve.make("BYE", bob.uri, **tags))
    bye = last(bob.received())
    assert bye.method == "BYE"
    bob.reply(bye, 200)
    assert status(eve.received()) == [200] and box.proxy.calls.all() == []


def test_the_callee_without_routes_is_let_in():
    box, eve, bob, tags = call()
    theirs = {"from_": tags["to"], "to": tags["from_"], "call_id": "one"}
    bob.send(bob.make("BYE", eve.contact[1:-1], **theirs))
    assert last(eve.received()).method == "BYE" and box.proxy.calls.all() == []


def test_nobody_else_is():
    """A forged BYE, REFER or INFO: another source, a guessed tag, none, or the two the same."""
    for change in (
        {}, {"from_": "<sip:eve@far.example>;tag=x"}, {"to": "<sip:201@example.org>;tag=x"},
        {"to": "<sip:201@example.org>"}, {"call_id": "two"},
    ):  # fmt: skip
        for method in ("BYE", "REFER", "INFO", "ACK", "UPDATE"):
            box, eve, bob, tags = call()
            tags.update(change)
            if not change:
                eve.peer = Peer("udp", "203.0.113.67", 5060, 0)
            assert status(eve.send(eve.make(method, bob.uri, **tags))) in ([403], []), method
            assert bob.received() == [] and len(box.proxy.calls.all()) == 1, (method, change)


def test_a_route_of_ones_own_is_not_followed():
    box, eve, bob, tags = call()
    lines = ["Route: <sip:203.0.113.99;lr>"]
    assert status(eve.send(eve.make("BYE", bob.uri, lines, **tags))) == [403]
    assert bob.received() == [] and box.sent == []


def test_it_leads_to_the_other_party_and_nowhere_else():
    box, eve, bob, tags = call()
    eve.send(eve.make("INFO", "sip:1900@198.51.100.1", **tags))
    assert last(bob.received()).method == "INFO" and box.sent == []


def test_a_call_that_is_over_is_known_no_more():
    box, eve, bob, tags = call()
    eve.send(eve.make("BYE", bob.uri, **tags))
    bob.received()
    assert status(eve.send(eve.make("INFO", bob.uri, **tags))) == [403]
    assert bob.received() == []
