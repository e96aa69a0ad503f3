from app.sip.message import HEAD_LIMIT
from app.transport.framing import BROKEN, MESSAGE, PING, STUN, Framer, content_length

REQUEST = b"OPTIONS sip:example.org SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1\r\n%s\r\n%s"
EMPTY = REQUEST % (b"Content-Length: 0\r\n", b"")
BODY = REQUEST % (b"l : 004\r\n", b"\r\n\r\n")
ASK = b"\0\1\0\0\x21\x12\xa4\x42" + b"t" * 12


def framed(data, limit=8192):
    """-> the items of a stream, whichever way it is cut."""
    whole = Framer(limit).receive(data)
    framer = Framer(limit)
    single = []
    for place in range(len(data)):
        single += framer.receive(data[place : place + 1])
    assert whole == single
    return whole


def test_messages_follow_each_other():
    assert framed(EMPTY + BODY + EMPTY) == [(MESSAGE, EMPTY), (MESSAGE, BODY), (MESSAGE, EMPTY)]


def test_breaks_in_front_belong_to_no_message():
    assert framed(b"\r\n" + EMPTY) == [(MESSAGE, EMPTY)]
    assert framed(EMPTY + b"\r\n" + BODY + b"\r\n") == [(MESSAGE, EMPTY), (MESSAGE, BODY)]


def test_two_breaks_are_a_ping_and_one_is_an_answer():
    assert framed(b"\r\n\r\n") == [(PING, None)]
    assert framed(b"\r\n\r\n\r\n\r\n\r\n" + EMPTY) == [(PING, None), (PING, None), (MESSAGE, EMPTY)]
    assert framed(b"\r\n" + EMPTY + b"\r\n") == [(MESSAGE, EMPTY)]  # the second one is a new one


def test_stun_may_stand_between_messages():
    assert framed(EMPTY + ASK + EMPTY) == [(MESSAGE, EMPTY), (STUN, ASK), (MESSAGE, EMPTY)]
    assert framed(b"\0\1\0\0SIP/2.0 ") == [(BROKEN, (None, 400, "Bad Request"))]


def test_partial_says_whether_something_is_waited_for():
    framer = Framer(8192)
    assert not framer.partial
    framer.receive(EMPTY + BODY[:-1])
    assert framer.partial
    assert framer.receive(BODY[-1:]) == [(MESSAGE, BODY)]
    assert not framer.partial


def broken(headers, body=b"", limit=8192):
    """-> (code, reason) of what ends the connection; its head can be answered."""
    data = REQUEST % (headers, body)
    found = framed(data + EMPTY, limit)
    assert len(found) == 1, found
    kind, (head, code, reason) = found[0]
    assert kind == BROKEN
    assert data.startswith(head)
    assert head.endswith(b"\r\n\r\n")
    return code, reason


def test_without_a_length_there_is_no_next_message():
    assert broken(b"") == (400, "Bad Request: no Content-Length")


def test_two_lengths_are_two_messages_to_two_readers():
    lengths = b"Content-Length: 0\r\nl: 5\r\n"
    assert broken(lengths) == (400, "Bad Request: more than one Content-Length")


def test_a_length_is_a_number():
    for text in (b"-1", b"1.0", b"", b"0x10", b"4, 4", b"4 4", b"+4", b"\xb2"):
        code, reason = broken(b"Content-Length: " + text + b"\r\n")
        assert (code, reason) == (400, "Bad Request: Content-Length is not a number"), text


def test_a_huge_length_is_not_waited_for():
    for text in (b"8192", b"4294967296", b"9" * 5000):
        assert broken(b"Content-Length: " + text + b"\r\n") == (513, "Message Too Large")


def test_a_bare_line_end_hides_no_length():
    assert broken(b"X: 1\nContent-Length: 9\r\nContent-Length: 0\r\n")[0] == 400


def test_a_head_without_end_is_not_waited_for():
    assert framed(b"INVITE " + b"x" * HEAD_LIMIT) == [(BROKEN, (None, 513, "Message Too Large"))]
    exact = b"X: " + b"x" * (HEAD_LIMIT - len(EMPTY) - 5) + b"\r\n"
    message = REQUEST % (exact + b"Content-Length: 0\r\n", b"")
    assert len(message) == HEAD_LIMIT
    assert framed(message, 65535) == [(MESSAGE, message)]
    assert framed(message[:8] + b"x" + message[8:], 65535)[0][0] == BROKEN


def test_the_longest_message():
    message = REQUEST % (b"Content-Length: 100\r\n", b"b" * 100)
    assert framed(message, len(message)) == [(MESSAGE, message)]
    assert framed(message, len(message) - 1)[0][1][1:] == (513, "Message Too Large")


def test_what_is_no_sip_ends_at_its_first_octet():
    for data in (b"\x16\x03\x01\x02", b"\r\r\n", b"\n", b" ", b"\xff", b"{}", b"\x80"):
        assert framed(data + EMPTY) == [(BROKEN, (None, 400, "Bad Request"))], data


def test_nothing_is_read_behind_what_is_broken():
    framer = Framer(8192)
    assert framer.receive(b"\n")[0][0] == BROKEN
    assert framer.receive(EMPTY) == []
    assert not framer.partial


def test_lengths():
    assert content_length(b"A sip:b SIP/2.0\r\nContent-Length:\r\n 7\r\n\r\n") == 7
    assert content_length(b"A sip:b SIP/2.0\r\nCONTENT-LENGTH:00007\r\n\r\n") == 7
