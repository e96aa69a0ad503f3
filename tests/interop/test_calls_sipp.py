"""Calls between two sipp: one calls as 200, the other is registered as 201."""

import pytest

from tests.peers import scenes

pytestmark = pytest.mark.interop


def test_the_caller_hangs_up(target, tmp_path):
    scenes.sipp_pair(tmp_path, target, "call", "answer")


def test_the_callee_hangs_up(target, tmp_path):
    scenes.sipp_pair(tmp_path, target, "call-hung-up", "answer-hang-up")


def test_the_callee_is_busy(target, tmp_path):
    scenes.sipp_pair(tmp_path, target, "call-refused", "refuse", code=486, reason="Busy Here")


def test_the_callee_declines(target, tmp_path):
    scenes.sipp_pair(tmp_path, target, "call-refused", "refuse", code=603, reason="Decline")


def test_nobody_answers_and_the_caller_gives_up(target, tmp_path):
    scenes.sipp_pair(tmp_path, target, "call-given-up", "ring", ring=200)


def test_a_wrong_password_is_challenged_again(target, tmp_path):
    scenes.sipp_call(tmp_path, target, "call-refused", password="wrong", code=407)


def test_a_callee_who_is_not_registered_is_404(target, tmp_path):
    scenes.sipp_call(tmp_path, target, "call-refused", callee="202", code=404)


def test_a_number_that_nobody_has_is_404(target, tmp_path):
    scenes.sipp_call(tmp_path, target, "call-refused", callee="777", code=404)


def test_calls_come_through_a_line_that_loses_a_quarter(target, tmp_path):
    """... each of them once: what is repeated never becomes a second call at the callee."""
    scenes.sipp_lossy(tmp_path, target, calls=8)


@pytest.mark.slow
def test_fifty_calls_at_once(box, tmp_path):
    counters = scenes.sipp_pair(
        tmp_path, box.target, "call", "answer", calls=50, rate=25, hold=4000
    )
    assert counters["SuccessfulCall"] == 50
