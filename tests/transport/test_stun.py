from binascii import crc32, unhexlify

from app.transport import stun

ID = bytes(range(12))
ASK = b"\0\1\0\0\x21\x12\xa4\x42" + ID


def ask(*attributes):
    body = b"".join(attributes)
    return b"\0\1" + bytes([0, len(body)]) + ASK[4:] + body


def test_who_asks_over_ipv4_is_told_the_address():
    answer = stun.respond(ASK, "192.0.2.1", 32853)
    value = unhexlify("00200008" "0001a147" "e112a643")
    assert answer == unhexlify("0101000c2112a442") + ID + value


def test_who_asks_over_ipv6_is_told_the_address():
    # the transaction and the address of RFC 5769 2.3
    transaction = unhexlify("b7e7a701bc34d686fa87dfae")
    answer = stun.respond(ASK[:8] + transaction, "2001:db8:1234:5678:11:2233:4455:6677", 32853)
    value = unhexlify("00200014" "0002a147" "0113a9faa5d3f179bc25f4b5bed2b9d9")
    assert answer == unhexlify("010100182112a442") + transaction + value


def test_attributes_that_need_not_be_understood_are_passed_over():
    software = b"\x80\x22\0\5abcde\0\0\0"
    username = b"\0\6\0\1u\0\0\0"
    assert stun.respond(ask(software, username), "192.0.2.1", 1)[:2] == b"\1\1"


def test_attributes_that_have_to_be_understood_are_named():
    answer = stun.respond(ask(b"\0\3\0\4\0\0\0\6", b"\x7f\xff\0\0"), "192.0.2.1", 1)
    assert answer[:2] == b"\1\x11"
    assert b"\0\0\x04\x14Unknown Attribute\0\0\0" in answer  # 420
    assert answer.endswith(b"\0\x0a\0\4\0\3\x7f\xff")
    assert len(answer) == 20 + answer[2] * 256 + answer[3]


def test_a_fingerprint_has_to_hold():
    request = ask(b"\x80\x28\0\4\0\0\0\0")
    crc = (crc32(request[:-8]) & 0xFFFFFFFF) ^ 0x5354554E
    good = request[:-4] + bytes([crc >> 24, crc >> 16 & 255, crc >> 8 & 255, crc & 255])
    assert stun.respond(good, "192.0.2.1", 1)[:2] == b"\1\1"
    assert stun.respond(request, "192.0.2.1", 1) is None
    assert stun.respond(ask(good[-8:], b"\x80\x22\0\0"), "192.0.2.1", 1) is None


def test_all_else_is_left_unanswered():
    for data in (
        b"", b"\0", ASK[:-1], ASK + b"\0",
        b"\1\1" + ASK[2:], b"\0\x11" + ASK[2:], b"\0\2" + ASK[2:],
        ASK[:4] + b"\x21\x12\xa4\x43" + ID, b"\0\1\0\4" + ASK[4:], ask(b"\0\6\0\x09user"),
        ask(b"\0\6"), b"OPTIONS sip:example.org SIP/2.0\r\n\r\n",
    ):  # fmt: skip
        assert stun.respond(data, "192.0.2.1", 1) is None, data
    assert stun.respond(ASK, "example.org", 1) is None


def test_the_answer_is_hardly_longer_than_the_question():
    assert len(stun.respond(ASK, "2001:db8::1", 1)) <= 44


def test_where_a_message_ends_in_a_stream():
    assert stun.length(ASK) == 20
    assert stun.length(ASK[:3]) == stun.length(ASK[:19]) == stun.length(ASK[:1]) == 0
    assert stun.length(ask(b"\x80\x22\0\0")) == 24
    assert stun.length(b"\0\1\0\0SIP/") is None
    assert stun.length(b"\0\1\0\1" + ASK[4:]) is None  # no multiple of four
    assert stun.length(b"\0\1\xff\xfc" + ASK[4:]) is None  # far too long


def test_addresses_are_packed():
    for host, packed in (
        ("1.2.3.4", "01020304"), ("::", "00" * 16), ("::1", "00" * 15 + "01"),
        ("2001:db8::", "20010db8" + "00" * 12), ("fe80::1%eth0", "fe80" + "00" * 13 + "01"),
        ("::ffff:1.2.3.4", "00" * 10 + "ffff01020304"),
        ("1:2:3:4:5:6:7:8", "00010002000300040005000600070008"),
    ):  # fmt: skip
        assert stun.packed_address(host) == unhexlify(packed), host
    for host in (
        "1.2.3", "1.2.3.256", "1.2.3.4.5", "a.b.c.d",
        "1:2", "1::2::3", "g::", "::12345", "1:2:3:4:5:6:7:8:9",
    ):  # fmt: skip
        assert stun.packed_address(host) is None, host
