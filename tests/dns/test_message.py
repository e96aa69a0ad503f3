"""Messages: questions as octets, answers of each kind, damaged ones."""

from app.dns import message
from app.dns.errors import DnsError
from app.dns.message import Naptr, Record, Srv, parse, query
from tests.dns import answers
from tests.support import raises


def asked(name="example.org", kind=message.A):
    return query(0x1234, name, kind, 1232)


def only(data):
    found = parse(data).answers
    assert len(found) == 1
    return found[0]


def test_a_question_with_edns_is_these_octets():
    assert query(0x1234, "a.bc", message.SRV, 1232) == (
        b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01"
        b"\x01a\x02bc\x00\x00\x21\x00\x01"
        b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"
    )


def test_a_question_without_edns():
    data = query(1, "a.bc", message.A, 0)
    assert data == b"\0\1\1\0\0\1\0\0\0\0\0\0\x01a\x02bc\x00\x00\x01\x00\x01"
    assert answers.has_edns(data) == 0 and answers.has_edns(asked()) == 1232


def test_each_kind_of_record():
    for record, expected in (
        (answers.a("example.org", "192.0.2.1"), (message.A, "192.0.2.1")),
        (answers.aaaa("example.org", (0x2001, 0xDB8, 0, 0, 0, 0, 0, 5)),
         (message.AAAA, "2001:db8::5")),
        (answers.cname("example.org", "B.example.org"), (message.CNAME, "b.example.org")),
        (answers.srv("example.org", 10, 60, 5070, "sip.example.org"),
         (message.SRV, Srv(10, 60, 5070, "sip.example.org"))),
        (answers.srv("example.org", 0, 0, 0, ""), (message.SRV, Srv(0, 0, 0, ""))),
        (answers.naptr("example.org", 50, 51, "SIP+D2U", "_sip._udp.example.org"),
         (message.NAPTR, Naptr(50, 51, "s", "SIP+D2U", "", "_sip._udp.example.org"))),
    ):  # fmt: skip
        found = only(answers.answer(asked(), record))
        assert found == Record("example.org", expected[0], 300, expected[1])


def test_what_an_answer_says_of_itself():
    found = parse(answers.answer(asked("x.example.org"), code=3,
                                 authority=[answers.soa("example.org", 60)]))
    assert found.id == 0x1234 and found.is_response and not found.truncated
    assert (found.code, found.name, found.kind) == (3, "x.example.org", message.A)
    assert found.answers == [] and found.minimum == 60 and not found.referral
    assert not parse(asked()).is_response


def test_the_lesser_of_an_soas_ttl_and_its_minimum():
    data = answers.answer(asked(), authority=[answers.soa("example.org", 600, ttl=30)])
    assert parse(data).minimum == 30


def test_a_referral():
    data = answers.answer(asked(), authority=[answers.ns("org", "ns.example.net")])
    assert parse(data).referral and parse(data).minimum is None


def test_compressed_records_point_at_the_question():
    owner = b"\xc0\x0c"
    target = b"\x03sip" + owner
    numbers = answers.u16(1) + answers.u16(2) + answers.u16(3)
    data = answers.answer(
        asked(kind=message.SRV), answers.record(owner, message.SRV, numbers + target)
    )
    assert only(data) == Record("example.org", message.SRV, 300, Srv(1, 2, 3, "sip.example.org"))


def test_a_truncated_answer_is_not_read_in_part():
    whole = answers.answer(asked(), answers.a("example.org", "192.0.2.1"), flags=0x8380)
    found = parse(whole[:-6])
    assert found.truncated and found.answers == []


def test_a_ttl_with_its_sign_set_is_none():
    data = answers.answer(asked(), answers.a("example.org", "192.0.2.1", ttl=0x80000001))
    assert only(data).ttl == 0


def test_the_upper_bits_of_the_code_are_in_the_opt():
    extra = [answers.record("", 41, b"", ttl=0x01000000, group=1232)]
    assert parse(answers.answer(asked(), extra=extra)).code == message.BAD_VERSION


def test_other_kinds_and_classes_are_left_out():
    data = answers.answer(
        asked(),
        answers.record("example.org", 16, b"\x03txt"),
        answers.record("example.org", message.A, b"\1\2\3\4", group=3),
        answers.record("example.org", message.A, b"\1\2\3\4"),
    )
    assert only(data).data == "1.2.3.4"


def test_a_record_with_an_odd_name_is_left_out_alone():
    data = answers.answer(
        asked(kind=message.SRV),
        answers.record("example.org", message.SRV, answers.u16(0) * 3 + b"\x03a.b\0"),
        answers.record(b"\x03a.b\0", message.SRV, answers.u16(0) * 3 + b"\x01x\0"),
        answers.record("example.org", message.NAPTR,
                       answers.u16(0) * 2 + b"\x01s\x02\x1b[\0" + b"\0"),
        answers.srv("example.org", 1, 1, 5060, "x"),
    )  # fmt: skip
    assert only(data).data.target == "x"


def test_data_of_a_length_that_is_not_its_own():
    for kind, data in (
        (message.A, b"\1\2\3"), (message.A, b"\1\2\3\4\5"), (message.AAAA, b"\0" * 15),
        (message.CNAME, b"\x01a\0\0"), (message.SRV, b"\0\1\0\2\0\3\0\0"), (message.SRV, b"\0\1"),
        (message.NAPTR, b"\0\0\0\0\x05s"), (message.NAPTR, b"\0\0\0\0\1s\0\0\0\0"),
        (message.SOA, b"\0\0\0\0\0\0"),
    ):  # fmt: skip
        with raises(DnsError):
            parse(answers.answer(asked(), answers.record("example.org", kind, data)))


def test_any_beginning_of_an_answer_is_an_error():
    whole = answers.answer(
        asked(), answers.srv("example.org", 1, 2, 3, "sip.example.org"),
        authority=[answers.soa("example.org", 60)],
    )  # fmt: skip
    parse(whole)
    for length in range(len(whole)):
        with raises(DnsError):
            parse(whole[:length])


def test_what_is_no_answer_to_one_question():
    whole = answers.answer(asked(), answers.a("example.org", "192.0.2.1"))
    for place, octet in ((5, 0), (5, 2), (2, 0xA8)):  # QDCOUNT, OPCODE
        with raises(DnsError):
            parse(whole[:place] + bytes((octet,)) + whole[place + 1 :])


def test_more_records_than_anybody_needs():
    records = [answers.a(b"\xc0\x0c", "192.0.2.1")] * 128
    assert len(parse(answers.answer(asked(), *records)).answers) == 128
    with raises(DnsError):
        parse(answers.answer(asked(), *(records + records[:1])))


def test_a_bomb_of_pointers_costs_little():
    """128 records whose names all run through a chain of pointers: each is given up early."""
    chain = b"".join([b"\xc0" + bytes((0x0C + 2 * at,)) for at in range(50)])
    data = answers.answer(asked(), answers.record(b"\xc0\x0c", 16, chain))
    with raises(DnsError):
        parse(data[:7] + b"\x02" + data[8:] + b"\xc0\x80" + b"\0" * 10)
