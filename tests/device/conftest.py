"""Boxes for the device tests: one that every test shares, and new ones to destroy."""

import os
from pathlib import Path

import pytest

from tests.device.box import Box


@pytest.fixture(scope="session")
def image():
    """Return the disk image under test."""
    path = os.environ.get("WAFERPBX_IMAGE", "build/qemu-i586/disk.img")
    if not Path(path).is_file():
        if os.environ.get("WAFERPBX_REQUIRE_FIRMWARE") == "1":
            pytest.fail(f"{path} is not built: make image")
        pytest.skip(f"{path} is not built: make image")
    return Path(path)


@pytest.fixture(scope="session")
def shared_box(image, tmp_path_factory):
    """Return a provisioned, running box; a test leaves it as it found it."""
    box = Box(image, tmp_path_factory.mktemp("box"))
    box.power_on()
    try:
        done = box.provision()
        assert done.returncode == 0, done.stdout + done.stderr
        yield box
    finally:
        box.cut_power()


@pytest.fixture
def new_box(image, tmp_path):
    """Return a function that makes a box of this test's own, powered off."""
    boxes = []

    def make(**settings):
        folder = tmp_path / str(len(boxes))
        folder.mkdir()
        boxes.append(Box(image, folder, **settings))
        return boxes[-1]

    yield make
    for box in boxes:
        box.cut_power()


def pytest_collection_modifyitems(items):
    """Mark everything in this folder."""
    here = Path(__file__).parent
    for item in items:
        if here in Path(item.fspath).parents:
            item.add_marker(pytest.mark.device)
