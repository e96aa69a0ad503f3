"""`make run`: the disk that is kept, the ports, the boards."""

import socket

import pytest

from app import main
from scripts import run
from scripts.lib import board, qemu, report


def test_a_new_image_keeps_the_data_partition(tmp_path):
    image = tmp_path / "image"
    image.write_bytes(b"1" * run.DATA_OFFSET + b"empty")
    disk = run.prepare_disk(image, tmp_path)
    with open(disk, "r+b") as file:
        file.seek(run.DATA_OFFSET)
        file.write(b"sites")
    image.write_bytes(b"2" * run.DATA_OFFSET + b"empty")
    content = run.prepare_disk(image, tmp_path).read_bytes()
    assert content == b"2" * run.DATA_OFFSET + b"sites"


def test_the_data_partition_begins_where_the_layout_says():
    layout = (board.COMMON / "genimage.cfg").read_text()
    data = layout.partition("partition data {")[2]
    offset = data.partition("offset = ")[2].split()[0]
    assert offset == f"{run.DATA_OFFSET // 2**20}M"


def test_a_port_in_use_is_passed_over():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((qemu.HOST, 0))
        port = taken.getsockname()[1]
        assert qemu.free_port(first=port) != port


def test_every_board_can_be_read():
    assert "qemu-i586" in board.names()
    for name in board.names():
        assert board.load(name).arch.name in board.ARCHITECTURES


def test_an_unknown_board_is_answered_with_those_there_are(capsys):
    with pytest.raises(SystemExit):
        board.load("toaster")
    assert "qemu-i586" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("meta", "said"),
    [
        ('DESCRIPTION="x"\n', "ARCH is missing"),
        ('DESCRIPTION="x"\nARCH=z80\n', "ARCH=z80 is not known"),
        ("DESCRIPTION\n", "meta:1: no '='"),
        ('DESCRIPTION="x"\nARCH=i586\nFIRMWARE=coreboot\n', "FIRMWARE=coreboot is not known"),
        ('DESCRIPTION="x"\nARCH=i586\nFIRMWARE="bios uefi"\n', "UEFI starts x86_64 boards alone"),
        ('DESCRIPTION="x"\nARCH=i586\n', "drivers is missing"),
    ],
)
def test_a_bad_board_is_told_where(tmp_path, monkeypatch, capsys, meta, said):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "meta").write_text(meta)
    monkeypatch.setattr(board, "BOARDS", tmp_path)
    with pytest.raises(SystemExit):
        board.load("bad")
    assert said in capsys.readouterr().err


def test_the_program_has_the_version_of_the_changelog():
    assert main.VERSION == report.version()
