"""Two baresip as real telephones: what the one plays the other hears."""

from contextlib import ExitStack

import pytest

from tests.peers import scenes, tone
from tests.peers.process import wait_until

pytestmark = pytest.mark.interop


@pytest.fixture
def phones(target, tmp_path):
    """-> (Baresip 200 with 440 Hz, Baresip 201 with 880 Hz), registered."""
    with ExitStack() as stack:
        yield scenes.two_phones(stack, tmp_path, target)


def test_each_hears_the_others_tone(phones):
    one, other = phones
    scenes.connect(one, other)
    scenes.hear_each_other(one, other)
    for phone in phones:  # and never its own
        samples, rate = phone.heard()
        assert tone.tone_blocks(samples, rate, phone.frequency) == 0
    scenes.hang_up(one, other)


def test_the_callee_hangs_up(phones):
    one, other = phones
    scenes.connect(one, other)
    scenes.hang_up(other, one)


def test_a_refused_call_ends_for_the_caller(phones):
    one, other = phones
    one.dial(other.user)
    other.wait_for("CALL_INCOMING")
    other.hang_up()
    assert "486" in one.wait_for("CALL_CLOSED")["param"]


def test_a_call_given_up_stops_the_ringing(phones):
    one, other = phones
    one.dial(other.user)
    other.wait_for("CALL_INCOMING")
    one.hang_up()
    other.wait_for("CALL_CLOSED")


def test_the_sound_comes_back_after_hold(phones):
    """By the packets: baresip 1.0 takes its recorder out when a call is put on hold."""
    one, other = phones
    scenes.connect(one, other)
    scenes.hear_each_other(one, other)
    one.hold()
    wait_until(lambda: not one.is_hearing(), "the party on hold falls silent")
    one.resume()
    wait_until(lambda: one.is_hearing() and other.is_hearing(), "both are heard again")
    scenes.hang_up(one, other)


def test_who_is_not_there_is_404(phones):
    one, _ = phones
    one.dial("203")
    assert "404" in one.wait_for("CALL_CLOSED")["param"]
