"""A minute of what `make soak` does for hours."""

import pytest

from tests.peers import endurance, site

pytestmark = [pytest.mark.interop, pytest.mark.slow]


@pytest.fixture
def box(tmp_path):
    """-> Pbx that tells its figures, sound in the end."""
    from tests.interop.conftest import assert_sound

    made = endurance.make_box(site.demo(tmp_path / "site"), tmp_path)
    with made as running:
        yield running
    assert_sound(made.program.output())


def test_calls_over_a_bad_line_leave_nothing_behind(box):
    endurance.calls_over_a_bad_line(box, calls=200, rate=15, warm=0)


def test_a_flood_of_registrations_leaves_calls_alone(box):
    endurance.calls_in_a_flood(box, seconds=15, flood_rate=300)
