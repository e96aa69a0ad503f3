"""Hours of it: `make soak` (CALLS, SECONDS of the flood). The box is the host build.

WAFERPBX_CALLS and WAFERPBX_SECONDS say how much; tests/interop/test_endurance.py is it in short.
"""

import os

import pytest

from tests.interop.conftest import assert_sound
from tests.peers import endurance, site

CALLS = int(os.environ.get("WAFERPBX_CALLS", "100000"))
SECONDS = int(os.environ.get("WAFERPBX_SECONDS", "600"))
RATE = 15  # calls a second: what the shipped tables have room for
FLOOD = 300  # REGISTERs a second


@pytest.fixture
def box(tmp_path):
    """-> Pbx that tells its figures, sound in the end."""
    made = endurance.make_box(site.demo(tmp_path / "site"), tmp_path)
    with made as running:
        yield running
    assert_sound(made.program.output())


def test_calls_with_loss_reordering_duplicates_and_stray_cancels(box):
    endurance.calls_over_a_bad_line(box, CALLS, RATE)


def test_a_flood_of_registrations_from_many_sources(box):
    before = endurance.Rest(box)
    endurance.calls_in_a_flood(box, SECONDS, FLOOD)
    after = endurance.Rest(box)
    assert after.figures["bindings"] == before.figures["bindings"] + 1  # of the callee
