"""app/media/addresses.py: who is told which of our addresses."""

from app.media.addresses import Addresses, rules_of
from app.media.errors import NoPorts
from app.sip.interfaces import Interfaces, interface
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


def behind_nat():
    """Port forwarding for IPv4, an address of its own for IPv6; the house has two networks."""
    return Interfaces(
        [
            interface(1, "udp", "0.0.0.0", 5060, ("203.0.113.7", 15060)),
            interface(2, "udp", "2001:db8::1", 5060),
            interface(3, "tls", "192.168.1.10", 5061, ("203.0.113.9", None)),
        ],
        ("192.168.1.0/24", "10.0.0.0/8"),
        lambda host: "10.9.0.1" if host.startswith("10.") else "192.168.1.10",
    )


def test_rules_follow_the_sip_side():
    addresses = Addresses(rules_of(behind_nat()))
    for peer, family, told in (
        ("192.168.1.20", 4, "192.168.1.10"), ("10.1.1.1", 4, "10.9.0.1"),
        ("198.51.100.9", 4, "203.0.113.7"), (None, 4, "203.0.113.7"),
        ("2001:db8::9", 6, "2001:db8::1"), ("192.168.1.20", 6, "2001:db8::1"),
        ("2001:db8::9", 4, "203.0.113.7"),
    ):  # fmt: skip
        assert addresses.for_peer(peer, family).advertised == told, (peer, family)


def test_the_sites_own_media_address_is_for_the_outside():
    addresses = Addresses(rules_of(behind_nat(), "203.0.113.8"))
    assert addresses.for_peer("198.51.100.9", 4).advertised == "203.0.113.8"
    assert addresses.for_peer("192.168.1.20", 4).advertised == "192.168.1.10"
    assert addresses.for_peer("2001:db8::9", 6).advertised == "2001:db8::1"


def test_a_family_that_sip_does_not_speak_has_no_media():
    rules = rules_of(Interfaces.of_sent_by("192.0.2.1:5060"))
    assert rules == [("0.0.0.0/0", "192.0.2.1")]
    rules = rules_of(Interfaces.of_sent_by("[2001:db8::1]:5060"))
    assert rules == [("::/0", "2001:db8::1")]
