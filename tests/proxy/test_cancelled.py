"""Branches that are given up: the Reason in their CANCEL, and what the caller hears of it."""

from tests.proxy.box import Box
from tests.proxy.desks import cancel_of, desks, methods, scene
from tests.proxy.phone import Phone, last, status

ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'


def reasons(messages):
    """-> [Reason] of the CANCELs among messages."""
    found = [each for each in messages if each.is_request and each.method == "CANCEL"]
    return [each.header("reason") for each in found]


def test_a_call_completed_elsewhere_is_no_missed_call():
    """RFC 3326: the telephones that stop ringing show nothing."""
    box, alice, (one, two, three) = scene(None, None, None)
    first, second, third = one.invite(), two.invite(), three.invite()
    one.phone.reply(first, 180)
    two.phone.reply(second, 180)
    two.phone.reply(second, 200)
    assert reasons(one.got()) == [ELSEWHERE]
    assert three.got() == []
    three.phone.reply(third, 100)  # only now may it be cancelled: RFC 3261 9.1
    assert reasons(three.got()) == [ELSEWHERE]


def test_a_decline_says_so_to_the_others():
    box, alice, (one, two) = scene(None, None)
    first, second = one.invite(), two.invite()
    two.phone.reply(second, 180)
    one.phone.reply(first, 603, 'No "thanks"\\')
    assert reasons(two.got()) == ['SIP;cause=603;text="No ?thanks??"']


def test_the_callers_reason_goes_on():
    for lines, expected in (
        ((), [None]),
        (['Reason: SIP ;cause=600 ;text="Busy Everywhere"'],
         ['SIP ;cause=600 ;text="Busy Everywhere"']),
    ):  # fmt: skip
        box, alice, (one,) = scene(None)
        one.phone.reply(one.invite(), 180)
        alice.received()
        assert status(alice.send(cancel_of(box, alice, lines))) == [200]
        assert reasons(one.got()) == expected


def test_reasons_of_a_caller_are_bounded():
    box, alice, (one,) = scene(None)
    one.phone.reply(one.invite(), 180)
    alice.send(cancel_of(box, alice, ["Reason: Q.850;cause=16"] * 9))
    (cancel,) = [each for each in one.got() if each.method == "CANCEL"]
    assert cancel.headers("reason") == ["Q.850;cause=16"] * 4


def test_who_does_not_answer_is_told_that_it_took_too_long():
    box, alice, (one,) = scene(None, fr_inv_timer=20)
    one.phone.reply(one.invite(), 180)
    box.wait(20)
    assert reasons(one.got()) == ['SIP;cause=408;text="Request Timeout"']


def test_who_ignores_its_cancel_is_waited_for_four_seconds_alone():
    box, alice, (one, two) = scene(0.9, 0.2, fr_inv_timer=20)
    one.phone.reply(one.invite(), 180)
    box.wait(23.9)
    assert two.got() == []
    box.wait(0.2)
    second = two.invite()
    two.phone.reply(second, 200)
    assert status(alice.received())[-1] == 200


def test_who_answers_in_spite_of_its_cancel_has_the_call():
    """Its 200 crossed the CANCEL, and the next one rings already: that one is given up."""
    box, alice, (one, two) = scene(0.9, 0.2, fr_inv_timer=20)
    first = one.invite()
    one.phone.reply(first, 180)
    box.wait(25)
    second = two.invite()
    two.phone.reply(second, 180)
    one.phone.reply(first, 200, tag="one")
    answer = last(alice.received())
    assert (answer.status, answer.to.tag) == (200, "one")
    assert reasons(two.got()) == [ELSEWHERE]


def test_a_200_behind_the_final_response_is_passed_on_all_the_same():
    """RFC 3261 16.7 step 5: or the callee would repeat it, and nobody would end its call."""
    box, alice, (one,) = scene(None, fr_inv_timer=20)
    first = one.invite()
    one.phone.reply(first, 180)
    box.wait(25)
    assert status(alice.received())[:2] == [180, 408]
    one.phone.reply(first, 200)
    assert status(alice.received()) == [200]


# 199, RFC 6228


def supporting(*qualities, headers=("Supported: 199",)):
    box = Box()
    found = desks(box, *qualities)
    alice = Phone(box, "200")
    alice.request("INVITE", "sip:201@example.org", list(headers))
    return box, alice, found


def test_the_caller_hears_of_an_early_dialog_that_ends():
    box, alice, (one, two) = supporting(None, None)
    first, second = one.invite(), two.invite()
    one.phone.reply(first, 180, tag="one")
    one.phone.reply(first, 183, tag="other")
    two.phone.reply(second, 180, tag="two")
    assert status(alice.received()) == [180, 183, 180]
    one.phone.reply(first, 486, "Busy Here", tag="one")
    ended = alice.received()
    assert [(each.status, each.to.tag) for each in ended] == [(199, "one"), (199, "other")]
    for each in ended:
        assert each.header("reason") == 'SIP;cause=486;text="Busy Here"'
        assert each.body == b"" and each.header("require") is None
        assert each.call_id == first.call_id and len(each.headers("via")) == 1
    two.phone.reply(second, 486, tag="two")
    assert status(alice.received()) == [486]


def test_nobody_is_told_twice():
    """Not of a dialog whose own 199 was passed on, nor of one that never was."""
    box, alice, (one, two) = supporting(None, None)
    first = one.invite()
    one.phone.reply(first, 180, tag="one")
    one.phone.reply(first, 199, tag="one")
    assert status(alice.received()) == [180, 199]
    one.phone.reply(first, 486, tag="one")
    assert alice.received() == []


def test_a_199_before_the_next_group_and_none_with_the_last():
    box, alice, (one, two) = supporting(0.9, 0.2)
    first = one.invite()
    one.phone.reply(first, 180, tag="one")
    one.phone.reply(first, 480, tag="one")
    assert [each.status for each in alice.received()] == [180, 199]
    two.phone.reply(two.invite(), 480, tag="two")
    assert status(alice.received()) == [480]


def test_a_199_for_who_did_not_answer():
    box, alice, (one, two) = supporting(0.9, 0.2)
    one.phone.reply(one.invite(), 180, tag="one")
    box.wait(130)
    assert [each.status for each in alice.received()] == [180, 199]


def test_no_199_for_who_does_not_know_it_or_wants_it_reliably():
    for headers in ((), ("Supported: 100rel",), ("Supported: 199", "Require: 100rel")):
        box, alice, (one, two) = supporting(None, None, headers=headers)
        first = one.invite()
        one.phone.reply(first, 180, tag="one")
        alice.received()
        one.phone.reply(first, 486, tag="one")
        assert alice.received() == []


def test_early_dialogs_are_bounded():
    box, alice, (one, two) = supporting(None, None)
    first = one.invite()
    for number in range(30):
        one.phone.reply(first, 180, tag=f"t{number}")
    alice.received()
    one.phone.reply(first, 486)
    assert [each.to.tag for each in alice.received()] == [f"t{22 + place}" for place in range(8)]


def test_the_call_goes_on_behind_all_that():
    box, alice, (one, two) = supporting(None, None)
    first, second = one.invite(), two.invite()
    one.phone.reply(first, 180, tag="one")
    one.phone.reply(first, 486, tag="one")
    two.phone.reply(second, 200, tag="two")
    answer = last(alice.received())
    alice.send(alice.within("BYE", answer, answer))
    assert methods(two.got()) == ["BYE"]
    box.wait(120)
    assert len(box.endpoint) == 0 and len(box.proxy.deadlines) == 0
