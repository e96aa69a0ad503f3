"""Responses, ACK and CANCEL that we make ourselves."""

from app.sip.build import ack_for, cancel_for, response
from app.sip.check import check
from app.sip.errors import ParseError
from app.sip.message import parse
from tests.support import raises

INVITE = (
    b"INVITE sip:201@example.org SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP me;branch=z9hG4bKme\r\n"
    b"Via: SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/UDP b\r\n"
    b"Record-Route: <sip:rr1;lr>\r\n"
    b"Route: <sip:next;lr>\r\n"
    b"f: <sip:200@example.org>;tag=f\r\n"
    b"To: <sip:201@example.org>\r\n"
    b"Call-ID: c\r\n"
    b"CSeq: 0007  INVITE\r\n"
    b"Timestamp: 54\r\n"
    b"Content-Length: 3\r\n\r\nabc"
)


def test_response_copies_lines_as_they_came():
    made = response(parse(INVITE), 404, "Not Found", to_tag="t")
    assert made == (
        b"SIP/2.0 404 Not Found\r\n"
        b"Via: SIP/2.0/UDP me;branch=z9hG4bKme\r\n"
        b"Via: SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/UDP b\r\n"
        b"f: <sip:200@example.org>;tag=f\r\n"
        b"To: <sip:201@example.org>;tag=t\r\n"
        b"Call-ID: c\r\n"
        b"CSeq: 0007  INVITE\r\n"
        b"Content-Length: 0\r\n\r\n")


def test_trying_has_no_tag_but_the_timestamp():
    made = parse(response(parse(INVITE), 100, "Trying", to_tag="t"))
    assert made.to.tag is None and made.header("timestamp") == "54"


def test_responses_that_make_a_dialog_have_the_record_route():
    assert parse(response(parse(INVITE), 180, "Ringing")).headers("record-route")
    assert parse(response(parse(INVITE), 200, "OK")).headers("record-route")
    assert not parse(response(parse(INVITE), 100, "Trying")).headers("record-route")
    assert not parse(response(parse(INVITE), 486, "Busy Here")).headers("record-route")


def test_response_with_headers_and_body():
    made = parse(response(parse(INVITE), 200, "OK", "t", ["Content-Type: text/plain"], b"x\r\n"))
    assert made.body == b"x\r\n" and made.header("content-type") == "text/plain"
    assert made.headers("content-length") == ["3"]


def test_response_keeps_a_tag_that_is_there():
    request = parse(INVITE.replace(b"To: <sip:201@example.org>", b"To: <sip:a@b> ; TAG=old"))
    assert parse(response(request, 481, "No", to_tag="new")).to.tag == "old"


def test_response_to_a_folded_to_header():
    request = parse(INVITE.replace(b"To: <", b"To:\r\n  <"))
    assert parse(response(request, 481, "No", to_tag="new")).to.tag == "new"


def test_response_carries_the_marked_via():
    request = parse(INVITE)
    request.mark_received("192.0.2.4", 5060)
    assert parse(response(request, 200, "OK")).headers("via") == [
        "SIP/2.0/UDP me;branch=z9hG4bKme;received=192.0.2.4",
        "SIP/2.0/UDP a;branch=z9hG4bK1", "SIP/2.0/UDP b"]


def test_response_marks_the_first_of_a_list_and_leaves_the_rest():
    data = INVITE.replace(b"Via: SIP/2.0/UDP me;branch=z9hG4bKme\r\n", b"")
    request = parse(data.replace(b"Record-Route:", b'v: "open,\r\nRecord-Route:'))
    request.mark_received("192.0.2.4", 5060)
    assert (b"Via: SIP/2.0/UDP a;branch=z9hG4bK1;received=192.0.2.4, SIP/2.0/UDP b\r\n"
            b'v: "open,\r\n') in response(request, 400, "Bad Request")


def test_response_to_a_request_that_could_not_be_read():
    with raises(ParseError) as caught:
        parse(INVITE.replace(b"Content-Length: 3", b"Content-Length: 33"))
    error = caught.error
    made = parse(response(error.message, error.code, error.reason, "t"))
    assert made.status == 400 and made.cseq.method == "INVITE" and made.to.tag == "t"


def test_response_headers_cannot_smuggle():
    with raises(ParseError):
        response(parse(INVITE), 200, "OK", headers=["X: a\r\nY: b"])


def test_ack_of_a_refusal():
    busy = parse(response(parse(INVITE), 486, "Busy Here", to_tag="t"))
    for request in (INVITE, parse(INVITE)):
        assert ack_for(request, busy) == (
            b"ACK sip:201@example.org SIP/2.0\r\n"
            b"Via: SIP/2.0/UDP me;branch=z9hG4bKme\r\n"
            b"Route: <sip:next;lr>\r\n"
            b"Max-Forwards: 70\r\n"
            b"f: <sip:200@example.org>;tag=f\r\n"
            b"To: <sip:201@example.org>;tag=t\r\n"
            b"Call-ID: c\r\n"
            b"CSeq: 7 ACK\r\n"
            b"Content-Length: 0\r\n\r\n")


def test_an_ack_never_repeats_a_to_that_nobody_can_read():
    whole = response(parse(INVITE), 486, "Busy Here", to_tag="t")
    to = b"To: <sip:201@example.org>;tag=t\r\n"
    for bad in (to + to, to[:-2] + b", <sip:b>;tag=c\r\n", to[:-2] + b";tag=u\r\n", b"To: <\r\n",
                to[:-2] + b";x" * 200 + b"\r\n"):  # fmt: skip
        assert to in whole
        made = parse(ack_for(INVITE, parse(whole.replace(to, bad))))
        assert check(made) is None and made.to.tag is None, bad


def test_cancel():
    assert cancel_for(INVITE) == (
        b"CANCEL sip:201@example.org SIP/2.0\r\n"
        b"Via: SIP/2.0/UDP me;branch=z9hG4bKme\r\n"
        b"Route: <sip:next;lr>\r\n"
        b"Max-Forwards: 70\r\n"
        b"f: <sip:200@example.org>;tag=f\r\n"
        b"To: <sip:201@example.org>\r\n"
        b"Call-ID: c\r\n"
        b"CSeq: 7 CANCEL\r\n"
        b"Content-Length: 0\r\n\r\n")
