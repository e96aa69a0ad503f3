"""Addresses and networks as numbers."""

from app.rules.network import parse_ip, parse_network


def test_addresses():
    assert parse_ip("192.0.2.1") == (4, 0xC0000201)
    assert parse_ip("2001:db8::1") == (6, (0x20010DB8 << 96) + 1)
    assert parse_ip("[2001:DB8:0:0:0:0:0:1]") == parse_ip("2001:db8::1")
    assert parse_ip("::") == (6, 0) and parse_ip("::1") == (6, 1)
    assert parse_ip("64:ff9b::192.0.2.1")[1] & 0xFFFFFFFF == 0xC0000201
    assert parse_ip("::ffff:192.0.2.1") == parse_ip("192.0.2.1")


def test_what_is_no_address():
    for text in (
        "", "1.2.3", "1.2.3.256", "1.2.3.04", "1.2.3.4.5", "a.b.c.d", "1.2.3.-4", "1 .2.3.4",
        ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8",
        "12345::", "g::1", "1.2.3.4::", "example.org", "1_0.2.3.4",
    ):  # fmt: skip
        assert parse_ip(text) is None, text


def test_networks():
    assert parse_network("192.0.2.77", 24) == (4, 0xC00002, 24)
    assert parse_network("192.0.2.77/24", 32) == (4, 0xC00002, 24)
    assert parse_network("192.0.2.77") == (4, 0xC000024D, 32)
    assert parse_network("2001:db8::5", 32) == (6, 0x20010DB8, 32)
    assert parse_network("0.0.0.0", 0) == (4, 0, 0)
    for text, mask in (("192.0.2.1", 33), ("192.0.2.1", -1), ("192.0.2.1/", 24),
                       ("192.0.2.1/x", 24), ("192.0.2.1/33", None), ("name", 24)):  # fmt: skip
        assert parse_network(text, mask) is None, text
