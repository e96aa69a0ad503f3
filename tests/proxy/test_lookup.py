"""Aliases: SER's table of that name, Kamailio's dbaliases, and the owner's own tables."""

from app import dbtext
from app.sip.transport import Peer
from tests.proxy.box import WALL, Box, table
from tests.proxy.phone import Phone, last, status

DATA = __file__[: __file__.rfind("/tests/") + 7] + "data/site-as-found/"
HEADER = (
    "username(str) domain(str,null) contact(str,null) expires(int,null) q(double,null) "
    "callid(str,null) cseq(int,null) last_modified(str) replicate(int,null) state(int,null) "
    "flags(int) user_agent(str) received(str,null)\n"
)


def as_found(name):
    """-> dbtext.Table of the owner's own file."""
    with open(DATA + "serdb/" + name, "rb") as file:
        return dbtext.load(file.read(), name)[0]


def alias_row(user, contact, domain="", expires=2000000000, q="1.0", flags=128):
    escaped = contact.replace(":", "\\:")
    return f"{user}:{domain}:{escaped}:{expires}:{q}:c:42:2000000000:0:0:{flags}:SER::\n"


def aliases(*rows):
    return {"aliases": table("aliases", HEADER + "".join(rows))}


def dbaliases(*rows):
    header = "alias_username(str) alias_domain(str,null) username(str) domain(str,null)\n"
    return {"dbaliases": table("dbaliases", header + "".join([row + "\n" for row in rows]))}


def scene(tables, *users, **settings):
    """-> (box, a caller, {user: Phone that is registered})."""
    box = Box(tables=tables, **settings)
    phones = {}
    for user in users:
        phones[user] = Phone(box, user, host=f"192.0.2.{int(user[-3:])}")
        assert status(phones[user].register()) == [200]
    return box, Phone(box, "200"), phones


def rings(box, caller, phones, dialled):
    """-> sorted [user] whose telephones get a call to `dialled`, or the final status."""
    codes = status(caller.request("INVITE", f"sip:{dialled}@example.org"))
    found = sorted([user for user in phones if phones[user].received()])
    return found or codes[-1]


def test_the_owners_tables_work_as_they_are():
    """1002, 1003 and 1004 ring 1009: with a subscriber row added, nothing else."""
    subscriber = as_found("subscriber")
    for user in ("1009", "200"):
        subscriber.insert(
            username=user, password=f"secret{user}", ha1="-", domain="example.org", ha1b="-",
            rpid="-",
        )  # fmt: skip
    tables = {"subscriber": subscriber}
    for name in ("aliases", "location", "version"):
        tables[name] = as_found(name)
    box, caller, phones = scene(tables, "1009")
    for alias in ("1002", "1003", "1004", "1009"):
        assert rings(box, caller, phones, alias) == ["1009"], alias
    assert rings(box, caller, phones, "1005") == 404


def test_the_tables_as_printed_say_how_to_mend_them():
    with open(DATA + "serdb-as-printed/aliases", "rb") as file:
        data = file.read()
    try:
        dbtext.load(data, "aliases")
        raise AssertionError("the slip was read")
    except dbtext.TableError as error:
        assert str(error).startswith("aliases:2:") and "\\:" in str(error)


def test_an_alias_with_several_contacts_is_a_ring_group():
    rows = [alias_row("sales", f"sip:{user}@example.org") for user in ("201", "202", "203")]
    box, caller, phones = scene(aliases(*rows), "201", "202", "203")
    assert rings(box, caller, phones, "sales") == ["201", "202", "203"]


def test_a_ring_group_with_nobody_there():
    rows = [alias_row("sales", f"sip:{user}@example.org") for user in ("201", "202")]
    box, caller, phones = scene(aliases(*rows))
    assert rings(box, caller, phones, "sales") == 404


def test_a_group_rings_who_is_there():
    rows = [alias_row("sales", f"sip:{user}@example.org") for user in ("201", "202")]
    box, caller, phones = scene(aliases(*rows), "202")
    assert rings(box, caller, phones, "sales") == ["202"]


def test_expired_and_permanent_aliases():
    rows = [
        alias_row("old", "sip:201@example.org", expires=WALL - 1, flags=0),
        alias_row("new", "sip:201@example.org", expires=WALL + 10, flags=0),
        alias_row("ever", "sip:201@example.org", expires=1, flags=128),
        alias_row("zero", "sip:201@example.org", expires=0, flags=0),
    ]
    box, caller, phones = scene(aliases(*rows), "201")
    for dialled in ("new", "ever", "zero"):
        assert rings(box, caller, phones, dialled) == ["201"], dialled
    assert rings(box, caller, phones, "old") == 404


def test_dbaliases_map_numbers_to_extensions():
    tables = dbaliases("0123456789:example.org:201:example.org", "0987::202:")
    box, caller, phones = scene(tables, "201", "202")
    assert rings(box, caller, phones, "0123456789") == ["201"]
    assert rings(box, caller, phones, "0987") == ["202"]


def test_the_domain_of_an_alias_counts_when_there_are_several():
    tables = dbaliases("100:example.org:201:example.org", "100:example.net:202:example.net")
    box, caller, phones = scene(tables, "201", "202", domains=("example.org", "example.net"))
    assert rings(box, caller, phones, "100") == ["201"]
    caller.request("INVITE", "sip:100@example.net")
    assert [user for user in phones if phones[user].received()] == ["202"]


def test_an_escaped_user_is_the_same_user():
    box, caller, phones = scene(dbaliases("sales::201:"), "201")
    assert rings(box, caller, phones, "%73ales") == ["201"]


def test_an_alias_to_outside_goes_by_address():
    rows = alias_row("mobile", "sip:1900@198.51.100.1:5070")
    box, caller, _ = scene(aliases(rows))
    assert status(caller.request("INVITE", "sip:mobile@example.org")) == [100]
    sent = last(box.to(Peer("udp", "198.51.100.1", 5070, 0)))
    assert sent.uri == "sip:1900@198.51.100.1:5070"
    assert sent.headers("p-hint") == ["outbound alias"]


def test_an_alias_to_a_name_that_has_no_address():
    rows = alias_row("mobile", "sip:1900@provider.example")
    box, caller, _ = scene(aliases(rows))
    assert status(caller.request("INVITE", "sip:mobile@example.org")) == [478]
    hosts = {"provider.example": ("198.51.100.1", 5080)}
    box, caller, _ = scene(aliases(rows), hosts=hosts)
    assert status(caller.request("INVITE", "sip:mobile@example.org")) == [100]
    assert box.to(Peer("udp", "198.51.100.1", 5080, 0))


def test_an_alias_that_is_no_uri_is_reported():
    box, caller, phones = scene(aliases(alias_row("bad", "201")), "201")
    assert rings(box, caller, phones, "bad") == 404
    assert box.log.has("aliases: contact 201 is no SIP URI")


def test_an_alias_to_itself_ends():
    rows = alias_row("loop", "sip:loop@example.org")
    box, caller, phones = scene(aliases(rows))
    assert rings(box, caller, phones, "loop") == 404


def test_a_contact_that_is_ourselves_is_not_called():
    box, caller, phones = scene({})
    bob = Phone(box, "201")
    lines = ["Contact: <sip:201@192.0.2.10>"]
    assert status(bob.register(headers=lines, contact=None)) == [200]
    assert rings(box, caller, phones, "201") == 100  # to where the REGISTER came from
    assert last(bob.received()).uri == "sip:201@192.0.2.10"
    box.location.bindings("201", box.now)[0].received = None
    assert rings(box, caller, phones, "201") == 482


def test_a_request_that_comes_back_is_stopped():
    """RFC 3261 16.3 step 4, RFC 5393: somebody else sends to us what we sent there."""
    rows = alias_row("mobile", "sip:x@198.51.100.1")
    box, caller, _ = scene(aliases(rows))
    provider = Phone(box, "x", host="198.51.100.1", domain="provider.example")
    eve = Phone(box, "eve", host="203.0.113.66", domain="evil.example")
    data = eve.make("INVITE", "sip:mobile@example.org")
    eve.send(data)
    sent = last(provider.received()).raw
    back = sent.replace(b"sip:x@198.51.100.1 SIP", b"sip:mobile@example.org SIP", 1)
    back = back.replace(b"Via: ", b"Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKback\r\nVia: ", 1)
    assert status(provider.send(back)) == [482]
    elsewhere = back.replace(b"sip:mobile@example.org SIP", b"sip:other@example.org SIP", 1)
    elsewhere = elsewhere.replace(b"z9hG4bKback", b"z9hG4bKback2")
    assert status(provider.send(elsewhere)) == [404]  # a spiral is none


def test_headers_in_a_registered_uri_go_no_further():
    """RFC 3261 19.1.1: no Request-URI has any, and nobody is made to send a Route or a body."""
    box = Box()
    alice, bob = Phone(box, "200"), Phone(box, "201")
    contact = "<sip:201@192.0.2.201?Route=%3Csip:x%3E&body=b>"
    alice.register()
    assert status(bob.register(headers=["Contact: " + contact], contact="")) == [200]
    alice.request("OPTIONS", "sip:201@example.org")
    assert last(bob.received()).uri == "sip:201@192.0.2.201"
