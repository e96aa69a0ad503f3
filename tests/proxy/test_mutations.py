"""A whole call and the torture messages, damaged at random: nothing raises, nothing leaks.

The box may send to the parties that it knows and to nobody else: a damaged datagram of a
stranger must not become a way out.
"""

from app.sip.transport import Peer
from tests.proxy.box import Box
from tests.proxy.phone import SDP, Phone, last
from tests.sip.corpus import answers, torture
from tests.sip.test_mutations import Random, mutate

STRANGER = Peer("udp", "203.0.113.66", 5060, 0)
ROUNDS = 25


def recorded():
    """-> [(bytes, Peer)] that a registration and a call with all its turns make arrive."""
    box = Box()
    alice, bob = Phone(box, "200"), Phone(box, "201")
    taken = []
    receive = box.receive

    def record(data, peer):
        taken.append((data, peer))
        receive(data, peer)

    box.receive = record
    alice.register()
    bob.register(headers=["Contact: <sip:201@192.0.2.201>;q=0.5, <sip:b@192.0.2.202>"])
    alice.request("INVITE", "sip:201@example.org", body=SDP)
    invite = last(bob.received())
    bob.reply(invite, 180)
    bob.reply(invite, 200, body=SDP)
    answer = last(alice.received())
    alice.send(alice.within("ACK", answer, answer, cseq=answer.cseq.number))
    bob.send(bob.within("INVITE", invite, answer, is_caller=False, body=SDP))
    alice.reply(last(alice.received()), 200, body=SDP)
    alice.send(alice.within("UPDATE", answer, answer))
    alice.send(alice.within("BYE", answer, answer))
    return taken


def peers_of(taken):
    return sorted(set([peer.host for _, peer in taken])) + ["192.0.2.202", STRANGER.host]




def test_a_damaged_call_never_raises_and_never_leaves():
    taken = recorded()
    known = peers_of(taken)
    random = Random(3261)
    for turn in range(len(taken)):
        for _ in range(ROUNDS):
            box = Box()
            for data, peer in taken[:turn]:
                box.receive(data, peer)
            box.sent.clear()
            data, peer = taken[turn]
            box.receive(mutate(data, random), peer)
            for _, target in box.sent:
                assert target.host in known, (turn, target)


def test_a_stranger_with_damaged_pieces_of_a_call_reaches_nobody_new():
    taken = recorded()
    known = peers_of(taken)
    random = Random(5393)
    box = Box()
    for data, peer in taken[:-1]:
        box.receive(data, peer)
    for data, _ in taken:
        for _ in range(ROUNDS):
            box.receive(mutate(data, random), STRANGER)
    for _, target in box.sent:
        assert target.host in known, target


def test_damaged_torture_messages_end_here():
    random = Random(4475)
    box = Box(domains=("example.com", "example.org", "example.net"))
    for name, _ in answers():
        for _ in range(ROUNDS):
            box.receive(mutate(torture(name), random), STRANGER)
    for _, target in box.sent:
        assert target.host == STRANGER.host, target
    box.wait(600)
    assert len(box.endpoint) == 0 and len(box.proxy.calls) == 0
