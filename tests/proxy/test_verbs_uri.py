"""The verbs that rewrite the Request-URI, and those that look at URIs and numbers."""

from app.proxy.target import Target
from app.sip.uri import parse_uri
from tests.proxy.box import Box
from tests.proxy.phone import Phone
from tests.proxy.probe import Probe, passed, probe
from tests.support import raises

URI = "sip:0301234:pw@192.0.2.7:5080;user=phone;x=1"


def rewritten(change, uri=URI):
    """-> (what the verb returned, the Request-URI behind it)."""
    found, _ = probe(lambda r: (change(r), str(r.ru)), uri=uri)
    return found


def test_parts_of_the_request_uri():
    for change, expected in (
        (lambda r: r.seturi("sip:200@example.net"), "sip:200@example.net"),
        (lambda r: r.rewriteuri("tel:+4930"), "tel:+4930"),
        (lambda r: r.setuser("vm"), "sip:vm:pw@192.0.2.7:5080;user=phone;x=1"),
        (lambda r: r.rewriteuser("a b@c"), "sip:a%20b%40c:pw@192.0.2.7:5080;user=phone;x=1"),
        (lambda r: r.setuserpass("u", None), "sip:u@192.0.2.7:5080;user=phone;x=1"),
        (lambda r: r.sethost("192.0.2.8"), "sip:0301234:pw@192.0.2.8:5080;user=phone;x=1"),
        (lambda r: r.rewritehost("[2001:db8::1]"),
         "sip:0301234:pw@[2001:db8::1]:5080;user=phone;x=1"),
        (lambda r: r.sethostport("192.0.2.8:5090"), "sip:0301234:pw@192.0.2.8:5090;user=phone;x=1"),
        (lambda r: r.rewritehostport("gw.example"), "sip:0301234:pw@gw.example;user=phone;x=1"),
        (lambda r: r.setport(5061), "sip:0301234:pw@192.0.2.7:5061;user=phone;x=1"),
        (lambda r: r.rewriteport(""), "sip:0301234:pw@192.0.2.7;user=phone;x=1"),
        (lambda r: r.prefix("00"), "sip:000301234:pw@192.0.2.7:5080;user=phone;x=1"),
        (lambda r: r.strip(1), "sip:301234:pw@192.0.2.7:5080;user=phone;x=1"),
        (lambda r: r.strip_tail("2"), "sip:03012:pw@192.0.2.7:5080;user=phone;x=1"),
        (lambda r: r.add_uri_param("y=2"), URI + ";y=2"),
        (lambda r: r.uri_param_rm("User"), "sip:0301234:pw@192.0.2.7:5080;x=1"),
        (lambda r: r.subst_user("/^0/+49/"), "sip:+49301234:pw@192.0.2.7:5080;user=phone;x=1"),
        (lambda r: r.subst_uri("/^sip:0([^:@]+).*@([^:;]+).*$/sip:+49\\1@\\2/"),
         "sip:+49301234@192.0.2.7"),
        (lambda r: r.setuser("x") and r.seturi("sip:y@z") and r.revert_uri(), URI),
    ):  # fmt: skip
        assert rewritten(change) == (True, expected)


def test_what_a_uri_cannot_hold_changes_nothing():
    for change in (
        lambda r: r.seturi("no uri"), lambda r: r.sethost("a b"), lambda r: r.sethost("a:5060"),
        lambda r: r.sethostport(":5060"), lambda r: r.setport(70000), lambda r: r.setport("x"),
        lambda r: r.add_uri_param("a b"), lambda r: r.uri_param_rm("none"),
        lambda r: r.subst_uri("/nothing/x/"), lambda r: r.subst_uri("/^sip:/x y/"),
        lambda r: r.subst_user("/9/x/"), lambda r: r.append_branch("no uri"),
    ):  # fmt: skip
        assert rewritten(change) == (False, URI)


def test_a_user_that_becomes_empty_is_left_out():
    assert rewritten(lambda r: r.strip(7), "sip:0301234@192.0.2.7")[1] == "sip:192.0.2.7"
    assert rewritten(lambda r: r.strip_tail(99), "sip:0301234@192.0.2.7")[1] == "sip:192.0.2.7"
    assert rewritten(lambda r: r.setuser(""), "sip:0301234@192.0.2.7")[1] == "sip:192.0.2.7"


def test_another_scheme_has_no_parts():
    def to_tel(r):
        r.seturi("tel:+4930")
        return r.setuser("x"), r.sethost("192.0.2.1"), r.prefix("0"), r.rU, r.rd

    assert rewritten(to_tel) == ((False, False, False, "", ""), "tel:+4930")


def test_pseudo_variables_read_and_write():
    def change(r):
        seen = (r.rU, r.rd, r.rp, r.ou)
        r.rU, r.rd, r.rp = "20 1", "192.0.2.9", 5999
        return seen

    assert rewritten(change) == (
        ("0301234", "192.0.2.7", 5080, URI),
        "sip:20%201:pw@192.0.2.9:5999;user=phone;x=1",
    )

    def ports(r):
        found = []
        for uri in ("sip:a@b", "sips:a@b"):
            r.set_ruri(parse_uri(uri))
            found.append(r.rp)
        return found

    assert rewritten(ports)[0] == [5060, 5061]

    def wrong(r):
        for name, value in (
            ("rd", "a b"), ("rp", "x"), ("ru", "no uri"), ("du", "no uri"), ("du", "tel:1"),
        ):  # fmt: skip
            with raises(ValueError):
                setattr(r, name, value)

    probe(wrong)


def test_parameters():
    def look(r):
        return (
            r.uri_param("x"), r.uri_param("X", "1"), r.uri_param("x", "2"), r.uri_param("z"),
            r.get_uri_param("USER"), r.get_uri_param("z"),
        )  # fmt: skip

    assert rewritten(look)[0] == (True, True, False, False, "phone", "")


def test_the_source_of_a_registration_outlives_a_change_of_the_user():
    """As Kamailio's dst_uri: where a telephone behind NAT is found is no part of its name."""

    def change(r):
        r.targets = [Target(r.ru, 0.5, "sip:192.0.2.201:5060")]
        r.setuser("other")

    assert passed(change, uri="sip:200@10.0.0.1").uri == "sip:other@10.0.0.1"


def test_comparisons():
    def look(r):
        return (
            r.cmp_uri(r.ru, "sip:0301234:pw@192.0.2.7:5080;x=1;user=phone"),
            r.cmp_uri(r.ru, "sip:x@y"), r.cmp_uri("", r.ru),
            r.cmp_aor("sip:A@Example.org;x", "sip:A@example.ORG:5080"),
            r.cmp_aor("sip:a@b", "sip:c@b"), r.cmp_aor("tel:1", "tel:1"),
            r.is_uri("sip:a"), r.is_uri("a"), r.is_uri(r.fu),
        )  # fmt: skip

    assert rewritten(look)[0] == (True, False, False, True, False, False, True, False, True)


def test_numbers():
    for number, expected in (
        ("+4930", True), ("+4", False), ("+0301", False), ("4930", False), ("+49a", False),
        ("+123456789012345", True), ("+1234567890123456", False), ("", False), ("+", False),
    ):  # fmt: skip
        found, _ = probe(lambda r, number=number: r.is_e164(number))
        assert found is expected, number
        uri = f"sip:{number}@x" if number else "sip:x"
        found, _ = probe(lambda r, uri=uri: r.is_uri_user_e164(uri))
        assert found is expected, number
    found, _ = probe(lambda r: (
        r.is_tel_number("+49"), r.is_tel_number("49"), r.is_tel_number("+"), r.is_tel_number(""),
        r.is_tel_number("4+9"), r.is_numeric("12"), r.is_numeric("+1"), r.is_numeric(""),
        r.is_alphanum("a1"), r.is_alphanum("a-1"), r.is_alphanum(""), r.is_uri_user_e164("tel:1"),
        r.is_uri_user_e164("x"),
    ))  # fmt: skip
    assert found == (True, True, False, False, False, True, False, False, True, False, False,
                     False, False)  # fmt: skip


def test_who_it_is_and_what_it_knows():
    found, _ = probe(lambda r: (r.is_user("200"), r.is_user(""), r.is_supported("100REL"),
                                r.is_supported("gruu")), headers=["Supported: path, 100rel"])
    assert found == (False, False, True, False)
    box = Box(Probe(lambda r: r.proxy_authorize("", "subscriber") and (r.is_user("200"),
                                                                       r.is_user("201"))))
    phone = Phone(box, "200")
    box.proxy.routes.stage, known = (lambda r: r.proxy_challenge("", 1)), box.proxy.routes.stage
    data = phone.make("MESSAGE", "sip:x@example.org")
    (challenge,) = phone.send(data)
    box.proxy.routes.stage = known
    phone.send(phone.authenticated(data, challenge))
    assert box.proxy.routes.found == (True, False)


def test_rewriting_is_what_goes_out():
    request = passed(lambda r: r.prefix("9"), uri="sip:201@192.0.2.201")
    assert request.uri == "sip:9201@192.0.2.201"


def test_the_next_hop_is_written_as_a_uri():
    def change(r):
        r.ru = "sip:300@198.51.100.99"
        r.du = ""
        assert r.du is None
        r.du = "sip:192.0.2.201:5060"

    assert passed(change).uri == "sip:300@198.51.100.99"
