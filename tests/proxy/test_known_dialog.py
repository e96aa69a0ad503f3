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
    answer = eve.answer = last(eve.received())
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


REFER_TO = ["Refer-To: <sip:0900123@example.org>"]


def test_a_stranger_in_a_call_has_nobody_call_out():
    """Bob's telephone would do so with bob's password; whatever the stranger's From says."""
    for name in ("<sip:eve@far.example>", "<sip:200@example.org>"):
        for from_bobs_place in (False, True):
            box, eve, bob, tags = call()
            routes = ["Route: " + each for each in eve.answer.headers("record-route")]
            tags["from_"] = name + ";tag=" + tags["from_"].partition(";tag=")[2]
            if from_bobs_place:
                eve.peer = bob.peer
            data = eve.make("REFER", bob.contact[1:-1], routes + REFER_TO, **tags)
            [answer] = [each for each in eve.send(data) if not each.is_request]
            assert answer.status == (407 if "200" in name else 403)
            assert [each for each in bob.received() if each.is_request] == []


def test_a_telephone_of_ours_has_the_other_party_call():
    box = Box()
    alice, bob = Phone(box, "200"), Phone(box, "201")
    bob.register()
    data = alice.make("INVITE", bob.uri)
    sent = alice.authenticated(data, last(alice.send(data)))
    alice.send(sent)
    invite = last(bob.received())
    bob.reply(invite, 200)
    answer = last(alice.received())
    for _ in range(2):
        refer = alice.within("REFER", sent, answer, REFER_TO)
        replies = alice.send(refer)
        if status(replies) == [407]:
            alice.send(alice.authenticated(refer, replies[0]))
        got = last(bob.received())
        assert got.method == "REFER" and "proxy-authorization" not in got.spans
        bob.reply(got, 202)
        assert last(alice.received()).status == 202
        box.wait(700)  # alice has not registered: by then she is asked again
    assert status(replies) == [407]
