"""What a box still knows when it has been switched off: registrations, and the way of dialogs."""

import threading
import time

import pytest

from tests.peers import sip
from tests.peers.call import Callee, Caller, connect
from tests.peers.phone import Phone

pytestmark = pytest.mark.interop

GRACE = 300  # seconds that a stored expiry may lie behind the truth (app/proxy/location.py)


@pytest.fixture
def pair(own_box):
    """-> (Pbx, Phone 200, Phone 201), both registered."""
    box = own_box()
    with Phone(box.target, "200") as one, Phone(box.target, "201") as other:
        assert one.register().status == other.register().status == 200
        yield box, one, other


def test_a_call_comes_through_after_a_loss_of_power(pair):
    box, one, other = pair
    box.kill()
    box.start()
    into_after(one, other)


def test_a_call_comes_through_after_a_planned_restart(pair):
    box, one, other = pair
    box.restart()
    into_after(one, other)


def into_after(one, other):
    """The caller's call reaches the callee, which has not registered again."""
    out = Caller(one, other.uri).authenticate()
    into = Callee(other)
    into.answer()
    out.answered()
    into.acknowledged()


def test_a_loss_of_power_right_after_the_200_loses_nothing(pair):
    """The binding is on the medium before its 200 leaves."""
    box, _, _ = pair
    for round_ in range(3):
        with Phone(box.target, "202") as late:
            assert late.register(expires=600 + round_).status == 200
            box.kill()
            box.start()
            assert late.contact in late.bindings()


@pytest.mark.parametrize("moment", [0.02, 0.05, 0.11, 0.23, 0.37, 0.61])
def test_kill_9_in_the_midst_of_registrations(own_box, moment):
    """What was answered is there afterwards, and of what was under way all or nothing."""
    box = own_box()
    with Phone(box.target, "202") as phone:
        phone.register()
        killer = threading.Timer(moment, box.kill)
        killer.start()
        known, asked = hurry(phone)
        killer.join()
        box.start()
        found = set(phone.bindings())
    assert found in (known, asked), (known, asked, found)


def hurry(phone):
    """REGISTER a contact, without the one of before, again and again until nobody answers.

    -> ({contacts of the last 200}, {contacts that the last REGISTER asked for}).
    """
    known = asked = {phone.contact}
    challenge = None
    for number in range(1, 10000):
        former, contact = sorted(asked)[0], f"sip:202@127.0.0.1:{10000 + number}"
        lines = [("Contact", f"<{former}>;expires=0"), ("Contact", f"<{contact}>;expires=600")]
        while True:
            proof = []
            if challenge:
                value = sip.credentials(
                    challenge, "REGISTER", f"sip:{phone.domain}", phone.user, phone.password
                )
                proof = [("Authorization", value)]
                asked = {contact}
            answer = quick_register(phone, lines + proof)
            if answer is None:
                return known, asked
            challenge = answer["www-authenticate"] if answer.status == 401 else None
            if answer.status == 200:
                known = asked
                break
    raise AssertionError("the box was not killed")


def quick_register(phone, headers):
    """-> the answer to a REGISTER, None when there is none within a second."""
    phone.cseq += 1
    base = [
        ("From", f"<{phone.uri}>;tag={phone.registration}"), ("To", f"<{phone.uri}>"),
        ("Call-ID", phone.registration), ("CSeq", f"{phone.cseq} REGISTER"),
    ]  # fmt: skip
    phone.request("REGISTER", f"sip:{phone.domain}", base + headers)
    return phone.receive(1.0, call_id=phone.registration)


def test_who_has_unregistered_stays_away(pair):
    box, _, other = pair
    assert other.unregister().status == 200
    box.kill()
    box.start()
    assert other.bindings() == {}


def test_a_binding_that_ends_while_the_box_is_off_is_gone(pair):
    box, one, other = pair
    box.kill()
    expire(box.state, "201", time.time() - GRACE - 10)
    box.start()
    assert other.bindings() == {}
    assert one.contact in one.bindings()


def expire(state, user, when):
    """Date the stored bindings of `user` so that they end at `when`, Unix seconds."""
    changed = 0
    for path in (state / "location", state / "location.older", state / "location.journal"):
        if not path.exists():
            continue
        lines = path.read_text().split("\n")
        names = [word.partition("(")[0] for word in lines[0].split()]
        for number, line in enumerate(lines[1:], 1):
            fields = line.replace("\\:", "\0").split(":")
            if len(fields) == len(names) and fields[names.index("username")] == user:
                fields[names.index("expires")] = str(int(when))
                lines[number] = ":".join(fields).replace("\0", "\\:")
                changed += 1
        path.write_text("\n".join(lines))
    assert changed, f"no row of {user} in {state}"


def test_a_call_from_before_can_be_hung_up_after(pair):
    """The seal in the Record-Route holds across a restart: no call hangs for want of a BYE."""
    box, one, other = pair
    out, into = connect(one, other)
    box.kill()
    box.start()
    out.request("BYE")
    into.hung_up()
    out.expect(200)


def test_a_torn_journal_costs_its_last_line_only(pair):
    """Power that fails in the middle of a write: the row without its end is not taken."""
    box, one, other = pair
    box.kill()
    with open(box.state / "location.journal", "ab") as journal:
        journal.write(b"7:uloc-torn:203::sip\\:203@127.0.")
    box.start()
    assert one.contact in one.bindings()
    assert other.contact in other.bindings()
    with Phone(box.target, "203") as torn:
        assert torn.bindings() == {}
