"""Branches to names: looked up first, given up meanwhile, sent on to the next destination."""

from app.proxy.core import MAX_WAITING
from app.sip import build
from tests.dns import answers
from tests.proxy.box import table
from tests.proxy.desks import methods
from tests.proxy.named import NamedBox
from tests.proxy.phone import SDP, Phone, last, status

NAME = "callee.example"
BOB = f"sip:bob@{NAME}"
ONE, TWO = "203.0.113.1", "203.0.113.2"
BOTH = (
    answers.srv(f"_sip._udp.{NAME}", 1, 0, 5060, f"a.{NAME}"),
    answers.srv(f"_sip._udp.{NAME}", 2, 0, 5060, f"b.{NAME}"),
    answers.a(f"a.{NAME}", ONE), answers.a(f"b.{NAME}", TWO),
)  # fmt: skip


class Scene:
    """200 in a NamedBox, and two telephones of another domain, which know no password."""

    def __init__(self, *records, **settings):
        self.box = NamedBox(*(records or BOTH), **settings)
        self.alice = Phone(self.box, "200")
        self.one = Phone(self.box, "bob", host=ONE, domain=NAME)
        self.two = Phone(self.box, "bob", host=TWO, domain=NAME)

    def call(self, uri=BOB, headers=()):
        return status(self.alice.request("INVITE", uri, headers, body=SDP))

    def hang(self):
        self.box.zone.silent = True

    def go_on(self):
        """The name server has seen nothing so far; what is asked again is answered."""
        self.box.zone.silent = False
        self.box.wait(2)


def invite(phone):
    return last([each for each in phone.received() if each.method == "INVITE"])


def test_a_call_to_a_name():
    scene = Scene()
    assert scene.call() == [100]
    request = invite(scene.one)
    assert request.uri == BOB and len(request.headers("record-route")) == 1
    scene.one.reply(request, 180)
    scene.one.reply(request, 200)
    assert status(scene.alice.received()) == [180, 200]
    assert scene.two.received() == []


def test_without_dns_names_lead_nowhere():
    scene = Scene()
    scene.box.config.dns = False
    assert scene.call() == [478] and scene.box.zone.asked == []


def test_a_name_that_is_not_there():
    scene = Scene()
    assert scene.call("sip:bob@nobody.example") == [100, 478]
    assert len(scene.box.endpoint._clients) == 0 and len(scene.box.proxy.calls) == 0
    assert scene.call("sip:bob@nobody.example") == [100, 478]


def test_a_name_that_leads_back_to_us():
    scene = Scene(answers.a(NAME, "192.0.2.10"))
    assert scene.call() == [100, 482]


def test_a_name_server_that_is_dead_ends_the_call():
    scene = Scene()
    scene.hang()
    assert scene.call() == [100]
    scene.box.wait(15)
    assert set(status(scene.alice.received())) == {500}
    assert len(scene.box.proxy.calls) == 0


def test_other_calls_go_on_while_a_name_is_looked_up():
    scene = Scene()
    other = Phone(scene.box, "201")
    other.register()
    scene.hang()
    third = Phone(scene.box, "202")
    assert status(third.request("INVITE", BOB, body=SDP)) == [100]
    assert scene.call("sip:201@example.org") == [100]
    other.reply(invite(other), 200)
    assert status(scene.alice.received()) == [200]
    scene.go_on()
    scene.one.reply(invite(scene.one), 200)
    assert status(third.received()) == [200]


# Given up while the name is looked up


def test_the_caller_gives_up_while_the_name_is_looked_up():
    scene = Scene()
    scene.hang()
    data = scene.alice.make("INVITE", BOB, body=SDP)
    data = scene.alice.authenticated(data, last(scene.alice.send(data)))
    assert status(scene.alice.send(data)) == [100]
    assert status(scene.alice.send(build.cancel_for(data))) == [200, 487]
    scene.go_on()
    scene.box.wait(20)
    assert scene.one.received() == [] and len(scene.box.proxy.calls) == 0


class Forked:
    """A script that sends everything to where it should go, and to 201's desk."""

    def request_route(self, r):
        r.append_branch("sip:201@192.0.2.201")
        r.t_relay()

    def onreply_route(self, r):
        pass


def forked():
    """-> (Scene, desk): a call to BOB, whose name is being looked up, and to a desk of 201."""
    scene = Scene()
    scene.hang()
    scene.box.proxy.routes = Forked()
    desk = Phone(scene.box, "201")
    assert status(scene.alice.send(scene.alice.make("INVITE", BOB, body=SDP))) == [100]
    return scene, desk


def test_an_answer_or_a_decline_ends_the_look_up():
    for code in (200, 603):
        scene, desk = forked()
        desk.reply(invite(desk), code)
        assert status(scene.alice.received()) == [code]
        scene.go_on()
        scene.box.wait(20)
        assert scene.one.received() == []


def test_the_best_response_waits_for_a_name():
    scene, desk = forked()
    desk.reply(invite(desk), 486)
    assert scene.alice.received() == []
    scene.go_on()
    scene.one.reply(invite(scene.one), 404)
    assert status(scene.alice.received())[0] in (404, 486)


# RFC 3263 4.3: the next destination


def test_the_next_destination_is_tried_on_a_503():
    scene = Scene()
    scene.call()
    first = invite(scene.one)
    scene.one.reply(first, 503)
    assert methods(scene.one.received()) == ["ACK"] and scene.alice.received() == []
    second = invite(scene.two)
    assert second.uri == BOB and len(second.headers("record-route")) == 1
    assert second.via.branch != first.via.branch
    assert second.headers("max-breadth") == first.headers("max-breadth")
    scene.two.reply(second, 200)
    assert status(scene.alice.received()) == [200]


def test_other_failures_are_the_callees_own():
    for code in (404, 486, 500, 600):
        scene = Scene()
        scene.call()
        scene.one.reply(invite(scene.one), code)
        assert status(scene.alice.received()) == [code] and scene.two.received() == []


def test_silence_and_a_dead_transport_count_as_failures():
    scene = Scene()
    scene.call()
    scene.one.received()
    scene.box.wait(32)
    assert scene.alice.received() == []
    scene.two.reply(invite(scene.two), 200)
    assert status(scene.alice.received()) == [200]


def test_who_rings_is_not_passed_over():
    scene = Scene()
    scene.call()
    scene.one.reply(invite(scene.one), 180)
    scene.box.wait(125)
    assert methods(scene.one.received())[:1] == ["CANCEL"] and scene.two.received() == []


def test_when_all_destinations_fail_the_last_one_counts():
    scene = Scene()
    scene.call()
    scene.one.reply(invite(scene.one), 503)
    scene.two.reply(invite(scene.two), 503)
    assert status(scene.alice.received()) == [500] and len(scene.box.proxy.calls) == 0


def test_who_failed_is_not_asked_first_for_a_while():
    scene = Scene()
    scene.call()
    scene.one.reply(invite(scene.one), 503)
    scene.two.reply(invite(scene.two), 486)
    scene.alice.received()
    scene.call()
    assert "INVITE" not in methods(scene.one.received())
    scene.two.reply(invite(scene.two), 486)
    scene.box.wait(31)
    scene.alice.received()
    scene.call()
    assert invite(scene.one) is not None


def test_a_cancelled_call_tries_no_other_destination():
    scene = Scene()
    data = scene.alice.make("INVITE", BOB, body=SDP)
    data = scene.alice.authenticated(data, last(scene.alice.send(data)))
    scene.alice.send(data)
    request = invite(scene.one)
    scene.one.reply(request, 180)
    scene.alice.send(build.cancel_for(data))
    scene.one.received()
    scene.one.reply(request, 503)
    assert status(scene.alice.received())[-1] in (487, 500) and scene.two.received() == []


class Quick:
    """A script that waits two seconds for any response."""

    def request_route(self, r):
        r.t_set_fr(120000, 2000)
        r.t_relay()

    def onreply_route(self, r):
        pass


def test_a_late_2xx_of_a_destination_that_was_left():
    """fr_timer: the first one is slow; it answers when the second one rings already."""
    scene = Scene()
    scene.box.proxy.routes = Quick()
    scene.alice.send(scene.alice.make("INVITE", BOB, body=SDP))
    slow = invite(scene.one)
    scene.box.wait(3)
    quick = invite(scene.two)
    scene.two.reply(quick, 180, tag="two")
    scene.one.reply(slow, 200, tag="one")
    found = scene.alice.received()
    assert status(found) == [180, 200] and last(found).to.tag == "one"
    assert methods(scene.two.received()) == ["CANCEL"]
    scene.two.reply(quick, 487, tag="two")
    assert scene.alice.received() == [] and methods(scene.two.received()) == ["ACK"]


def test_a_destination_that_was_left_is_cancelled_when_it_comes_alive():
    scene = Scene()
    scene.box.proxy.routes = Quick()
    scene.alice.send(scene.alice.make("INVITE", BOB, body=SDP))
    slow = invite(scene.one)
    scene.box.wait(3)
    quick = invite(scene.two)
    scene.one.received()
    scene.one.reply(slow, 180, tag="one")
    assert methods(scene.one.received()) == ["CANCEL"]
    assert scene.alice.received() == []  # its ringing is nobody's
    scene.one.reply(slow, 487, tag="one")
    scene.two.reply(quick, 200, tag="two")
    assert status(scene.alice.received()) == [200]


def test_other_methods_find_names_too():
    scene = Scene()
    assert scene.alice.request("MESSAGE", BOB) == []
    request = last(scene.one.received())
    assert request.method == "MESSAGE"
    scene.one.reply(request, 503)
    scene.two.reply(last(scene.two.received()), 200)
    assert status(scene.alice.received()) == [200]


def test_a_request_that_its_caller_has_given_up_goes_nowhere_else():
    scene = Scene()
    scene.alice.request("MESSAGE", BOB)
    scene.box.wait(40)
    assert scene.two.received() == []


def test_the_early_dialog_of_a_destination_that_fails_has_ended():
    """RFC 6228: the caller's telephone may stop playing what it heard."""
    scene = Scene()
    scene.call(headers=["Supported: 199"])
    request = invite(scene.one)
    scene.one.reply(request, 183, tag="one")
    scene.one.reply(request, 503, tag="one")
    found = scene.alice.received()
    assert status(found) == [183, 199] and last(found).to.tag == "one"
    scene.two.reply(invite(scene.two), 200)
    assert status(scene.alice.received()) == [200]


# Within a dialog


def talking(contact):
    """-> (Scene, INVITE as sent, the 200): the callee's Contact is this."""
    scene = Scene(*BOTH, answers.a("phone.example", ONE))
    data = scene.alice.make("INVITE", BOB, body=SDP)
    data = scene.alice.authenticated(data, last(scene.alice.send(data)))
    scene.alice.send(data)
    scene.one.contact = contact
    scene.one.reply(invite(scene.one), 200, body=SDP)
    return scene, data, last(scene.alice.received())


def test_the_ack_and_the_bye_find_a_contact_that_is_a_name():
    scene, data, answer = talking("<sip:bob@phone.example:5060>")
    ack = scene.alice.within("ACK", data, answer, cseq=2)
    assert scene.alice.send(ack) == []
    found = last(scene.one.received())
    assert found.method == "ACK" and found.uri == "sip:bob@phone.example:5060"
    scene.alice.send(scene.alice.within("BYE", data, answer))
    scene.one.reply(last(scene.one.received()), 200)
    assert status(scene.alice.received()) == [200]


def test_a_seal_for_a_name_is_for_no_other():
    scene, data, answer = talking("<sip:bob@phone.example:5060>")
    for uri in ("sip:bob@phone.example", "sip:bob@other.example:5060", f"sip:bob@{ONE}"):
        found = scene.alice.send(scene.alice.within("BYE", data, answer, uri=uri))
        assert status(found) in ([403], [407]), uri
    assert [name for name, _ in scene.box.zone.asked if "other" in name] == []


def test_acks_that_wait_for_a_name_are_bounded():
    scene, data, answer = talking("<sip:bob@phone.example:5060>")
    scene.box.wait(400)
    scene.hang()
    for _ in range(MAX_WAITING + 10):
        scene.alice.send(scene.alice.within("ACK", data, answer, cseq=2))
    scene.go_on()
    assert len(scene.one.received()) == 32  # as many as may wait for one question
    assert scene.box.proxy._waiting == 0


def test_a_stranger_has_nothing_looked_up():
    scene = Scene()
    stranger = Phone(scene.box, "eve", host="198.51.100.66", domain="evil.example")
    assert status(stranger.send(stranger.make("INVITE", BOB, body=SDP))) == [403]
    route = f"Route: <sip:{NAME};lr>"
    assert status(stranger.send(stranger.make("INVITE", "sip:200@example.org", [route]))) == [403]
    via = f"SIP/2.0/UDP {NAME};branch=z9hG4bKeve;rport"
    stranger.send(stranger.make("OPTIONS", "sip:example.org", via=via))
    scene.alice.register()
    stranger.contact = f"<sip:eve@{NAME}>"
    assert status(stranger.send(stranger.make("INVITE", "sip:200@example.org"))) == [100]
    assert scene.box.zone.asked == []


def test_a_name_of_an_alias_is_followed():
    rows = "alias_username(str) alias_domain(str) username(str) domain(str)\n"
    rows += f"900:example.org:bob:{NAME}\n"
    scene = Scene(*BOTH, tables={"dbaliases": table("dbaliases", rows)})
    assert scene.call("sip:900@example.org") == [100]
    assert invite(scene.one).uri == BOB


def test_a_contact_that_is_a_name_is_reached():
    scene = Scene(*BOTH, answers.a("phone.example", "192.0.2.201"))
    desk = Phone(scene.box, "201")
    desk.contact = "<sip:201@phone.example:5060>"
    desk.register()
    scene.call("sip:201@example.org")
    assert invite(desk).uri == "sip:201@phone.example:5060"
