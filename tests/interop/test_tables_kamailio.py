"""A real Kamailio and the box read the same tables, and must come to the same: dialplan,
globalblocklist, userblocklist, grp, address, dispatcher; and uacreg registers by either."""

import random

import pytest

from app.proxy.request import RoutingRequest
from app.sip.message import parse
from app.sip.transport import Peer
from tests.peers import sip, site
from tests.peers.kamailio import Kamailio
from tests.peers.phone import Phone
from tests.peers.process import wait_until
from tests.peers.upstream import Upstream
from tests.proxy.box import WALL, Box, table

pytestmark = pytest.mark.interop

MODULES = ("db_text", "dialplan", "userblocklist", "group", "permissions", "dispatcher")
PARAMS = """
modparam("dialplan|userblocklist|group|permissions|dispatcher", "db_url", "@db@")
modparam("dispatcher", "flags", 2)
modparam("permissions", "db_mode", 1)
"""
SCRIPT = """
route[MAIN] {
    switch ($hdr(X-Ask)) {
        case "dialplan 1":
            if (dp_translate("1")) sl_send_reply("200", "$rU");
            else sl_send_reply("200", "no");
            break;
        case "dialplan 2":
            if (dp_translate("2")) sl_send_reply("200", "$rU");
            else sl_send_reply("200", "no");
            break;
        case "global":
            if (check_blocklist("globalblocklist")) sl_send_reply("200", "yes");
            else sl_send_reply("200", "no");
            break;
        case "user":
            if (check_user_blocklist("200", "example.org", "$rU")) sl_send_reply("200", "yes");
            else sl_send_reply("200", "no");
            break;
        case "group":
            if (is_user_in("Request-URI", "int")) sl_send_reply("200", "yes");
            else sl_send_reply("200", "no");
            break;
        case "address":
            $var(group) = allow_address_group("$rU", "5060");
            sl_send_reply("200", "$var(group)");
            break;
        case "dispatcher":
            $var(found) = "";
            if (ds_select_dst("1", "8")) {
                $var(found) = $du;
                while (ds_next_dst()) $var(found) = $var(found) + " " + $du;
            }
            sl_send_reply("200", "$var(found)");
            break;
    }
}
"""
VERSIONS = {
    "version": 1, "dialplan": 2, "globalblocklist": 1, "userblocklist": 1, "grp": 2, "address": 6,
    "trusted": 6, "dispatcher": 4,
}  # fmt: skip
RULES = (
    # dpid, pr, match_op, match_exp, match_len, subst_exp, repl_exp, attrs
    (1, 5, 1, "^0[1-9]", 0, "^0(.*)$", r"0049\1", "national"),
    (1, 1, 1, r"^00\d{5,}$", 0, "^00(.+)$", r"+\1", "international"),
    (1, 9, 1, "^.$", 1, "^.$", "990", "one"),
    (1, 2, 0, "110", 0, ".", "112", "police"),
    (1, 3, 2, "5[0-4]?*", 0, "^5(.)(.*)$", r"\2\1", "shell"),
    (1, 7, 1, "^(?:8|9)+1{2,3}?(2|3)?", 0, r"^(\d)(\d*?)(\d)$", r"\3x\1", "odd"),
    (1, 8, 1, "[[:digit:]]{7}$", 0, "(77|88)$", r"<\0>", "tail"),
    (2, 1, 1, "^(a|ab)(c|bcd)", 0, "^(a|ab)(c|bcd)", r"\1-\2", "perl"),
    (2, 1, 1, "(?i)^SALES", 0, ".", "200", "case"),
)
DIALPLAN = site.table(
    "id(int,auto) dpid(int) pr(int) match_op(int) match_exp(string) match_len(int) "
    "subst_exp(string) repl_exp(string) attrs(string)",
    [[n, *rule] for n, rule in enumerate(RULES, 1)],
)
GLOBALBLOCKLIST = site.table(
    "id(int,auto) prefix(string) allowlist(int) description(string,null)",
    [[1, "0900", 0, ""], [2, "09001", 1, ""], [3, "1", 0, ""], [4, "112", 1, ""]],
)
USERBLOCKLIST = site.table(
    "id(int,auto) username(string) domain(string) prefix(string) allowlist(int)",
    [[1, "200", "example.org", "49900", 0], [2, "200", "example.org", "499001", 1],
     [3, "201", "example.org", "4", 0]],
)  # fmt: skip
GRP = site.table(
    "id(int,auto) username(string) domain(string) grp(string) last_modified(int)",
    [[1, "200", "example.org", "int", 0], [2, "201", "example.org", "ld", 0]],
)
ADDRESS = site.table(
    "id(int,auto) grp(int) ip_addr(string) mask(int) port(int) tag(string,null)",
    [[1, 1, "198.51.100.7", 32, 0, ""], [2, 2, "203.0.113.0", 24, 0, ""],
     [3, 3, "192.0.2.0", 28, 5060, ""], [4, 4, "10.0.0.0", 8, 5070, ""]],
)  # fmt: skip
TRUSTED = "id(int,auto) src_ip(string) proto(string) from_pattern(string,null) " \
    "ruri_pattern(string,null) tag(string,null) priority(int)\n"  # fmt: skip
DISPATCHER = site.table(
    "id(int,auto) setid(int) destination(string) flags(int) priority(int) attrs(string) "
    "description(string)",
    [[1, 1, "sip:198.51.100.1:5070", 0, 5, "duid=a", "a"],
     [2, 1, "sip:198.51.100.2", 0, 9, "weight=50;duid=b", "b"],
     [3, 1, "sip:198.51.100.3", 4, 7, "duid=c", "c"], [4, 1, "sip:198.51.100.4", 0, 1, "d=1", "d"],
     [5, 2, "sip:198.51.100.5", 0, 0, "e=1", "e"]],
)  # fmt: skip
UACREG = (
    "id(int,auto) l_uuid(string) l_username(string) l_domain(string) r_username(string) "
    "r_domain(string) realm(string) auth_username(string) auth_password(string) "
    "auth_ha1(string,null) auth_proxy(string) expires(int) flags(int) reg_delay(int) "
    "contact_addr(string) contact_user(string,null) socket(string,null)"
)
UAC_PARAMS = """
modparam("uac", "reg_db_url", "@db@")
modparam("uac", "reg_timer_interval", 1)
modparam("uac", "reg_contact_addr", "192.0.2.10:5060")
"""
TABLES = {
    "dialplan": DIALPLAN, "globalblocklist": GLOBALBLOCKLIST, "userblocklist": USERBLOCKLIST,
    "grp": GRP, "address": ADDRESS, "trusted": TRUSTED, "dispatcher": DISPATCHER,
}  # fmt: skip


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """-> function(what, user) -> the reason that Kamailio answers with."""
    versions = "".join([f"{name}:{VERSIONS[name]}\n" for name in VERSIONS])
    tables = {name: TABLES[name].encode() for name in TABLES}
    tables["version"] = ("table_name(string) table_version(int)\n" + versions).encode()
    folder = tmp_path_factory.mktemp("tables")
    with Kamailio(folder, SCRIPT, MODULES, PARAMS, tables) as running:
        with Phone(running.target, "200") as phone:

            def ask(what, user):
                phone.cseq += 1
                headers = [
                    ("From", f"<{phone.uri}>;tag=1"), ("To", "<sip:x@example.org>"),
                    ("Call-ID", sip.token()), ("CSeq", f"{phone.cseq} MESSAGE"),
                    ("X-Ask", what),
                ]  # fmt: skip
                phone.request("MESSAGE", f"sip:{user}@example.org", headers)
                return phone.expect(200).start.split(" ", 2)[2]

            yield ask


def ours(user="x"):
    """-> RoutingRequest of a box with the same tables."""
    box = Box(tables={name: table(name, TABLES[name]) for name in TABLES})
    data = (
        f"MESSAGE sip:{user}@example.org SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n"
        "From: <sip:200@example.org>;tag=1\r\nTo: <sip:x@example.org>\r\nCall-ID: 1\r\n"
        "CSeq: 1 MESSAGE\r\nMax-Forwards: 70\r\n\r\n"
    ).encode()
    peer = Peer("udp", "192.0.2.77", 5060, 0)
    return RoutingRequest(box.proxy, parse(data), peer, 0.0, WALL, box.proxy.routes)


def numbers():
    source = random.Random(7)
    made = ["110", "112", "1", "0301234", "0049301", "52x1", "5", "9112", "911113", "1234577",
            "8811", "00", "0", "9", "91123", "1234567", "880011188"]  # fmt: skip
    alphabet = "0123456789"
    for _ in range(150):
        made.append("".join(source.choice(alphabet) for _ in range(source.randint(1, 12))))
    return made


def test_the_dialplan_translates_alike(asked):
    for number in numbers():
        r = ours(number)
        found = r.rU if r.dp_translate(1) else "no"
        assert found == asked("dialplan 1", number), number
    for text in ("abcd", "ac", "abcx", "sALES1", "sal"):
        r = ours(text)
        found = r.rU if r.dp_translate(2) else "no"
        assert found == asked("dialplan 2", text), text


def test_block_lists_decide_alike(asked):
    prefixed = ["0900", "09001", "0900123", "1", "112", "11", "4990", "49900", "499001", "4"]
    for number in prefixed + ["+49900"] + numbers()[:40]:
        r = ours(number)
        assert ("yes" if r.check_blocklist() else "no") == asked("global", number), number
        found = r.check_user_blocklist("200", "example.org", r.rU)
        assert ("yes" if found else "no") == asked("user", number), number


def test_groups_have_the_same_members(asked):
    for user in ("200", "201", "202"):
        found = ours(user).is_user_in("Request-URI", "int")
        assert ("yes" if found else "no") == asked("group", user), user


def test_addresses_are_in_the_same_groups(asked):
    for host in ("198.51.100.7", "198.51.100.8", "203.0.113.200", "192.0.2.15", "192.0.2.16",
                 "10.1.2.3"):  # fmt: skip
        assert str(ours().allow_address_group(host, 5060)) == asked("address", host), host


def test_destinations_come_in_the_same_order(asked):
    r = ours()
    assert r.ds_select_dst(1, 8)
    found = [f"{r.du.host}:{r.du.port}"]
    while r.ds_next_dst():
        found.append(f"{r.du.host}:{r.du.port}")
    places = [word.partition(":")[2] for word in asked("dispatcher", "x").split()]
    assert found == [place if ":" in place else place + ":5060" for place in places]


def test_either_registers_by_the_same_uacreg(tmp_path):
    row = [1, "acc", "5551200", "example.org", "box", "provider.example", "asterisk", "box",
           "sesame", "", "", 600, 0, 0, "192.0.2.10:5060", "", ""]  # fmt: skip
    with Upstream("127.0.0.33", users={"box": "sesame"}) as trunk:
        row[10] = f"sip:{trunk.target.host}:{trunk.target.port}"
        text = site.table(UACREG, [row])
        versions = b"table_name(string) table_version(int)\nuacreg:5\n"
        tables = {"uacreg": text.encode(), "version": versions}
        script = "route[MAIN] { exit; }\n"
        with Kamailio(tmp_path, script, ("db_text", "uac"), UAC_PARAMS, tables):
            wait_until(lambda: "box" in trunk.bindings, "Kamailio registers", 30)
        theirs = trunk.of("REGISTER")[0]
        box = Box(tables={"uacreg": table("uacreg", text)})
        box.proxy.modules.start(box.now)
        box.wait(0.1)
        data, peer = box.sent[0]
        own = sip.Message(data)
        assert (peer.host, peer.port) == tuple(trunk.target)
    assert own.uri == theirs.uri
    for name in ("from", "to", "contact"):
        assert sip.uri_of(own[name]) == sip.uri_of(theirs[name]), name
