"""The calls of tests/interop, through the emulated box."""

from tests.peers import scenes


def test_sipp_calls_sipp(box, tmp_path):
    scenes.sipp_pair(tmp_path, box.target, "call", "answer")


def test_the_callee_is_busy(box, tmp_path):
    scenes.sipp_pair(
        tmp_path, box.target, "call-refused", "refuse", code=486, reason="Busy Here"
    )


def test_the_caller_gives_up(box, tmp_path):
    scenes.sipp_pair(tmp_path, box.target, "call-given-up", "ring", ring=500)


def test_a_wrong_password_is_challenged_again(box, tmp_path):
    scenes.sipp_call(tmp_path, box.target, "call-refused", password="wrong", code=407)


def test_calls_come_through_a_line_that_loses_a_quarter(box, tmp_path):
    scenes.sipp_lossy(tmp_path, box.target, calls=3)


def test_two_telephones_hear_each_others_tone(box, tmp_path):
    scenes.tones_both_ways(tmp_path, box.target)
