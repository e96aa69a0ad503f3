"""Names: RFC 1035 3.1 and 4.1.4, and what hostile compression tries."""

from app.dns.errors import DnsError
from app.dns.names import decode_name, encode_name, ipv4_text, ipv6_text, normal
from tests.support import raises


def test_a_name_and_back():
    data = encode_name("_sip._udp.example.org")
    assert data == b"\x04_sip\x04_udp\x07example\x03org\x00"
    assert decode_name(data, 0) == ("_sip._udp.example.org", len(data))
    assert encode_name("") == b"\0"
    assert decode_name(b"\0", 0) == ("", 1)


def test_one_spelling():
    assert normal("Example.ORG.") == "example.org"
    for text in ("", ".", "a..b", ".a", "a b", "a\0b", "x" * 64, "\u00e9.org", "a/b", "x." * 128):
        with raises(DnsError):
            normal(text)


def test_the_longest_name():
    name = ".".join(["x" * 63, "x" * 63, "x" * 63, "x" * 61])
    assert normal(name) == name
    assert decode_name(encode_name(name), 0) == (name, 255)
    with raises(DnsError):
        normal(name + "x")
    with raises(DnsError):
        decode_name(encode_name(name + "x"), 0)


def test_the_compression_of_rfc_1035_4_1_4():
    # F.ISI.ARPA at 20, FOO.F.ISI.ARPA at 40, ARPA at 64, the root at 92
    data = bytearray(93)
    data[20:32] = b"\x01F\x03ISI\x04ARPA\x00"
    data[40:46] = b"\x03FOO\xc0\x14"
    data[64:66] = b"\xc0\x1a"
    data = bytes(data)
    assert decode_name(data, 20) == ("f.isi.arpa", 32)
    assert decode_name(data, 40) == ("foo.f.isi.arpa", 46)
    assert decode_name(data, 64) == ("arpa", 66)
    assert decode_name(data, 92) == ("", 93)


def test_pointers_that_lead_astray():
    for data, at in (
        (b"\xc0\x00", 0),  # to itself
        (b"\x01a\xc0\x04\xc0\x02", 2),  # two that point at each other
        (b"\x01a\xc0\x00", 0),  # a name that goes on with itself
        (b"\xc0\x02\x00", 0),  # forwards
        (b"\xff\xff", 0),  # behind the end
    ):
        with raises(DnsError):
            decode_name(data, at)


def test_a_long_chain_of_pointers_is_given_up():
    chain = b"\0\0" + b"".join([b"\xc0" + bytes((at,)) for at in range(0, 100, 2)])
    assert decode_name(chain, 2 + 30)[0] == ""
    with raises(DnsError):
        decode_name(chain, 2 + 40)


def test_names_that_are_cut_short():
    whole = b"\x07example\x03org\x00"
    for length in range(len(whole)):
        with raises(DnsError):
            decode_name(whole[:length], 0)
    for octet in (0x40, 0x80):  # kinds of label that are none, or no more (RFC 6891 5)
        with raises(DnsError):
            decode_name(bytes((octet,)) + b"a" * 200, 0)


def test_odd_characters_make_a_name_that_is_none():
    for label in (b"a.b", b"a b", b"\x1b[2J", b"\xff", b"a\\"):
        data = bytes((len(label),)) + label + b"\0"
        assert decode_name(data, 0) == (None, len(data))


def test_addresses_as_the_kernel_writes_them():
    assert ipv4_text(b"\xc0\x00\x02\x01") == "192.0.2.1"
    for groups, text in (
        ((0x2001, 0xDB8, 0, 0, 0, 0, 0, 1), "2001:db8::1"),
        ((0x2001, 0xDB8, 0, 0, 1, 0, 0, 1), "2001:db8::1:0:0:1"),
        ((0x2001, 0xDB8, 0, 1, 1, 1, 1, 1), "2001:db8:0:1:1:1:1:1"),
        ((0, 0, 0, 0, 0, 0, 0, 0), "::"),
        ((0, 0, 0, 0, 0, 0, 0, 1), "::1"),
        ((1, 0, 0, 0, 0, 0, 0, 0), "1::"),
        ((0, 0, 0, 0, 0, 0xFFFF, 0xC000, 0x201), "::ffff:192.0.2.1"),
        ((0xFE80, 1, 2, 3, 4, 5, 6, 0xABCD), "fe80:1:2:3:4:5:6:abcd"),
    ):
        octets = b"".join([bytes((group // 256, group % 256)) for group in groups])
        assert ipv6_text(octets) == text
