"""Requests within a dialog: loose and strict routing, seals, target refresh."""

from app.proxy.seal import BACK, ON, PARAM, Seals
from app.sip.edits import Edits
from app.sip.headers import parse_name_addr
from app.sip.message import parse
from app.sip.transport import Peer
from tests.proxy.box import BOX, Box, Hashes
from tests.proxy.phone import SDP, Phone, last, status


def call(box=None, callee_host=None):
    """-> (box, alice, bob, alice's 200, bob's INVITE): an answered call."""
    box = box or Box()
    alice, bob = Phone(box, "200"), Phone(box, "201", host=callee_host)
    alice.register()
    bob.register()
    assert status(alice.request("INVITE", "sip:201@example.org", body=SDP)) == [100]
    invite = last(bob.received())
    bob.reply(invite, 200)
    return box, alice, bob, last(alice.received()), invite


def seal_of(message):
    return parse_name_addr(message.header("record-route")).uri.params.get(PARAM)


def from_callee(bob, method, invite, answer, **fields):
    return bob.within(method, invite, answer, is_caller=False, **fields)


def test_either_party_may_end_the_call():
    for ends in ("alice", "bob"):
        box, alice, bob, answer, invite = call()
        if ends == "alice":
            assert alice.send(alice.within("BYE", answer, answer)) == []
            bye = last(bob.received())
        else:
            assert bob.send(from_callee(bob, "BYE", invite, answer)) == []
            bye = last(alice.received())
        assert bye.method == "BYE" and bye.headers("route") == []
        assert len(box.proxy.calls) == 0


def test_the_two_parties_get_different_seals():
    box, alice, bob, answer, invite = call()
    assert seal_of(answer) != seal_of(invite)
    assert ";lr=on;" in answer.header("record-route")


def test_a_reinvite_goes_through_without_a_password():
    box, alice, bob, answer, invite = call()
    assert status(bob.send(from_callee(bob, "INVITE", invite, answer, body=SDP))) == [100]
    again = last(alice.received())
    assert again.uri == "sip:200@192.0.2.200:5060"
    alice.reply(again, 200)
    assert status(bob.received()) == [200]
    assert len(box.proxy.calls) == 1


def test_dialogs_survive_a_restart():
    box, alice, bob, answer, invite = call()
    after = box.restart()
    alice.box = bob.box = after
    assert alice.send(alice.within("BYE", answer, answer)) == []
    assert last(bob.received()).method == "BYE"


def test_another_secret_is_another_box():
    box, alice, bob, answer, invite = call()
    box.proxy.seals._secret = "x" * 32
    assert status(alice.send(alice.within("BYE", answer, answer))) == [407]


def test_who_lost_its_seal_may_authenticate():
    box, alice, bob, answer, invite = call()
    box.proxy.seals._secret = "x" * 32
    bye = alice.within("BYE", answer, answer)
    challenge = last(alice.send(bye))
    assert alice.send(alice.authenticated(bye, challenge)) == []
    assert last(bob.received()).method == "BYE"


def test_a_party_that_moves_stays_reachable():
    """RFC 3261 12.2: a re-INVITE or UPDATE gives a new Contact, the Routes stay as they were."""
    for method in ("INVITE", "UPDATE"):
        box, alice, bob, answer, invite = call()
        moved = Phone(box, "200", host="192.0.2.150")
        moved.cseq = 5000
        reinvite = moved.within(method, answer, answer)
        moved.send(reinvite)
        bob.reply(last(bob.received()), 200)
        bob.send(from_callee(bob, "BYE", invite, answer, uri="sip:200@192.0.2.150:5060"))
        assert last(moved.received()).method == "BYE", method


def test_a_callee_that_moves_stays_reachable():
    box, alice, bob, answer, invite = call()
    bob.contact = "<sip:201@192.0.2.151>"
    alice.send(alice.within("INVITE", answer, answer))
    again = last(bob.received())
    bob.reply(again, 200, tag=answer.to.tag)
    alice.received()
    alice.send(alice.within("BYE", answer, answer, uri="sip:201@192.0.2.151"))
    assert last(box.to(Peer("udp", "192.0.2.151", 5060, 0))).method == "BYE"


def test_a_strict_router_before_us():
    """16.4: it put our Record-Route into the Request-URI, and the target behind the Routes."""
    box, alice, bob, answer, invite = call()
    route = parse_name_addr(answer.header("record-route")).uri
    data = Edits(parse(alice.within("BYE", answer, answer)))
    data.set_uri(str(route))
    data.set("Route", "<sip:201@192.0.2.201:5060>")
    assert alice.send(data.to_bytes()) == []
    bye = last(bob.received())
    assert bye.uri == "sip:201@192.0.2.201:5060" and bye.headers("route") == []


def far_call(lr):
    """A call from outside through a proxy that record-routes, with or without ;lr."""
    box = Box()
    bob = Phone(box, "201")
    bob.register()
    edge = Phone(box, "carol", host="203.0.113.5", domain="far.example")
    edge.contact = "<sip:carol@10.1.1.1>"
    lines = [f"Record-Route: <sip:203.0.113.5{lr}>"]
    edge.send(edge.make("INVITE", "sip:201@example.org", lines))
    invite = last(bob.received())
    bob.reply(invite, 200)
    return box, edge, bob, invite, last(edge.received())


def test_the_next_hop_is_a_loose_router():
    box, edge, bob, invite, answer = far_call(";lr")
    assert bob.send(from_callee(bob, "BYE", invite, answer)) == []
    bye = last(edge.received())
    assert bye.uri == "sip:carol@10.1.1.1" and bye.headers("route") == ["<sip:203.0.113.5;lr>"]


def test_the_next_hop_is_a_strict_router():
    """16.6 step 6: it wants its own URI as Request-URI, and the target as the last Route."""
    box, edge, bob, invite, answer = far_call("")
    assert bob.send(from_callee(bob, "BYE", invite, answer)) == []
    bye = last(edge.received())
    assert bye.uri == "sip:203.0.113.5" and bye.headers("route") == ["<sip:carol@10.1.1.1>"]


def test_the_other_way_leads_past_the_edge_as_well():
    box, edge, bob, invite, answer = far_call(";lr")
    bye = edge.within("BYE", answer, answer)
    routes = parse(bye).headers("route")
    assert routes[0] == "<sip:203.0.113.5;lr>" and BOX in routes[1]
    data = Edits(parse(bye))
    data.pop("route")  # as the edge does
    assert edge.send(data.to_bytes()) == []
    assert last(bob.received()).method == "BYE"


def test_an_ack_takes_the_way_of_its_dialog():
    box, alice, bob, answer, invite = call()
    ack = alice.within("ACK", answer, answer, cseq=answer.cseq.number)
    alice.send(ack)
    first = last(bob.received())
    alice.send(ack)
    again = last(bob.received())
    assert first.method == "ACK" and first.via.branch == again.via.branch
    assert len([each for each in box.endpoint._clients.values() if each.method == "ACK"]) == 0


def test_a_subscription_is_a_dialog_too():
    box = Box()
    alice, bob = Phone(box, "200"), Phone(box, "201")
    alice.register()
    bob.register()
    alice.request("SUBSCRIBE", "sip:201@example.org", ["Event: message-summary"])
    subscribe = last(bob.received())
    bob.reply(subscribe, 200, headers=["Expires: 600", f"Contact: {bob.contact}"])
    answer = last(alice.received())
    notify = from_callee(bob, "NOTIFY", subscribe, answer)
    assert bob.send(notify) == []
    assert last(alice.received()).method == "NOTIFY"


def test_a_forged_bye_ends_nothing():
    box, alice, bob, answer, invite = call()
    eve = Phone(box, "eve", host="203.0.113.66", domain="evil.example")
    bye = eve.make(
        "BYE", "sip:201@192.0.2.201:5060", [f"Route: <sip:{BOX};lr=on;seal=1>"],
        call_id=answer.call_id, from_=answer.header("from"), to=answer.header("to"),
    )  # fmt: skip
    assert status(eve.send(bye)) == [407]
    assert len(box.proxy.calls) == 1 and bob.received() == []


def test_a_call_without_its_end_is_forgotten():
    box, alice, bob, answer, invite = call(Box(max_call_time=3600))
    box.wait(3700)
    assert len(box.proxy.calls) == 0 and box.log.has("given up")


def test_seals_are_of_one_dialog_one_way_and_one_hop():
    seals = Seals(Hashes, "secret")
    here = "192.0.2.1:5060"
    seal = seals.make(ON, "c1", "t1", here)
    assert seals.holds(seal, ON, "c1", "t1", here)
    for way, call_id, tag, hop in (
        (BACK, "c1", "t1", here), (ON, "c2", "t1", here), (ON, "c1", "t2", here),
        (ON, "c1", "t1", "192.0.2.1:5061"), (ON, "c1", "t1", ""),
    ):  # fmt: skip
        assert not seals.holds(seal, way, call_id, tag, hop)
    assert not seals.holds(seals.make(ON, "c1", "t1", ""), ON, "c1", "t1", "")
    assert not seals.holds("", ON, "c1", "t1", here)
    marked = seals.make(ON, "c1", "t1", here, "12345678")
    assert seals.holds(marked, ON, "c1", "t1", here)
    assert not seals.holds("87654321" + marked[8:], ON, "c1", "t1", here)
