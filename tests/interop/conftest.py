"""One box for all tests of this folder, and phones that leave nothing behind on it."""

import pytest

from tests.peers import site
from tests.peers.pbx import RTP_PORTS, Pbx
from tests.peers.phone import Phone
from tests.peers.site import USERS

# What must never be in the box's log, whatever a test has done to it.
FAULTS = ("Traceback", "fault:", "out of memory")


@pytest.fixture(scope="session")
def shared_box(tmp_path_factory):
    """-> Pbx with site.USERS, alias 1002 for 201 and DID 5550202 for 202."""
    folder = tmp_path_factory.mktemp("box")
    tables = {
        "aliases": site.aliases({"1002": "sip:201@example.org"}),
        "dbaliases": site.dbaliases({"5550202": "202"}),
    }
    # short registrations are allowed, so that a test can see one end, and nobody is banned, as
    # all tests come from one address
    made = site.demo(folder / "site", sip={"min_expires": 10}, security={"ban": 0}, **tables)
    with Pbx(made, folder) as box:
        yield box


@pytest.fixture
def box(shared_box):
    """The shared box, alive and without bindings and faults before and after the test."""
    before = len(shared_box.program.output())
    yield shared_box
    assert shared_box.program.status is None, f"the box has ended:\n{shared_box.log()}"
    for user in sorted(USERS):
        with Phone(shared_box.target, user) as phone:
            assert phone.unregister().status == 200
    assert_sound(shared_box.program.output()[before:])


@pytest.fixture
def target(box):
    """The address.Target of the shared box."""
    return box.target


@pytest.fixture
def own_box(tmp_path):
    """Makes boxes for one test alone. -> Pbx that runs.

    own_box(sip={...}, users={...}, aliases="..."): of site.demo; made_site=Path: a site that is
    there already; rtp_ports: how many; words: more of the command line.
    """
    made = []

    def make(made_site=None, rtp_ports=RTP_PORTS, words=(), **options):
        folder = tmp_path / f"box{len(made)}"
        made_site = made_site or site.demo(folder / "site", **options)
        box = Pbx(made_site, folder, rtp_ports=rtp_ports, words=words)
        made.append(box)
        box.start()
        return box

    yield make
    for box in made:
        box.stop()
        assert_sound(box.program.output())


@pytest.fixture
def phone(target):
    """Makes registered phones: phone("200", host="127.0.0.2") -> Phone."""
    made = []

    def make(user="200", registered=True, **options):
        new = Phone(options.pop("target", target), user, **options)
        made.append(new)
        if registered:
            answer = new.register()
            assert answer.status == 200, f"{user} could not register:\n{answer}"
        return new

    yield make
    for each in made:
        each.close()


def assert_sound(log):
    """AssertionError if the box has had trouble with itself."""
    lines = [line for line in log.splitlines() if any(word in line for word in FAULTS)]
    assert not lines, "the box's log has\n" + "\n".join(lines)
