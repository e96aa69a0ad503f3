"""The media verbs against a relay that writes down what it is asked."""

from app.media.errors import NoPorts
from app.proxy.config import Config
from app.sip.errors import bad
from tests.proxy.box import Box
from tests.proxy.phone import SDP, Phone, last, status


class Relay:
    """Stands in for app.media.Relay: asked is [(verb, tags..., source)]."""

    NoPorts = NoPorts

    def __init__(self):
        self.asked = []
        self.is_full = False

    def offer(self, call_id, from_tag, sdp, source_host, to_host=None, trusted=False):
        if self.is_full:
            raise NoPorts("none left")
        self.asked.append(("offer", from_tag, source_host, to_host, trusted))
        return sdp.replace(b"192.0.2.99", b"192.0.2.10")

    def answer(self, call_id, from_tag, to_tag, sdp, source_host, trusted=False):
        self.asked.append(("answer", from_tag, to_tag, source_host, trusted))
        return sdp.replace(b"192.0.2.99", b"192.0.2.10")

    def delete(self, call_id, tag=None):
        self.asked.append(("delete", tag))

    def events(self):
        return []

    def taken(self):
        asked, self.asked = self.asked, []
        return asked


def scene(**settings):
    relay = Relay()
    box = Box(media=relay, **settings)
    alice, bob = Phone(box, "200"), Phone(box, "201")
    bob.register()
    return box, relay, alice, bob


def ring(alice, bob, body=SDP):
    assert status(alice.request("INVITE", "sip:201@example.org", body=body)) == [100]
    return last(bob.received())


def test_offer_and_answer_pass_through_the_relay():
    box, relay, alice, bob = scene()
    invite = ring(alice, bob)
    assert b"c=IN IP4 192.0.2.10\r\n" in invite.body
    assert invite.header("content-length") == str(len(invite.body))
    bob.reply(invite, 200, body=SDP)
    answer = last(alice.received())
    assert b"c=IN IP4 192.0.2.10\r\n" in answer.body
    assert relay.taken() == [
        ("offer", "f200", "192.0.2.200", "192.0.2.201", False),
        ("answer", "f200", "t201", "192.0.2.201", False),
    ]
    alice.send(alice.within("BYE", answer, answer))
    assert relay.taken()[0] == ("delete", "f200")


def test_early_media_is_an_answer_too():
    box, relay, alice, bob = scene()
    invite = ring(alice, bob)
    bob.reply(invite, 183, body=SDP)
    assert b"192.0.2.10" in last(alice.received()).body
    assert relay.taken()[1][0] == "answer"


def test_the_offer_may_be_in_the_200_and_the_answer_in_the_ack():
    box, relay, alice, bob = scene()
    invite = ring(alice, bob, body=b"")
    bob.reply(invite, 200, body=SDP)
    answer = last(alice.received())
    alice.send(alice.within("ACK", answer, answer, cseq=answer.cseq.number, body=SDP))
    assert b"192.0.2.10" in last(bob.received()).body
    assert relay.taken() == [
        ("offer", "t201", "192.0.2.201", "192.0.2.200", False),
        ("answer", "t201", "f200", "192.0.2.200", False),
    ]


def test_a_prack_with_the_answer():
    box, relay, alice, bob = scene()
    invite = ring(alice, bob, body=b"")
    bob.reply(invite, 183, body=SDP, headers=["Require: 100rel", "RSeq: 1"])
    answer = last(alice.received())
    alice.send(alice.within("PRACK", answer, answer, ["RAck: 1 1 INVITE"], body=SDP))
    assert last(bob.received()).method == "PRACK"
    assert [asked[0] for asked in relay.taken()] == ["offer", "answer"]


def test_a_reinvite_of_the_callee():
    box, relay, alice, bob = scene()
    invite = ring(alice, bob)
    bob.reply(invite, 200, body=SDP)
    answer = last(alice.received())
    relay.taken()
    bob.send(bob.within("INVITE", invite, answer, is_caller=False, body=SDP))
    again = last(alice.received())
    alice.reply(again, 200, body=SDP, tag="f200")
    assert [asked[:3] for asked in relay.taken()] == [
        ("offer", "t201", "192.0.2.201"), ("answer", "t201", "f200"),
    ]  # fmt: skip


def test_a_call_that_fails_gives_its_ports_back():
    box, relay, alice, bob = scene()
    invite = ring(alice, bob)
    relay.taken()
    bob.reply(invite, 486)
    assert relay.taken() == [("delete", "f200")]


def test_no_ports_left():
    box, relay, alice, bob = scene()
    relay.is_full = True
    replies = alice.request("INVITE", "sip:201@example.org", body=SDP)
    assert last(replies).status == 503 and last(replies).header("retry-after")
    assert bob.received() == [] and len(box.proxy.calls) == 0


def test_a_call_with_nowhere_to_go_gives_its_ports_back():
    box, relay, alice, bob = scene()
    assert status(alice.request("INVITE", "sip:x@far.example", body=SDP)) == [478]
    assert [asked[0] for asked in relay.taken()] == ["offer", "delete"]
    assert len(box.proxy.calls) == 0


def test_an_sdp_that_cannot_be_read_is_passed_on():
    class Strict(Relay):
        def offer(self, *arguments):
            raise bad("not that")

    box = Box(media=Strict())
    alice, bob = Phone(box, "200"), Phone(box, "201")
    bob.register()
    assert ring(alice, bob).body == SDP
    assert box.log.has("is passed on as it is")


def test_a_part_of_a_multipart_body_is_relayed():
    box, relay, alice, bob = scene()
    part = b"--x\r\nContent-Type: application/sdp\r\n\r\n" + SDP + b"\r\n--x--\r\n"
    data = alice.make("INVITE", "sip:201@example.org", body=part)
    data = data.replace(b"application/sdp", b'multipart/mixed;boundary="x"', 1)
    reply = last(alice.send(data))
    alice.send(alice.authenticated(data, reply))
    got = last([each for each in bob.received() if each.method == "INVITE"])
    assert b"192.0.2.10" in got.body and got.body.startswith(b"--x\r\n")
    assert got.body.endswith(b"\r\n--x--\r\n")


def test_a_trunk_may_name_another_address_for_its_media():
    box, relay, alice, bob = scene(trunks=("198.51.100.7",))
    trunk = Phone(box, "0123", host="198.51.100.7", domain="198.51.100.7")
    trunk.send(trunk.make("INVITE", "sip:201@example.org", body=SDP))
    assert relay.taken()[0][-1] is True


def test_the_media_falls_silent():
    box, relay, alice, bob = scene()
    invite = ring(alice, bob)
    bob.reply(invite, 200, body=SDP)
    call = box.proxy.calls.all()[0]
    relay.taken()
    box.proxy.media_timeout(call.call_id, box.now)
    assert relay.taken() == [("delete", "f200")]
    assert box.log.has("ended without media") and len(box.proxy.calls) == 0


def test_what_passes_twice_is_relayed_once():
    """A number that the provider sends back to us: the second pass is the same call."""
    box, relay, alice, bob = scene(trunks=("198.51.100.7",))
    provider = Phone(box, "0123", host="198.51.100.7", domain="198.51.100.7")
    assert status(alice.request("INVITE", "sip:201@198.51.100.7", body=SDP)) == [100]
    there = last(provider.received())
    back = there.raw.replace(b"sip:201@198.51.100.7 SIP", b"sip:201@example.org SIP", 1)
    back = back.replace(b"Via: ", b"Via: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKback\r\nVia: ", 1)
    provider.send(back)
    invite = last(bob.received())
    assert invite.body == there.body
    bob.reply(invite, 486)
    assert 486 in status(provider.received())
    assert [asked[0] for asked in relay.taken()] == ["offer"]
    assert len(box.proxy.calls) == 1


def test_an_sdp_outside_of_a_call_opens_nothing():
    """No BYE would give the ports back: a trunk could take all of them, a MESSAGE at a time."""
    box, relay, alice, bob = scene()
    box.proxy.reload(box.tables, Config(domains=("example.org",), trunks=("203.0.113.9",)))
    trunk = Phone(box, "mallory", host="203.0.113.9", domain="example.com")
    for method in ("MESSAGE", "PUBLISH", "INFO", "UPDATE", "OPTIONS", "NOTIFY", "INVITE"):
        to = "<sip:201@example.org>;tag=x" if method in ("UPDATE", "INVITE") else None
        fields = {"to": to} if to else {}
        trunk.send(trunk.make(method, "sip:201@example.org", body=SDP, **fields))
        request = last(bob.received())
        assert request.method == method and b"192.0.2.99" in request.body
        bob.reply(request, 200, body=SDP)
    assert relay.taken() == []


def test_media_of_a_dialog_from_before_a_restart_ends_in_silence():
    """The call itself is forgotten: a re-INVITE gives it media again, and its end is theirs."""
    box, relay, alice, bob = scene()
    invite = ring(alice, bob)
    bob.reply(invite, 200, body=SDP)
    answer = last(alice.received())
    box.proxy.calls.drop(answer.call_id)
    relay.taken()
    alice.send(alice.within("INVITE", answer, answer, body=SDP))
    assert [asked[0] for asked in relay.taken()] == ["offer"]
    box.proxy.media_timeout(answer.call_id, box.now)
    assert relay.taken() == [("delete", None)]
