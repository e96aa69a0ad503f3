"""Power that fails: nothing that was answered with 200 is lost, nothing half-written is read."""

from tests.peers.call import Callee, Caller
from tests.peers.phone import Phone


def test_a_power_cut_keeps_the_registrations(running_box):
    with Phone(running_box.target, "200") as one, Phone(running_box.target, "201") as other:
        assert one.register().status == other.register().status == 200
        running_box.cut_power()
        running_box.power_on().wait_for_sip()
        out = Caller(one, other.uri).authenticate()
        into = Callee(other)
        into.answer()
        out.answered()
        into.acknowledged()


def test_cuts_right_after_a_registration_lose_nothing(running_box):
    for _ in range(3):
        with Phone(running_box.target, "202") as phone:
            assert phone.register().status == 200
            running_box.cut_power()
            running_box.power_on().wait_for_sip()
            assert phone.contact in phone.bindings()
