"""Via, name-addr, Contact, CSeq, Max-Forwards and lists."""

from app.sip.errors import ParseError
from app.sip.grammar import Params, number, parse_params, quote, seconds, unquote
from app.sip.headers import (
    parse_contact,
    parse_cseq,
    parse_max_forwards,
    parse_name_addr,
    parse_q,
    parse_via,
    split_list,
)
from tests.support import raises


def refused(parser, *texts):
    for text in texts:
        with raises(ParseError) as caught:
            parser(text)
        assert caught.error.code == 400, text


def test_split_list():
    assert split_list("") == [] and split_list(" a ") == ["a"]
    assert split_list("a, b ,c") == ["a", "b", "c"]
    assert split_list(",a,,b,") == ["a", "b"]
    assert split_list('"a, \\", b" <sip:x>, <sip:c,d>;p="e,f"') == [
        '"a, \\", b" <sip:x>', '<sip:c,d>;p="e,f"']
    assert split_list('"<", <sip:a>') == ['"<"', "<sip:a>"]
    assert split_list("\u0416, \u0429") == ["\u0416", "\u0429"]


def test_split_list_refuses_what_does_not_close():
    refused(split_list, 'a, "b', "a, <b", 'a, "b\\"', 'a, "b\\')


def test_long_values_are_searched_once():
    """Each of these took a search of the whole value for each of its thousands of marks."""
    marks = 30000
    assert len(split_list('"' + "\\a" * marks + '", b')) == 2
    assert len(split_list('""' * marks + ", b")) == 2
    assert len(split_list("<>" * marks + ", b")) == 2
    refused(split_list, "a, " + '"' * (2 * marks + 1))


def test_parameters_are_bounded():
    assert len(parse_params(";".join(["a"] * 100))) == 100
    refused(parse_params, ";".join(["a"] * 101), '";"' + ";a" * 200)
    refused(parse_name_addr, "<sip:a@b" + ";c" * 101 + ">", "<sip:a@b>" + ";c" * 101)


def test_quote_and_unquote():
    for text in ("", "plain", 'q"q', "back\\slash", '\\"', "\\\\"):
        assert unquote(quote(text)) == text
    assert unquote("bare") == "bare" and unquote('"a\\b"') == "ab"


def test_params_keep_order_and_spelling():
    params = parse_params(' A = 1 ;b; c="x;\\"y" ')
    assert str(params) == ';A=1;b;c="x;\\"y"'
    assert params.get("a") == "1" and params.get("b") == "" and params.get("d") is None
    assert "b" in params and "d" not in params and len(params) == 3
    params.set("a", "2")
    params.set("d", None)
    params.remove("b")
    assert str(params) == ';A=2;c="x;\\"y";d'


def test_params_copy_is_independent():
    params = Params([("a", None)])
    params.copy().set("b", "1")
    assert str(params) == ";a"


def test_params_refused():
    refused(parse_params, "", ";", "a;", "a=", "=b", "a b", "a=b c", 'a="b', 'a="b"c', 'a=b"c"')


def test_number_and_seconds():
    assert number("0068", 255, "x") == 68 and number("000000000000", 1, "x") == 0
    refused(lambda text: number(text, 255, "x"), "256", "", "-1", "1e1", " 1", "9" * 6000)
    assert seconds(" 3600 ") == 3600 and seconds("4294967296") == 4294967295
    assert seconds("1" * 9000) == 4294967295 and seconds("x", 3600) == 3600
    assert seconds("") is None


def test_via():
    via = parse_via("SIP/2.0/udp Host.Example.org:5070;branch=z9hG4bKa;rport;ttl=1")
    assert (via.transport, via.host, via.port) == ("UDP", "Host.Example.org", 5070)
    assert via.sent_by == "host.example.org:5070" and via.is_unique
    assert str(via) == "SIP/2.0/UDP Host.Example.org:5070;branch=z9hG4bKa;rport;ttl=1"


def test_via_with_blanks():
    via = parse_via("SIP / 2.0 /\tTLS  a.example : 5061 ; branch = z9hG4bKb")
    assert (via.transport, via.host, via.port) == ("TLS", "a.example", 5061)
    assert via.branch == "z9hG4bKb"
    assert parse_via("sip/2.0/UDP h").branch is None


def test_via_ipv6():
    via = parse_via("SIP/2.0/UDP [2001:db8::1]:5062;received=[2001:db8::2]")
    assert (via.host, via.port, via.received) == ("2001:db8::1", 5062, "2001:db8::2")
    assert via.sent_by == "[2001:db8::1]:5062" and str(via).startswith("SIP/2.0/UDP [2001:db8::1]")


def test_via_unique_branch():
    assert not parse_via("SIP/2.0/UDP h;branch=z9hG4bK").is_unique
    assert not parse_via("SIP/2.0/UDP h;branch=1").is_unique


def test_via_refused():
    refused(parse_via, "", "SIP/2.0/UDP", "SIP/2.0/ host", "SIP/3.0/UDP h", "HTTP/2.0/UDP h",
            "SIP/2.0/UDP h:", "SIP/2.0/UDP h:0", "SIP/2.0/UDP h:65536", "SIP/2.0/UDP a b",
            "SIP/2.0/UDP h;", "SIP/2.0/UDP h;;a", "SIP/2.0/UDP h;rport=x", "SIP/2.0/UDP [::1",
            "SIP/2.0/U(P h", "SIP/2.0/UDP a : b", "\u017fIP / 2.0/UDP h",
            "SIP/2.0/UDP h/i", "SIP/2.0/UDP ;branch=a", "UDP h")


def test_mark_received_by_rfc3261():
    via = parse_via("SIP/2.0/UDP 192.0.2.1;branch=a")
    assert not via.mark_received("192.0.2.1", 5060) and via.received is None
    assert via.mark_received("192.0.2.2", 5060)
    assert str(via) == "SIP/2.0/UDP 192.0.2.1;branch=a;received=192.0.2.2"
    assert via.reply_to() == ("192.0.2.2", 5060)


def test_mark_received_by_rfc3581_even_when_equal():
    via = parse_via("SIP/2.0/UDP 192.0.2.1:5066;rport;branch=a")
    assert via.mark_received("192.0.2.1", 5066)
    assert str(via) == "SIP/2.0/UDP 192.0.2.1:5066;rport=5066;branch=a;received=192.0.2.1"


def test_mark_received_overwrites_what_the_client_wrote():
    """A received or rport of the client's own making would aim our responses at others."""
    via = parse_via("SIP/2.0/UDP 192.0.2.1;received=203.0.113.1;rport=99;branch=a")
    assert via.mark_received("192.0.2.1", 5060)
    assert via.reply_to() == ("192.0.2.1", 5060)
    via = parse_via("SIP/2.0/UDP 192.0.2.1;received=203.0.113.1")
    assert via.mark_received("192.0.2.1", 5060) and via.received == "192.0.2.1"


def test_reply_to():
    assert parse_via("SIP/2.0/UDP h:1").reply_to() == ("h", 1)
    assert parse_via("SIP/2.0/TLS h").reply_to() == ("h", 5061)
    assert parse_via("SIP/2.0/UDP h;maddr=224.0.1.75").reply_to() == ("h", 5060)


def test_name_addr():
    found = parse_name_addr('"A \\"B\\" \\\\" <sip:200@example.org;lr?h=v>;tag=1;x="y;z"')
    assert found.display == 'A "B" \\' and found.tag == "1"
    assert found.uri.headers == "h=v" and "lr" in found.uri.params and "lr" not in found.params
    assert str(found) == '"A \\"B\\" \\\\" <sip:200@example.org;lr?h=v>;tag=1;x="y;z"'


def test_name_addr_without_brackets_gives_its_parameters_to_the_header():
    found = parse_name_addr("sip:200@example.org;tag=1")
    assert found.tag == "1" and len(found.uri.params) == 0
    assert str(found) == "<sip:200@example.org>;tag=1"


def test_name_addr_display_names_seen_in_the_wild():
    assert parse_name_addr("Desk (2) <sip:a@b>").display == "Desk (2)"
    assert parse_name_addr("Jos\u00e9 <sip:a@b>").display == "Jos\u00e9"
    assert parse_name_addr('""<sip:a@b>').display == ""
    assert parse_name_addr("<sip:a@b> ; tag=1").tag == "1"
    assert parse_name_addr("<http://www.example.com>;tag=3").uri.scheme == "http"


def test_name_addr_refused():
    refused(parse_name_addr, "", "<sip:a@b", '"a <sip:a@b>', '"a" sip:a@b', "a, b <sip:a@b>",
            "< sip:a@b >", "<sip:a@b>x", "<sip:a@b>;", "<sip:a@b>;;", "sip:a@b?x=y", "sip:a,b@c",
            "<>", "<sip:>", "a", '"a" b <sip:a@b>', "<sip:a@b>, <sip:c@d>", "a;b <sip:a@b>")


def test_contact():
    contact = parse_contact("<sip:a@b>;q=0.5;expires=60")
    assert contact.q == 0.5 and contact.expires == 60 and not contact.star
    assert parse_contact("<sip:a@b>").q is None and parse_contact("<sip:a@b>").expires is None
    assert parse_contact("<sip:a@b>;expires=soon").expires == 3600
    assert parse_contact("<sip:a@b>;expires=280297596632815").expires == 4294967295
    assert parse_contact(" * ").star


def test_q():
    assert [parse_q(text) for text in ("0", "1", "1.000", "0.", "0.125")] == [0, 1, 1, 0, 0.125]
    refused(parse_q, "", "2", "1.1", "0.1234", "-1", "0.x", ".5", "1.001", "0.5.5")
    refused(parse_contact, "<sip:a@b>;q=7", "<sip:a@b>;q")


def test_cseq():
    assert parse_cseq("0009   INVITE") == (9, "INVITE")
    assert parse_cseq("2147483647 X").number == 2147483647
    refused(parse_cseq, "", "1", "INVITE", "1 A B", "2147483648 A", "-1 A", "1 (", "1, 2")


def test_only_blank_and_tab_are_blanks():
    """CPython's strip() and split() know others, which the next element does not."""
    for odd in ("\u00a0", "\x0b", "\x0c", "\x1c", "\x85", "\u2003"):
        refused(parse_cseq, f"1{odd}INVITE", f"1 INVITE{odd}")
        refused(parse_max_forwards, odd + "1")
        refused(parse_via, f"SIP/2.0/UDP{odd}h", f"SIP/2.0/UDP h{odd};branch=a")
        refused(parse_name_addr, f"<sip:a@b>;tag=1{odd}", f"{odd}sip:a@b")
    assert parse_cseq("\t1 \t INVITE ") == (1, "INVITE")


def test_repeated_parameters_are_told():
    params = parse_params("tag=1;b;TAG=2")
    assert params.is_repeated("tag") and not params.is_repeated("b")


def test_max_forwards():
    assert parse_max_forwards("0") == 0 and parse_max_forwards("255") == 255
    refused(parse_max_forwards, "256", "-1", "", "seventy", "70 70")
