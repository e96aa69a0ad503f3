"""From power to a telephone system."""

import re

from tests.device.conftest import provisioned
from tests.peers.phone import Phone

IDLE_MEMORY_MIB = 24


def test_a_new_box_says_that_it_has_no_site(new_box):
    assert "(unprovisioned)" in new_box().power_on().log()


def test_a_provisioned_box_answers_by_itself_after_power_on(running_box):
    running_box.cut_power()
    running_box.power_on().wait_for_sip()


def test_it_works_with_32_megabytes(new_box):
    box = provisioned(new_box(memory=32))
    with Phone(box.target, "200") as phone:
        assert phone.register().status == 200


def test_idle_memory_is_within_its_limit(box):
    used = re.match(r"([\d.]+) MiB of", box.status()["memory"])
    assert float(used[1]) <= IDLE_MEMORY_MIB


def test_the_kernel_has_nothing_to_complain_about(box):
    text = box.log()
    for word in ("panic", "Oops", "BUG:", "Traceback", "Scheduling for restart"):
        assert word not in text, text
