"""Outbound registration: register, refresh, retry, and no digest for anybody else."""

from app.proxy.config import Config
from app.proxy.request import RoutingRequest
from app.proxy.uacreg import FIRST_RETRY, FRACTION, LAST_RETRY, REFUSED_RETRY
from app.sip import build
from app.sip.digest import challenge, is_right, parse_credentials
from app.sip.headers import parse_contact
from app.sip.message import parse
from app.sip.transport import Peer
from tests.proxy.box import BOX, WALL, Box, Hashes, table
from tests.proxy.phone import Phone
from tests.proxy.test_double_rr import house

HEADER = (
    "id(int,auto) l_uuid(string) l_username(string) l_domain(string) r_username(string) "
    "r_domain(string) realm(string) auth_username(string) auth_password(string,null) "
    "auth_ha1(string,null) auth_proxy(string) expires(int) flags(int) reg_delay(int) "
    "contact_addr(string,null) contact_user(string,null) socket(string,null)\n"
)
ROW = {
    "l_uuid": "u1", "l_username": "0301234", "l_domain": "example.org", "r_username": "box",
    "r_domain": "provider.example", "realm": "trunk", "auth_username": "boxauth",
    "auth_password": "secret", "auth_ha1": "", "auth_proxy": "sip\\:203.0.113.9\\:5070",
    "expires": "600", "flags": "0", "reg_delay": "0", "contact_addr": "", "contact_user": "",
}  # fmt: skip
NAMES = (
    "l_uuid", "l_username", "l_domain", "r_username", "r_domain", "realm", "auth_username",
    "auth_password", "auth_ha1", "auth_proxy", "expires", "flags", "reg_delay", "contact_addr",
    "contact_user",
)  # fmt: skip
UPSTREAM = Peer("udp", "203.0.113.9", 5070, 0)


def row(**changes):
    values = dict(ROW)
    values.update(changes)
    return ":" + ":".join([values[name] for name in NAMES]) + ":\n"


def uacreg(*rows):
    return {"uacreg": table("uacreg", HEADER + "".join(rows))}


def box(*rows, **settings):
    made = Box(tables=uacreg(*(rows or (row(),))), **settings)
    made.proxy.modules.start(made.now)
    made.wait(0.2)
    return made


def sent(made, peer=UPSTREAM):
    """-> the last REGISTER that has gone out."""
    messages = made.to(peer)
    return messages[-1] if messages else None


def answer(made, request, code, lines=(), peer=UPSTREAM):
    made.receive(build.response(request, code, "Whatever", to_tag="t", headers=lines), peer)


def accept(made, seconds=600, lines=None):
    """Challenges, then accepts. -> the REGISTER with credentials."""
    answer(made, sent(made), 401, ["WWW-Authenticate: " + challenge("trunk", "n1")])
    request = sent(made)
    if lines is None:
        lines = [request.header("contact").partition(";expires")[0] + f";expires={seconds}"]
        lines = ["Contact: " + lines[0]]
    answer(made, request, 200, lines)
    return request


def status(made, uuid="u1"):
    return made.proxy.modules.accounts.find(uuid).status(made.now)


def shown(made):
    return [line[2] for line in made.proxy.modules.accounts.rows(made.now)]


def test_it_registers_with_digest():
    made = box()
    first = sent(made)
    assert (first.method, first.uri) == ("REGISTER", "sip:provider.example")
    assert str(first.to.uri) == str(first.from_.uri) == "sip:box@provider.example"
    assert first.header("expires") == "600" and first.header("authorization") is None
    assert first.header("contact") == f"<sip:u1@{BOX}:5060>;expires=600"
    assert status(made) == -2 and shown(made) == ["registering"]
    made.sent.append((first.raw, UPSTREAM))
    again = accept(made)
    given = parse_credentials(again.header("authorization"))
    assert given.username == "boxauth" and is_right(Hashes, "REGISTER", given, password="secret")
    assert again.cseq.number == first.cseq.number + 1 and again.call_id == first.call_id
    assert status(made) == 1 and shown(made) == ["registered"]
    assert made.log.has("registered as sip:box@provider.example for 600 s")


def test_an_ha1_will_do():
    ha1 = Hashes.md5(b"boxauth:trunk:secret")
    made = box(row(auth_password="", auth_ha1=ha1))
    given = parse_credentials(accept(made).header("authorization"))
    assert is_right(Hashes, "REGISTER", given, password="secret")


def test_it_refreshes_before_the_end_in_the_same_row():
    made = box()
    before = accept(made, 100)
    made.wait(0.9 * FRACTION * 100 - 1)
    assert made.to(UPSTREAM) == []
    made.wait(0.1 * FRACTION * 100 + 1.2)
    after = made.to(UPSTREAM)[0]
    assert after.call_id == before.call_id and after.cseq.number == before.cseq.number + 1
    assert status(made) == 1


def test_what_was_granted_is_what_counts():
    for lines, granted in (
        (["Contact: <sip:x@192.0.2.1>;expires=9", f"Contact: <sip:u1@{BOX}:5060>;expires=50"], 50),
        (["Expires: 70"], 70),
        ([], 600),
        (["Contact: *"], 600),
    ):
        made = box()
        accept(made, lines=lines)
        assert made.proxy.modules.accounts.find("u1").until == made.now + granted, lines


def test_granted_for_no_time_is_no_registration():
    made = box()
    accept(made, 0)
    assert status(made) == -99 and "for no time" in shown(made)[0]


def test_too_brief_is_asked_again_for_longer():
    made = box()
    answer(made, sent(made), 423, ["Min-Expires: 1800"])
    again = sent(made)
    assert again.header("expires") == "1800" and again.cseq.number == 2
    answer(made, again, 423, ["Min-Expires: 3600"])
    assert made.to(UPSTREAM) == [] and "423" in shown(made)[0]
    made = box()
    answer(made, sent(made), 423, ["Min-Expires: many"])
    assert made.to(UPSTREAM) == []


def waits(made, count, code, lines=()):
    """-> [seconds] between failures with this answer and the next attempts."""
    found = []
    request = sent(made)
    for _ in range(count):
        answer(made, request, code, lines)
        made.to(UPSTREAM)
        begin = made.now
        while not made.sent:
            made.wait(max(made.next_timer() - made.now, 0))
        request = sent(made)
        found.append(made.now - begin)
    return found


def test_failures_are_tried_again_after_growing_waits():
    made = box()
    found = waits(made, 9, 500)
    expected = FIRST_RETRY
    for wait in found:
        assert 0.9 * expected <= wait <= expected, found
        expected = min(2 * expected, LAST_RETRY)
    assert "500 Whatever" in made.proxy.modules.accounts.find("u1").reason
    assert len(made.log.has("registration as sip:box@provider.example: 500")) == 1


def test_a_refusal_is_not_tried_again_in_haste():
    for code in (403, 404):
        made = box()
        [wait] = waits(made, 1, code)
        assert 0.9 * REFUSED_RETRY <= wait <= REFUSED_RETRY


def test_a_wrong_password_is_sent_once():
    made = box()
    answer(made, sent(made), 401, ["WWW-Authenticate: " + challenge("trunk", "n1")])
    answer(made, sent(made), 401, ["WWW-Authenticate: " + challenge("trunk", "n2")])
    assert made.to(UPSTREAM) == [] and shown(made) == ["not registered: 401 Whatever"]
    made.wait(0.8 * REFUSED_RETRY)
    assert made.to(UPSTREAM) == []


def test_retry_after_is_kept():
    made = box()
    [wait] = waits(made, 1, 503, ["Retry-After: 500 (x)"])
    assert wait == 500


def test_silence_is_a_failure_and_the_former_registration_holds_while_it_lasts():
    made = box()
    accept(made, 100)
    made.wait(95)
    assert status(made) in (1, -2)
    made.wait(32)
    assert status(made) in (-99, -2) and made.log.has("no answer")


def test_no_digest_for_another_realm_or_from_elsewhere_and_no_redirection():
    for realm, peer in (
        ("other", UPSTREAM), ("provider.example", UPSTREAM),
        ("trunk", Peer("udp", "198.51.100.66", 5070, 0)),
    ):  # fmt: skip
        made = box()
        answer(made, sent(made), 401, ["WWW-Authenticate: " + challenge(realm, "n")], peer)
        assert made.to(UPSTREAM) == [] and made.to(peer) == [], realm
        assert shown(made) == ["not registered: 401 Whatever"]
    made = box()
    answer(made, sent(made), 302, ["Contact: <sip:203.0.113.66>"])
    assert made.sent == []


def test_without_a_realm_the_domain_is_the_realm():
    made = box(row(realm="."))
    answer(made, sent(made), 401, ["WWW-Authenticate: " + challenge("trunk", "n")])
    assert made.to(UPSTREAM) == []
    made = box(row(realm="."))
    answer(made, sent(made), 401, ["WWW-Authenticate: " + challenge("provider.example", "n")])
    assert sent(made).header("authorization")


def test_the_contact_is_how_others_know_the_box():
    made = box(advertise=("198.51.100.7", 5090))
    assert sent(made).header("contact").startswith("<sip:u1@198.51.100.7:5090>")
    made = box(row(contact_addr="198.51.100.8\\:5061", contact_user="+4930"))
    contact = parse_contact(sent(made).header("contact"))
    assert str(contact.uri) == "sip:+4930@198.51.100.8:5061;line=u1"


def test_a_disabled_row_and_a_delayed_one():
    made = box(row(flags="1"), row(l_uuid="u2", reg_delay="30"))
    assert made.to(UPSTREAM) == [] and status(made) == -3
    rows = made.proxy.modules.accounts.rows(made.now)
    assert rows[0] == ("u1", "provider.example", "disabled", None)
    made.wait(30)
    assert sent(made).header("contact").startswith("<sip:u2@")


def test_a_row_that_makes_no_message_is_left_out():
    made = box(row(r_domain="bad domain"))
    assert made.proxy.modules.accounts.all == {} and made.log.has("uacreg: u1")


def test_another_site_keeps_what_is_the_same_and_takes_back_what_is_gone():
    made = box(row(), row(l_uuid="u2", auth_proxy="sip\\:203.0.113.10"))
    other = Peer("udp", "203.0.113.10", 5060, 0)
    accept(made)
    answer(made, sent(made, other), 200)
    made.proxy.reload(uacreg(row(l_uuid="u2", auth_proxy="sip\\:203.0.113.10")), made.config)
    made.proxy.modules.start(made.now)
    made.settle()
    gone = sent(made)
    assert gone.header("expires") == "0" and ";expires=0" in gone.header("contact")
    answer(made, gone, 401, ["WWW-Authenticate: " + challenge("trunk", "n9")])
    assert sent(made).header("authorization")
    assert made.to(other) == [] and status(made, "u2") == 1


def request(made, uri):
    data = Phone(made, "200").make("INVITE", uri)
    return RoutingRequest(made.proxy, parse(data), UPSTREAM, made.now, WALL)


def test_a_call_to_the_contact_is_for_the_number_of_the_row():
    made = box()
    for uri in (f"sip:u1@{BOX}:5060", f"sip:+4930@{BOX}:5060;line=u1"):
        r = request(made, uri)
        assert r.uac_reg_lookup() and str(r.ru) == "sip:0301234@example.org", uri
    assert not request(made, f"sip:u2@{BOX}").uac_reg_lookup()
    assert request(made, f"sip:u2@{BOX}").uac_reg_lookup("u1")
    assert not request(made, "tel:u1").uac_reg_lookup()


def test_a_script_asks_for_the_state_and_sends_by_an_account():
    made = box()
    r = request(made, "sip:0049301@example.org")
    assert r.uac_reg_status("u1") == -2 and r.uac_reg_status("x") == -1
    assert r.uac_reg_request_to("u1") and str(r.ru) == "sip:0049301@provider.example"
    assert r.du == UPSTREAM
    assert request(made, "sip:1@example.org").uac_reg_request_to("0301234", 1)
    assert not request(made, "sip:1@example.org").uac_reg_request_to("0301234")


def test_over_tcp_and_ipv6_the_contact_says_how_to_be_reached():
    for proxy, peer, contact in (
        ("sip\\:203.0.113.9;transport=tcp", Peer("tcp", "203.0.113.9", 5060, 0),
         f"sip:u1@{BOX}:5060;transport=tcp"),
        ("sip\\:[2001\\:db8\\:\\:9]", Peer("udp", "2001:db8::9", 5060, 0),
         "sip:u1@[2001:db8::10]:5060"),
    ):  # fmt: skip
        made = house(tables=uacreg(row(auth_proxy=proxy)))
        made.proxy.modules.start(made.now)
        made.wait(0.2)
        request = sent(made, peer)
        assert str(parse_contact(request.header("contact")).uri) == contact
        answer(made, request, 401, ["WWW-Authenticate: " + challenge("trunk", "n1")], peer)
        assert sent(made, peer).header("authorization")


def test_another_address_of_ours_is_told_at_once():
    """DHCP gives one, or the site names the one outside of a NAT."""
    made = box()
    accept(made)
    moved = Config(domains=("example.org", BOX), advertise=("198.51.100.7", 5090))
    made.proxy.reload(made.proxy.tables, moved)
    made.proxy.modules.start(made.now)
    made.wait(0.1)
    assert sent(made).header("contact").startswith("<sip:u1@198.51.100.7:5090>")
    made.proxy.modules.start(made.now)
    made.wait(0.1)
    assert made.to(UPSTREAM) == []
