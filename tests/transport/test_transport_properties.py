"""Streams cut anywhere give the same, and no bytes make their readers fail."""

from hypothesis import given
from hypothesis import strategies as st

from app.transport import stun
from app.transport.client_hello import MORE, ClientHello
from app.transport.framing import BROKEN, MESSAGE, STUN, Framer
from app.transport.websocket import (
    BINARY,
    CONTINUATION,
    END,
    PING_FRAME,
    TEXT,
    WebSocket,
    unmask,
)  # fmt: skip
from tests.transport.test_client_hello import hello, records, server_name
from tests.transport.test_framing import ASK, BODY, EMPTY, REQUEST
from tests.transport.test_http import sha1
from tests.transport.test_websocket import HANDSHAKE, SIP, masked

LIMIT = 2000
lengths = st.sampled_from([b"0", b"5", b"99", b"1999", b"2000", b"-1", b"x", b"", b"007"])
headed = st.tuples(lengths, st.binary(max_size=30)).map(
    lambda both: REQUEST % (b"Content-Length: " + both[0] + b"\r\n", both[1])
)
pieces = st.one_of(
    st.sampled_from([EMPTY, BODY, ASK, b"\r\n", b"\r\n\r\n", b"\r", b"\n", b"x" * 1000]),
    headed, st.binary(max_size=40),
)  # fmt: skip
streams = st.lists(pieces, max_size=8).map(b"".join)

payloads = st.one_of(st.sampled_from([b"", SIP, b"\r\n\r\n", b"\xff"]), st.binary(max_size=300))
frames = st.one_of(
    st.builds(
        masked, st.sampled_from([CONTINUATION, TEXT, BINARY, 8, PING_FRAME, 10, 3]), payloads,
        st.booleans(), st.binary(min_size=4, max_size=4),
    ),
    st.binary(max_size=20),
)  # fmt: skip
sockets = st.tuples(
    st.sampled_from([HANDSHAKE, b"GET / HTTP/1.1\r\n\r\n", b""]), st.lists(frames, max_size=6)
).map(lambda both: both[0] + b"".join(both[1]))


@st.composite
def cut(draw, whole):
    """-> (bytes, the same in pieces)."""
    data = draw(whole)
    places = sorted(draw(st.lists(st.integers(0, len(data)), max_size=10)))
    return data, [data[a:b] for a, b in zip([0] + places, places + [len(data)], strict=True)]


def fed(reader, parts):
    return [item for part in parts if part for item in reader.receive(part)]


@given(cut(streams))
def test_a_stream_cut_anywhere_gives_the_same_messages(case):
    data, parts = case
    assert fed(Framer(LIMIT), [data]) == fed(Framer(LIMIT), parts)


@given(streams)
def test_what_is_framed_is_what_came_and_bounded(data):
    framer = Framer(LIMIT)
    found = framer.receive(data)
    for kind, value in found:
        if kind in (MESSAGE, STUN):
            assert value in data
            assert len(value) <= LIMIT
    assert all(kind != BROKEN for kind, _ in found[:-1])


@given(st.lists(st.sampled_from([EMPTY, BODY]), max_size=10), st.data())
def test_whole_messages_are_all_found(messages, data):
    _, parts = data.draw(cut(st.just(b"".join(messages))))
    assert [value for _, value in fed(Framer(LIMIT), parts)] == messages


@given(cut(sockets))
def test_a_websocket_cut_anywhere_gives_the_same_messages(case):
    data, parts = case
    assert fed(WebSocket(LIMIT, sha1), [data]) == fed(WebSocket(LIMIT, sha1), parts)


@given(sockets)
def test_a_websocket_is_bounded_and_ends_once(data):
    found = WebSocket(LIMIT, sha1).receive(data)
    assert all(kind != END for kind, _ in found[:-1])
    assert all(len(value) <= LIMIT for kind, value in found if kind == MESSAGE)


@given(st.binary(max_size=5000), st.binary(min_size=4, max_size=4))
def test_masking_twice_is_nothing(data, mask):
    assert unmask(data, mask) == bytes(octet ^ mask[at % 4] for at, octet in enumerate(data))


@given(st.binary(max_size=600), st.sampled_from(["192.0.2.1", "2001:db8::1"]))
def test_stun_answers_are_whole_and_short(data, host):
    answer = stun.respond(data, host, 5060)
    assert answer is None or stun.is_stun(answer)
    answer = stun.respond(b"\0\1" + data[:2] + stun.COOKIE + data[2:], host, 5060)
    assert answer is None or (stun.is_stun(answer) and len(answer) <= 3 * (len(data) + 20))


hellos = st.one_of(
    st.builds(
        lambda name, size: records(hello(server_name(name)), size),
        st.binary(max_size=40), st.integers(1, 99),
    ),
    st.binary(max_size=60).map(lambda tail: records(hello(tail=tail))),
    st.binary(max_size=60),
)  # fmt: skip


@given(cut(hellos))
def test_a_client_hello_cut_anywhere_is_the_same(case):
    data, parts = case
    whole, single = ClientHello(), ClientHello()
    outcome = whole.receive(data)
    steps = [single.receive(part) for part in parts]
    decided = [step for step in steps if step != MORE]
    assert (decided[0] if decided else MORE) == outcome
