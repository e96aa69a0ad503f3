"""check(): what RFC 3261 8.1.1 and 16.3 refuse."""

from app.sip.check import ADDED_VALUES, check
from app.sip.grammar import LIST_LIMIT
from app.sip.message import parse

GOOD = {
    "Via": "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
    "From": "<sip:200@example.org>;tag=1",
    "To": "<sip:201@example.org>",
    "Call-ID": "c1@h",
    "CSeq": "1 INVITE",
    "Max-Forwards": "70",
}
ORDER = ("Via", "From", "To", "Call-ID", "CSeq", "Max-Forwards")


def build(changes=None, extra="", line="INVITE sip:201@example.org SIP/2.0"):
    """-> message: the good one with headers changed (None: left out) and lines added."""
    fields = dict(GOOD)
    fields.update(changes or {})
    lines = [f"{name}: {fields[name]}\r\n" for name in ORDER if fields[name] is not None]
    return parse((line + "\r\n" + "".join(lines) + extra + "\r\n").encode())


def code(*args, **kwargs):
    found = check(build(*args, **kwargs))
    return found[0] if found else None


def test_good():
    assert code() is None and code({"Max-Forwards": None}) is None
    assert code({}, "Contact: *\r\nRoute: <sip:a;lr>, <sip:b;lr>\r\n") is None


def test_each_required_header():
    for name in ("Via", "From", "To", "Call-ID", "CSeq"):
        assert code({name: None}) == 400, name


def test_each_single_header_twice():
    for name in ("From", "To", "Call-ID", "CSeq", "Max-Forwards"):
        assert code({}, f"{name}: {GOOD[name]}\r\n") == 400, name
    assert code({}, "t: <sip:b@c>\r\n") == 400
    assert code({}, "To : <sip:b@c>\r\n") == 400
    assert code({}, "Content-Type: a/b\r\nc: a/b\r\n") == 400


def test_each_malformed_header():
    for name, value in (("Via", "x"), ("From", '"a'), ("From", "<sip:a@b>, <sip:c@d>"),
                        ("To", "<sip:a@b"), ("Call-ID", "a b"), ("Call-ID", ""),
                        ("Call-ID", "a\x00"),
                        ("CSeq", "1"), ("CSeq", "x INVITE"), ("CSeq", "2147483648 INVITE"),
                        ("CSeq", "1 BYE"), ("Max-Forwards", "256"), ("Max-Forwards", "")):
        assert code({name: value}) == 400, (name, value)
    for line in ("Contact: <sip:a@b", "Route: a", "Route: <sip:a>, <", "Contact: sip:a@b?c=d"):
        assert code({}, line + "\r\n") == 400, line


def test_branch_of_a_cookie_alone():
    assert code({"Via": "SIP/2.0/UDP h;branch=z9hG4bK"}) == 400
    assert code({"Via": "SIP/2.0/UDP h;branch=1"}) is None


def test_two_tags_or_branches():
    """Whoever takes the first and whoever takes the last see two dialogs (RFC 3261 7.3.1)."""
    assert code({"From": "<sip:a@b>;tag=1;TAG=2"}) == 400
    assert code({"To": "<sip:a@b>;tag=1;tag=1"}) == 400
    assert code({"Via": "SIP/2.0/UDP h;branch=z9hG4bK1;branch=z9hG4bK2"}) == 400


def test_lower_vias_are_opaque():
    assert code({}, "Via: SIP/9.9/X y;;;\r\n") is None
    assert code({}, 'Via: "\r\n') is None
    assert code({}, 'Via: a, "\r\n') == 400  # how many they are is not opaque


def test_request_uri():
    assert code(line="INVITE tel:+1 SIP/2.0") == 416
    assert code(line="INVITE sips:a@b SIP/2.0") is None
    assert code(line="INVITE sip:a@b?X=y SIP/2.0") == 400
    assert code(line="INVITE <sip:a@b> SIP/2.0") == 400
    assert code(line="INVITE sip:a@b:0 SIP/2.0") == 400
    assert check(build(line="INVITE tel:+1 SIP/2.0"), schemes=("sip", "tel")) is None


def test_version():
    assert code(line="INVITE sip:a@b SIP/3.0") == 505
    assert code({"Via": "SIP/3.0/UDP h"}, line="INVITE sip:a@b SIP/3.0") == 505
    assert code(line="INVITE sip:a@b sip/2.0") is None


def test_proxy_require():
    asks = "Proxy-Require: foo, bar\r\nProxy-Require: baz\r\n"
    assert check(build({}, asks), supported=("bar",)) == (
        420, "Bad Extension", ["Unsupported: foo, baz"])
    assert check(build({}, asks)) is None
    assert check(build({}, asks), supported=("foo", "bar", "baz")) is None
    for method in ("ACK", "CANCEL"):
        message = build({"CSeq": f"1 {method}"}, asks, line=f"{method} sip:a@b SIP/2.0")
        assert check(message, supported=()) is None


def test_proxy_require_that_is_no_list():
    assert check(build({}, 'Proxy-Require: a, "b\r\n'), supported=())[0] == 400


def test_responses():
    status = "SIP/2.0 200 OK"
    assert check(build(line=status)) is None
    assert check(build({"CSeq": "1 WHATEVER"}, line=status)) is None
    assert check(build({"To": None}, line=status))
    assert check(build({"CSeq": "99999999999 INVITE"}, line=status))
    assert check(build({}, "Via: SIP/2.0/UDP 255.255.255.255\r\n", line=status))
    assert check(build({}, "Via: junk\r\n", line=status))


def test_promise():
    """Behind None, no accessor raises."""
    message = build({}, "Contact: <sip:a@b>, <sip:c@d>\r\nRoute: <sip:e;lr>\r\n")
    assert check(message, supported=()) is None
    assert message.via and message.from_ and message.to and message.cseq and message.call_id
    assert message.max_forwards == 70 and len(message.headers("contact")) == 2


def test_a_broken_record_route():
    assert code({}, 'Record-Route: "x, <sip:a;lr>\r\n') == 400
    assert code({}, "Record-Route: <sip:a;lr>, <sip:b;lr>\r\n") is None


def test_room_for_the_values_that_a_proxy_adds():
    """What is sent on must be read again in its response, and in the ACK and CANCEL made of it."""
    for name in ("Via", "Record-Route"):
        value = "SIP/2.0/UDP h;branch=z9hG4bKx" if name == "Via" else "<sip:h;lr>"
        for count, expected in ((LIST_LIMIT - ADDED_VALUES - 1, None), (LIST_LIMIT, 400)):
            extra = f"{name}: " + ",".join([value] * count) + "\r\n"
            assert code(extra=extra) == expected, (name, count)


def test_room_for_what_a_proxy_adds():
    """The ACK and the CANCEL of a request are made from what was sent, by way of parse()."""
    assert code({}, "Z: y\r\n" * (256 - 16 - 6)) is None
    assert code({}, "Z: y\r\n" * (256 - 16 - 5)) == 400
    longest = 16384 - 2048
    data = len(build({}, "Z: \r\n").raw)
    assert code({}, f"Z: {'y' * (longest - data)}\r\n") is None
    assert code({}, f"Z: {'y' * (longest - data + 1)}\r\n") == 513
