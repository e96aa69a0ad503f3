"""flash.py against files, against loop devices where it may, and against a made-up /sys."""

import errno
import gzip
import hashlib
import lzma
import os
import random
import subprocess
from contextlib import contextmanager

import pytest

from scripts import flash
from scripts.lib import devices

MIB = 1 << 20


def disk_image(size, seed=7):
    """Bytes with a boot signature; reproducible, and no two chunks alike."""
    data = bytearray(random.Random(seed).randbytes(size))
    data[510:512] = flash.BOOT_SIGNATURE
    return bytes(data)


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "image.img"
    path.write_bytes(disk_image(2 * MIB + 1536))
    return path


def refused(capsys, *arguments, **injected):
    """Run flash.py, which must end with an error; return what it said."""
    with pytest.raises(SystemExit) as stop:
        flash.main([str(argument) for argument in arguments], **injected)
    assert stop.value.code == 1
    return capsys.readouterr().err


# Files


@pytest.mark.parametrize("pack, ending", [
    (bytes, ".img"), (gzip.compress, ".img.gz"), (lzma.compress, ".img.xz")])
def test_file_gets_the_unpacked_image(tmp_path, capsys, pack, ending):
    data = disk_image(2 * MIB + 1536)
    (tmp_path / f"image{ending}").write_bytes(pack(data))
    flash.main([str(tmp_path / f"image{ending}"), str(tmp_path / "card"), "--file"])
    assert (tmp_path / "card").read_bytes() == data
    said = capsys.readouterr()
    assert "read back and compared" in said.out and hashlib.sha256(data).hexdigest() in said.out
    assert "reading back: done" in said.err


def test_what_is_behind_the_image_stays(tmp_path, image):
    (tmp_path / "card").write_bytes(b"\xaa" * (4 * MIB))
    flash.main([str(image), str(tmp_path / "card"), "--file"])
    written = (tmp_path / "card").read_bytes()
    assert written[:2 * MIB + 1536] == image.read_bytes()
    assert written[2 * MIB + 1536:] == b"\xaa" * (2 * MIB - 1536)


def test_medium_that_loses_a_bit_is_found_out(tmp_path, image, capsys, monkeypatch):
    honest = flash._write_all

    def forgetful(target, data):
        spoilt = os.lseek(target, 0, os.SEEK_CUR) == MIB
        honest(target, bytes([data[0] ^ 1]) + data[1:] if spoilt else data)

    monkeypatch.setattr(flash, "_write_all", forgetful)
    said = refused(capsys, image, tmp_path / "card", "--file")
    assert f"from byte {MIB} on" in said and "use another" in said


def test_medium_that_ends_early_is_found_out(tmp_path, image, capsys, monkeypatch):
    monkeypatch.setattr(flash, "_write_all", lambda target, data: os.write(target, data[:512]))
    assert "differs from the image" in refused(capsys, image, tmp_path / "card", "--file")


@pytest.mark.parametrize("number, said", [
    (errno.EIO, "broken"), (errno.EACCES, "sudo"), (errno.EBUSY, "something uses it"),
    (errno.ENXIO, "it is gone")])
def test_error_of_the_medium_is_explained(tmp_path, image, capsys, monkeypatch, number, said):
    def fail(target, data):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(flash, "_write_all", fail)
    assert said in refused(capsys, image, tmp_path / "card", "--file")


def test_interruption_says_that_the_card_will_not_boot(tmp_path, image, capsys, monkeypatch):
    def interrupt(target, data):
        raise KeyboardInterrupt

    monkeypatch.setattr(flash, "_write_all", interrupt)
    assert "will not boot" in refused(capsys, image, tmp_path / "card", "--file")


@pytest.mark.parametrize("name, content, said", [
    ("text.img", b"hello" * 500, "no disk image"), ("empty.img", b"", "no disk image"),
    ("cut.img.xz", lzma.compress(disk_image(MIB))[:-99], "damaged"),
    ("cut.img.gz", gzip.compress(disk_image(MIB))[:-99], "damaged"),
    ("bad.img.gz", b"no gzip" * 99, "damaged"), ("bad.img.xz", b"no xz" * 99, "damaged")])
def test_bad_image_touches_nothing(tmp_path, capsys, name, content, said):
    (tmp_path / name).write_bytes(content)
    assert said in refused(capsys, tmp_path / name, tmp_path / "card", "--file")
    assert not (tmp_path / "card").exists()


def test_missing_image_and_folders_are_refused(tmp_path, image, capsys):
    assert "No such file" in refused(capsys, tmp_path / "none.img", "card", "--file")
    assert "is not a file" in refused(capsys, image, tmp_path, "--file")
    assert "a folder, not a block device" in refused(capsys, image, tmp_path)
    assert "add --file" in refused(capsys, image, image)
    assert "there is no" in refused(capsys, image, tmp_path / "sdz")


# A made-up machine


class FakeMachine(devices.Machine):
    """A /sys and /proc in a folder; a device's path is any path that ends in its name."""

    def __init__(self, root):
        super().__init__(root / "sys", root / "proc")
        self.numbers = {}
        (self.proc / "self").mkdir(parents=True)
        (self.proc / "self" / "mountinfo").write_text("22 27 0:21 / /proc rw - proc proc rw\n")
        (self.proc / "swaps").write_text("Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n")

    def number(self, path):
        return self.numbers[os.path.basename(path)]

    def add(self, name, number, bus="pci0/ata1", size=64 * MIB, disk=None, **attributes):
        """A disk, or with `disk` a partition of it."""
        above = self.sys / "devices" / bus / "block" / (disk or "")
        folder = above / name
        (folder / "holders").mkdir(parents=True)
        files = {"size": size // 512, "dev": f"{number[0]}:{number[1]}", "ro": 0, **attributes}
        if disk:
            files["partition"] = number[1]
        for key, value in files.items():
            (folder / key).write_text(f"{value}\n")
        for index in (self.sys / "class" / "block" / name,
                      self.sys / "dev" / "block" / f"{number[0]}:{number[1]}"):
            index.parent.mkdir(parents=True, exist_ok=True)
            index.symlink_to(folder)
        self.numbers[name] = number
        return folder

    def mount(self, number, point, source):
        with (self.proc / "self" / "mountinfo").open("a") as table:
            table.write(f"30 1 {number} / {point} rw shared:1 - ext4 {source} rw\n")


@pytest.fixture
def machine(tmp_path):
    """sda: the system's disk; sdb: a card in a USB reader with one partition."""
    made = FakeMachine(tmp_path)
    made.add("sda", (8, 0))
    made.add("sda1", (8, 1), disk="sda")
    made.mount("8:1", "/", "/dev/sda1")
    made.add("sdb", (8, 16), bus="pci0/usb1", removable=1)
    made.add("sdb1", (8, 17), bus="pci0/usb1", disk="sdb")
    return made


def problems(machine, path):
    found = devices.objections(devices.describe(path, machine), machine)
    assert all(objection.remedy for objection in found)
    return " ".join(objection.problem for objection in found)


def test_free_card_has_no_objection(machine):
    device = devices.describe("/dev/sdb", machine)
    assert devices.objections(device, machine) == []
    assert (device.size, device.fixed, device.parts) == (64 * MIB, False, ["sdb", "sdb1"])


def test_built_in_disk_is_known(machine):
    assert devices.describe("/dev/sda", machine).fixed
    machine.add("mmcblk0", (179, 0), bus="platform/mmc_host/mmc0")
    assert not devices.describe("/dev/mmcblk0", machine).fixed


def test_system_disk_is_refused(machine):
    assert "holds this machine's own system (/)" in problems(machine, "/dev/sda")


@pytest.mark.parametrize("point", ["/boot", "/usr", "/boot/efi", "/var"])
def test_every_part_of_the_system_counts(machine, point):
    machine.mount("8:17", point, "/dev/sdb1")
    assert f"own system ({point})" in problems(machine, "/dev/sdb")


def test_mounted_disk_is_refused_with_its_mount_points(machine):
    machine.mount("8:17", "/media/my\\040card", "/dev/sdb1")
    assert "is mounted at /media/my card" in problems(machine, "/dev/sdb")


def test_file_system_without_a_number_is_known_by_its_source(machine):
    machine.mount("0:45", "/mnt", "/dev/sdb1")  # as btrfs shows it
    assert "is mounted at /mnt" in problems(machine, "/dev/sdb")


def test_partition_is_refused(machine):
    assert "partition of /dev/sdb" in problems(machine, "/dev/sdb1")


def test_lvm_raid_and_encryption_are_refused(machine):
    holder = machine.add("dm-0", (253, 0), bus="virtual")
    (machine.sys / "class/block/sdb1").resolve().joinpath("holders", "dm-0").symlink_to(holder)
    assert "/dev/sdb1 is part of dm-0" in problems(machine, "/dev/sdb")
    machine.mount("253:0", "/", "/dev/mapper/root")
    assert "own system (/)" in problems(machine, "/dev/sdb")


def test_swap_is_refused(machine):
    with (machine.proc / "swaps").open("a") as table:
        table.write("/dev/sdb1    partition  1000  0  -2\n")
    assert "/dev/sdb1 is used as swap" in problems(machine, "/dev/sdb")


def test_read_only_and_empty_are_refused(machine):
    machine.add("sdc", (8, 32), bus="pci0/usb2", ro=1)
    machine.add("sdd", (8, 48), bus="pci0/usb2", size=0)
    assert "is read-only" in problems(machine, "/dev/sdc")
    assert "no medium" in problems(machine, "/dev/sdd")


def test_card_that_is_too_small_is_refused(machine, image, capsys):
    machine.add("sdc", (8, 32), bus="pci0/usb2", size=MIB)
    said = refused(capsys, image, "/dev/sdc", "--yes", machine=machine)
    assert "holds 1.0 MB, the image takes 2.1 MB" in said


def test_objection_ends_before_anything_is_written(machine, image, capsys, monkeypatch):
    monkeypatch.setattr(flash, "flash", lambda *_: pytest.fail("it was written"))
    said = refused(capsys, image, "/dev/sda", "--yes", machine=machine)
    assert "own system" in said and "lsblk" in said


def card(machine, tmp_path, **attributes):
    """A device of the made-up machine whose path is a file, so that it can be written."""
    machine.add("card", (8, 64), bus="pci0/usb3", **attributes)
    (tmp_path / "card").write_bytes(bytes(4 * MIB))
    return tmp_path / "card"


@pytest.mark.parametrize("typed", ["", "yes", "sda"])
def test_wrong_answer_writes_nothing(machine, image, tmp_path, capsys, typed):
    path = card(machine, tmp_path)
    assert "nothing was written" in refused(capsys, image, path, machine=machine,
                                            answer=lambda _: typed)
    assert path.read_bytes() == bytes(4 * MIB)


def test_nobody_to_answer_writes_nothing(machine, image, tmp_path, capsys):
    def closed(prompt):
        raise EOFError

    path = card(machine, tmp_path)
    assert "--yes" in refused(capsys, image, path, machine=machine, answer=closed)
    assert path.read_bytes() == bytes(4 * MIB)


def test_name_typed_writes(machine, image, tmp_path, capsys):
    path = card(machine, tmp_path, removable=0)
    prompts = []

    def answer(prompt):
        prompts.append(prompt)
        return "card\n"

    flash.main([str(image), str(path)], machine=machine, answer=answer)
    assert prompts == ["Type card to write it: "]
    assert path.read_bytes().startswith(image.read_bytes())
    assert "everything on it will be lost" in capsys.readouterr().out


def test_built_in_disk_is_pointed_out(machine, image, tmp_path, capsys):
    machine.add("card", (8, 64))
    (tmp_path / "card").write_bytes(b"")
    with pytest.raises(SystemExit):
        flash.main([str(image), str(tmp_path / "card")], machine=machine, answer=lambda _: "no")
    assert "does not look removable" in capsys.readouterr().out


# Real devices


@contextmanager
def loop_device(path, size):
    """A loop device over a new file, or a skip where the machine has none to give."""
    with path.open("wb") as stream:
        stream.truncate(size)
    made = subprocess.run(["losetup", "--find", "--show", str(path)], capture_output=True,
                          text=True, check=False)
    if made.returncode:
        pytest.skip(f"no loop device: {made.stderr.strip()}")
    try:
        yield made.stdout.strip()
    finally:
        subprocess.run(["losetup", "--detach", made.stdout.strip()], check=True)


@pytest.fixture
def loops():
    if os.geteuid() != 0 or not os.path.exists("/dev/loop-control"):
        pytest.skip("loop devices need root")


def test_loop_device_is_written_and_read_back(loops, tmp_path, image, capsys):
    with loop_device(tmp_path / "disk", 4 * MIB) as path:
        flash.main([str(image), path, "--yes"])
    assert (tmp_path / "disk").read_bytes().startswith(image.read_bytes())
    assert "read back and compared" in capsys.readouterr().out


def test_loop_device_in_use_is_refused(loops, tmp_path, image, capsys):
    with loop_device(tmp_path / "disk", 4 * MIB) as path:
        user = os.open(path, os.O_RDONLY | os.O_EXCL)
        try:
            assert "something uses it" in refused(capsys, image, path, "--yes")
        finally:
            os.close(user)
    assert (tmp_path / "disk").read_bytes() == bytes(4 * MIB)


def test_loop_device_too_small_is_refused(loops, tmp_path, image, capsys):
    with loop_device(tmp_path / "disk", MIB) as path:
        assert "Use a larger card" in refused(capsys, image, path, "--yes")


def test_the_disk_of_this_machine_is_refused(image, capsys, monkeypatch):
    monkeypatch.setattr(flash, "flash", lambda *_: pytest.fail("it would have been written"))
    root = next((source for _, source, point in devices.Machine().mounts() if point == "/"), "")
    if not root.startswith("/dev/") or not os.path.exists(root):
        pytest.skip("the root of this machine is on no device")
    said = refused(capsys, image, root, "--yes")
    assert "own system" in said or "is a partition" in said
