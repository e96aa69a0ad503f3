"""The registrar's verbs that a script of one's own may use, as Kamailio's registrar has them."""

from app.proxy.store import static_bindings
from app.sip.headers import parse_contact
from tests.proxy.box import Box, table
from tests.proxy.phone import Phone, last
from tests.proxy.test_auth_algorithms import Script

FIXED = "username(str) contact(str) expires(int)\n200:sip\\:door@192.0.2.7:0\n"


def run(box, function, method="OPTIONS", uri="sip:200@example.org", peer=None, **fields):
    """-> what function(r) returns for such a request."""
    script = Script(function)
    box.proxy.routes = script
    phone = Phone(box, "900", host=peer)
    phone.send(phone.make(method, uri, **fields))
    return script.seen[-1]


def filled(*contacts, **settings):
    """-> Box where 200 has these contacts."""
    box = Box(**settings)
    Phone(box, "200").register(None, ["Contact: " + each for each in contacts], contact=None)
    return box


def uris(box, user="200"):
    return sorted([binding.contact for binding in box.location.bindings(user, box.now)])


def test_unregister_all_or_one():
    box = filled("<sip:a@h>", "<sip:b@h>", "<sip:c@h>")
    ruid = box.location.bindings("200", box.now)[0].ruid
    assert run(box, lambda r: r.unregister("location", "sip:200@example.org", ruid))
    assert len(uris(box)) == 2 and ruid not in [
        each.ruid for each in box.location.bindings("200", box.now)
    ]
    assert not run(box, lambda r: r.unregister("location", r.ru, ruid))
    assert run(box, lambda r: r.unregister("location", r.ru))
    assert uris(box) == [] and not run(box, lambda r: r.unregister("location", r.ru))
    assert uris(box.restart()) == []
    assert len(box.log.has("unregistered by the script 200")) == 3


def test_unregister_leaves_the_sites_own():
    box = filled("<sip:a@h>")
    box.location.set_static(static_bindings(table("location", FIXED), False, 0, 0))
    assert run(box, lambda r: r.unregister("location", "sip:200@example.org"))
    assert uris(box) == ["sip:door@192.0.2.7"]
    assert not run(box, lambda r: r.unregister("location", "sip:200@example.org"))


def test_registered_and_its_options():
    box = filled("<sip:a@h>")

    def matching(options, **reg):
        def route(r):
            r.reg.update(reg)
            return r.registered("location", None, options)

        return run(box, route)

    assert matching(0)
    assert matching(1, match_callid="reg-200") and not matching(1, match_callid="x")
    assert matching(4, match_contact="sip:a@h") and not matching(4, match_contact="sip:b@h")
    assert not matching(2, match_received="sip:192.0.2.1:5060")
    assert matching(5, match_callid="reg-200", match_contact="sip:a@h")
    assert not matching(5, match_callid="reg-200", match_contact="sip:b@h")
    other = "sip:200@example.org"
    assert run(box, lambda r: r.registered("location", other), uri="sip:x@h.example")
    assert not run(box, lambda r: r.registered("location", r.fu))
    assert not run(box, lambda r: r.registered("location", "tel:200"))


def test_fetched_contacts():
    box = filled("<sip:a@h>;q=0.2", "<sip:b@h>;q=0.9")

    def route(r):
        assert r.reg_fetch_contacts("location", r.ru, "callee")
        found = [(each.contact, each.q, each.remaining(r.now)) for each in r.ulc["callee"]]
        r.reg_free_contacts("callee")
        return found, "callee" in r.ulc, r.reg_fetch_contacts("location", r.fu, "caller")

    found, kept, other = run(box, route)
    assert found == [("sip:b@h", 0.9, 3600), ("sip:a@h", 0.2, 3600)]
    assert (kept, other) == (False, False)


def test_who_calls_from_where_he_registered():
    box = Box()
    Phone(box, "200", host="192.0.2.33", port=5099).register()

    def asked(mode):
        return run(box, lambda r: r.reg_from_user("location", "sip:200@example.org", mode),
                   peer="192.0.2.33")  # fmt: skip

    assert asked(0) and asked(2) and not asked(1)
    assert not run(box, lambda r: r.reg_from_user("location", "sip:200@example.org"))


def test_lookup_of_another_uri_and_to_further_branches():
    box = filled("<sip:a@192.0.2.5>", "<sip:b@192.0.2.6>")

    def targets(function):
        def route(r):
            found = function(r)
            return found, sorted([str(target.uri) for target in r.targets])

        return run(box, route, uri="sip:201@example.org")

    both = ["sip:a@192.0.2.5", "sip:b@192.0.2.6"]
    mine = "sip:201@example.org"
    assert targets(lambda r: r.lookup("location", "sip:200@example.org")) == (True, both)
    assert targets(lambda r: r.lookup("location", "sip:202@example.org")) == (False, [mine])
    assert targets(lambda r: r.lookup_to_dset("location", "sip:200@example.org")) == (
        True, sorted(both + [mine]),
    )  # fmt: skip
    assert targets(lambda r: r.lookup_to_dset("location")) == (False, [mine])
    assert targets(lambda r: r.lookup_branches("location")) == (False, [mine])


def saving(box, **reg):
    """Has the box save REGISTERs without a password, with `flags` and `reg`."""
    flags, uri = reg.pop("flags", 0), reg.pop("uri", None)

    def route(r):
        r.reg.update(reg)
        saved = r.save("location", flags, uri)
        assert r.done == (not flags & 2)
        return r.reg_send_reply() and saved

    box.proxy.routes = Script(route)


def register(phone, *contacts, expires=None):
    lines = ["Contact: " + each for each in contacts]
    if expires is not None:
        lines.append(f"Expires: {expires}")
    data = phone.make("REGISTER", "sip:example.org", lines, contact="", to=f"<{phone.uri}>")
    return last(phone.send(data))


def expiries(reply):
    found = {}
    for value in reply.headers("contact"):
        contact = parse_contact(value)
        found[str(contact.uri)] = contact.expires
    return found


def test_save_with_one_contact_alone():
    box = Box()
    phone = Phone(box, "200")
    saving(box)
    register(phone, "<sip:a@h>", "<sip:b@h>")
    saving(box, flags=4)
    assert expiries(register(phone, "<sip:c@h>")) == {"sip:c@h": 3600}
    assert expiries(register(phone, "<sip:c@h>;expires=90")) == {"sip:c@h": 90}
    assert expiries(register(phone, "<sip:d@h>", "<sip:e@h>")) == {"sip:e@h": 3600}
    assert expiries(register(phone)) == {"sip:e@h": 3600}
    assert expiries(register(phone, "<sip:e@h>;expires=0")) == {}
    assert uris(box.restart()) == []


def test_save_answers_later():
    box = Box()
    phone = Phone(box, "200")
    saving(box, flags=2)
    assert expiries(register(phone, "<sip:a@h>")) == {"sip:a@h": 3600}
    assert register(phone, "<sip:b@h>;expires=10").status == 423


def test_save_under_another_aor():
    box = Box()
    saving(box, uri="sip:201@example.org")
    register(Phone(box, "200"), "<sip:a@h>")
    assert uris(box, "201") == ["sip:a@h"] and uris(box) == []
    saving(box, uri="sip:201@elsewhere.example")
    assert register(Phone(box, "200"), "<sip:b@h>").status == 404


def test_save_with_values_of_the_script():
    box = Box()
    phone = Phone(box, "200")
    saving(box, max_contacts=1, expires=77, q=0.5)
    reply = register(phone, "<sip:a@h>;q=1", expires=3600)
    assert expiries(reply) == {"sip:a@h": 77} and "q=0.5" in reply.header("contact")
    full = register(phone, "<sip:b@h>")
    assert full.status == 503 and full.reason == "Service Unavailable"
    assert full.header("p-registrar-error") == "Too many registered contacts"
    assert expiries(register(phone, "<sip:a@h>", expires=0)) == {}


def test_what_is_renewed_and_removed_by_one_register_is_gone():
    box = Box()
    phone = Phone(box, "200")
    saving(box)
    register(phone, "<sip:a@h>")
    assert expiries(register(phone, "<sip:a@h>;expires=100", "<sip:a@h>;expires=0")) == {}
    box.wait(1000)
    assert uris(box.restart()) == []
