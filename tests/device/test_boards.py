"""Every board's image boots, by every firmware that the board may have, and is a telephone system.

WAFERPBX_BOARDS names the boards whose images are built ("geode-lx qemu-x86_64"): `make boards`
builds all of them; the rest of the tests is content with the smallest. QEMU has neither the
boards' own disks nor their network chips, but an IDE disk and an e1000, for which each kernel
has drivers too.
"""

import os

import pytest

from scripts.lib import board
from scripts.lib.environment import ROOT
from tests.device.box import Box
from tests.device.conftest import provisioned
from tests.peers.phone import Phone

WANTED = os.environ.get("WAFERPBX_BOARDS", "qemu-i586").split()
MEMORY = {"bios": 64, "uefi": 256}
PAIRS = [(name, firmware) for name in WANTED for firmware in board.load(name).firmware]


@pytest.mark.parametrize("name, firmware", PAIRS)
def test_it_boots_and_takes_registrations(name, firmware, tmp_path):
    image = ROOT / "build" / name / "disk.img"
    box = Box(image, tmp_path, MEMORY[firmware], name, firmware)
    try:
        provisioned(box)
        with Phone(box.target, "200") as phone:
            assert phone.register().status == 200
        assert box.status()["registrations"] == "1"
        box.cut_power()
        box.power_on().wait_for_sip()
    finally:
        box.cut_power()


def test_each_board_says_what_is_to_be_in_its_kernel():
    for name in board.names():
        loaded = board.load(name)
        assert "8250" in loaded.drivers and len(loaded.drivers) > 3, name
        assert (loaded.folder / "cmdline.txt").read_text().startswith("console="), name
