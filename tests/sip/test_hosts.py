"""app/sip/hosts.py: textual addresses and networks as numbers."""

from app.sip.hosts import family_of, in_networks, is_loopback, parse_host, parse_network
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


def test_a_host_in_one_of_several_networks():
    networks = [parse_network("192.168.0.0/16"), parse_network("2001:db8::/32")]
    for host in ("192.168.9.9", "2001:db8::7", "::ffff:192.168.1.1"):
        assert in_networks(host, networks), host
    for host in ("192.169.0.1", "2001:db9::1", "example.org", ""):
        assert not in_networks(host, networks), host
