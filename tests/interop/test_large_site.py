"""A site of ten thousand extensions, and a location that is written anew while calls go on."""

import time

import pytest

from tests.peers import site
from tests.peers.call import connect
from tests.peers.pbx import ping
from tests.peers.phone import Phone
from tests.peers.process import wait_until

pytestmark = pytest.mark.interop

EXTENSIONS = 10000
BINDINGS = 2000
# Kamailio's table location, version 9
LOCATION = (
    "id(int,auto) ruid(string) username(string) domain(string,null) contact(string) "
    "received(string,null) path(string,null) expires(int) q(double) callid(string) cseq(int) "
    "last_modified(int) flags(int) cflags(int) user_agent(string) socket(string,null) "
    "methods(int,null) instance(string,null) reg_id(int) server_id(int) connection_id(int) "
    "keepalive(int) partition(int)"
)


@pytest.fixture
def large_site(tmp_path):
    """-> Path of a site of EXTENSIONS beside those of site.USERS."""
    rows = [[name, site.DOMAIN, word] for name, word in sorted(site.USERS.items())]
    rows += [[f"3{n:05d}", site.DOMAIN, f"word-{n:05d}-xyz"] for n in range(EXTENSIONS)]
    return site.write(tmp_path / "site", {
        "site.conf": site.conf({
            "sip": {"domains": site.DOMAIN},
            "security": {"reqs_density_per_unit": 0},  # the test asks without a pause
        }),
        "subscriber": site.table("username(str) domain(str) password(str)", rows),
    })  # fmt: skip


def journal():
    """-> str: a journal that has each binding, and the first hundred of them three times."""
    now = int(time.time())
    rows = []
    for n in list(range(BINDINGS)) + 2 * list(range(100)):
        user = f"3{n:05d}"
        contact = f"sip:{user}@192.0.2.7:{10000 + n}"
        rows.append([1, f"uloc-{n:08x}", user, "", contact, "", "", now + 3600, "-1.00",
                     f"call-{n}@192.0.2.7", 7, now, 0, 0, "n/a", "", "", "", 0, 0, -1, 0, 0])
    return site.table(LOCATION, rows)


def test_ten_thousand_extensions(own_box, large_site):
    box = own_box(made_site=large_site)
    last = f"3{EXTENSIONS - 1:05d}"
    with Phone(box.target, last, password=f"word-{EXTENSIONS - 1:05d}-xyz") as callee:
        assert callee.register().status == 200
        with Phone(box.target, "200") as caller, Phone(box.target, "399999", "guess") as nobody:
            assert caller.register().status == 200
            assert nobody.register().status == 401
            out, into = connect(caller, callee)
            out.request("BYE")
            into.hung_up()
            out.expect(200)


def test_a_long_journal_becomes_a_table_while_the_box_answers(own_box, large_site, tmp_path):
    box = own_box(made_site=large_site)
    box.stop()
    (box.state / "location.journal").write_text(journal())
    box.start()
    older, new = box.state / "location.older", box.state / "location.new"
    between = 0
    with Phone(box.target, "200") as phone:

        def is_done():
            nonlocal between
            writing = new.exists()
            assert ping(box.target, 5) is not None, box.log()
            between += writing
            return (box.state / "location").exists() and not older.exists()

        assert phone.register().status == 200  # while it is written, or before
        wait_until(is_done, lambda: "the table is there\n" + box.log(), 60)
        assert between, "nothing was answered in between"
    box.kill()
    box.start()
    for number in (0, 50, BINDINGS - 1):
        word = f"word-{number:05d}-xyz"
        with Phone(box.target, f"3{number:05d}", password=word) as phone:
            assert list(phone.bindings()) == [f"sip:3{number:05d}@192.0.2.7:{10000 + number}"]
    with Phone(box.target, "200") as phone:
        assert len(phone.bindings()) == 1
