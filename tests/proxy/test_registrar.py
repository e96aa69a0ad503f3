"""What REGISTER does to bindings: RFC 3261 10.3."""

from app.proxy.store import static_bindings
from app.sip.headers import parse_contact
from app.sip.uri import parse_uri
from tests.proxy.box import Box, table
from tests.proxy.phone import Phone, last, status


def contacts(reply):
    """-> {URI: seconds} of a 200."""
    found = {}
    for value in reply.headers("contact"):
        contact = parse_contact(value)
        found[str(contact.uri)] = contact.expires
    return found


def register(phone, *values, expires=None, **fields):
    """-> the final answer to a REGISTER with these Contact values, None for none."""
    lines = ["Contact: " + value for value in values]
    return last(phone.register(expires, lines, contact=None, **fields))


def uris(box, user="200"):
    return sorted([binding.contact for binding in box.location.bindings(user, box.now)])


def test_fetch_without_a_contact():
    box = Box()
    phone = Phone(box, "200")
    assert contacts(register(phone)) == {}
    register(phone, "<sip:200@192.0.2.5>")
    box.wait(100)
    assert contacts(register(phone)) == {"sip:200@192.0.2.5": 3500}


def test_expires_of_the_contact_wins_over_the_header():
    box = Box()
    phone = Phone(box, "200")
    reply = register(phone, "<sip:a@192.0.2.5>;expires=120", "<sip:b@192.0.2.5>", expires=600)
    assert contacts(reply) == {"sip:a@192.0.2.5": 120, "sip:b@192.0.2.5": 600}


def test_expires_default_most_and_malformed():
    box = Box(max_expires=7200)
    phone = Phone(box, "200")
    reply = register(
        phone, "<sip:a@h>", "<sip:b@h>;expires=86400", "<sip:c@h>;expires=soon",
        "<sip:d@h>;expires=99999999999999999999",
    )  # fmt: skip
    assert contacts(reply) == {
        "sip:a@h": 3600, "sip:b@h": 7200, "sip:c@h": 3600, "sip:d@h": 7200,
    }  # fmt: skip


def test_too_brief():
    box = Box(min_expires=60)
    phone = Phone(box, "200")
    reply = register(phone, "<sip:a@h>", "<sip:b@h>;expires=30")
    assert reply.status == 423 and reply.header("min-expires") == "60"
    assert uris(box) == []
    assert register(phone, "<sip:a@h>;expires=60").status == 200


def test_an_hour_is_never_too_brief():
    box = Box(min_expires=7200)
    assert register(Phone(box, "200"), "<sip:a@h>;expires=3600").status == 200


def test_remove_one_and_all():
    box = Box()
    phone = Phone(box, "200")
    register(phone, "<sip:a@h>", "<sip:b@h>")
    assert contacts(register(phone, "<sip:a@h>;expires=0")) == {"sip:b@h": 3600}
    register(phone, "<sip:c@h>")
    assert contacts(register(phone, "*", expires=0)) == {}
    assert uris(box) == []
    assert len(box.log.has("unregistered 200")) == 3


def test_star_stands_alone_and_with_zero():
    box = Box()
    phone = Phone(box, "200")
    register(phone, "<sip:a@h>")
    assert register(phone, "*", expires=60).status == 400
    assert register(phone, "*").status == 400
    assert register(phone, "*", "<sip:b@h>", expires=0).status == 400
    assert register(phone, "<sip:b@h>", "*", expires=0).status == 400
    assert uris(box) == ["sip:a@h"]


def test_removing_what_is_not_there_is_well():
    box = Box()
    phone = Phone(box, "200")
    assert contacts(register(phone, "<sip:a@h>;expires=0")) == {}
    assert contacts(register(phone, "*", expires=0)) == {}


def test_an_overtaken_register_changes_nothing():
    box = Box()
    phone = Phone(box, "200")
    phone.cseq = 10
    register(phone, "<sip:a@h>;expires=600")
    phone.cseq = 3
    late = register(phone, "<sip:a@h>;expires=0", "<sip:b@h>")
    assert late.status == 400 and uris(box) == ["sip:a@h"]
    phone.cseq = 3
    assert register(phone, "*", expires=0).status == 400
    phone.cseq = 3
    assert register(phone, "<sip:a@h>;expires=0", call_id="another").status == 200
    assert uris(box) == []


def test_a_repeated_register_changes_nothing_and_is_answered():
    box = Box()
    phone = Phone(box, "200")
    register(phone, "<sip:a@h>;expires=600")
    number = box.location.bindings("200", box.now)[0].cseq
    box.wait(100)
    phone.cseq = number - 2  # the challenge takes the first
    reply = register(phone, "<sip:a@h>;expires=600")
    assert box.location.bindings("200", box.now)[0].cseq == number
    assert contacts(reply) == {"sip:a@h": 500}


def test_equal_uris_are_one_binding():
    box = Box()
    phone = Phone(box, "200")
    register(phone, "<sip:a@H.example;x=1>;q=0.2")
    register(phone, '"Me" <sip:%61@h.EXAMPLE;x=1>;q=0.9')
    bindings = box.location.bindings("200", box.now)
    assert [binding.q for binding in bindings] == [0.9]
    register(phone, "<sip:A@h.example;x=1>")
    assert len(box.location.bindings("200", box.now)) == 2  # user parts are case-sensitive


def test_the_same_contact_twice_in_one_register():
    box = Box()
    phone = Phone(box, "200")
    assert contacts(register(phone, "<sip:a@h>", "<sip:a@h>;expires=90")) == {"sip:a@h": 90}
    assert contacts(register(phone, "<sip:b@h>", "<sip:b@h>;expires=0")) == {"sip:a@h": 90}


def test_contacts_are_bounded():
    box = Box(max_contacts=3)
    phone = Phone(box, "200")
    assert register(phone, "<sip:a@h>", "<sip:b@h>", "<sip:c@h>").status == 200
    refused = register(phone, "<sip:d@h>")
    assert refused.status == 503 and refused.header("p-registrar-error")
    assert box.log.has("more than 3 contacts")
    assert register(phone, "<sip:a@h>;expires=90").status == 200  # a refresh is no new one
    assert register(phone, "<sip:d@h>", "<sip:a@h>;expires=0").status == 200
    assert register(phone, "<sip:" + "x" * 600 + "@h>").status == 400
    assert uris(box) == ["sip:b@h", "sip:c@h", "sip:d@h"]


def test_contacts_that_cannot_be_called():
    box = Box()
    phone = Phone(box, "200")
    assert register(phone, "<mailto:a@example.org>").status == 400
    assert register(phone, "<tel:+1972>").status == 400
    assert register(phone, "<sip:a@h>;q=1.1").status == 400
    assert uris(box) == []


def test_q_orders_and_is_listed():
    box = Box()
    phone = Phone(box, "200")
    h = "192.0.2.200"
    reply = register(phone, f"<sip:low@{h}>;q=0.1", f"<sip:none@{h}>", f"<sip:mid@{h}>;q=0.55")
    order = [str(parse_contact(value).uri) for value in reply.headers("contact")]
    assert order == [f"sip:none@{h}", f"sip:mid@{h}", f"sip:low@{h}"]
    assert f"<sip:mid@{h}>;q=0.55;expires=3600" in reply.headers("contact")


def test_bindings_expire():
    box = Box()
    phone = Phone(box, "200")
    register(phone, "<sip:a@h>;expires=60")
    box.wait(59)
    assert uris(box) == ["sip:a@h"]
    box.wait(1)
    assert uris(box) == []
    box.wait(60)
    assert box.log.has("registration of 200 expired: sip:a@h")
    assert box.next_timer() is None  # nothing is left to wake up for


def test_unsupported_extensions():
    box = Box()
    phone = Phone(box, "200")
    reply = last(phone.register(headers=["Require: path, gruu, x"]))
    assert reply.status == 420 and reply.headers("unsupported") == ["gruu", "x"]
    reply = last(phone.register(headers=["Path: <sip:192.0.2.60;lr>"]))
    assert reply.status == 420 and reply.headers("unsupported") == ["path"]


def test_to_that_is_not_ours():
    box = Box(domains=("example.org", "192.0.2.10"))
    phone = Phone(box, "200")
    foreign = "<sip:200@example.com>"
    reply = last(phone.register(to=foreign, password="secret200"))
    assert reply.status == 404
    assert last(phone.register(to="<sip:example.org>")).status == 403


def test_an_instance_is_kept():
    box = Box()
    phone = Phone(box, "200")
    instance = '"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>"'
    reply = register(phone, f"<sip:a@h>;+sip.instance={instance}")
    assert parse_contact(reply.header("contact")).params.get("+sip.instance") == instance


def test_the_aor_is_unescaped_and_of_any_domain_of_ours():
    box = Box(domains=("example.org", "example.net", "192.0.2.10"))
    phone = Phone(box, "200")
    register(phone, "<sip:a@h>", to="<sip:%32%30%30@EXAMPLE.org>")
    assert uris(box, "200") == ["sip:a@h"]
    other = Phone(box, "201")
    replies = other.request("MESSAGE", "sip:200@example.net")
    assert replies == [] and last(phone.received()).uri == "sip:a@h"


def test_domains_are_told_apart_when_asked():
    rows = "username(str) domain(str) password(str)\n200:example.org:secret200\n200:example.net:x\n"
    box = Box(
        domains=("example.org", "example.net", "192.0.2.10"), use_domain=True,
        tables={"subscriber": table("subscriber", rows)},
    )  # fmt: skip
    register(Phone(box, "200"), "<sip:a@h>")
    register(Phone(box, "200", domain="example.net"), "<sip:b@h>", password="x")
    assert uris(box, "200@example.org") == ["sip:a@h"]
    assert uris(box, "200@example.net") == ["sip:b@h"]
    wrong = Phone(box, "200", domain="example.net").register(password="secret200")
    assert status(wrong) == [401]
    # who is 200 of the one domain may not say where 200 of the other is
    thief = Phone(box, "200")
    data = thief.make("REGISTER", "sip:example.net", to="<sip:200@example.net>")
    refused = last(thief.send(thief.authenticated(data, last(thief.send(data)))))
    assert refused.status == 401 and len(box.location) == 2
    # nor does he reach him under his own domain
    caller = Phone(box, "200")
    assert status(caller.request("MESSAGE", "sip:201@example.org")) == [404]
    box.tables["dbaliases"] = table(
        "dbaliases", "alias_username(str) alias_domain(str) username(str) domain(str)\n"
        "5551:example.org:200:example.net\n",
    )  # fmt: skip
    assert last(caller.request("MESSAGE", "sip:5551@example.org")).uri == "sip:b@h"
    again = box.restart()
    again.config.use_domain = again.location._store._use_domain = True
    again.location.load(again.now, again.wall)
    assert uris(again, "200@example.net") == ["sip:b@h"]


def test_permanent_contacts_of_the_site_stay():
    header = (
        "username(str) domain(str,null) contact(str,null) expires(int,null) q(double,null) "
        "callid(str,null) cseq(int,null) last_modified(str) replicate(int,null) state(int,null) "
        "flags(int) user_agent(str) received(str,null)\n"
    )
    rows = (
        "200::sip\\:desk@192.0.2.77:1:1.0:FourtyTwo:42:0:0:0:128:SIP Express Router FIFO::\n"
        "200::sip\\:gone@192.0.2.78:1:1.0:FourtyTwo:42:0:0:0:0:SIP Express Router FIFO::\n"
    )
    box = Box()
    fixed = static_bindings(table("location", header + rows), False, box.now, box.wall)
    box.location.set_static(fixed)
    phone = Phone(box, "200")
    assert contacts(register(phone)) == {"sip:desk@192.0.2.77": 2147483647}
    register(phone, "<sip:a@h>")
    assert contacts(register(phone, "*", expires=0)) == {"sip:desk@192.0.2.77": 2147483647}
    box.wait(10**6)
    assert uris(box) == ["sip:desk@192.0.2.77"]
    assert b"desk" not in (box.files.read("/state/location.journal") or b"")


def test_user_agents_cannot_steer_a_terminal():
    box = Box()
    phone = Phone(box, "200")
    phone.register(headers=["User-Agent: Evil\x1b[2J\x07Phone"])
    assert box.location.bindings("200", box.now)[0].user_agent == "Evil?[2J?Phone"


def test_contact_parameters_of_rfc4475():
    """3.3.12 to 3.3.14 and 3.1.1.4, with our own users."""
    box = Box()
    phone = Phone(box, "200")
    register(phone, "sip:+19725552222@gw1.example.net;unknownparam")
    assert contacts(register(phone)) == {"sip:+19725552222@gw1.example.net": 3600}
    register(phone, "*", expires=0)
    register(phone, "<sip:+19725552222@gw1.example.net;unknownparam>")
    uri = parse_uri(list(contacts(register(phone)))[0])
    assert "unknownparam" in uri.params
    register(phone, "*", expires=0)
    route = "sip:user@example.com?Route=%3Csip:sip.example.com%3E"
    register(phone, f"<{route}>")
    assert contacts(register(phone)) == {route: 3600}
    register(phone, "*", expires=0)
    register(phone, "<sip:%00@host5.example.com>", "<sip:%00%00@host5.example.com>")
    assert len(contacts(register(phone))) == 2


def test_a_contact_that_is_removed_twice_makes_no_room_for_two():
    box = Box(max_contacts=2)
    phone = Phone(box, "200")
    assert status(phone.register()) == [200]
    lines = [f"Contact: {phone.contact};expires=0"] * 9
    lines += [f"Contact: <sip:{number}@192.0.2.200>" for number in range(8)]
    assert status(phone.register(headers=lines, contact=None)) == [503]
    assert len(box.location.all(box.now)) == 1
