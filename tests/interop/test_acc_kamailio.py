"""Accounting: calls through the box, and what it wrote of them in a real Kamailio's db_text."""

import time

import pytest

from app.dbtext import load
from tests.interop.test_dbtext_kamailio import KAMAILIO, running, site
from tests.peers.call import Callee, Caller, connect
from tests.peers.phone import Phone
from tests.peers.process import missing, wait_until

pytestmark = pytest.mark.interop

OWN = ("acc", "missed_calls", "acc_cdrs")


@pytest.fixture
def records(own_box):
    """-> {table: bytes} after a call of 200 to 201, and one that 201 was too busy for."""
    box = own_box(accounting={"delay": 0})
    with Phone(box.target, "200") as one, Phone(box.target, "201") as other:
        assert one.register().status == other.register().status == 200
        out, into = connect(one, other)
        out.request("BYE")
        into.hung_up()
        out.expect(200)
        out = Caller(one, other.uri).authenticate()
        into = Callee(other)
        into.refuse(486, "Busy Here")
        out.refused(486)
        folder = box.state / "acc"
        wait_until(lambda: all((folder / name).exists() for name in OWN), "the tables are there")
        wait_until(lambda: len(rows(folder, "acc")) == 2, "INVITE and BYE are in acc")
        yield {path.name: path.read_bytes() for path in folder.iterdir()}


def rows(folder, name):
    return load((folder / name).read_bytes(), name)[0].rows


def test_the_rows_are_those_of_the_calls(records):
    invite, bye = load(records["acc"], "acc")[0].rows
    assert (invite["method"], bye["method"]) == ("INVITE", "BYE")
    assert invite["callid"] == bye["callid"] and invite["from_tag"] == bye["from_tag"]
    assert abs(invite["time"] - time.time()) < 60
    (cdr,) = load(records["acc_cdrs"], "acc_cdrs")[0].rows
    assert (cdr["src_user"], cdr["dst_ouser"], cdr["ended"]) == ("200", "201", "ended")
    (missed,) = load(records["missed_calls"], "missed_calls")[0].rows
    assert (missed["sip_code"], missed["dst_ouser"]) == ("486", "201")


def test_a_real_kamailio_reads_them(records):
    if not KAMAILIO:
        missing("kamailio", "apt install kamailio", "WAFERPBX_REQUIRE_PEERS")
    tables = {**records, **site()}  # its modules want tables of their own, and their versions
    with running(tables) as kamailio:
        for name in OWN:
            assert kamailio.select(name) == records[name], name


def test_kill_9_leaves_tables_that_load_and_grow(own_box):
    box = own_box(accounting={"delay": 0})
    folder, seen = box.state / "acc", 0
    for _ in range(4):
        with Phone(box.target, "200") as one, Phone(box.target, "201") as other:
            assert one.register().status == other.register().status == 200
            out, into = connect(one, other)
            out.request("BYE")
            into.hung_up()
        box.kill()
        with open(folder / "acc", "ab") as torn:
            torn.write(b"99:INVITE:torn:in the mid")
        box.start()
        with Phone(box.target, "200") as one, Phone(box.target, "201") as other:
            assert one.register().status == other.register().status == 200
            connect(one, other)
            wait_until(lambda: b"torn" not in (folder / "acc").read_bytes(), "acc is mended")
        found = rows(folder, "acc")
        assert len(found) > seen
        assert [row["id"] for row in found] == list(range(1, len(found) + 1))
        seen = len(found)
