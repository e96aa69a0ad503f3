"""The files of accounting: rotation, numbers, a full medium, power cuts."""

import os

from app import dbtext
from app.dbtext.schemas import columns_of, versions_of
from app.port import files as real_files
from app.port import hashes
from app.proxy.acc_tables import ACC, CDRS, OWN, RESERVE, TABLES_MAX, VERSIONS, AccTables
from tests.proxy.box import WALL, Files, Lines
from tests.support import raises

FOLDER = "/data/acc"


def make(files=None, size=65536, kept=4):
    """-> (AccTables, its Files, its Lines)"""
    files, log = files or Files(), Lines()
    tables = AccTables(files, FOLDER, dbtext, log)
    tables.use(size, kept)
    return tables, files, log


def row(number, **values):
    found = {
        "method": "INVITE", "from_tag": "f:1", "to_tag": None, "callid": f"call{number}",
        "sip_code": "200", "sip_reason": "O\\K", "time": WALL + number, "src_user": "200",
        "src_domain": "example.org", "src_ip": "192.0.2.1", "dst_ouser": None, "dst_user": "201",
        "dst_domain": "example.org",
    }  # fmt: skip
    found.update(values)
    return found


def call_ids(tables, count=1000, name="acc"):
    return [each["callid"] for each in tables.last(name, count)]


def test_the_columns_are_kamailios_and_then_those_of_its_default_configuration():
    for name in OWN:
        header = (CDRS if name == "acc_cdrs" else ACC).encode()
        own = [(each.name, each.type) for each in dbtext.load(header, name)[0].columns]
        theirs = [(each.name, each.type) for each in columns_of(name)]
        assert own[: len(theirs)] == theirs
        names = [each for each, _ in own[len(theirs) :]]
        extra = ["src_user", "src_domain", "src_ip", "dst_ouser", "dst_user", "dst_domain"]
        assert [each for each in names if each in extra] == extra
    versions = dbtext.load(VERSIONS, "version")[0]
    for name in OWN:
        assert versions.find(table_name=name)["table_version"] == versions_of(name)[-1]


def test_rows_come_back_as_they_were_and_are_numbered():
    tables, files, _ = make()
    tables.append("acc", [row(1), row(2)])
    tables.append("acc", [row(3)])
    found = tables.last("acc", 2)
    assert [each["id"] for each in found] == [2, 3]
    expected = row(3)
    expected["id"] = 3
    assert found[1] == expected
    assert files.data[FOLDER + "/acc"].count(b"id(int,auto)") == 1
    assert files.data[FOLDER + "/version"] == VERSIONS


def test_numbers_go_on_after_a_restart_and_a_rotation():
    tables, files, _ = make(size=1000)
    for number in range(20):
        tables.append("acc", [row(number)])
        tables, files, _ = make(files, size=1000)
    assert [each["id"] for each in tables.last("acc", 5)] == [16, 17, 18, 19, 20]
    assert files.exists(FOLDER + "/acc.1")


def test_a_long_file_is_put_aside_and_the_oldest_goes():
    tables, files, _ = make(size=500, kept=3)
    for number in range(60):
        tables.append("acc", [row(number)])
    assert sorted(files.data) == [FOLDER + "/acc", FOLDER + "/acc.1", FOLDER + "/acc.2",
                                  FOLDER + "/version"]  # fmt: skip
    kept = call_ids(tables)
    assert kept == [f"call{number}" for number in range(60 - len(kept), 60)]
    assert 3 < len(kept) < 20
    for path in files.data:
        assert len(files.data[path]) < 500 + 300
        dbtext.load(files.data[path], "acc")


def test_fewer_files_are_kept_when_the_site_says_so():
    tables, files, _ = make(size=500, kept=5)
    for number in range(40):
        tables.append("acc", [row(number)])
    assert files.exists(FOLDER + "/acc.4")
    tables.use(500, 1)
    for number in range(4):
        tables.append("acc", [row(number)])
    assert sorted(files.data) == [FOLDER + "/acc", FOLDER + "/version"]


def test_a_loss_of_power_at_any_byte_leaves_whole_rows():
    tables, files, _ = make()
    tables.append("acc", [row(1)])
    before = files.data[FOLDER + "/acc"]
    tables.append("acc", [row(2), row(3)])
    whole = files.data[FOLDER + "/acc"]
    ends = [at + 1 for at in range(len(whole)) if whole[at : at + 1] == b"\n"]
    for cut in range(len(whole) + 1):
        left = Files()
        left.data[FOLDER + "/acc"] = whole[:cut]
        tables, _, _ = make(left)
        expected = [f"call{n + 1}" for n in range(len([end for end in ends if end <= cut]) - 1)]
        assert call_ids(tables) == expected, cut
        tables.append("acc", [row(9)])
        assert call_ids(tables) == expected + ["call9"], cut
        again, notes = dbtext.load(left.data[FOLDER + "/acc"], "acc")
        assert notes == [] and len(again.rows) == len(expected) + 1, cut
    assert len(before) < len(whole)


def test_a_loss_of_power_within_a_rotation_loses_no_row():
    full, files, _ = make(size=500, kept=3)
    for number in range(9):
        full.append("acc", [row(number)])
    kept = call_ids(full, name="acc")
    for steps in range(6):
        left = Files()
        left.data = dict(files.data)
        tables, _, _ = make(left, size=500, kept=4)
        tables.last("acc", 1)
        _stop_after(left, steps)
        try:
            tables.append("acc", [row(99)])
        except PowerCut:
            pass
        again, _, _ = make(left, size=500, kept=8)
        found = call_ids(again)
        assert found[: len(kept)] == kept, (steps, found)


class PowerCut(BaseException):
    """The machine is off; nothing survives it."""


def _stop_after(files, steps):
    """Lets the power fail before the change number `steps` from now."""
    left = [steps]

    def check():
        left[0] -= 1
        if left[0] < 0:
            raise PowerCut()

    files._check = check


def test_lines_that_are_no_rows_are_left_out():
    tables, files, log = make()
    tables.append("acc", [row(1)])
    files.data[FOLDER + "/acc"] += b"\0\0\0\0:\n12:x\n"
    files.data[FOLDER + "/acc"] += b"7:INVITE:a:b:c:200:OK:1:::::::\n"
    tables, _, log = make(files)
    tables.append("acc", [row(2)])
    assert [each["id"] for each in tables.last("acc", 9)] == [1, 7, 8]
    assert len(log.has("was left out")) == 2


def test_a_file_with_other_columns_is_put_aside_whole():
    tables, files, _ = make()
    files.data[FOLDER + "/acc"] = b"id(int,auto) method(string)\n1:INVITE\n"
    tables.append("acc", [row(1)])
    assert files.data[FOLDER + "/acc.1"] == b"id(int,auto) method(string)\n1:INVITE\n"
    assert call_ids(tables) == ["call1"]


def test_old_records_go_before_a_registration_lacks_room():
    tables, files, log = make(size=500, kept=4)
    for number in range(40):
        tables.append("acc", [row(number)])
    files.free = RESERVE - 1
    removed = []

    def remove(path):
        removed.append(path)
        files.data.pop(path, None)
        if path == FOLDER + "/acc.3":
            files.free = RESERVE

    files.remove = remove
    tables.append("missed_calls", [row(1)])
    assert removed[0].endswith(".3") and not files.exists(FOLDER + "/acc.3")
    assert files.exists(FOLDER + "/acc.2")
    files.free = 0
    del files.remove
    for _ in range(2):
        with raises(OSError):
            tables.append("acc", [row(1)])
    assert len(log.has("has no room for more")) == 1
    assert call_ids(tables, 9)[-1:] == ["call39"]
    assert not [path for path in files.data if path[-2:-1] == "."]


def test_a_script_names_some_tables_and_no_path():
    tables, files, _ = make()
    for name in ("", "A", "a/b", "..", "version", "x" * 33, "a.1"):
        assert not tables.takes(name), name
    for number in range(TABLES_MAX - len(OWN)):
        assert tables.takes(f"t{number}")
        tables.append(f"t{number}", [row(number)])
    assert not tables.takes("more") and tables.takes("t0") and tables.takes("acc_cdrs")


def test_on_a_real_medium():
    folder = "/tmp/waferpbx-test-" + hashes.token(12)
    tables = AccTables(real_files, folder + "/acc", dbtext, Lines())
    tables.use(600, 3)
    try:
        for number in range(12):
            tables.append("acc", [row(number)])
        assert "acc.2" in os.listdir(folder + "/acc") and "acc.3" not in os.listdir(folder + "/acc")
        assert call_ids(tables, 3) == ["call9", "call10", "call11"]
    finally:
        real_files.remove_tree(folder)
