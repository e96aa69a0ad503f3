"""Whatever comes in by the SIP port, the box goes on."""

import os
import random
import socket

import pytest

from tests.peers.pbx import options, ping
from tests.peers.process import wait_until
from tests.sip.corpus import answers, torture

pytestmark = pytest.mark.interop


@pytest.fixture
def throw(target):
    """-> function(bytes) that sends one datagram to the box."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as source:
        source.bind((target.host, 0))
        yield lambda data: source.sendto(data, target)


def alive(target):
    """-> true: the box answers. A ping into a full receive buffer is lost, so it asks again."""
    return wait_until(lambda: ping(target), "the box answers OPTIONS")


def test_the_torture_messages_do_not_hurt(target, throw):
    names = [name for name, _ in answers()]
    assert len(names) > 40
    for name in names:
        throw(torture(name))
        assert alive(target), name


def test_random_octets_do_not_hurt(target, throw):
    noise = random.Random(5060)
    for _ in range(200):
        throw(noise.randbytes(noise.randrange(1, 1400)))
    assert alive(target)


def test_damaged_messages_do_not_hurt(target, throw):
    noise = random.Random(5061)
    for _ in range(300):
        data = bytearray(options(target, "127.0.0.1", 9))
        for _ in range(noise.randrange(1, 6)):
            place = noise.randrange(len(data))
            if noise.random() < 0.5:
                data[place] = noise.randrange(256)
            else:
                del data[place : place + noise.randrange(1, 20)]
        throw(bytes(data))
    assert alive(target)


def test_a_keepalive_is_swallowed(target, throw):
    """Two line ends (RFC 5626 3.5.1), an empty datagram, and the lone zero octet of some."""
    for data in (b"\r\n\r\n", b"", b"\0", b"\r\n"):
        throw(data)
    assert alive(target)


def test_a_datagram_as_long_as_they_get_is_refused(target, throw):
    throw(options(target, "127.0.0.1", 9).rstrip() + b"\r\nX: " + os.urandom(20000).hex().encode())
    assert alive(target)
