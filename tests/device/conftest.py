"""Boxes for the device tests: one that most share, and new ones to be hard on."""

import os
from pathlib import Path

import pytest

from tests.device.box import Box
from tests.peers.phone import Phone
from tests.peers.site import USERS


@pytest.fixture(scope="session")
def image():
    """The disk image under test."""
    path = Path(os.environ.get("WAFERPBX_IMAGE", "build/qemu-i586/disk.img"))
    if not path.is_file():
        if os.environ.get("WAFERPBX_REQUIRE_FIRMWARE") == "1":
            pytest.fail(f"{path} is not built: make image")
        pytest.skip(f"{path} is not built: make image")
    return path


@pytest.fixture(scope="session")
def shared_box(image, tmp_path_factory):
    """A provisioned, running box; a test leaves it as it found it."""
    box = Box(image, tmp_path_factory.mktemp("box"))
    try:
        provisioned(box)
        yield box
    finally:
        box.cut_power()


@pytest.fixture
def box(shared_box):
    """The shared box, without bindings before and after."""
    yield shared_box
    for user in sorted(USERS):
        with Phone(shared_box.target, user) as phone:
            assert phone.unregister().status == 200


@pytest.fixture
def new_box(image, tmp_path):
    """Makes a box of this test's own, powered off. new_box(memory=32) -> Box"""
    boxes = []

    def make(**settings):
        folder = tmp_path / f"box{len(boxes)}"
        folder.mkdir()
        boxes.append(Box(image, folder, **settings))
        return boxes[-1]

    yield make
    for box in boxes:
        box.cut_power()


@pytest.fixture
def running_box(new_box):
    """A provisioned box of this test's own, answering SIP."""
    return provisioned(new_box())


def provisioned(box):
    """Boot a new box and give it its site; return it."""
    done = box.power_on().provision()
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{box.log()}"
    return box.wait_for_sip()


def pytest_collection_modifyitems(items):
    """Mark everything in this folder."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.device)
