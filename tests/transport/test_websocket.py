from app.transport import http
from app.transport.framing import MESSAGE, PING
from app.transport.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    END,
    PING_FRAME,
    PONG_FRAME,
    SEND,
    TEXT,
    WebSocket,
    close_frame,
    frame,
    unmask,
)  # fmt: skip
from tests.transport.test_http import GOOD, sha1

HANDSHAKE = "\r\n".join(GOOD + ("", "")).encode()
SIP = b"OPTIONS sip:example.org SIP/2.0\r\nVia: SIP/2.0/WS x.invalid\r\n\r\n"
MASK = b"\x01\x80\xfe\x37"


def masked(kind, payload, last=True, mask=MASK):
    """-> a frame as a client sends it."""
    data = bytearray(frame(kind, payload))
    if not last:
        data[0] &= 0x7F
    data[1] |= 0x80
    head = len(data) - len(payload)
    return bytes(data[:head]) + mask + unmask(payload, mask)


def run(data, limit=8192):
    """-> the items behind the handshake, whichever way the bytes are cut."""
    whole = WebSocket(limit, sha1).receive(HANDSHAKE + data)
    socket = WebSocket(limit, sha1)
    single = []
    for place in range(len(HANDSHAKE + data)):
        single += socket.receive((HANDSHAKE + data)[place : place + 1])
    assert whole == single
    kind, answer = whole.pop(0)
    assert kind == SEND
    assert answer.startswith(b"HTTP/1.1 101 ")
    return whole


def ends(data, code, limit=8192):
    found = run(data, limit)
    assert found == [(END, close_frame(code))], found


def test_the_masking_of_the_rfc():
    assert unmask(b"\x7f\x9f\x4d\x51\x58", b"\x37\xfa\x21\x3d") == b"Hello"  # RFC 6455 5.7
    for size in (0, 1, 3, 4, 5, 127, 4096):
        data = bytes([place * 7 & 255 for place in range(size)])
        assert unmask(unmask(data, MASK), MASK) == data


def test_frames_of_the_rfc():
    assert frame(TEXT, b"Hello") == b"\x81\x05Hello"
    assert frame(BINARY, b"x" * 256) == b"\x82\x7e\x01\x00" + b"x" * 256
    assert frame(BINARY, b"x" * 65536) == b"\x82\x7f\0\0\0\0\0\1\0\0" + b"x" * 65536


def test_messages_in_text_and_binary():
    assert run(masked(TEXT, SIP) + masked(BINARY, SIP)) == [(MESSAGE, SIP), (MESSAGE, SIP)]
    long = SIP + b"x" * 1000
    assert run(masked(TEXT, long)) == [(MESSAGE, long)]


def test_messages_in_fragments_with_a_ping_between():
    data = masked(TEXT, SIP[:10], False) + masked(CONTINUATION, b"", False)
    data += masked(PING_FRAME, b"are you there") + masked(CONTINUATION, SIP[10:])
    assert run(data) == [(SEND, frame(PONG_FRAME, b"are you there")), (MESSAGE, SIP)]


def test_a_fragment_may_end_amid_a_character():
    data = masked(TEXT, b"\xc3", False) + masked(CONTINUATION, b"\xa4")
    assert run(data) == [(MESSAGE, b"\xc3\xa4")]


def test_very_many_fragments():
    data = b"".join([masked(CONTINUATION, b"x", False)] * 500)
    found = run(masked(TEXT, b"x", False) + data + masked(CONTINUATION, b"x"))
    assert found == [(MESSAGE, b"x" * 502)]


def test_keepalives_of_sip():
    assert run(masked(TEXT, b"\r\n\r\n")) == [(PING, None)]
    assert run(masked(TEXT, b"\r\n") + masked(TEXT, b"")) == []
    assert run(masked(PONG_FRAME, b"")) == []


def test_a_close_is_answered_and_is_the_end():
    found = run(masked(CLOSE, b"\x03\xe9bye") + masked(TEXT, SIP))
    assert found == [(END, close_frame(1001))]
    ends(masked(CLOSE, b""), 1000)
    ends(masked(CLOSE, b"\x03"), 1002)
    ends(masked(CLOSE, b"\x03\xe8\xff"), 1002)


def test_what_breaks_the_rules_ends_the_connection():
    for data in (
        frame(TEXT, SIP),  # not masked
        b"\xc1\x80" + MASK,  # a reserved bit
        masked(3, b""), masked(11, b""),  # no such kinds
        masked(PING_FRAME, b"", False), masked(PING_FRAME, b"x" * 126),
        masked(CONTINUATION, b"x"),  # of nothing
        masked(TEXT, b"x", False) + masked(TEXT, b"x"),  # amid another
        b"\x81\xfe\x00\x05" + MASK + b"xxxxx",  # a length written too long
        b"\x81\xff\0\0\0\0\0\0\0\x05" + MASK, b"\x81\xff\x80\0\0\0\0\0\0\0" + MASK,
    ):  # fmt: skip
        ends(data, 1002)


def test_text_has_to_be_text():
    ends(masked(TEXT, b"\xff"), 1007)
    assert run(masked(BINARY, b"\xff")) == [(MESSAGE, b"\xff")]


def test_what_is_too_big_is_not_waited_for():
    ends(masked(TEXT, b"x" * 101)[:6], 1009, limit=100)
    assert run(masked(TEXT, b"x" * 100), limit=100) == [(MESSAGE, b"x" * 100)]
    ends(b"\x81\xff\0\0\0\1\0\0\0\0", 1009)
    ends(masked(TEXT, b"x" * 60, False) + masked(CONTINUATION, b"x" * 60), 1009, limit=100)


def test_our_messages():
    socket = WebSocket(8192, sha1)
    assert socket.wrap(SIP) == frame(TEXT, SIP)
    assert socket.wrap(b"\xff") == frame(BINARY, b"\xff")


def test_what_is_no_handshake():
    for data, start in (
        (b"\x16\x03\x01\x02\0", b"HTTP/1.1 400 "), (b"\x80", b"HTTP/1.1 400 "),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 426 "),
        (b"OPTIONS sip:x SIP/2.0\r\n\r\n", b"HTTP/1.1 400 "),
        (b"GET /" + b"x" * http.HEAD_LIMIT, b"HTTP/1.1 431 "),
    ):  # fmt: skip
        socket = WebSocket(8192, sha1)
        [(kind, answer)] = socket.receive(data)
        assert kind == END
        assert answer.startswith(start), (data, answer)
        assert not socket.ready
        assert socket.receive(HANDSHAKE) == []


def test_partial_says_whether_something_is_waited_for():
    socket = WebSocket(8192, sha1)
    socket.receive(HANDSHAKE[:-1])
    assert socket.partial
    assert not socket.ready
    socket.receive(HANDSHAKE[-1:])
    assert socket.ready
    assert not socket.partial
    socket.receive(masked(TEXT, SIP, False))
    assert socket.partial
    socket.receive(masked(CONTINUATION, SIP))
    assert not socket.partial
