"""Calls over TCP: sipp with one connection for all and with one for each, baresip, sipsak."""

import pytest

from tests.peers import scenes, sipsak
from tests.peers.site import DOMAIN

pytestmark = pytest.mark.interop


# sipp's transports of caller and callee: t1 has one connection for all calls, tn one for each.
@pytest.mark.parametrize(
    "ways", [("t1", "t1"), ("tn", "t1"), ("u1", "t1"), ("t1", "u1")], ids="-".join
)
def test_calls(target, tmp_path, ways):
    scenes.sipp_pair(tmp_path, target, "call", "answer", calls=5, ways=ways)


def test_the_callee_hangs_up(target, tmp_path):
    scenes.sipp_pair(tmp_path, target, "call-hung-up", "answer-hang-up", ways=("t1", "t1"))


def test_the_callee_is_busy(target, tmp_path):
    scenes.sipp_pair(
        tmp_path, target, "call-refused", "refuse", ways=("t1", "t1"), code=486, reason="Busy Here"
    )


def test_nobody_answers_and_the_caller_gives_up(target, tmp_path):
    scenes.sipp_pair(tmp_path, target, "call-given-up", "ring", ring=200, ways=("t1", "t1"))


def test_sipsak(target):
    status, said = sipsak.run(target, "-E", "tcp", "-s", f"sip:{DOMAIN}")
    assert status == 0, said
