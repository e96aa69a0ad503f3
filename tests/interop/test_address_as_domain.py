"""A site without a domain name: telephones are set up with the box's address, as by `make run`."""

from contextlib import ExitStack

import pytest

from tests.peers import scenes
from tests.peers.call import connect
from tests.peers.phone import Phone

pytestmark = pytest.mark.interop


@pytest.fixture
def plain_box(own_box):
    """-> Pbx whose domain is its own address."""
    return own_box(domain="127.0.0.1")


def test_telephones_with_the_address_as_domain_talk(plain_box):
    """All of it at one address: the box, and both telephones, told apart by their ports."""
    target = plain_box.target
    with (
        Phone(target, "200", domain=target.host) as one,
        Phone(target, "201", domain=target.host) as two,
    ):
        assert one.register().status == two.register().status == 200
        out, into = connect(one, two)
        out.request("BYE")
        into.hung_up()
        out.expect(200)


def test_the_port_may_be_part_of_the_domain(plain_box):
    target = plain_box.target
    domain = f"{target.host}:{target.port}"
    with Phone(target, "200", domain=domain) as one, Phone(target, "201", domain=domain) as two:
        assert one.register().status == two.register().status == 200
        connect(one, two)


def test_baresip_with_the_address_as_domain(plain_box, tmp_path):
    domain = f"{plain_box.target.host}:{plain_box.target.port}"
    with ExitStack() as stack:
        phones = scenes.two_phones(stack, tmp_path, plain_box.target, domain=domain)
        scenes.connect(*phones)
        scenes.hear_each_other(*phones)
        scenes.hang_up(*phones)
