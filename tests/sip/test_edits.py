"""Edits: the octets that are not edited stay, and edits see each other."""

from app.sip.edits import Edits
from app.sip.errors import ParseError
from app.sip.message import parse
from tests.support import raises

RAW = (
    b"INVITE sip:201@example.org SIP/2.0\r\n"
    b"v :  SIP/2.0/UDP a;branch=z9hG4bK1 ,  SIP/2.0/UDP b\r\n"
    b"To: <sip:201@example.org>\r\n"
    b"Route: <sip:p1;lr>,\r\n <sip:p2;lr>, <sip:p3;lr>\r\n"
    b"ROUTE: <sip:p4;lr>\r\n"
    b"Max-Forwards: 70\r\n"
    b"Contact: \"a, b\" <sip:1@c>;q=0.1, <sip:2@c>\r\n"
    b"l: 3\r\n"
    b"\r\n"
    b"abcTRAILER"
)


def edits():
    return Edits(parse(RAW))


def after(change):
    """-> [header lines and start line] of RAW when change(edits) is done."""
    made = edits()
    change(made)
    return made.to_bytes().partition(b"\r\n\r\n")[0].split(b"\r\n")


def test_nothing_edited_but_the_trailer_is_gone():
    assert edits().to_bytes() == RAW[:-7]


def test_leading_empty_lines_are_not_forwarded():
    assert Edits(parse(b"\r\n\r\n" + RAW)).to_bytes() == RAW[:-7]


def test_set_uri():
    assert after(lambda e: e.set_uri("sip:x@[::1];lr"))[0] == b"INVITE sip:x@[::1];lr SIP/2.0"
    for uri in ("", "sip:a b", "sip:a\r\nX: y", " sip:a", "sip:a\n"):
        with raises(ParseError):
            edits().set_uri(uri)


def test_push_in_front_of_its_kind():
    lines = after(lambda e: e.push("Via", "SIP/2.0/UDP me"))
    assert lines[1] == b"Via: SIP/2.0/UDP me"
    assert lines[2] == b"v :  SIP/2.0/UDP a;branch=z9hG4bK1 ,  SIP/2.0/UDP b"


def test_push_of_a_kind_that_is_not_there():
    def change(e):
        e.push("Record-Route", "<sip:one;lr>")
        e.push("Via", "SIP/2.0/UDP me")
        e.push("Record-Route", "<sip:two;lr>")

    assert after(change)[1:5] == [
        b"Record-Route: <sip:two;lr>", b"Record-Route: <sip:one;lr>", b"Via: SIP/2.0/UDP me",
        b"v :  SIP/2.0/UDP a;branch=z9hG4bK1 ,  SIP/2.0/UDP b"]


def test_pop_undoes_push():
    def change(e):
        e.push("Via", "SIP/2.0/UDP me")
        e.pop("via")

    assert after(change) == edits().to_bytes().partition(b"\r\n\r\n")[0].split(b"\r\n")


def test_pop_takes_one_value_of_a_list_then_the_line():
    made = edits()
    seen = []
    for _ in range(4):
        made.pop("Route")
        seen.append(parse(made.to_bytes()).headers("route"))
    assert seen == [["<sip:p2;lr>", "<sip:p3;lr>", "<sip:p4;lr>"],
                    ["<sip:p3;lr>", "<sip:p4;lr>"], ["<sip:p4;lr>"], []]
    with raises(ParseError):
        made.pop("route")


def test_replace_counts_over_lines_and_lists():
    for index in range(4):
        made = edits()
        made.replace("route", index, "<sip:new;lr>")
        expected = [f"<sip:p{n};lr>" for n in range(1, 5)]
        expected[index] = "<sip:new;lr>"
        assert parse(made.to_bytes()).headers("route") == expected


def test_replace_in_a_list_with_quoted_commas():
    lines = after(lambda e: e.replace("contact", 1, "<sip:9@d>"))
    assert lines[-2] == b'Contact: "a, b" <sip:1@c>;q=0.1, <sip:9@d>'


def test_replace_of_what_is_not_there():
    with raises(ParseError):
        edits().replace("contact", 2, "x")
    with raises(ParseError):
        edits().replace("nowhere", 0, "x")


def test_remove_every_line():
    lines = after(lambda e: e.remove("Route"))
    assert [line for line in lines if b"p1" in line or b"p4" in line or b"p2" in line] == []
    assert after(lambda e: e.remove("nowhere")) == after(lambda e: None)


def test_append_goes_last_and_can_be_edited():
    def change(e):
        e.append("P-hint", "one")
        e.append("P-hint", "two")
        e.pop("p-hint")

    assert after(change)[-2:] == [b"l: 3", b"P-hint: two"]


def test_set():
    assert b"Max-Forwards: 69" in after(lambda e: e.set("Max-Forwards", "69"))
    assert after(lambda e: e.set("Expires", "5"))[-1] == b"Expires: 5"
    lines = after(lambda e: e.set("Route", "<sip:only;lr>"))
    assert [line for line in lines if line[:5].lower() == b"route"] == [b"Route: <sip:only;lr>"]


def test_set_body():
    made = edits()
    made.set_body(b"longer\x00")
    msg = parse(made.to_bytes() + b"more")
    assert msg.body == b"longer\x00" and msg.headers("content-length") == ["7"]


def test_set_body_where_no_length_was():
    made = Edits(parse(b"INVITE sip:a SIP/2.0\r\nTo: x\r\n\r\nabc"))
    made.set_body(b"")
    assert made.to_bytes() == b"INVITE sip:a SIP/2.0\r\nTo: x\r\nContent-Length: 0\r\n\r\n"


def test_copies_are_independent():
    first = edits()
    first.push("Via", "SIP/2.0/UDP me")
    second = first.copy()
    second.pop("via")
    second.set_uri("sip:other")
    second.append("X", "y")
    assert b"Via: SIP/2.0/UDP me" in first.to_bytes() and b"X: y" not in first.to_bytes()
    assert b"Via: SIP/2.0/UDP me" not in second.to_bytes() and first.to_bytes()[7:11] == b"sip:"


def test_no_value_can_smuggle_a_line():
    for change in (lambda e: e.push("X", "a\r\nY: b"), lambda e: e.append("X", "a\nY: b"),
                   lambda e: e.replace("to", 0, "a\rb"), lambda e: e.set("X", "a\r")):
        with raises(ParseError):
            change(edits())


def test_marked_via_is_forwarded():
    msg = parse(RAW)
    msg.mark_received("192.0.2.5", 5062)
    made = Edits(msg)
    made.push("Via", "SIP/2.0/UDP me")
    assert parse(made.to_bytes()).headers("via") == [
        "SIP/2.0/UDP me", "SIP/2.0/UDP a;branch=z9hG4bK1;received=192.0.2.5", "SIP/2.0/UDP b"]


def test_a_message_of_a_start_line_alone():
    made = Edits(parse(b"OPTIONS sip:a SIP/2.0\r\n\r\n"))
    made.push("Via", "SIP/2.0/UDP me")
    made.append("X", "y")
    assert made.to_bytes() == b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP me\r\nX: y\r\n\r\n"
