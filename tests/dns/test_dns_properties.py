"""Hypothesis: octets of any kind, damaged answers, names there and back."""

from hypothesis import given, settings
from hypothesis import strategies as st

from app.dns import message
from app.dns.errors import DnsError
from app.dns.names import decode_name, encode_name, ipv6_text, normal
from app.dns.resolver import FOUND, Resolver
from tests.dns import answers
from tests.proxy.box import Counter

FEW = settings(max_examples=200, deadline=None)
LABEL = st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=20)
NAME = st.lists(LABEL, min_size=1, max_size=8).map(".".join)
U16 = st.integers(0, 65535)
TTL = st.integers(0, 0x7FFFFFFF)
QUERY = message.query(7, "example.org", message.SRV, 1232)
WHOLE = answers.answer(
    QUERY,
    answers.cname("example.org", "sip.example.org"),
    answers.srv("sip.example.org", 1, 2, 3, "a.example.org"),
    answers.naptr("sip.example.org", 1, 2, "SIP+D2U", "_sip._udp.example.org"),
    authority=[answers.soa("example.org", 60)],
    extra=[answers.a("a.example.org", "192.0.2.1")],
)


def parsed(data):
    """-> Message | None; any other exception than the codec's own fails the test."""
    try:
        return message.parse(data)
    except DnsError:
        return None


@FEW
@given(st.binary(max_size=600))
def test_any_octets(data):
    parsed(data)


@FEW
@given(st.binary(max_size=500))
def test_any_octets_behind_an_honest_question(data):
    counts = b"\0\1\0\3\0\1\0\1"
    parsed(QUERY[:2] + b"\x81\x80" + counts + QUERY[12:29] + data)


@FEW
@given(st.lists(st.tuples(st.integers(0, len(WHOLE)), st.integers(0, 4), st.binary(max_size=4)),
                max_size=6))
def test_damaged_answers(wounds):
    data = WHOLE
    for at, width, splinter in wounds:
        data = data[:at] + splinter + data[at + width :]
    parsed(data)
    resolver = Resolver([("192.0.2.53", 53)], Counter().token)
    resolver.ask("example.org", message.SRV, "me", 0.0)
    item = resolver.to_send()
    resolver.receive(item.data[:2] + data[2:], item.host, item.port, item.source, 0.0)
    for _ in range(20):
        if resolver.next_timer() is not None:
            resolver.handle_timers(resolver.next_timer())
    assert resolver.next_answer()[0] == "me" and len(resolver) == 0


@FEW
@given(NAME)
def test_names_there_and_back(name):
    data = encode_name(normal(name))
    assert decode_name(b"xx" + data + b"y", 2) == (name, 2 + len(data))


@FEW
@given(st.binary(max_size=80), st.integers(0, 80))
def test_names_of_any_octets(data, at):
    try:
        name, end = decode_name(data, at)
    except DnsError:
        return
    assert at < end <= len(data)
    assert name is None or name == "" or normal(name) == name


@FEW
@given(U16, NAME, st.sampled_from([message.A, message.AAAA, message.SRV, message.NAPTR]))
def test_questions_there_and_back(number, name, kind):
    found = message.parse(message.query(number, name, kind, 1232))
    assert (found.id, found.name, found.kind) == (number, name, kind) and not found.is_response


@FEW
@given(NAME, st.lists(st.tuples(U16, U16, U16, NAME, TTL), min_size=1, max_size=5))
def test_srv_there_and_back(name, rows):
    resolver = Resolver([("192.0.2.53", 53)], Counter().token)
    resolver.ask(name, message.SRV, "me", 0.0)
    item = resolver.to_send()
    records = [answers.srv(name, *row) for row in rows]
    data = answers.answer(item.data, *records)
    resolver.receive(data, item.host, item.port, item.source, 0.0)
    _, answer = resolver.next_answer()
    assert answer.status == FOUND
    assert [tuple(record.data) for record in answer.records] == [row[:4] for row in rows]


@FEW
@given(st.binary(min_size=16, max_size=16))
def test_ipv6_as_the_kernel_writes_it(octets):
    import ipaddress
    import socket

    text = ipv6_text(octets)
    assert ipaddress.ip_address(text).packed == octets
    if octets[:12] not in (b"\0" * 12, b"\0" * 10 + b"\xff\xff"):
        assert text == socket.inet_ntop(socket.AF_INET6, octets)
