"""This box relays for nobody: every way that we know to use a proxy as an open relay."""

from app.sip.edits import Edits
from app.sip.message import parse
from app.sip.transport import Peer
from tests.proxy.box import BOX, Box, table
from tests.proxy.phone import SDP, Phone, last, status

PROVIDER = Peer("udp", "198.51.100.1", 5060, 0)
METHODS = ("INVITE", "MESSAGE", "SUBSCRIBE", "REFER", "OPTIONS", "BYE", "FOO")


def stranger(box, user="eve", host="203.0.113.66", domain="evil.example"):
    return Phone(box, user, host=host, domain=domain)


def scene(**settings):
    """-> (box, eve from outside, the extension 201 with one call to be had)."""
    box = Box(**settings)
    bob = Phone(box, "201")
    bob.register()
    return box, stranger(box), bob


def assert_refused(box, replies, *codes):
    assert status(replies)[-1:] and status(replies)[-1] in codes, status(replies)
    assert box.to(PROVIDER) == []
    assert [target for _, target in box.sent] == []


def test_a_foreign_request_uri():
    box, eve, _ = scene()
    for method in METHODS:
        assert_refused(box, eve.send(eve.make(method, "sip:1900@198.51.100.1")), 403)
    assert_refused(box, eve.send(eve.make("REGISTER", "sip:198.51.100.1")), 403)


def test_a_foreign_request_uri_with_a_forged_from_of_ours():
    box, eve, _ = scene()
    forged = "<sip:201@example.org>;tag=x"
    for method in METHODS + ("REGISTER",):
        data = eve.make(method, "sip:1900@198.51.100.1", from_=forged)
        assert_refused(box, eve.send(data), 407)


def test_a_preloaded_route():
    box, eve, _ = scene()
    ours, theirs = f"<sip:{BOX};lr>", "<sip:198.51.100.1;lr>"
    for routes in ([theirs], [ours, theirs], [ours, ours, theirs]):
        lines = ["Route: " + ", ".join(routes)]
        for uri in ("sip:201@example.org", "sip:1900@198.51.100.1", f"sip:{BOX}"):
            assert_refused(box, eve.send(eve.make("INVITE", uri, lines)), 403)
            assert_refused(box, eve.send(eve.make("OPTIONS", uri, lines)), 403, 200)


def test_a_to_tag_without_a_dialog():
    box, eve, _ = scene()
    for method in METHODS:
        forged = f"Route: <sip:{BOX};lr=on;seal=000011112222333344445555>"
        for lines in ([], [f"Route: <sip:{BOX};lr>"], [forged]):
            data = eve.make(method, "sip:1900@198.51.100.1", lines, to="<sip:a@b>;tag=t")
            assert_refused(box, eve.send(data), 403)


def test_an_ack_out_of_nothing_goes_nowhere():
    box, eve, _ = scene()
    for lines in ([], [f"Route: <sip:{BOX};lr>"], ["Route: <sip:198.51.100.1;lr>"]):
        data = eve.make("ACK", "sip:1900@198.51.100.1", lines, to="<sip:a@b>;tag=t")
        assert eve.send(data) == [] and box.sent == []


def test_a_cancel_out_of_nothing_goes_nowhere():
    box, eve, _ = scene()
    assert_refused(box, eve.send(eve.make("CANCEL", "sip:1900@198.51.100.1")), 481)


def test_a_strict_route_that_we_never_wrote():
    box, eve, _ = scene()
    for uri in (f"sip:{BOX};lr=on;seal={'0' * 24}", f"sip:{BOX};lr=on;seal=x"):
        data = eve.make("INVITE", uri, ["Route: <sip:1900@198.51.100.1>"], to="<sip:a@b>;tag=t")
        assert_refused(box, eve.send(data), 403, 404)


def call(eve, bob):
    """-> (eve's INVITE to an extension, bob's 200 as eve got it): she has a seal of ours now."""
    data = eve.make("INVITE", "sip:201@example.org", body=SDP)
    assert status(eve.send(data)) == [100]
    bob.reply(last(bob.received()), 200, "OK")
    return data, last(eve.received())


def test_a_seal_is_good_for_its_dialog_and_its_party_only():
    box, eve, bob = scene()
    data, answer = call(eve, bob)
    for method in METHODS:
        redirected = eve.within(method, data, answer, uri="sip:1900@198.51.100.1")
        assert_refused(box, eve.send(redirected), 403)
    aliased = eve.within("INVITE", data, answer, uri="sip:1@b.example;alias=198.51.100.1~5060~1")
    assert_refused(box, eve.send(aliased), 403)
    routed = Edits(parse(eve.within("INVITE", data, answer)))
    routed.append("Route", "<sip:198.51.100.1;lr>")
    assert_refused(box, eve.send(routed.to_bytes()), 403)
    # the seal vouches for the Route behind it, so the alias must not lead past that
    lines = ["Route: <sip:192.0.2.201;lr>"]
    beyond = "sip:1@b.example;alias=198.51.100.1~5060~1"
    past = eve.within("INVITE", data, answer, lines, uri=beyond)
    assert eve.send(past)[0].status == 100 and box.to(PROVIDER) == []
    assert last(bob.received()).uri.startswith("sip:1@b.example;alias=")
    other = eve.within("BYE", data, answer, call_id="another-call")
    assert_refused(box, eve.send(other), 403)
    assert eve.send(eve.within("BYE", data, answer)) == []
    assert last(bob.received()).method == "BYE"


def test_no_seal_for_the_way_back_is_shown_to_the_caller():
    """Eve names the provider as her Contact and collects every seal that comes back to her."""
    box, eve, bob = scene()
    eve.contact = "<sip:1900@198.51.100.1>"
    data = eve.make("INVITE", "sip:201@example.org")
    eve.send(data)
    request = last(bob.received())
    bob.reply(request, 180, "Ringing")
    bob.reply(request, 200, "OK")
    for answer in eve.received():
        for swap in (False, True):
            attempt = eve.within("INVITE", data, answer, uri="sip:1900@198.51.100.1")
            if swap:
                edits = Edits(parse(attempt))
                edits.set("From", answer.header("to"))
                edits.set("To", answer.header("from"))
                attempt = edits.to_bytes()
            assert_refused(box, eve.send(attempt), 403, 407)


def test_the_seal_in_a_failure_leads_nowhere():
    box, eve, bob = scene()
    eve.contact = "<sip:1900@198.51.100.1>"
    data = eve.make("INVITE", "sip:201@example.org")
    eve.send(data)
    request = last(bob.received())
    route = request.header("record-route")
    bob.reply(request, 486, "Busy Here", headers=["Record-Route: " + route])
    answer = last(eve.received())
    assert answer.header("record-route") != route
    assert last(bob.received()).method == "ACK"
    lines = ["Route: " + answer.header("record-route")]
    attempt = eve.make(
        "INVITE", "sip:1900@198.51.100.1", lines, to=answer.header("to"),
        call_id=answer.call_id,
    )  # fmt: skip
    assert_refused(box, eve.send(attempt), 403)


def test_a_target_refresh_does_not_open_another_way():
    """Eve moves her Contact to the provider inside a dialog, then wants to be sent there."""
    box, eve, bob = scene()
    data, answer = call(eve, bob)
    eve.contact = "<sip:1900@198.51.100.1>"
    eve.send(eve.within("INVITE", data, answer))
    bob.reply(last(bob.received()), 200, "OK", tag=answer.to.tag)
    eve.received()
    attempt = eve.within("INVITE", data, answer, uri="sip:1900@198.51.100.1")
    swapped = Edits(parse(attempt))
    swapped.set("From", answer.header("to"))
    swapped.set("To", answer.header("from"))
    for each in (attempt, swapped.to_bytes()):
        assert_refused(box, eve.send(each), 403, 407)


def test_a_trunk_reaches_us_and_nobody_else():
    box, _, bob = scene(trunks=("198.51.100.7",))
    trunk = Phone(box, "0123", host="198.51.100.7", domain="example.org")
    assert_refused(box, trunk.send(trunk.make("INVITE", "sip:1900@198.51.100.1")), 403)
    lines = [f"Route: <sip:{BOX};lr>", "Route: <sip:198.51.100.1;lr>"]
    assert_refused(box, trunk.send(trunk.make("INVITE", "sip:201@example.org", lines)), 403)
    assert status(trunk.send(trunk.make("INVITE", "sip:201@example.org"))) == [100]
    assert last(bob.received()).method == "INVITE"


def test_from_outside_our_own_can_be_called():
    box, eve, bob = scene()
    assert status(eve.send(eve.make("INVITE", "sip:201@example.org"))) == [100]
    assert last(bob.received()).method == "INVITE"
    assert status(eve.send(eve.make("INVITE", "sip:299@example.org"))) == [404]


def test_an_alias_leads_outside_as_the_operator_says():
    header = "alias_username(str) alias_domain(str) username(str) domain(str)\n"
    row = "0123:example.org:1900:198.51.100.1\n"
    box, eve, _ = scene(tables={"dbaliases": table("dbaliases", header + row)})
    assert status(eve.send(eve.make("INVITE", "sip:0123@example.org"))) == [100]
    sent = last(box.to(PROVIDER))
    assert sent.uri == "sip:1900@198.51.100.1" and sent.header("p-hint") == "outbound alias"


def test_an_extension_may_call_out():
    box, _, bob = scene()
    assert status(bob.request("INVITE", "sip:1900@198.51.100.1")) == [100]
    sent = last(box.to(PROVIDER))
    assert sent.uri == "sip:1900@198.51.100.1" and sent.header("p-hint") == "outbound"
    assert sent.header("proxy-authorization") is None


def test_an_extension_may_name_its_outbound_proxy():
    box, _, bob = scene()
    alice = Phone(box, "200")
    for route in (f"Route: <sip:{BOX};lr>", "Route: <sip:example.org:5060;lr>"):
        assert status(alice.request("INVITE", "sip:201@example.org", [route])) == [100]
        assert last(bob.received()).headers("route") == []


def test_a_scanner_finds_no_difference():
    box, eve, _ = scene()
    found = {}
    for user in ("200", "299"):
        data = eve.make("REGISTER", "sip:example.org", to=f"<sip:{user}@example.org>")
        found[user] = status(eve.send(data))
    assert found["200"] == found["299"] == [401]


def test_a_flood_from_outside_leaves_room_for_our_own():
    box, eve, bob = scene(max_calls=8)
    box.endpoint.limit = 40
    alice = Phone(box, "200")
    refused = 0
    for number in range(60):
        # within the calls of others, what is no call of its own takes transactions alone
        fields = {"call_id": "known"} if number % 2 else {}
        data = eve.make("INVITE", "sip:201@example.org", body=SDP, **fields)
        refused += 503 in status(eve.send(data))
    assert refused >= 45 and len(box.endpoint) <= 40 // 4 + 2 and len(box.proxy.calls) == 2
    bob.received()
    assert status(alice.register()) == [200]
    assert status(alice.request("INVITE", "sip:201@example.org", body=SDP)) == [100]
    bob.reply(last(bob.received()), 200)
    answer = last(alice.received())
    assert alice.send(alice.within("BYE", answer, answer)) == []
    assert last(bob.received()).method == "BYE"


def test_a_stranger_is_let_in_however_busy_our_own_are():
    box, eve, bob = scene(max_calls=8)
    box.endpoint.limit = 40
    alice = Phone(box, "200")
    for _ in range(7):
        alice.request("INVITE", "sip:201@example.org", body=SDP)
    assert status(alice.received()) == [] and len(box.proxy.calls) == 7
    assert status(eve.send(eve.make("INVITE", "sip:201@example.org", body=SDP))) == [100]
    for _ in range(20):
        eve.send(eve.make("INVITE", "sip:201@example.org"))
    assert status(eve.send(eve.make("INVITE", "sip:201@example.org"))) == [503]
    box.wait(400)
    assert len(box.endpoint) == 0 and len(box.proxy._strangers) == 0
    bob.register()
    eve.received()
    assert status(eve.send(eve.make("INVITE", "sip:201@example.org"))) == [100]


def test_a_flood_from_outside_leaves_room_for_a_trunk():
    box, eve, bob = scene(max_calls=8, trunks=("198.51.100.7",))
    for _ in range(10):
        eve.send(eve.make("INVITE", "sip:201@example.org", body=SDP))
    assert status(eve.received()) == [] and len(box.proxy.calls) == 2
    trunk = Phone(box, "0123", host="198.51.100.7", domain="carrier.example")
    for _ in range(6):
        assert status(trunk.send(trunk.make("INVITE", "sip:201@example.org"))) == [100]
    assert status(trunk.send(trunk.make("INVITE", "sip:201@example.org"))) == [503]
