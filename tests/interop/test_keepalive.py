"""Telephones behind a NAT answer the OPTIONS that keep their way open, and are missed when not."""

import pytest

from tests.peers.baresip import Baresip
from tests.peers.linphone import Linphone
from tests.peers.lossy import LossyLink
from tests.peers.phone import Phone
from tests.peers.process import wait_until

pytestmark = pytest.mark.interop


@pytest.fixture
def nat(own_box):
    """-> (Pbx that pings each second, LossyLink that loses nothing: each has a port of its own)."""
    box = own_box(sip={"keepalive": 1, "keepalive_timeout": 3, "min_expires": 10})
    with LossyLink(box.target, chance=0) as link:
        yield box, link


def test_a_telephone_that_vanishes_is_unregistered(nat):
    box, link = nat
    with Phone(box.target, "202") as other:
        phone = Phone(link.target, "202")
        assert phone.register().status == 200
        for _ in range(5):  # longer than the time-out
            phone.reply(phone.expect("OPTIONS"), 200, "OK")
        assert phone.contact in other.bindings()
        phone.close()
        wait_until(lambda: other.bindings() == {}, lambda: "it is missed\n" + box.log())
    assert "no answer to OPTIONS" in box.log()


@pytest.mark.parametrize("kind", [Baresip, Linphone])
def test_real_telephones_answer(nat, tmp_path, kind):
    box, link = nat
    with kind(tmp_path, link.target, "202") as phone, Phone(box.target, "202") as other:
        if kind is Linphone:
            phone.register()
            phone.wait_for_registration()
        registered = len(other.bindings())
        assert registered == 1
        passed = link.passed
        wait_until(lambda: link.passed >= passed + 10, "five pings and their answers")
        assert len(other.bindings()) == 1, box.log()
        phone.freeze()
        wait_until(lambda: other.bindings() == {}, lambda: "it is missed\n" + box.log())
