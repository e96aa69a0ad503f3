"""app/routes.py stage by stage, and the verbs that no other test sees at work."""

from tests.proxy.box import BOX, Box
from tests.proxy.phone import SDP, Phone, last, status


def test_max_forwards():
    box = Box()
    alice, bob = Phone(box, "200"), Phone(box, "201")
    bob.register()
    assert status(alice.send(alice.make("OPTIONS", "sip:example.org", max_forwards=0))) == [483]
    alice.request("MESSAGE", "sip:201@example.org", max_forwards=1)
    assert last(bob.received()).max_forwards == 0
    data = alice.make("MESSAGE", "sip:201@example.org").replace(b"Max-Forwards: 70\r\n", b"")
    alice.send(alice.authenticated(data, last(alice.send(data))))
    assert last(bob.received()).max_forwards == 10


def test_an_asserted_identity_is_a_trunks_to_give():
    box = Box(trunks=("198.51.100.7",))
    bob = Phone(box, "201")
    bob.register()
    line = "P-Asserted-Identity: <sip:999@example.org>"
    alice = Phone(box, "200")
    alice.request("MESSAGE", "sip:201@example.org", [line])
    eve = Phone(box, "eve", host="203.0.113.66", domain="evil.example")
    eve.send(eve.make("INVITE", "sip:201@example.org", [line]))
    assert [each.header("p-asserted-identity") for each in bob.received()] == [None, None]
    trunk = Phone(box, "0123", host="198.51.100.7", domain="198.51.100.7")
    trunk.send(trunk.make("MESSAGE", "sip:201@example.org", [line]))
    assert last(bob.received()).header("p-asserted-identity") == line.partition(": ")[2]


def test_who_diverted_a_call_is_a_trunks_to_say():
    lines = ["Diversion: <sip:0900123@example.org>;reason=unconditional",
             "History-Info: <sip:0900123@example.org>;index=1"]  # fmt: skip
    box = Box(trunks=("198.51.100.7",))
    bob = Phone(box, "201")
    bob.register()
    alice = Phone(box, "200")
    alice.request("INVITE", "sip:201@example.org", lines)
    invite = last(bob.received())
    assert invite.header("diversion") is None and invite.header("history-info") is None
    trunk = Phone(box, "0123", host="198.51.100.7", domain="198.51.100.7")
    trunk.send(trunk.make("INVITE", "sip:201@example.org", lines))
    assert last(bob.received()).header("diversion") == lines[0].partition(": ")[2]


def test_nobody_asserts_another_identity_within_a_dialog():
    """A telephone shows what a re-INVITE says of its peer (RFC 3325 as RFC 5876 extends it)."""
    lines = ["P-Asserted-Identity: <sip:999@example.org>", "Remote-Party-ID: <sip:9@example.org>"]
    box = Box()
    bob = Phone(box, "201")
    bob.register()
    eve = Phone(box, "eve", host="203.0.113.66", domain="evil.example")
    first = eve.make("INVITE", "sip:201@example.org", lines)
    eve.send(first)
    invite = last(bob.received())
    bob.reply(invite, 200)
    answer = last(eve.received())
    eve.send(eve.within("INVITE", first, answer, lines))
    for each in (invite, last(bob.received())):
        assert each.method == "INVITE" and each.header("p-asserted-identity") is None
        assert each.header("remote-party-id") is None


def test_too_long():
    box = Box(max_len=2000)
    alice = Phone(box, "200")
    data = alice.make("MESSAGE", "sip:201@example.org", ["Subject: " + "x" * 2000])
    assert status(alice.send(data)) == [513]


def test_somebody_asks_whether_we_are_alive():
    box = Box()
    eve = Phone(box, "eve", host="203.0.113.66", domain="evil.example")
    (answer,) = eve.send(eve.make("OPTIONS", f"sip:{BOX}"))
    assert answer.status == 200 and "INVITE" in answer.headers("allow")
    assert answer.header("accept") == "application/sdp"
    assert answer.headers("supported") == ["path", "outbound"]
    assert status(eve.send(eve.make("OPTIONS", "sip:nobody@example.org"))) == [403]


def test_an_unknown_extension():
    box = Box()
    alice = Phone(box, "200")
    assert status(alice.request("INVITE", "sip:299@example.org")) == [404]
    assert status(alice.request("INVITE", "sip:example.org")) == [404]


def test_an_extension_that_is_not_registered():
    box = Box()
    alice = Phone(box, "200")
    assert status(alice.request("INVITE", "sip:201@example.org")) == [404]


def test_p_hints_tell_the_branch_taken():
    box = Box()
    alice, bob = Phone(box, "200"), Phone(box, "201")
    bob.register()
    alice.request("MESSAGE", "sip:201@example.org")
    assert last(bob.received()).headers("p-hint") == ["usrloc applied"]


def test_record_route_names_the_advertised_address():
    box = Box(advertise=("127.0.0.1", 5099), domains=("example.org", "127.0.0.1"))
    alice, bob = Phone(box, "200"), Phone(box, "201")
    bob.register()
    alice.request("INVITE", "sip:201@example.org")
    invite = last(bob.received())
    assert invite.header("record-route").startswith("<sip:127.0.0.1:5099;lr=on;seal=")


def test_a_register_is_not_record_routed():
    box = Box()
    alice = Phone(box, "200")
    assert last(alice.register()).header("record-route") is None


def test_the_calls_are_listed_and_logged():
    box = Box()
    alice, bob = Phone(box, "200"), Phone(box, "201")
    bob.register()
    alice.request("INVITE", "sip:201@example.org", body=SDP)
    invite = last(bob.received())
    call = box.proxy.calls.all()[0]
    assert (call.caller, call.callee, call.state) == (
        "sip:200@example.org", "sip:201@example.org", "ringing",
    )  # fmt: skip
    bob.reply(invite, 200)
    answer = last(alice.received())
    assert call.state == "answered"
    box.wait(75)
    alice.send(alice.within("BYE", answer, answer))
    assert box.log.has("call from sip:200@example.org to sip:201@example.org: ended after 75 s")
    alice.request("INVITE", "sip:201@example.org")
    bob.reply(last(bob.received()), 486, "Busy Here")
    assert box.log.has("to sip:201@example.org: 486 Busy Here")


def test_refusals_are_logged_without_control_characters():
    box = Box()
    eve = Phone(box, "eve", host="203.0.113.66", domain="evil.example")
    eve.send(eve.make("INVITE", "sip:1900@198.51.100.1"))
    assert box.log.has("INVITE sip:1900@198.51.100.1 from 203.0.113.66:5060: relaying denied")
    phone = Phone(box, "200")
    data = phone.make("REGISTER", "sip:example.org", to="<sip:200@example.org>")
    challenge = last(phone.send(data))
    phone.send(phone.authenticated(data, challenge, username="200\x1b[2J\x9b\x07"))
    assert box.log.has("no such user 200?[2J??")


class Probe:
    """A script that runs `stage(r)` on every request and keeps what it returns."""

    def __init__(self, stage):
        self.stage = stage
        self.found = None

    def request_route(self, r):
        self.found = self.stage(r)

    def onreply_route(self, r):
        pass


def probe(stage, method="INVITE", headers=(), **fields):
    """-> (what the stage returned, replies)."""
    script = Probe(stage)
    box = Box(script)
    phone = Phone(box, "200")
    replies = phone.send(phone.make(method, "sip:201@example.org", headers, **fields))
    return script.found, replies


def test_the_verbs_that_look():
    def look(r):
        return (
            r.rm, r.ci, r.ft, r.tt, r.si, r.sp, str(r.fu), str(r.tu), str(r.ru), r.src_ip(),
            r.is_method("INVITE|BYE"), r.is_method("BYE"), r.has_totag(), r.has_body(),
            r.is_present_hf("Subject"), r.is_present_hf("Replaces"), r.au, r.registered("location"),
        )  # fmt: skip

    found, _ = probe(look, headers=["Subject: x"], call_id="c1")
    assert found == (
        "INVITE", "c1", "f200", "", "192.0.2.200", 5060, "sip:200@example.org",
        "sip:201@example.org", "sip:201@example.org", "192.0.2.200", True, False, False, False,
        True, False, "", False,
    )  # fmt: skip


def test_has_body_of_a_kind():
    found, _ = probe(lambda r: (r.has_body("application/sdp"), r.has_body("text/")), body=SDP)
    assert found == (True, False)


def test_the_verbs_that_answer():
    def answer(r):
        r.append_to_reply("X-Why: because\r\n")
        r.t_newtran()
        return r.send_reply(486, "Busy Here")

    _, replies = probe(answer)
    assert status(replies) == [100, 486]
    assert last(replies).header("x-why") == "because" and last(replies).to.tag
    _, replies = probe(lambda r: r.send_reply(480, "Gone"))
    assert status(replies) == [480]
    _, replies = probe(lambda r: r.drop())
    assert replies == []
    _, replies = probe(lambda r: r.sl_reply_error())
    assert status(replies) == [500]


def test_the_names_that_kamailio_has_for_answers():
    for stage, expected in (
        (lambda r: r.send_reply_error(), 500), (lambda r: r.t_reply_error(), 500),
        (lambda r: r.t_send_reply(480, "Gone"), 480), (lambda r: r.options_reply(), None),
        (lambda r: r.sanity_check("1511", "7") and r.sl_send_reply(404, "Not Found"), 404),
    ):  # fmt: skip
        _, replies = probe(stage, "MESSAGE")
        assert status(replies) == ([] if expected is None else [expected])


def test_only_the_first_answer_counts():
    def twice(r):
        r.sl_send_reply(404, "Not Found")
        return r.sl_send_reply(200, "OK")

    assert status(probe(twice)[1]) == [404]


def test_the_verbs_that_change():
    box = Box(Probe(None))
    alice, bob = Phone(box, "200"), Phone(box, "201")

    def change(r):
        r.append_hf("X-New: 1\r\n")
        r.remove_hf("Subject")
        return r.t_relay()

    box.proxy.routes.stage = change
    data = alice.make("MESSAGE", f"sip:201@{bob.peer.host}", ["Subject: x", "X-Old: 2"])
    assert alice.send(data) == []
    got = last(bob.received())
    assert (got.header("x-new"), got.header("x-old"), got.header("subject")) == ("1", "2", None)


def test_a_challenge_without_qop():
    _, replies = probe(lambda r: r.www_challenge("here", "0"), method="REGISTER")
    assert last(replies).header("www-authenticate").startswith('Digest realm="here", nonce=')
    assert "qop" not in last(replies).header("www-authenticate")
