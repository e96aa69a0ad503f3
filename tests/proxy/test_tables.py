"""Modules that live from tables alone: permissions, dialplan, group, userblocklist, domain."""

from app.proxy.modules import Modules
from app.proxy.request import RoutingRequest
from app.sip.message import parse
from app.sip.transport import Peer
from tests.proxy.box import WALL, Box, table
from tests.proxy.phone import Phone

ADDRESS = (
    "id(int,auto) grp(int) ip_addr(string) mask(int) port(int) tag(string,null)\n"
    "1:1:203.0.113.7:32:0:one\n"
    "2:2:203.0.113.0:24:5070:net\n"
    "3:2:2001\\:db8\\:5\\:\\::48:0:six\n"
    "4:3:203.0.113.0:24:0:\n"
    "5:4:sip.provider.example:32:0:name\n"
    "6:5:203.0.113.128:25:0:half\n"
)
TRUSTED = (
    "id(int,auto) src_ip(string) proto(string) from_pattern(string,null) ruri_pattern(string,null)"
    " tag(string,null) priority(int)\n"
    "1:203.0.113.9:udp:^sip\\:.*@a\\\\.example$::first:1\n"
    "2:203.0.113.9:any:::second:0\n"
    "3:any:tls:::third:0\n"
)
DIALPLAN = (
    "id(int,auto) dpid(int) pr(int) match_op(int) match_exp(string) match_len(int) "
    "subst_exp(string,null) repl_exp(string,null) attrs(string,null)\n"
    "1:1:5:1:^0[1-9]:0:^0(.*)$:0049\\\\1:national\n"
    "2:1:1:1:^00:0:::international\n"
    "3:1:9:1:.:3::999:three\n"
    "4:1:1:0:1234:0::4321:\n"
    "5:2:1:2:+49*:0:^\\\\+49(.*)$:0\\\\1:in\n"
    "6:3:1:1:^x:0:y(.):\\\\1:\n"
)
GRP = (
    "id(int,auto) username(string) domain(string) grp(string) last_modified(int)\n"
    "1:200:example.org:int:0\n2:201:example.org:ld:0\n"
)
USERBLOCKLIST = (
    "id(int,auto) username(string) domain(string) prefix(string,null) allowlist(int)\n"
    "1:200:example.org:0900:0\n2:200:example.org:09001:1\n3:201:example.org::0\n"
    "4:201:example.org:0800:1\n"
)
GLOBALBLOCKLIST = (
    "id(int,auto) prefix(string) allowlist(int) description(string,null)\n"
    "1:00881:0:satellite\n2:49:1:home\n"
)
DOMAIN = "id(int,auto) domain(string) did(string,null) last_modified(int)\n1:example.org:main:0\n"
DOMAIN_ATTRS = (
    "id(int,auto) did(string) name(string) type(int) value(string) last_modified(int)\n"
    "1:main:number:2:0301234:0\n2:main:lines:0:12:0\n3:other:number:2:1:0\n"
)
TABLES = {
    "address": ADDRESS, "trusted": TRUSTED, "dialplan": DIALPLAN, "grp": GRP, "domain": DOMAIN,
    "userblocklist": USERBLOCKLIST, "globalblocklist": GLOBALBLOCKLIST,
    "domain_attrs": DOMAIN_ATTRS,
}  # fmt: skip


def box(**settings):
    tables = {name: table(name, TABLES[name]) for name in TABLES}
    return Box(tables=tables, **settings)


def request(uri="sip:0301234@example.org", host="203.0.113.7", port=5060, sender=None, **settings):
    made = box(**settings)
    data = Phone(made, "200").make("INVITE", uri, from_=sender or "<sip:200@example.org>;tag=1")
    peer = Peer("udp", host, port, 0)
    return RoutingRequest(made.proxy, parse(data), peer, made.now, WALL)


# permissions


def test_the_source_address_is_in_a_group():
    r = request()
    assert r.allow_source_address() and r.peer_tag == "one"
    assert r.allow_source_address_group() == 1
    assert r.allow_source_address(3) and not r.allow_source_address(2)
    assert not request(host="203.0.113.8").allow_source_address()


def test_a_port_is_looked_at_if_the_row_has_one():
    r = request(host="203.0.113.8", port=5070)
    assert r.allow_source_address(2) and r.peer_tag == "net"
    assert r.allow_address(2, "203.0.113.9", "5070") and not r.allow_address(2, "203.0.113.9", 5060)


def test_the_narrowest_network_counts():
    r = request()
    assert r.allow_address_group("203.0.113.200", 5060) == 5 and r.peer_tag == "half"
    assert r.allow_address_group("203.0.113.20", 5060) == 3
    assert r.allow_address_group("198.51.100.1", 5060) == -1


def test_ipv6_and_names():
    r = request(host="2001:db8:5::77")
    assert r.allow_source_address_group() == 2 and r.peer_tag == "six"
    assert not r.allow_address(2, "2001:db8:6::1", 5060)
    assert r.allow_address(4, "SIP.provider.example", 5060)
    assert not r.allow_address(4, "provider.example", 5060)


def test_the_trunks_of_site_conf_are_group_1():
    r = request(host="198.51.100.1", trunks=("198.51.100.1",))
    assert r.allow_source_address() and r.allow_source_address_group() == 1
    assert request(host="::ffff:198.51.100.1", trunks=("198.51.100.1",)).allow_source_address()


def test_trusted_looks_at_address_transport_and_uris():
    r = request(host="203.0.113.9", sender="<sip:x@a.example>;tag=1")
    assert r.allow_trusted() and r.peer_tag == "first"
    r = request(host="203.0.113.9")
    assert r.allow_trusted() and r.peer_tag == "second"
    assert not request(host="203.0.113.10").allow_trusted()
    assert request(host="203.0.113.10").allow_trusted(proto="TLS")
    assert r.allow_trusted("203.0.113.9", "udp", "sip:y@a.example") and r.peer_tag == "first"


def test_a_row_that_cannot_be_followed_is_left_out():
    rows = TRUSTED + "4:203.0.113.20:any:(:::0\n"
    made = Box(tables={"trusted": table("trusted", rows)})
    assert made.log.has("trusted: a pattern has a ( without its )")
    rows = DIALPLAN + "9:1:0:1:(:0:::\n"
    made = Box(tables={"dialplan": table("dialplan", rows)})
    assert made.log.has("dialplan: match_exp has a ( without its )")


# dialplan


def test_numbers_are_translated():
    for number, dpid, result, attrs in (
        ("0301234", 1, "0049301234", "national"),
        ("0033123", 1, "0033123", "international"),
        ("%2B4930", 2, "030", "in"),
        ("777", "1", "999", "three"),
        ("1234", 1, "4321", ""),
    ):
        r = request(f"sip:{number}@example.org;x=y")
        assert r.dp_translate(dpid), number
        assert r.ru.aor == (result.replace("0033123", "0033123"), "example.org")
        assert r.ru.params.get("x") == "y" and r.dp_attrs == attrs


def test_rules_for_a_length_come_first_whatever_their_priority():
    r = request("sip:001@example.org")
    assert r.dp_translate(1) and r.ru.user == "999"


def test_what_matches_nothing_stays():
    for uri, dpid in (
        ("sip:9999@example.org", 1), ("sip:0301234@example.org", 77), ("sip:example.org", 1),
        ("sip:xz@example.org", 3), ("sip:0" + "1" * 64 + "@example.org", 1), ("tel:0301", 1),
    ):  # fmt: skip
        r = request(uri)
        assert not r.dp_translate(dpid) and str(r.ru) == uri, uri


def test_texts_are_matched_and_replaced():
    r = request()
    assert r.dp_match(1, "030") and r.dp_attrs == "three"
    assert not r.dp_match(1, "9999")
    assert r.dp_replace(1, "0301234") == "0049301234" and r.dp_replace(1, "") is None
    assert r.dp_replace(3, "xz") is None


def test_a_user_is_escaped_when_it_has_to_be():
    rows = DIALPLAN + "9:9:0:1:^1:0::a b@c:\n"
    made = Box(tables={"dialplan": table("dialplan", rows)})
    data = Phone(made, "200").make("INVITE", "sip:1@example.org")
    r = RoutingRequest(made.proxy, parse(data), Peer("udp", "192.0.2.1", 5060, 0), 1.0, WALL)
    assert r.dp_translate(9) and r.ru.user == "a%20b%40c"


# group, userblocklist


def test_groups():
    r = request()
    assert r.is_user_in("From", "int") and r.is_user_in("from", "INT")
    assert not r.is_user_in("From", "ld") and not r.is_user_in("Credentials", "int")
    assert r.is_user_in("sip:201@example.org", "ld") and not r.is_user_in("Request-URI", "int")
    assert not r.is_user_in("To", "int")


def test_the_longest_prefix_of_a_user_decides():
    for number, blocked, allowed in (
        ("0900555", True, False), ("0900155", False, True), ("0301", False, False),
        ("%30900555", True, False),
    ):  # fmt: skip
        r = request(f"sip:{number}@example.org")
        assert r.check_user_blocklist("200", "example.org") is not blocked, number
        assert r.check_user_allowlist("200", "example.org") is allowed, number
    r = request()
    assert not r.check_user_blocklist("201", "example.org", "0301")
    assert r.check_user_blocklist("201", "example.org", "+0800123")
    assert r.check_user_blocklist("999", "example.org", "0900")


def test_the_global_list():
    assert not request("sip:00881999@example.org").check_blocklist()
    assert request("sip:0301@example.org").check_blocklist()
    assert request("sip:+4930@example.org").check_allowlist()
    assert not request("sip:0301@example.org").check_allowlist()
    assert request("sip:example.org").check_blocklist()


def test_with_domains_a_user_has_its_own_list():
    r = request(use_domain=True)
    assert not r.check_user_blocklist("200", "example.org", "0900")
    assert r.check_user_blocklist("200", "other.example", "0900")


# domain


def test_domains_are_ours_or_not():
    r = request()
    assert r.is_from_local() and r.is_uri_host_local() and r.is_domain_local("Example.ORG")
    r = request("sip:x@else.example", sender="<sip:y@else.example>;tag=1")
    assert not r.is_from_local() and not r.is_uri_host_local()
    assert not request("tel:123").is_uri_host_local()


def test_what_a_domain_has():
    r = request()
    assert r.lookup_domain("example.org", "to_")
    assert r.avp == {"to_did": "main", "to_number": "0301234", "to_lines": 12}
    assert not r.lookup_domain("else.example")


def test_another_site_has_other_tables():
    made = box()
    before = made.proxy.modules.permissions
    made.proxy.reload({}, made.config)
    assert isinstance(made.proxy.modules, Modules) and made.proxy.modules.permissions is not before
    assert made.proxy.modules.permissions.group_of("203.0.113.7", 5060) == (-1, "")
