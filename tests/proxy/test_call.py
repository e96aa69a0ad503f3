"""Calls between two extensions, message by message."""

from tests.proxy.box import Box
from tests.proxy.phone import SDP, Phone, last, status


def pair(**settings):
    box = Box(**settings)
    alice, bob = Phone(box, "200"), Phone(box, "201")
    assert status(alice.register()) == [200]
    assert status(bob.register()) == [200]
    return box, alice, bob


def invite(alice, bob, body=SDP):
    """-> (INVITE as the caller sent it, as the callee got it); 100 has come back."""
    replies = alice.request("INVITE", "sip:201@example.org", body=body)
    assert status(replies) == [100]
    return last(bob.received())


def test_a_call_from_ring_to_bye():
    box, alice, bob = pair()
    request = invite(alice, bob)
    assert request.uri == "sip:201@192.0.2.201:5060"
    assert request.header("p-hint") == "usrloc applied"
    assert request.header("proxy-authorization") is None
    assert request.max_forwards == 69
    assert ";lr=on;" in request.header("record-route")
    bob.reply(request, 180, "Ringing")
    assert status(alice.received()) == [180]
    bob.reply(request, 200, "OK", body=SDP)
    answer = last(alice.received())
    assert answer.status == 200 and len(answer.headers("via")) == 1
    ack = alice.within("ACK", answer, answer, cseq=answer.cseq.number)
    assert alice.send(ack) == []
    got = last(bob.received())
    assert got.method == "ACK" and got.uri == "sip:201@192.0.2.201:5060"
    assert got.headers("route") == []
    assert [call.state for call in box.proxy.calls.all()] == ["answered"]
    alice.send(alice.within("BYE", answer, answer))
    bye = last(bob.received())
    assert bye.method == "BYE" and bye.header("p-hint") == "rr-enforced"
    bob.reply(bye, 200, "OK")
    assert status(alice.received()) == [200]
    assert len(box.proxy.calls) == 0
    assert box.log.has("ended after 0 s")
