"""What is wrong in the tables of Kamailio's modules, and where exactly."""

from app.appliance.site import check_site
from tests.appliance.fakes import site_files

ADDRESS = "id(int,auto) grp(int) ip_addr(string) mask(int) port(int) tag(string,null)\n"
TRUSTED = (
    "id(int,auto) src_ip(string) proto(string) from_pattern(string,null) ruri_pattern(string,null)"
    " tag(string,null) priority(int)\n"
)
DISPATCHER = (
    "id(int,auto) setid(int) destination(string) flags(int) priority(int) attrs(string,null) "
    "description(string,null)\n"
)
DIALPLAN = (
    "id(int,auto) dpid(int) pr(int) match_op(int) match_exp(string) match_len(int) "
    "subst_exp(string,null) repl_exp(string,null) attrs(string,null)\n"
)
UACREG = (
    "id(int,auto) l_uuid(string) l_username(string) l_domain(string) r_username(string) "
    "r_domain(string) realm(string,null) auth_username(string) auth_password(string,null) "
    "auth_ha1(string,null) auth_proxy(string) expires(int) flags(int) reg_delay(int) "
    "contact_addr(string,null) contact_user(string,null) socket(string,null)\n"
)
REGISTRATION = "1:u1:200:example.org:box:p.example:{}:box:{}:{}:{}:{}:0:0:::\n"
USERBLOCKLIST = (
    "id(int,auto) username(string) domain(string) prefix(string,null) allowlist(int)\n"
)
DOMAIN_ATTRS = (
    "id(int,auto) did(string) name(string) type(int) value(string) last_modified(int)\n"
)


def said(name, text, conf=b"", **tables):
    """-> (errors, notes) as text of a site with that table."""
    files = site_files(**{name: text.encode()})
    for other in tables:
        files[other] = tables[other].encode()
    files["site.conf"] += conf
    site, errors, notes = check_site(files)
    assert (site is None) == bool(errors)
    return [str(error) for error in errors], [str(note) for note in notes]


def refused(name, text, place, words, **more):
    errors = said(name, text, **more)[0]
    assert len(errors) == 1 and errors[0].startswith(f"{name}:{place}: "), errors
    assert words in errors[0] and "; " in errors[0], errors


def taken(name, text, **more):
    errors, notes = said(name, text, **more)
    assert errors == [], errors
    return notes


def test_addresses():
    good = "1:1:192.0.2.1:32:0:\n2:1:2001\\:db8\\:\\:1:128:0:\n3:2:192.0.2.0/24:32:5060:\n"
    assert taken("address", ADDRESS + good + "4:3:sip.p.example:32:0:\n") == []
    for row, place, words in (
        ("1:1:192.0.2:32:0:\n", "2:5", "192.0.2 is no address"),
        ("1:1:a b:32:0:\n", "2:5", "no address"),
        ("1:1:192.0.2.1:33:0:\n", "2:15", "prefix length"),
        ("1:1:192.0.2.1/99:32:0:\n", "2:5", "prefix length"),
        ("1:1:0.0.0.0:0:0:\n", "2:13", "every address"),
        ("1:0:192.0.2.1:32:0:\n", "2:3", "begin with 1"),
        ("1:1:192.0.2.1:32:70000:\n", "2:18", "no port"),
    ):
        refused("address", ADDRESS + row, place, words)


def test_a_trunk_that_holds_the_telephones_is_remarked_upon():
    conf = b"[network]\nmode = static\naddress = 192.0.2.9/24\n"
    notes = taken("address", ADDRESS + "1:1:192.0.2.0:25:0:\n", conf=conf)
    assert [note for note in notes if note.startswith("address:2:5: the box's own network")]
    for row in ("1:1:192.0.2.9:32:0:\n", "1:1:192.0.2.128:25:0:\n", "1:2:192.0.2.0:24:0:\n"):
        assert taken("address", ADDRESS + row, conf=conf) == []


def test_trusted():
    assert taken("trusted", TRUSTED + "1:any:TLS:^sip\\:1::x:0\n") == []
    refused("trusted", TRUSTED + "1:here:any::::0\n", "2:3", "no address")
    refused("trusted", TRUSTED + "1:any:smoke::::0\n", "2:7", "no transport")
    # the colon is written \:, so the bracket is in the 17th column, not in the 16th
    refused("trusted", TRUSTED + "1:any:any:^sip\\:(1::x:0\n", "2:17", "without its )")


def test_dialplan():
    assert taken("dialplan", DIALPLAN + "1:1:1:1:^0([1-9].*)$:0:^0(.*)$:0049\\\\1:nat\n") == []
    for row, place, words in (
        ("1:1:1:7:1:0:::\n", "2:7", "7 is no way to match"),
        ("1:1:1:1:^0(?=1):0:::\n", "2:11", "the group (?="),
        ("1:1:1:1:^\\\\d\\\\b:0:::\n", "2:13", "\\b, which is not known"),
        ("1:1:1:1:1:0:^(1:1:\n", "2:14", "without its )"),
        ("1:1:1:1:1:0:(1)(2):a\\\\3:\n", "2:21", "has \\3, but subst_exp has 2"),
    ):
        refused("dialplan", DIALPLAN + row, place, words)


def test_dispatcher():
    rows = (
        "1:1:sip\\:192.0.2.1:8:10:duid=a;weight=60;maxload=10:one\n"
        "2:1:sip\\:192.0.2.2\\:5070;transport=udp:0:0:weight=40:\n3:2:sip\\:[2001\\:db8\\:\\:1]:0:0::\n"
    )
    assert taken("dispatcher", DISPATCHER + rows) == []
    for row, place, words in (
        ("1:1:192.0.2.1:0:0::\n", "2:5", "no SIP URI"),
        ("1:1:sip\\:192.0.2.1\\:x:0:0::\n", "2:5", "no SIP URI"),
        ("1:1:sip\\:p.example:0:0::\n", "2:5", "p.example is a name"),
        ("1:1:sip\\:192.0.2.1:64:0::\n", "2:20", "bits"),
        ("1:1:sip\\:192.0.2.1:0:0:weight:\n", "2:24", "no name=value"),
        ("1:1:sip\\:192.0.2.1:0:0:weight=0:\n", "2:24", "out of range"),
        ("1:1:sip\\:192.0.2.1:0:0:weight=60:\n2:1:sip\\:192.0.2.2:0:0:weight=60:\n", "3:24", "120"),
    ):
        refused("dispatcher", DISPATCHER + row, place, words)
    conf = b"[trunk]\naddress = 192.0.2.1\ndomain = p.example\n"
    assert taken("dispatcher", DISPATCHER + "1:1:sip\\:p.example:0:0::\n", conf=conf) == []


def test_uacreg():
    def row(realm="r", password="secret", ha1="", proxy="sip\\:192.0.2.1", expires="600"):
        return UACREG + REGISTRATION.format(realm, password, ha1, proxy, expires)

    assert taken("uacreg", row()) == []
    assert taken("uacreg", row(password="", ha1="0" * 32)) == []
    notes = taken("uacreg", row(realm=""))
    assert [note for note in notes if note.startswith("uacreg:2:36: realm is empty")]
    refused("uacreg", row(ha1="xyz"), "2:49", "no MD5 hash")
    refused("uacreg", row(password=""), "2:42", "neither auth_password nor auth_ha1")
    refused("uacreg", row(proxy="sip\\:p.example"), "2:50", "is a name")
    refused("uacreg", row(expires="10"), "2:65", "too short")


def test_members_and_prefixes():
    grp = "username(string) domain(string) grp(string)\n"
    assert taken("grp", grp + "200:example.org:int\n") == []
    assert [n for n in taken("grp", grp + "299:example.org:int\n") if "299 is no extension" in n]
    assert taken("userblocklist", USERBLOCKLIST + "1:200:example.org:+0900:1\n") == []
    refused("userblocklist", USERBLOCKLIST + "1:200:example.org:09x:0\n", "2:19", "09x")
    refused("userblocklist", USERBLOCKLIST + "1:200:example.org:09:2\n", "2:22", "neither 0 nor 1")
    text = "prefix(string) allowlist(int)\n"
    refused("globalblocklist", text + "a:0\n", "2:1", "the prefix a")


def test_attributes_of_domains():
    assert taken("domain_attrs", DOMAIN_ATTRS + "1:main:lines:0:-12:0\n2:main:x:2:y:0\n") == []
    refused("domain_attrs", DOMAIN_ATTRS + "1:main:lines:0:many:0\n", "2:16", "no number")
    refused("domain_attrs", DOMAIN_ATTRS + "1:main:lines:3:1:0\n", "2:14", "type 3")


def test_these_tables_are_in_use():
    for name, text in (("address", ADDRESS), ("dispatcher", DISPATCHER), ("uacreg", UACREG)):
        assert not [note for note in taken(name, text) if "no part of this version" in note]


def test_an_emergency_number_is_nobodys_here():
    conf = b"[trunk]\nemergency = 112 110\n"
    header = "alias_username(str) username(str)\n"
    assert taken("dbaliases", header + "1120:200\n", conf=conf) == []
    refused("dbaliases", header + "1120:200\n112:200\n", "3:1", "emergency", conf=conf)
    header = "username(str) domain(str) password(str)\n"
    row = "110:example.org:correct-horse-battery\n"
    errors = said("subscriber", header + row, conf=conf)[0]
    assert [error for error in errors if error.startswith("subscriber:2:1: 110 is an emergency")]
