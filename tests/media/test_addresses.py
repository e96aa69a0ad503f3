"""app/media/addresses.py: who is told which of our addresses."""

from app.media.addresses import Addresses
from app.media.errors import NoPorts
from tests.support import raises


def test_one_address_for_everybody():
    addresses = Addresses("192.0.2.1")
    assert addresses.for_peer("203.0.113.5", 4) == ("192.0.2.1", "0.0.0.0")
    assert addresses.for_peer(None, 4).advertised == "192.0.2.1"
    assert addresses.is_ours("192.0.2.1") and not addresses.is_ours("192.0.2.2")


def test_the_first_network_of_the_peer_counts():
    addresses = Addresses([
        ("192.168.1.0/24", "192.168.1.1", "192.168.1.1"),
        ("0.0.0.0/0", "198.51.100.7", "192.168.9.1"),
        ("::/0", "2001:db8::1"),
    ])
    assert addresses.for_peer("192.168.1.20", 4) == ("192.168.1.1", "192.168.1.1")
    assert addresses.for_peer("203.0.113.5", 4) == ("198.51.100.7", "192.168.9.1")
    assert addresses.for_peer("2001:db8::5", 6) == ("2001:db8::1", "::")


def test_an_unknown_peer_is_everybody():
    addresses = Addresses([("192.168.1.0/24", "192.168.1.1"), ("0.0.0.0/0", "198.51.100.7")])
    assert addresses.for_peer(None, 4).advertised == "198.51.100.7"


def test_media_of_another_family_than_signalling():
    addresses = Addresses([("0.0.0.0/0", "192.0.2.1"), ("::/0", "2001:db8::1")])
    assert addresses.for_peer("192.0.2.9", 6).advertised == "2001:db8::1"


def test_a_family_without_address():
    with raises(NoPorts) as caught:
        Addresses("192.0.2.1").for_peer("2001:db8::5", 6)
    assert "IPv6" in str(caught.error)


def test_rules_that_cannot_be():
    for rules in ([], [("0.0.0.0/0", "example.org")], [("0.0.0.0/0", "192.0.2.1", "::")], "x"):
        with raises(ValueError):
            Addresses(rules)
