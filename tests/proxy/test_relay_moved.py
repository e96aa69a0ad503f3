"""A party that has moved stays reachable (RFC 3261 12.2); that opens no way to a third."""

from app.sip.edits import Edits
from app.sip.message import parse
from tests.proxy.phone import SDP, Phone, last, status
from tests.proxy.test_relay_denied import PROVIDER, call, scene

GOAL = "sip:1900@198.51.100.1"


def assert_no_way(box, eve, attempt):
    """Eve's attempt to reach the provider, in every disguise that the two tags allow."""
    ours, theirs = parse(attempt).header("from"), parse(attempt).header("to")
    for sender, target in ((ours, theirs), (theirs, ours), (ours, ours), (theirs, theirs)):
        edits = Edits(parse(attempt))
        edits.set("From", sender)
        edits.set("To", target)
        replies = status(eve.send(edits.to_bytes()))
        assert replies[-1:] and replies[-1] in (403, 407), replies
        assert box.to(PROVIDER) == []


def moves(phone, first, answer, *contacts):
    for contact in contacts:
        phone.contact = f"<{contact}>"
        phone.send(phone.within("INVITE", first, answer))


def test_who_moves_by_way_of_its_peer():
    """Her hops are then the peer's, for which she has a seal, and the provider's."""
    box, eve, bob = scene()
    data, answer = call(eve, bob)
    moves(eve, data, answer, "sip:201@192.0.2.201:5060", GOAL)
    eve.received()
    assert_no_way(box, eve, eve.within("INVITE", data, answer, uri=GOAL))


def test_who_moves_its_peer():
    box, eve, bob = scene()
    data, answer = call(eve, bob)
    eve.contact = f"<{GOAL}>"
    posing = Edits(parse(eve.within("INVITE", data, answer)))
    posing.set("From", answer.header("to"))
    posing.set("To", answer.header("from"))
    eve.send(posing.to_bytes())
    assert_no_way(box, eve, eve.within("INVITE", data, answer, uri=GOAL))


def test_who_begins_a_call_in_its_peers_name():
    """With the Call-ID of the present call, and of one that has ended."""
    for ended in (False, True):
        box, eve, bob = scene()
        data, answer = call(eve, bob)
        if ended:
            eve.send(eve.within("BYE", data, answer))
        tag = answer.to.tag
        posing = f"<sip:eve@evil.example>;tag={tag}"
        for contact in ("sip:201@192.0.2.201:5060", GOAL):
            eve.contact = f"<{contact}>"
            eve.send(eve.make(
                "INVITE", "sip:201@example.org", body=SDP, from_=posing, call_id=answer.call_id,
            ))  # fmt: skip
        bob.reply(last(bob.received()), 200, tag="other")
        mine = last([each for each in eve.received() if each.status == 200])
        again = Edits(parse(eve.within("INVITE", data, mine)))
        again.set("From", posing)
        eve.send(again.to_bytes())
        assert_no_way(box, eve, eve.within("INVITE", data, answer, uri=GOAL))


def called_from_inside():
    """-> (box, eve outside as callee, bob's INVITE as she got it, her answer)."""
    box, eve, bob = scene()
    assert status(bob.request("INVITE", "sip:eve@203.0.113.66", body=SDP)) == [100]
    return box, eve, bob, last(eve.received())


def test_who_answers_in_the_callers_name():
    """Her answer says that the caller has moved to the provider; she has the seal for his way."""
    box, eve, bob, invite = called_from_inside()
    eve.contact = f"<{GOAL}>"
    for call_id, sender in (
        (invite.call_id, invite.header("from")), (invite.call_id, "<sip:x@b>;tag=z"),
        ("another", invite.header("from")),
    ):  # fmt: skip
        answer = Edits(invite)
        answer.set("Call-ID", call_id)
        answer.set("From", sender)
        eve.reply(parse(answer.to_bytes()), 183, tag=invite.from_.tag)
    eve.contact = "<sip:eve@203.0.113.66>"
    eve.reply(invite, 200)
    answer = last(bob.received())
    assert_no_way(box, eve, eve.within("INVITE", invite, answer, is_caller=False, uri=GOAL))


def test_an_answer_speaks_of_its_own_dialog_only():
    """RFC 3261 8.2.6.2: the seal in it is of the request's Call-ID and From tag."""
    box, eve, bob, invite = called_from_inside()
    forged = Edits(invite)
    forged.set("Call-ID", "of-another-call")
    eve.contact = f"<{GOAL}>"
    eve.reply(parse(forged.to_bytes()), 200)
    answer = last(bob.received())
    lines = ["Route: " + answer.header("record-route")]
    attempt = bob.make(
        "INVITE", GOAL, lines, call_id="of-another-call", from_=invite.header("from"),
        to=answer.header("to"),
    )  # fmt: skip
    bob.domain = "evil.example"
    assert status(bob.send(attempt)) == [407]


def test_a_stranger_with_the_same_call_id_ends_nothing():
    box, eve, bob = scene()
    alice = Phone(box, "200")
    assert status(alice.request("INVITE", "sip:201@example.org", body=SDP)) == [100]
    invite = last(bob.received())
    bob.reply(invite, 200)
    first = eve.make("INVITE", "sip:201@example.org", call_id=invite.call_id,
                     from_=invite.header("from").replace("example.org", "evil.example"))
    eve.send(first)
    bob.reply(last(bob.received()), 200, tag="second")
    answer = last(eve.received())
    assert eve.send(eve.within("BYE", first, answer)) == []
    assert last(bob.received()).method == "BYE" and len(box.proxy.calls) == 1
