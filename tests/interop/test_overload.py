"""More calls than the box has room for: each is served or refused, and what goes on goes on."""

import pytest

from tests.peers import sipp
from tests.peers.address import free_ports
from tests.peers.call import connect
from tests.peers.phone import Phone
from tests.peers.sipp import Sipp

pytestmark = pytest.mark.interop

CALLS = 300
RATE = 150  # a second: far more than so few transactions are enough for
SECONDS = 60


@pytest.fixture
def crowded(own_box):
    """-> Pbx with a trunk at 127.0.0.1 and room for some ten calls in half a minute."""
    return own_box(sip={"max_transactions": 64}, trunk={"address": "127.0.0.1"})


def flood(folder, box):
    """CALLS calls of the trunk to a 201 that answers. -> counters of the caller."""
    port = free_ports()
    sipp.register(folder, box.target, "201", port)
    with Sipp(folder, box.target, "load-answer", "201", port=port, calls=0,
              seconds=SECONDS + 30) as there:  # fmt: skip
        with Sipp(folder, box.target, "load-call", "0301", calls=CALLS, rate=RATE, at_once=CALLS,
                  seconds=SECONDS, hold=0) as here:  # fmt: skip
            counters = here.succeeded()
        there.program.kill()
    return counters


def test_every_call_is_served_or_refused_and_none_is_lost(crowded, tmp_path):
    counters = flood(tmp_path, crowded)
    good, shed = counters["good"], counters["shed"]
    assert good + shed == CALLS, counters
    assert good >= 4 and shed > CALLS // 2, counters


def test_a_call_in_progress_can_be_ended_and_a_telephone_registers(crowded, tmp_path):
    box = crowded
    with Phone(box.target, "200", host="127.0.0.2") as one, \
            Phone(box.target, "202", host="127.0.0.2") as other:  # fmt: skip
        assert one.register().status == other.register().status == 200
        out, into = connect(one, other)
        assert flood(tmp_path, box)["shed"] > CALLS // 2
        assert one.register().status == 200
        out.request("BYE")
        into.hung_up()
        out.expect(200)
