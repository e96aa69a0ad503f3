"""app/media/hosts.py and addresses.py: addresses, networks, and who is told which of ours."""

from app.media.addresses import Addresses
from app.media.errors import NoPorts
from app.media.hosts import family_of, is_loopback, parse_host, parse_network
from tests.support import raises


def test_ipv4():
    assert parse_host("192.0.2.1") == (4, 0xC0000201)
    for text in ("", "192.0.2", "192.0.2.1.5", "192.0.2.256", "192.0.2.", "a.b.c.d", "1.2.3.-4",
                 "1.2.3. 4", "1.2.3.4_0", "0001.2.3.4"):
        assert parse_host(text) is None, text


def test_ipv6():
    assert parse_host("::") == (6, 0)
    assert parse_host("::1") == (6, 1)
    assert parse_host("2001:DB8::1") == (6, 0x20010DB8 << 96 | 1)
    assert parse_host("1:2:3:4:5:6:7:8") == (6, 0x00010002000300040005000600070008)
    assert parse_host("64:ff9b::192.0.2.1") == (6, 0x64FF9B << 96 | 0xC0000201)
    for text in (":", ":::", "1:2", "1::2::3", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8", "g::",
                 "12345::", "::1.2.3", "1:", "2001:db8::1%eth0", "::1_0"):
        assert parse_host(text) is None, text


def test_mapped_ipv4_is_ipv4():
    assert parse_host("::ffff:192.0.2.1") == (4, 0xC0000201)
    assert family_of("::ffff:192.0.2.1") == 4


def test_family_and_loopback():
    assert [family_of(text) for text in ("192.0.2.1", "::1", "example.org", "", None)] == [
        4, 6, 0, 0, 0]
    assert is_loopback("127.9.9.9") and is_loopback("::1") and is_loopback("::ffff:127.0.0.1")
    assert not is_loopback("192.0.2.1") and not is_loopback("x")


def test_networks():
    assert parse_network("192.0.2.0/24") == (4, 0xC00002, 8)
    assert parse_network("192.0.2.1") == (4, 0xC0000201, 0)
    assert parse_network("::/0") == (6, 0, 128)
    for text in ("192.0.2.0/33", "192.0.2.0/", "192.0.2.0/x", "house", "192.0.2.0/-1"):
        with raises(ValueError) as caught:
            parse_network(text)
        assert "192.0.2.0/24" in str(caught.error)


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
