"""Forking and the way back: RFC 3261 16.6 to 16.10, message by message."""

from app.proxy.best import best
from app.sip.transport import Peer
from tests.proxy.box import Box
from tests.proxy.desks import cancel_of, desks, methods, scene
from tests.proxy.phone import Phone, last, status


def test_equal_q_ring_at_once_and_the_first_to_answer_wins():
    box, alice, (one, two) = scene(None, 1.0)
    first, second = one.invite(), two.invite()
    assert first.via.branch != second.via.branch
    one.phone.reply(first, 180, tag="one")
    two.phone.reply(second, 180, tag="two")
    assert status(alice.received()) == [180, 180]
    two.phone.reply(second, 200, tag="two")
    assert status(alice.received()) == [200]
    assert methods(one.got()) == ["CANCEL"]
    one.phone.reply(first, 487, tag="one")
    assert methods(one.got()) == ["ACK"]
    assert alice.received() == []


def test_lower_q_is_asked_when_higher_has_declined():
    box, alice, (one, two) = scene(0.9, 0.2)
    first = one.invite()
    assert two.got() == []
    one.phone.reply(first, 486)
    assert alice.received() == []
    second = two.invite()
    two.phone.reply(second, 200)
    assert status(alice.received()) == [200]


def test_the_best_of_all_is_passed_on():
    box, alice, found = scene(None, None, None)
    invites = [desk.invite() for desk in found]
    for desk, invite, code in zip(found, invites, (480, 486, 503)):
        assert alice.received() == []
        desk.phone.reply(invite, code)
    assert status(alice.received()) == [480]


def test_a_6xx_ends_it_for_all():
    box, alice, (one, two, three) = scene(1.0, 1.0, 0.1)
    first, second = one.invite(), two.invite()
    two.phone.reply(second, 100)
    one.phone.reply(first, 603, "Decline")
    assert alice.received() == [] and "CANCEL" in methods(two.got())
    two.phone.reply(second, 487)
    assert status(alice.received()) == [603]
    assert three.got() == []


def test_challenges_of_all_branches_reach_the_caller():
    box, alice, (one, two) = scene(None, None)
    first, second = one.invite(), two.invite()
    challenge = 'Proxy-Authenticate: Digest realm="r{}", nonce="n"'
    one.phone.reply(first, 407, headers=[challenge.format(1)])
    two.phone.reply(second, 401, headers=['WWW-Authenticate: Digest realm="r2", nonce="n"'])
    answer = last(alice.received())
    assert answer.status == 407
    assert len(answer.headers("proxy-authenticate")) == 1
    assert answer.headers("www-authenticate") == ['Digest realm="r2", nonce="n"']


def test_a_lonely_503_becomes_500():
    box, alice, (one,) = scene(None)
    one.phone.reply(one.invite(), 503, headers=["Retry-After: 60"])
    assert status(alice.received()) == [500]


def test_an_address_that_is_dead_is_a_408():
    box, alice, (one,) = scene(None)
    box.wait(31)
    assert status(alice.received()) == []
    box.wait(1)
    assert status(alice.received())[0] == 408


def test_nobody_answers():
    box, alice, (one, two) = scene(0.9, 0.2, fr_inv_timer=20)
    first = one.invite()
    one.phone.reply(first, 180)
    assert status(alice.received()) == [180]
    box.wait(20)
    assert "CANCEL" in methods(one.got())
    one.phone.reply(first, 487)
    second = two.invite()
    two.phone.reply(second, 180)
    box.wait(20)
    two.phone.reply(second, 487)
    assert status(alice.received())[-1] == 408
    assert box.log.has("408 Request Timeout")


def test_a_branch_that_ignores_its_cancel_is_given_up():
    box, alice, (one,) = scene(None, fr_inv_timer=20)
    one.phone.reply(one.invite(), 180)
    box.wait(20 + 33)
    assert status(alice.received())[:2] == [180, 408]


def test_timer_c_starts_anew_with_each_provisional():
    box, alice, (one,) = scene(None, fr_inv_timer=10**6, timer_c=181)
    invite = one.invite()
    for _ in range(3):
        one.phone.reply(invite, 183)
        box.wait(170)
        assert "CANCEL" not in methods(one.got())
    box.wait(12)
    assert "CANCEL" in methods(one.got())


def test_a_100_is_not_passed_on():
    box, alice, (one,) = scene(None)
    one.phone.reply(one.invite(), 100)
    assert alice.received() == []


def test_the_caller_hangs_up_while_it_rings():
    box, alice, (one, two) = scene(None, None)
    first, second = one.invite(), two.invite()
    one.phone.reply(first, 180, tag="one")
    alice.received()
    assert status(alice.send(cancel_of(box, alice))) == [200]
    assert "CANCEL" in methods(one.got())
    assert "CANCEL" not in methods(two.got())  # 9.1: not before its first answer
    two.phone.reply(second, 180, tag="two")
    assert "CANCEL" in methods(two.got())
    one.phone.reply(first, 487, tag="one")
    two.phone.reply(second, 487, tag="two")
    assert status(alice.received())[-1] == 487
    assert len(box.proxy.calls) == 0


def test_an_answer_that_crosses_the_cancel_is_passed_on():
    """RFC 3261 9.1, 16.7 step 5: the caller gets the 200, acknowledges it and hangs up."""
    for ringing in (True, False):
        box, alice, (one,) = scene(None)
        invite = one.invite()
        if ringing:
            one.phone.reply(invite, 180, tag="one")
            alice.received()
        assert status(alice.send(cancel_of(box, alice))) == [200]
        one.phone.reply(invite, 200, tag="one")
        answer = last(alice.received())
        assert answer.status == 200 and answer.cseq.method == "INVITE"
        one.got()
        alice.send(alice.within("ACK", answer, answer, cseq=answer.cseq.number))
        alice.send(alice.within("BYE", answer, answer))
        assert methods(one.got()) == ["ACK", "BYE"] and len(box.proxy.calls) == 0


def test_both_answer_at_once():
    """RFC 3261 16.7 step 5: each 2xx goes to the caller, who ends what it does not want."""
    box, alice, (one, two) = scene(None, None)
    first, second = one.invite(), two.invite()
    one.phone.reply(first, 200, tag="one")
    two.phone.reply(second, 200, tag="two")
    answers = alice.received()
    assert status(answers) == [200, 200]
    assert [answer.to.tag for answer in answers] == ["one", "two"]


def test_a_repeated_2xx_is_passed_on():
    box, alice, (one,) = scene(None)
    invite = one.invite()
    one.phone.reply(invite, 200)
    one.phone.reply(invite, 200)
    assert status(alice.received()) == [200, 200]


def test_other_methods_fork_alike():
    box = Box()
    one, two = desks(box, None, None)
    alice = Phone(box, "200")
    assert alice.request("MESSAGE", "sip:201@example.org") == []
    first, second = last(one.got()), last(two.got())
    one.phone.reply(first, 404)
    two.phone.reply(second, 200)
    assert status(alice.received()) == [200]
    box.wait(40)
    assert len(box.endpoint) == 0


def test_branches_are_bounded():
    box = Box(max_branches=3, max_contacts=10)
    found = desks(box, *[None] * 5)
    alice = Phone(box, "200")
    alice.request("MESSAGE", "sip:201@example.org")
    assert len([desk for desk in found if desk.got()]) == 3


def test_a_stray_response_is_dropped():
    """RFC 6026 7.3: a response that matches no transaction is forwarded no more."""
    box, alice, (one,) = scene(None)
    invite = one.invite()
    one.phone.reply(invite, 486)
    assert status(alice.received()) == [486]
    box.wait(120)
    box.sent.clear()
    one.phone.reply(invite, 486)
    assert alice.received() == [] and box.sent == []


def test_a_broken_final_response_ends_its_branch():
    box, alice, (one,) = scene(None)
    invite = one.invite()
    one.phone.reply(invite, 486, headers=["To: <sip:two@example.org>"])
    assert status(alice.received()) == [500]


def test_a_transport_that_fails_is_a_500():
    box = Box()
    desks(box, None)
    alice = Phone(box, "200")
    data = alice.make("INVITE", "sip:201@example.org")
    again = alice.authenticated(data, last(alice.send(data)))
    box.endpoint.receive(again, alice.peer, box.now)
    box.proxy.run(box.now, box.wall)
    item = box.endpoint.to_send()
    while item is not None:
        if item[1] == Peer("udp", "192.0.2.20", 5060, 0):
            box.endpoint.transport_error(box.now)
        else:
            box.sent.append(item)
        item = box.endpoint.to_send()
    box.settle()
    assert status(alice.received())[-1] == 500


def test_a_full_box_says_so():
    box = Box(limit=4)
    bob = Phone(box, "201")
    bob.register()
    alice = Phone(box, "200")
    for _ in range(3):
        replies = alice.request("INVITE", "sip:201@example.org")
    assert last(replies).status == 503 and last(replies).header("retry-after") == "10"


def test_more_calls_than_allowed():
    box = Box(max_calls=2)
    Phone(box, "201").register()
    alice = Phone(box, "200")
    codes = [status(alice.request("INVITE", "sip:201@example.org")) for _ in range(3)]
    assert codes == [[100], [100], [503]]


def test_best_of():
    assert best([]) is None
    assert best([404, 486]) == 0 and best([408, 486]) == 1 and best([404, 407]) == 1
    assert best([302, 404]) == 0 and best([503, 500]) == 1 and best([503, 408]) == 1
    assert best([401, 603]) == 1 and best([600, 603]) == 0


def test_an_old_request_that_differs_in_to_alone_is_merged():
    """Without a branch of RFC 3261 it has the name of a transaction that is not its own."""
    box = Box()
    desks(box, None)
    eve = Phone(box, "eve", host="203.0.113.5", domain="far.example")
    fields = {"via": "SIP/2.0/UDP 203.0.113.5", "call_id": "old", "cseq": 1}
    uri = "sip:201@example.org"
    assert status(eve.send(eve.make("INVITE", uri, **fields))) == [100]
    other = eve.make("INVITE", uri, to=f"<{uri}>;tag=x", **fields)
    assert status(eve.send(other)) == [482] and len(box.proxy.calls) == 1


def test_a_request_of_many_lines_is_not_held_as_such():
    """A stranger may send it: 200 lines of 6 KB took 50 KB of memory for as long as it rang."""
    box = Box()
    desk = desks(box, None)[0]
    eve = Phone(box, "eve", host="203.0.113.5", domain="far.example")
    eve.send(eve.make("INVITE", "sip:201@example.org", [f"Z{place}: y" for place in range(200)]))
    held = [each for each in box.endpoint._servers.values() if each.method == "INVITE"][0].request
    assert len(held.spans) < 10 and held.raw
    invite = desk.invite()
    assert invite.header("z199") == "y"
    desk.phone.reply(invite, 486)
    assert status(eve.received()) == [486]


def test_the_longest_request_that_is_let_in_can_be_refused_and_given_up():
    """With our lines it is longer; its ACK and CANCEL must be made from it all the same."""
    for lines, size in ((["Z: y"] * 232, 8192), (["Z: " + "y" * 13950], 65535)):
        for given_up in (True, False):
            box = Box(max_len=size)
            desk = desks(box, None)[0]
            alice = Phone(box, "alice", host="203.0.113.5", domain="far.example")
            too_many = alice.make("INVITE", "sip:201@example.org", ["Z: y" * 100] + lines)
            assert status(alice.send(too_many)) in ([400], [513])
            data = alice.make("INVITE", "sip:201@example.org", lines)
            assert status(alice.send(data)) == [100]
            invite = desk.invite()
            if given_up:
                desk.phone.reply(invite, 180)
                cancel = data.partition(b"\r\nZ: ")[0] + b"\r\n\r\n"
                cancel = cancel.replace(b"INVITE", b"CANCEL")
                assert status(alice.send(cancel)) == [180, 200]
                assert methods(desk.got()) == ["CANCEL"]
            desk.phone.reply(invite, 487 if given_up else 486)
            assert status(alice.received()) == [487 if given_up else 486]
            assert methods(desk.got()) == ["ACK"]
            box.wait(70)
            assert len(box.endpoint) == 0 and len(box.proxy.calls) == 0
