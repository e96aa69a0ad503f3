"""Other methods than INVITE: RFC 4320, and each of them in and outside of a dialog."""

from tests.proxy.box import Box
from tests.proxy.desks import desks
from tests.proxy.phone import Phone, last, status


def scene(*qualities, method="MESSAGE", **settings):
    """-> (box, alice, telephones of 201) with a request on its way."""
    box = Box(**settings)
    found = desks(box, *qualities)
    alice = Phone(box, "200")
    assert alice.request(method, "sip:201@example.org") == []
    return box, alice, found


# RFC 4320


def test_a_slow_answer_is_announced_by_a_100_after_three_and_a_half_seconds():
    """4.1: no sooner, over UDP, and no later, for by then the caller's timer E is T2."""
    box, alice, (one,) = scene(None)
    box.wait(3.4)
    assert alice.received() == []
    box.wait(0.2)
    trying = last(alice.received())
    assert trying.status == 100 and trying.to.tag is None
    box.wait(20)
    assert alice.received() == []
    one.phone.reply(last(one.got()), 200)
    assert status(alice.received()) == [200]


def test_no_100_where_there_is_an_answer_or_a_provisional_one():
    box, alice, (one,) = scene(None)
    one.phone.reply(last(one.got()), 200)
    assert status(alice.received()) == [200]
    box.wait(10)
    assert alice.received() == []
    box, alice, (one,) = scene(None)
    one.phone.reply(last(one.got()), 183)
    assert status(alice.received()) == [183]
    box.wait(10)
    assert alice.received() == []


def test_nobody_there_is_no_408_but_silence():
    """4.2: the caller gives up by itself at the same time; a 408 would only be stray."""
    box, alice, (one,) = scene(None)
    box.wait(80)
    assert status(alice.received()) == [100]
    assert len(box.endpoint) == 0 and len(box.proxy.deadlines) == 0


def test_a_retransmission_of_what_was_left_unanswered_goes_nowhere():
    box = Box(trunks=("203.0.113.5",))
    (one,) = desks(box, None)
    eve = Phone(box, "eve", host="203.0.113.5", domain="far.example")
    data = eve.make("MESSAGE", "sip:201@example.org")
    eve.send(data)
    box.wait(33)
    one.got()
    eve.received()
    assert status(eve.send(data)) == [100] and one.got() == []


def test_a_408_from_further_on_is_no_408_here():
    box, alice, (one,) = scene(None)
    one.phone.reply(last(one.got()), 408)
    assert status(alice.received()) == [504]


def test_another_final_response_wins_over_the_time_out():
    box, alice, (one, two) = scene(None, None)
    one.phone.reply(last(one.got()), 404)
    box.wait(31)
    assert status(alice.received()) == [100]
    two.phone.reply(last(two.got()), 408)
    assert status(alice.received()) == [404]


def test_what_comes_when_the_caller_has_given_up_is_not_sent():
    """The first of two in turn did not answer for 32 s: nobody waits for what the second says."""
    box, alice, (one, two) = scene(0.9, 0.2)
    box.wait(33)
    assert status(alice.received()) == [100]
    two.phone.reply(last(two.got()), 200)
    assert alice.received() == []
    box.wait(60)
    assert len(box.endpoint) == 0


# Each method

METHODS = ("MESSAGE", "INFO", "UPDATE", "PRACK", "SUBSCRIBE", "NOTIFY", "PUBLISH", "REFER",
           "OPTIONS", "BYE", "CHARGE", "x-y.z!%*_+`'~")  # fmt: skip


def test_each_method_outside_of_a_dialog_is_challenged_and_goes_to_the_extension():
    for method in METHODS:
        box = Box()
        (one,) = desks(box, None)
        alice = Phone(box, "200")
        data = alice.make(method, "sip:201@example.org", ["X-Kept: as it is"], body=b"a body\r\n")
        challenge = last(alice.send(data))
        assert challenge.status == 407, method
        assert one.got() == []
        alice.send(alice.authenticated(data, challenge))
        got = last(one.got())
        assert (got.method, got.body, got.header("x-kept")) == (method, b"a body\r\n", "as it is")
        assert got.uri == "sip:desk20@192.0.2.20"
        one.phone.reply(got, 200)
        assert status(alice.received()) == [200], method
        box.wait(40)
        assert len(box.endpoint) == 0 and len(box.proxy.calls) == 0


def test_each_method_outside_of_a_dialog_may_come_from_a_trunk_but_refer():
    """A trunk's address can be forged, and a REFER has a telephone call out."""
    for method in METHODS:
        box = Box(trunks=("203.0.113.5",))
        (one,) = desks(box, None)
        trunk = Phone(box, "0123", host="203.0.113.5", domain="far.example")
        refused = status(trunk.send(trunk.make(method, "sip:201@example.org"))) == [403]
        assert refused == (method == "REFER") and bool(one.got()) != refused
        assert status(trunk.send(trunk.make(method, "sip:201@elsewhere.example"))) == [403]


def test_no_method_but_invite_comes_from_strangers():
    """CVE-2021-37624, CVE-2021-41157: a MESSAGE or SUBSCRIBE that nobody asked a password for.

    Whether there is such an extension, registered or not, makes no difference."""
    for method in METHODS:
        for uri in ("sip:201@example.org", "sip:202@example.org", "sip:999@example.org"):
            box = Box()
            (one,) = desks(box, None)
            eve = Phone(box, "eve", host="203.0.113.5", domain="far.example")
            answer = last(eve.send(eve.make(method, uri)))
            assert (answer.status, answer.reason) == (403, "Forbidden"), method
            assert one.got() == [] and len(box.endpoint) == 1  # that of the REGISTER


def test_each_method_within_a_dialog_goes_both_ways_without_a_password():
    box = Box()
    alice, bob = Phone(box, "200"), Phone(box, "201")
    bob.register()
    alice.request("INVITE", "sip:201@example.org")
    invite = last(bob.received())
    bob.reply(invite, 200)
    answer = last(alice.received())
    for method in [each for each in METHODS if each != "BYE"] + ["BYE"]:
        alice.send(alice.within(method, answer, answer, ["X-Kept: 1"], cseq=50))
        got = last(bob.received())
        assert (got.method, got.uri, got.header("x-kept")) == (method, bob.contact[1:-1], "1")
        bob.reply(got, 202)
        assert status(alice.received()) == [202], method
    alice.request("INVITE", "sip:201@example.org")
    invite = last(bob.received())
    bob.reply(invite, 200)
    answer = last(alice.received())
    for method in [each for each in METHODS if each != "BYE"] + ["BYE"]:
        bob.send(bob.within(method, invite, answer, is_caller=False, cseq=60))
        got = last(alice.received())
        assert (got.method, got.uri) == (method, alice.contact[1:-1])
        alice.reply(got, 200)
        assert status(bob.received()) == [200], method


def test_each_method_with_a_made_up_dialog_is_treated_as_without():
    for method in METHODS:
        box = Box()
        (one,) = desks(box, None)
        eve = Phone(box, "eve", host="203.0.113.5", domain="far.example")
        lines = ["Route: <sip:192.0.2.10;lr=on;seal=0000000000000000000000000000000000>"]
        data = eve.make(method, "sip:1@203.0.113.9", lines, to="<sip:1@203.0.113.9>;tag=x")
        assert status(eve.send(data)) == [403], method


def test_the_methods_that_begin_a_dialog_and_all_others_are_record_routed():
    """RFC 3261 16.6 step 4 asks for INVITE; SUBSCRIBE, REFER and what is to come do so too."""
    for method in METHODS:
        box = Box()
        (one,) = desks(box, None)
        Phone(box, "200").request(method, "sip:201@example.org")
        assert len(last(one.got()).headers("record-route")) == 1, method


def test_a_subscription_and_its_notifications():
    """RFC 6665: the NOTIFY comes from the notifier, before or behind the 200."""
    for method in ("SUBSCRIBE", "REFER"):
        box = Box()
        alice, bob = Phone(box, "200"), Phone(box, "201")
        bob.register()
        alice.request(method, "sip:201@example.org", ["Event: dialog", f"Contact: {alice.contact}"],
                      contact=None)
        request = last(bob.received())
        notify = bob.make(
            "NOTIFY", alice.contact[1:-1], ["Route: " + request.header("record-route")],
            from_=request.header("to") + ";tag=b1", to=request.header("from"),
            call_id=request.call_id,
        )  # fmt: skip
        assert bob.send(notify) == []
        got = last(alice.received())
        assert got.method == "NOTIFY"
        alice.reply(got, 200)
        assert status(bob.received()) == [200]


def test_an_ack_of_no_call_is_not_answered():
    box = Box()
    (one,) = desks(box, None)
    eve = Phone(box, "eve", host="203.0.113.5", domain="far.example")
    assert eve.send(eve.make("ACK", "sip:201@example.org", to="<sip:201@example.org>;tag=x")) == []
    assert one.got() == [] and len(box.proxy.calls) == 0


def test_a_cancel_of_nothing():
    box = Box()
    alice = Phone(box, "200")
    assert status(alice.send(alice.make("CANCEL", "sip:201@example.org"))) == [481]
