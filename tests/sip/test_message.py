"""parse() and the lazy accessors; what may not pass (header smuggling) and how long a body is."""

from app.sip import build
from app.sip.errors import ParseError
from app.sip.message import parse
from tests.support import raises

HEAD = (
    "INVITE sip:201@example.org SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport, SIP/2.0/TCP h;branch=z9hG4bK0\r\n"
    "v: SIP/2.0/UDP 192.0.2.9\r\n"
    'From: "A, B" <sip:200@example.org>;tag=f1\r\n'
    "To: <sip:201@example.org>\r\n"
    "Call-ID: c1@192.0.2.1\r\n"
    "CSeq: 7 INVITE\r\n"
    "Max-Forwards: 70\r\n"
    "Subject: one, two\r\n"
)


def message(extra="", body="", head=HEAD):
    return parse((head + extra + "\r\n" + body).encode())


def refusal(data):
    with raises(ParseError) as caught:
        parse(data)
    return caught.error


def test_request_line():
    msg = message()
    assert msg.is_request and msg.method == "INVITE" and msg.uri == "sip:201@example.org"
    assert msg.raw[msg.uri_start : msg.uri_end] == b"sip:201@example.org"


def test_accessors():
    msg = message()
    assert msg.via.branch == "z9hG4bK1" and msg.via.wants_rport and msg.via.rport is None
    assert msg.from_.tag == "f1" and msg.from_.display == "A, B"
    assert msg.to.tag is None and str(msg.to.uri) == "sip:201@example.org"
    assert msg.cseq == (7, "INVITE") and msg.cseq.method == "INVITE"
    assert msg.call_id == "c1@192.0.2.1" and msg.max_forwards == 70


def test_headers_splits_lists_over_lines_and_compact_forms():
    msg = message()
    assert [value[:16] for value in msg.headers("via")] == [
        "SIP/2.0/UDP 192.", "SIP/2.0/TCP h;br", "SIP/2.0/UDP 192."]
    assert msg.header("via") == "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport"


def test_headers_splits_nothing_that_is_no_list():
    msg = message()
    assert msg.headers("subject") == ["one, two"] and msg.header("s") == "one, two"


def test_any_spelling_of_a_name_finds_the_header():
    msg = message("oRiGiNaL : x\r\nk: a,b\r\n")
    assert msg.header("original") == msg.header("ORIGINAL") == "x"
    assert msg.headers("Supported") == ["a", "b"] and msg.header("nowhere") is None
    assert msg.headers("nowhere") == []


def test_missing_headers():
    msg = parse(b"OPTIONS sip:a SIP/2.0\r\nX: y\r\n\r\n")
    assert msg.max_forwards is None
    for name in ("via", "from_", "to", "cseq", "call_id"):
        with raises(ParseError) as caught:
            getattr(msg, name)
        assert caught.error.code == 400


def test_blanks_before_the_colon_hide_nothing():
    """CVE-2020-28361: a proxy removed "X:" and let "X :" through."""
    msg = message("Content-Length : 3\r\nP-Asserted-Identity\t: <sip:x@y>\r\n", "abcdef")
    assert msg.body == b"abc" and msg.headers("p-asserted-identity") == ["<sip:x@y>"]


def test_folds():
    msg = message("Subject2: one\r\n two\r\n\t three\r\nX:\r\n  y\r\n")
    assert msg.header("subject2") == "one two three" and msg.header("x") == "y"


def test_fold_behind_the_start_line_is_refused():
    assert refusal(b"INVITE sip:a SIP/2.0\r\n X: y\r\n\r\n").code == 400


def test_bare_line_ends_are_refused():
    for line in (b"X: a\nVia: b\r\n", b"X: a\rVia: b\r\n", b"X: a\r\r\n", b"X: a\n\r\n"):
        assert refusal(b"INVITE sip:a SIP/2.0\r\n" + line + b"\r\n").code == 400
    assert refusal(b"INVITE sip:a SIP/2.0\nTo: b\n\n").code == 400


def test_odd_names_are_refused():
    for line in (b"no colon", b": no name", b"two words: x", b"a\x00b: x", b"\xc3\xa9: x", b"Via",
                 b"To\x0b: x"):
        assert refusal(b"INVITE sip:a SIP/2.0\r\n" + line + b"\r\n\r\n").code == 400


def test_line_that_only_begins_like_a_known_name():
    assert refusal(b"INVITE sip:a SIP/2.0\r\nviaX\r\n\r\n").code == 400


def test_leading_empty_lines_are_skipped():
    msg = parse(b"\r\n\r\n" + HEAD.encode() + b"\r\n")
    assert msg.method == "INVITE" and msg.raw[msg.start : msg.start + 6] == b"INVITE"


def test_not_sip_is_dropped():
    for data in (b"", b"\r\n\r\n", b"\x00" * 40, b"GET / HTTP/1.1\r\n\r\n", b"INVITE\r\n\r\n",
                 b"\x80\x08" + bytes(160), b"SIP\r\n\r\n", b"SIP/2.0\r\n\r\n"):
        assert refusal(data).message is None


def test_malformed_request_lines_are_answered():
    for line in ("INVITE  sip:a SIP/2.0", "INVITE sip:a SIP/2.0 ", "INVITE sip:a b SIP/2.0",
                 " INVITE sip:a SIP/2.0", "INV(TE sip:a SIP/2.0", "INVITE  SIP/2.0"):
        error = refusal((line + "\r\nCall-ID: x\r\n\r\n").encode())
        assert error.code == 400 and error.message.call_id == "x", line


def test_malformed_ack_and_response_are_never_answered():
    assert refusal(b"ACK  sip:a SIP/2.0\r\nCall-ID: x\r\n\r\n").message is None
    assert refusal(b"ACK sip:a SIP/2.0\r\nl: 9\r\n\r\n").message is None
    assert refusal(b"SIP/2.0 200 OK\r\nl: 9\r\n\r\n").message is None


def test_status_line():
    msg = parse(b"SIP/2.0 404 Not  Found\r\n\r\n")
    assert not msg.is_request and (msg.status, msg.reason) == (404, "Not  Found")
    assert parse(b"SIP/2.0 200\r\n\r\n").reason == ""
    for status in ("099", "700", "2000", "20", "+20", "2 0", "\u00b2\u00b200", ""):
        with raises(ParseError):
            parse(f"SIP/2.0 {status} OK\r\n\r\n".encode())


def test_body_without_content_length_is_the_rest():
    assert message("", "abc").body == b"abc"


def test_content_length_cuts_the_datagram():
    assert message("Content-Length: 2\r\n", "abc").body == b"ab"
    assert message("l: 0002\r\n", "abc").body == b"ab"
    assert message("l: 0\r\n").body == b""


def test_content_length_that_is_wrong():
    for value in ("4", "-1", "+1", "1_0", "1 ", "0x1", "2, 2", "", "9" * 5000, "\u0661"):
        data = (HEAD + f"Content-Length: {value}\r\n\r\nabc").encode()
        if value == "1 ":
            assert parse(data).body == b"a"
            continue
        error = refusal(data)
        assert error.code == 400 and error.message.method == "INVITE", value


def test_two_content_lengths_even_of_one_value():
    assert refusal((HEAD + "Content-Length: 3\r\nl: 3\r\n\r\nabc").encode()).code == 400


def test_no_empty_line():
    error = refusal(HEAD.encode())
    assert error.code == 400 and error.message.call_id == "c1@192.0.2.1"
    assert refusal(HEAD.encode()[:-2]).message is None


def test_text_that_is_not_utf8_is_read_as_latin1():
    msg = parse(HEAD.encode() + b"X: caf\xe9\r\n\r\n")
    assert msg.header("x") == "caf\u00e9"
    msg = parse(HEAD.encode() + "X: caf\u00e9\r\n\r\n".encode())
    assert msg.header("x") == "caf\u00e9"


def test_header_lines_and_list_values_are_bounded():
    assert refusal(b"INVITE sip:a SIP/2.0\r\n" + b"a:\r\n" * 300 + b"\r\n").code == 400
    for extra in ("Route: " + ",".join(["<sip:a;lr>"] * 101) + "\r\n",
                  "Route: <sip:a;lr>\r\n" * 101):
        msg = message(extra)
        with raises(ParseError):
            msg.headers("route")


def test_headers_too_long_are_answered():
    error = refusal((HEAD + "X: " + "y" * 16384 + "\r\n\r\n").encode())
    assert error.code == 513 and error.message.call_id == "c1@192.0.2.1"
    assert len(message("", "x" * 40000).body) == 40000


def test_parse_error_says_what():
    error = refusal((HEAD + "l: 1\r\nl: 1\r\n\r\nx").encode())
    assert str(error) == "400 Bad Request: more than one Content-Length"


def test_mark_received():
    msg = message()
    msg.mark_received("198.51.100.7", 4000)
    assert msg.via.received == "198.51.100.7" and msg.via.rport == 4000
    assert msg.via.reply_to() == ("198.51.100.7", 4000)
    assert b"198.51.100.7" not in msg.raw


def test_a_long_message_shrinks_to_what_its_answer_is_made_of():
    many = message("Record-Route: <sip:a;lr>\r\n" + "Z: y\r\n" * 60)
    before = build.response(many, 200, "OK", to_tag="t")
    many.shrink()
    assert "z" not in many.spans and build.response(many, 200, "OK", to_tag="t") == before
    few = message("Z: y\r\n")
    few.shrink()
    assert few.header("z") == "y"
