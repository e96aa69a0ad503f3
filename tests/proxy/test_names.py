"""From, To and CSeq that differ on the two sides of a dialog, all through it."""

from app.proxy.names import FROM, Names, sealed_text, writer_of
from app.proxy.seal import BACK, ON, Seals
from app.sip import build
from app.sip.digest import challenge, parse_credentials
from app.sip.edits import Edits
from app.sip.headers import parse_name_addr
from app.sip.message import parse
from app.sip.transport import Peer
from app.sip.uri import parse_uri
from tests.proxy.box import Box, Hashes
from tests.proxy.phone import Phone, last, status

TRUNK = "203.0.113.9"
NUMBER = '"Firm" <sip:0301234@provider.example>'
CALLED = "sip:0049@provider.example"


class Script:
    """Everything goes to the trunk; From and To are others there."""

    def request_route(self, r):
        r.record_route()
        if not r.loose_route():
            r.uac_replace_from("Firm", "sip:0301234@provider.example")
            if r.ru.user != "same":
                r.uac_replace_to("", CALLED)
            r.set_ruri(parse_uri(f"sip:0049@{TRUNK}"))
            r.t_on_failure("failed")
        r.t_relay()

    def onreply_route(self, r):
        pass

    def failed(self, r):
        if r.t_check_status("401|407") and r.uac_auth():
            r.t_on_failure("failed")
            r.t_relay()


def call(user="0123", **settings):
    """-> (box, alice, trunk, INVITE as alice sent it, INVITE as the trunk got it)."""
    box = Box(script=Script(), **settings)
    alice = Phone(box, "200")
    trunk = Phone(box, "0049", host=TRUNK, domain="provider.example")
    sent = alice.make(
        "INVITE", f"sip:{user}@example.org", from_='"Alice" <sip:200@example.org>;tag=fa;x=y'
    )
    alice.send(sent)
    return box, alice, trunk, parse(sent), last(trunk.received())


def answered(**settings):
    box, alice, trunk, sent, invite = call(**settings)
    trunk.reply(invite, 200, tag="tt")
    return box, alice, trunk, sent, invite, last(alice.received())


def says(message, from_, to):
    """Both headers without their tags; the tags themselves are the caller's and the callee's."""
    found = []
    for name in ("from", "to"):
        value = parse_name_addr(message.header(name))
        found.append(f'"{value.display}" {value.uri}' if value.display else str(value.uri))
    assert found == [from_, to], found


OURS = ('"Alice" sip:200@example.org', "sip:0123@example.org")
THEIRS = ('"Firm" sip:0301234@provider.example', CALLED)


def test_the_trunk_sees_other_names_and_the_caller_its_own():
    box, alice, trunk, sent, invite = call()
    says(invite, *THEIRS)
    assert (invite.from_.tag, invite.from_.params.get("x"), invite.to.tag) == ("fa", "y", None)
    assert (invite.call_id, invite.cseq.number) == (sent.call_id, sent.cseq.number)
    for code, tag in ((180, "t1"), (183, "t2"), (486, "t1")):
        trunk.reply(invite, code, tag=tag)
        reply = last(alice.received())
        says(reply, *OURS)
        assert (reply.from_.tag, reply.to.tag, reply.status) == ("fa", tag, code)
        assert reply.header("from") == sent.header("from")
    assert [each.method for each in trunk.received()] == ["ACK"]


def test_the_ack_of_a_failure_and_a_cancel_say_what_the_invite_said():
    box, alice, trunk, sent, invite = call()
    trunk.reply(invite, 180)
    alice.received()
    alice.send(build.cancel_for(sent))
    cancel = last(trunk.received())
    assert cancel.method == "CANCEL"
    says(cancel, *THEIRS)
    trunk.reply(cancel, 200)
    trunk.reply(invite, 487, tag="tt")
    ack = last(trunk.received())
    says(ack, *THEIRS)
    assert ack.method == "ACK" and last(alice.received()).status == 487


def test_requests_of_the_caller_are_told_in_the_trunks_names():
    box, alice, trunk, sent, invite, answer = answered()
    for method in ("ACK", "INVITE", "UPDATE", "INFO", "PRACK", "BYE"):
        cseq = answer.cseq.number if method == "ACK" else answer.cseq.number + 5
        alice.send(alice.within(method, sent, answer, cseq=cseq))
        got = last(trunk.received())
        says(got, *THEIRS)
        assert (got.method, got.from_.tag, got.to.tag) == (method, "fa", "tt")
        assert got.cseq.number == cseq
        if method != "ACK":
            trunk.reply(got, 200)
            reply = last(alice.received())
            says(reply, *OURS)
            assert (reply.from_.tag, reply.to.tag) == ("fa", "tt")


def test_requests_of_the_trunk_are_told_in_the_callers_names():
    box, alice, trunk, sent, invite, answer = answered()
    sealed = parse(build.response(invite, 200, "OK", to_tag="tt", headers=[
        f"Contact: {trunk.contact}"]))  # fmt: skip
    for method in ("INVITE", "UPDATE", "INFO", "BYE"):
        trunk.send(trunk.within(method, invite, sealed, is_caller=False))
        got = last(alice.received())
        says(got, "sip:0123@example.org", '"Alice" sip:200@example.org')
        assert (got.method, got.from_.tag, got.to.tag) == (method, "tt", "fa")
        alice.reply(got, 200)
        reply = last(trunk.received())
        says(reply, CALLED, THEIRS[0])
        assert (reply.from_.tag, reply.to.tag) == ("tt", "fa")


def test_it_survives_a_restart():
    box, alice, trunk, sent, invite, answer = answered()
    after = Box(files=box.files, script=Script())
    alice.box = trunk.box = after
    alice.send(alice.within("BYE", sent, answer))
    says(last(trunk.received()), *THEIRS)


def test_one_of_the_two_may_stay():
    box, alice, trunk, sent, invite = call("same")
    says(invite, THEIRS[0], "sip:same@example.org")
    trunk.reply(invite, 200, tag="tt")
    alice.send(alice.within("BYE", sent, last(alice.received())))
    says(last(trunk.received()), THEIRS[0], "sip:same@example.org")


def test_nobody_can_read_or_write_what_the_route_carries():
    box, alice, trunk, sent, invite, answer = answered()
    for message, secret in ((invite, "200@example.org"), (answer, "0301234")):
        route = message.header("record-route")
        assert secret not in route and FROM in route
    # another name in our Route is a Route of somebody's own making
    forged = Edits(parse(alice.within("BYE", sent, answer)))
    route = parse_name_addr(answer.header("record-route"))
    value = route.uri.params.get(FROM)
    route.uri.params.set(FROM, ("A" if value[0] != "A" else "B") + value[1:])
    forged.set("Route", str(route))
    alice.send(forged.to_bytes())
    for got in trunk.received():
        says(got, *THEIRS)  # a request of its own, which the script sends as any other
    # and one without is none either
    forged = Edits(parse(alice.within("INFO", sent, answer)))
    route.uri.params.remove(FROM)
    forged.set("Route", str(route))
    alice.send(forged.to_bytes())
    assert [each for each in trunk.received() if each.headers("route")] == []


def test_the_texts_of_two_dialogs_and_of_two_ways_are_enciphered_differently():
    seals = Seals(Hashes, "secret")
    names = Names("<sip:0301234@provider.example>")
    made = [
        writer_of(seals, call_id, tag, mark).for_sender(names)
        for call_id, tag, mark in (
            ("c1", "t1", "00000001"), ("c2", "t1", "00000001"), ("c1", "t2", "00000001"),
            ("c1", "t1", "00000002"),
        )
    ]  # fmt: skip
    assert len(set(made)) == 4
    uri = parse_uri("sip:box;lr" + made[0])
    writer = writer_of(seals, "c1", "t1", "00000001")
    assert sealed_text(uri) == made[0] and writer.read(ON, uri).from_ == names.from_
    other = writer.read(BACK, uri)
    assert other is None or other.to != names.from_


def test_rubbish_in_a_route_is_no_name():
    writer = writer_of(Seals(Hashes, "secret"), "c1", "t1", "00000001")
    for text in ("vsf=A", "vsf=!!", "vst=" + "A" * 40, "vcs=1x", "vcs=100", "vcs=-1", "vsf"):
        names = writer.read(ON, parse_uri("sip:box;lr;" + text))
        assert names is None or (names.cseq == 0 and "sip:0301234" not in names.from_), text


def test_what_is_too_long_is_not_replaced():
    box = Box(script=Script())
    alice, trunk = Phone(box, "200"), Phone(box, "0049", host=TRUNK)
    display = "x" * 400
    alice.send(alice.make(
        "INVITE", "sip:same@example.org", from_=f'"{display}" <sip:200@example.org>;tag=fa'
    ))  # fmt: skip
    assert display in last(trunk.received()).header("from")


# Challenges of the trunk


def challenged(realm="provider.example", nonce="n1", code=407, **fields):
    name = "Proxy-Authenticate" if code == 407 else "WWW-Authenticate"
    return f"{name}: {challenge(realm, nonce, **fields)}"


TRUNKS = {"trunk_host": TRUNK, "trunk_username": "box", "trunk_password": "secret",
          "trunk_realm": "provider.example"}  # fmt: skip


def test_a_challenge_of_the_trunk_is_answered_with_the_next_cseq():
    box, alice, trunk, sent, invite = call(**TRUNKS)
    trunk.reply(invite, 407, headers=[challenged()])
    ack, again = trunk.received()
    assert ack.method == "ACK" and ack.cseq.number == invite.cseq.number
    given = parse_credentials(again.header("proxy-authorization"))
    assert given.username == "box" and given.uri == again.uri == invite.uri
    assert again.cseq.number == invite.cseq.number + 1 and again.call_id == invite.call_id
    assert again.from_.tag == "fa" and alice.received() == []
    says(again, *THEIRS)
    trunk.reply(again, 200, tag="tt")
    answer = last(alice.received())
    assert answer.status == 200 and answer.cseq.number == sent.cseq.number
    says(answer, *OURS)


def test_the_dialog_goes_on_with_the_shifted_cseq():
    box, alice, trunk, sent, invite = call(**TRUNKS)
    trunk.reply(invite, 401, headers=[challenged(code=401)])
    again = last(trunk.received())
    trunk.reply(again, 183, tag="tt", headers=["RSeq: 1", "Require: 100rel"])
    early = last(alice.received())
    number = sent.cseq.number
    prack = alice.within("PRACK", sent, early, [f"RAck: 1 {number} INVITE"], cseq=number + 1)
    alice.send(prack)
    got = last(trunk.received())
    assert got.cseq.number == number + 2 and got.header("rack") == f"1 {number + 1} INVITE"
    trunk.reply(got, 200)
    assert last(alice.received()).cseq.number == number + 1
    trunk.reply(again, 200, tag="tt")
    answer = last(alice.received())
    alice.send(alice.within("ACK", sent, answer, cseq=number))
    assert last(trunk.received()).cseq.number == number + 1
    alice.send(alice.within("BYE", sent, answer, cseq=number + 2))
    bye = last(trunk.received())
    assert bye.cseq.number == number + 3
    trunk.reply(bye, 200)
    assert last(alice.received()).cseq.number == number + 2


def test_no_digest_for_another_realm_from_elsewhere_or_again():
    def challenge_by(peer=None, **fields):
        box, alice, trunk, sent, invite = call(**TRUNKS)
        data = build.response(invite, 407, "x", to_tag="t", headers=[challenged(**fields)])
        box.receive(data, peer or trunk.peer)
        return box, alice, trunk, [each for each in trunk.received() if each.method == "INVITE"]

    assert challenge_by(realm="other.example")[3] == []
    assert challenge_by(Peer("udp", "198.51.100.66", 5060, 0))[3] == []
    box, alice, trunk, [again] = challenge_by()
    trunk.reply(again, 407, headers=[challenged(nonce="n2")])
    assert [each.method for each in trunk.received()] == ["ACK"]
    assert status(alice.received()) == [407]


def test_without_credentials_for_that_address_nothing_is_answered():
    other = dict(TRUNKS)
    other["trunk_host"] = "198.51.100.1"
    for settings in ({}, other):
        box, alice, trunk, sent, invite = call(**settings)
        trunk.reply(invite, 407, headers=[challenged()])
        assert [each.method for each in trunk.received()] == ["ACK"]
        assert status(alice.received()) == [407]


def test_outside_of_a_failure_route_there_is_nothing_to_answer():
    class Eager(Script):
        def request_route(self, r):
            assert not r.uac_auth() and not r.uac_restore_from() and not r.uac_restore_to()
            r.uac_replace_from("sip:a@b.example")
            assert r.uac_restore_from() and not r.uac_restore_to()
            r.drop()

    box = Box(script=Eager())
    alice = Phone(box, "200")
    alice.send(alice.make("INVITE", "sip:1@example.org"))


def test_a_challenge_that_was_answered_is_not_what_the_caller_hears():
    for code in (486, 404, 503):
        box, alice, trunk, sent, invite = call(**TRUNKS)
        trunk.reply(invite, 407, headers=[challenged()])
        trunk.reply(last(trunk.received()), code)
        assert status(alice.received()) == [500 if code == 503 else code]
    box, alice, trunk, sent, invite = call(**TRUNKS)
    trunk.reply(invite, 407, headers=[challenged()])
    again = last(trunk.received())
    trunk.reply(again, 180)
    alice.received()
    alice.send(build.cancel_for(sent))
    trunk.reply(last(trunk.received()), 200)
    trunk.reply(again, 487)
    assert status(alice.received()) == [487]
