"""RFC 4475 and RFC 5118: the verdict of parse and check on each message, and what is read."""

from app.sip.build import response
from app.sip.check import check
from app.sip.edits import Edits
from app.sip.errors import ParseError
from app.sip.headers import parse_contact
from app.sip.message import parse
from app.sip.uri import parse_uri, same_uri, unescape
from tests.sip.corpus import answers, torture


def verdict(data):
    """-> "accept", the status as text, or "drop", and what was parsed."""
    try:
        message = parse(data)
    except ParseError as error:
        return (str(error.code) if error.message else "drop"), error.message
    found = check(message, supported=())
    if found is None:
        return "accept", message
    return (str(found[0]) if message.is_request else "drop"), message


def test_every_message_meets_its_answer():
    assert len(answers()) == 49 + 12
    wrong = [(name, expected) for name, expected in answers()
             if verdict(torture(name))[0] != expected]
    assert wrong == []


def test_accepted_messages_are_forwarded_to_the_bit():
    for name, expected in answers():
        if expected == "accept":
            data = torture(name)
            message = parse(data)
            assert Edits(message).to_bytes() == data[message.start : message.body_end], name


def test_refused_requests_get_a_response_that_parses():
    for name, expected in answers():
        if expected in ("accept", "drop"):
            continue
        _, request = verdict(torture(name))
        answer = parse(response(request, int(expected), "Torture", to_tag="t1"))
        assert answer.status == int(expected)
        if name != "rfc4475/badinv01":  # its Via values cannot be told apart, see below
            assert answer.headers("via") == request.headers("via"), name
        if name != "rfc4475/insuf":
            assert answer.header("cseq") == request.header("cseq"), name


def test_wsinv_reads_through_blanks_and_folds():
    message = parse(torture("rfc4475/wsinv"))
    assert message.to.tag == "1918181833n" and message.from_.tag == "98asjd8"
    assert message.from_.display == 'J Rosenberg \\"'
    assert message.cseq == (9, "INVITE") and message.max_forwards == 68
    assert message.via.transport == "UDP" and message.via.branch == "390skdjuw"
    assert not message.via.is_unique
    assert len(message.headers("via")) == 3
    assert message.header("contact").endswith("secondparam ; q = 0.33")
    assert message.header("newfangledheader") == "newfangled value continued newfangled value"
    assert message.header("subject") == "" and len(message.body) == 150


def test_intmeth_is_not_cut_at_nul():
    message = parse(torture("rfc4475/intmeth"))
    assert message.to.display == "BEL:\x07 NUL:\x00 DEL:\x7f"
    assert message.to.uri.host == "example.com" and message.max_forwards == 255
    assert message.method == "!interesting-Method0123456789_*+`.%indeed'~"
    assert message.from_.display == "token1~` token2'+_ token3*%!.-"


def test_esc01_is_unescaped_once():
    message = parse(torture("rfc4475/esc01"))
    assert parse_uri(message.uri).user == "sips%3Auser%40example.com"
    assert message.to.uri.aor == ("user", "example.com")
    contact = message.header("contact")
    assert unescape("v%61lue%25%34%31") == "value%41" and contact.startswith("<sip:cal%6Cer@")


def test_escnull_keeps_two_contacts_apart():
    message = parse(torture("rfc4475/escnull"))
    assert message.to.uri.aor == ("null-\x00-null", "example.com")
    first, second = [parse_contact(value).uri for value in message.headers("contact")]
    assert not same_uri(first, second)


def test_esc02_has_an_escape_in_no_name():
    message = parse(torture("rfc4475/esc02"))
    assert message.method == "RE%47IST%45R" and message.to.display == "%Z%45"
    assert len(message.headers("contact")) == 2


def test_dblreq_drops_what_lies_behind():
    message = parse(torture("rfc4475/dblreq"))
    assert message.method == "REGISTER" and message.body == b""
    assert b"INVITE" not in Edits(message).to_bytes()


def test_semiuri_belongs_to_the_user():
    uri = parse_uri(parse(torture("rfc4475/semiuri")).uri)
    assert uri.aor == ("user;par=u@example.net", "example.com") and len(uri.params) == 0


def test_mpart01_keeps_its_octets():
    message = parse(torture("rfc4475/mpart01"))
    assert len(message.body) == 553 and b"\x00" in message.body


def test_unreason_and_noreason():
    assert parse(torture("rfc4475/unreason")).reason.startswith("= 2**3 * 5**2 ")
    assert parse(torture("rfc4475/noreason")).reason == ""


def test_badinv01_answer_repeats_the_via_line():
    _, message = verdict(torture("rfc4475/badinv01"))
    assert b"Via: SIP/2.0/UDP 192.0.2.15;;,;,,\r\n" in response(message, 400, "Bad Request")


def test_bext01_names_what_is_unsupported():
    message = parse(torture("rfc4475/bext01"))
    code, _, lines = check(message, supported=())
    assert code == 420
    assert lines == ["Unsupported: noProxiesSupportThis, norDoAnyProxiesSupportThis"]
    assert check(message) is None
    assert check(message, supported=message.headers("proxy-require")) is None


def test_cparam_of_header_and_of_uri():
    first = parse(torture("rfc4475/cparam01")).headers("contact")[0]
    second = parse(torture("rfc4475/cparam02")).headers("contact")[0]
    assert "unknownparam" in parse_contact(first).params
    assert "unknownparam" not in parse_contact(first).uri.params
    assert "unknownparam" in parse_contact(second).uri.params
    assert "unknownparam" not in parse_contact(second).params


def test_regescrt_keeps_the_escaped_route():
    value = parse(torture("rfc4475/regescrt")).headers("contact")[0]
    uri = parse_contact(value).uri
    assert str(uri) == "sip:user@example.com?Route=%3Csip:sip.example.com%3E"


def test_unksm2_is_for_the_registrar_to_refuse():
    message = parse(torture("rfc4475/unksm2"))
    assert message.to.uri.scheme == "isbn" and not message.to.uri.is_sip


def test_ipv6_ports():
    ambiguous = parse_uri(parse(torture("rfc5118/port-ambiguous")).uri)
    assert (ambiguous.host, ambiguous.port) == ("2001:db8::10:5070", None)
    plain = parse_uri(parse(torture("rfc5118/port-unambiguous")).uri)
    assert (plain.host, plain.port) == ("2001:db8::10", 5070)


def test_ipv6_received_with_and_without_brackets():
    for name in ("with", "no"):
        message = parse(torture(f"rfc5118/via-received-param-{name}-delim"))
        assert message.via.received == "2001:db8::9:255"
        assert message.via.host == "2001:db8::9:1"
