"""sipvicious against the box: it finds the box at most, and neither extensions nor passwords.

Once as a site has it, and once with every limit off: what it cannot tell apart then, no number of
requests tells it.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.peers import call, sipvicious
from tests.peers.phone import Phone
from tests.peers.site import USERS
from tests.peers.stream_phone import StreamPhone

pytestmark = pytest.mark.interop

METHODS = ("REGISTER", "INVITE", "OPTIONS")
UNLIMITED = {"ban": 0, "wrong_passwords": 0, "scanners": "none"}
SCANNER = "127.0.0.1"  # where it scans from


@pytest.fixture
def open_box(own_box):
    """A box without any limit."""
    return own_box(security=UNLIMITED)


@pytest.fixture
def nameless_box(own_box):
    """A box as a site has it, which does not know scanners by their names."""
    return own_box(security={"scanners": "none"})


def test_svmap_finds_nothing(own_box):
    assert sipvicious.devices(own_box().target) == {}


def test_svmap_learns_no_name(open_box):
    place = f"{open_box.target.host}:{open_box.target.port}"
    assert sipvicious.devices(open_box.target) == {place: "unknown"}


def scan(target):
    """-> [{extension: answer}] that svwar finds with each method; all at once, as it waits long."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda each: sipvicious.extensions(target, "195-205", each), METHODS))


def test_svwar_finds_no_extension(own_box):
    box = own_box()
    with Phone(box.target, "200") as phone:
        assert phone.register().status == 200
        assert scan(box.target) == [{}, {}, {}]


def test_svwar_cannot_tell_extensions_from_others(open_box):
    """200 is registered, 201 to 203 exist, the others do not."""
    with Phone(open_box.target, "200") as phone:
        assert phone.register().status == 200
        assert scan(open_box.target) == [{}, {}, {}]
        phone.silence()


def test_svcrack_finds_a_password_where_nothing_is_limited(open_box, tmp_path):
    """That the tool works at all."""
    words = [f"guess{number}" for number in range(60)] + [USERS["200"]]
    cracked = sipvicious.passwords(open_box.target, "200", words, tmp_path)
    assert cracked == {"200": USERS["200"]}


def test_svcrack_is_banned_and_its_neighbours_go_on(nameless_box, tmp_path):
    """Telephones at the same address as sipvicious, registered before and behind the ban."""
    target = nameless_box.target
    with (
        Phone(target, "200") as inside,
        Phone(target, "201") as outside,
        Phone(target, "202") as fresh,
    ):
        for phone in (inside, outside):
            assert phone.register().status == 200
        words = [f"guess{number}" for number in range(60)] + [USERS["203"]]
        assert sipvicious.passwords(target, "203", words, tmp_path) == {}
        log = nameless_box.log()
        assert f"banned {SCANNER} for 300 s" in log and log.count("wrong password for 203") <= 20
        for one, other in ((inside, outside), (outside, inside)):
            out, into = call.connect(one, other)
            out.request("BYE")
            into.hung_up()
            out.expect(200)
        assert fresh.register().status == 200
        assert inside.register().status == 200
        with StreamPhone(target, "203") as connected:
            assert connected.register().status == 200
