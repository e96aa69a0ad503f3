"""The verbs that send on, but for failure routes: targets, fixed hops, transactions."""

from tests.proxy.box import Box
from tests.proxy.desks import desks, methods
from tests.proxy.phone import Phone, last, status
from tests.proxy.probe import Probe, probe


def sent(stage, method="MESSAGE", uri="sip:201@192.0.2.201", **settings):
    """-> ({host: [Request]} of what goes out, replies to the sender, what the stage returned)."""
    script = Probe(stage)
    box = Box(script, **settings)
    phone = Phone(box, "200")
    replies = phone.send(phone.make(method, uri))
    found = {}
    for data, peer in box.sent:
        found.setdefault(f"{peer.transport}:{peer.host}:{peer.port}", []).append(data)
    return found, replies, script.found


def test_a_fixed_next_hop():
    for stage, place in (
        (lambda r: r.t_relay("192.0.2.80"), "udp:192.0.2.80:5060"),
        (lambda r: r.t_relay("192.0.2.80", 5080), "udp:192.0.2.80:5080"),
        (lambda r: r.t_relay_to_udp("192.0.2.80", "5070"), "udp:192.0.2.80:5070"),
        (lambda r: r.t_relay_to_udp(), "udp:192.0.2.201:5060"),
        (lambda r: r.t_relay_to("udp:192.0.2.80:5090"), "udp:192.0.2.80:5090"),
        (lambda r: r.t_relay_to("192.0.2.80"), "udp:192.0.2.80:5060"),
        (lambda r: r.forward(), "udp:192.0.2.201:5060"),
    ):  # fmt: skip
        found, _, result = sent(stage)
        assert list(found) == [place] and result is True
        assert found[place][0].startswith(b"MESSAGE sip:201@192.0.2.201 SIP/2.0\r\n")


def test_a_next_hop_that_is_none():
    for stage in (
        lambda r: r.t_relay("a b"), lambda r: r.t_relay_to("udp:[::1"), lambda r: r.t_relay_to(""),
        lambda r: r.t_relay_to_tcp("192.0.2.80"), lambda r: r.t_relay_to_tls(),  # UDP alone here
    ):  # fmt: skip
        found, replies, error = sent(
            lambda r, stage=stage: not stage(r) and r.sl_reply_error() and r.error
        )
        assert error[0] == 478 and status(replies) == [478] and found == {}


def test_targets_by_hand():
    def several(r):
        r.append_branch("sip:1@192.0.2.81")
        r.append_branch("sip:2@192.0.2.82", 0.5)
        return r.t_relay()

    found, _, _ = sent(several)
    assert sorted(found) == ["udp:192.0.2.201:5060", "udp:192.0.2.81:5060"]  # q 0.5 comes later

    def cleared(r):
        r.append_branch("sip:1@192.0.2.81")
        r.clear_branches()
        return r.t_relay()

    assert sorted(sent(cleared)[0]) == ["udp:192.0.2.201:5060"]

    def consumed(r):
        """As in Kamailio: the Request-URI has become a branch, and is none by itself."""
        r.append_branch()
        r.seturi("sip:3@192.0.2.83")
        return r.t_relay()

    assert sorted(sent(consumed)[0]) == ["udp:192.0.2.201:5060", "udp:192.0.2.83:5060"]


def test_contacts_are_taken_group_by_group():
    def first_group(r):
        r.lookup("location")
        r.t_load_contacts()
        groups = []
        while r.t_next_contacts():
            groups.append(sorted([target.uri.user for target in r.targets]))
        return groups, r.t_next_contacts()

    box = Box()
    desks(box, 0.9, 0.2, 0.9)
    script = box.proxy.routes = Probe(first_group)
    eve = Phone(box, "eve", host="203.0.113.5", domain="far.example")
    eve.send(eve.make("INVITE", "sip:201@example.org"))
    assert script.found == ([["desk20", "desk22"], ["desk21"]], False)


def test_a_script_that_does_something_between_the_groups():
    class Groups(Probe):
        def next_group(self, r):
            if r.t_next_contacts():
                r.append_hf("X-Group: another")
                r.t_on_failure("next_group")
                r.t_relay()

        def start(self, r):
            r.lookup("location")
            r.t_load_contacts()
            self.next_group(r)

    box = Box()
    one, two = desks(box, 0.2, 0.9)
    script = Groups(None)
    script.stage = script.start
    box.proxy.routes = script
    eve = Phone(box, "eve", host="203.0.113.5", domain="far.example")
    eve.send(eve.make("INVITE", "sip:201@example.org"))
    assert one.got() == []
    two.phone.reply(two.invite(), 486)
    invite = one.invite()
    assert invite.headers("x-group") == ["another"] * 2
    one.phone.reply(invite, 200)
    assert status(eve.received()) == [200]


def test_a_reply_again():
    def twice(r):
        r.t_reply(480, "Gone")
        return r.t_retransmit_reply(), r.t_check_trans()

    found, replies = probe(twice, "MESSAGE")
    assert found == (True, True) and status(replies) == [480, 480]
    assert replies[0].raw == replies[1].raw


def test_an_ack_of_a_call_that_passes():
    seen = []
    box = Box()
    alice, bob = Phone(box, "200"), Phone(box, "201")
    bob.register()
    alice.request("INVITE", "sip:201@example.org")
    bob.reply(last(bob.received()), 200)
    answer = last(alice.received())
    box.proxy.routes = Probe(lambda r: seen.append(r.t_check_trans()))
    alice.send(alice.within("ACK", answer, answer, cseq=answer.cseq.number))
    alice.send(alice.make("ACK", "sip:201@example.org", to="<sip:201@example.org>;tag=x"))
    assert seen == [True, False]


def test_times_that_are_taken_back():
    def stage(r):
        r.t_set_fr(5000, 1000)
        r.t_set_fr(0, 0)
        seen.append((r.fr_inv, r.fr))
        r.t_reset_fr()
        seen.append((r.fr_inv, r.fr))

    seen = []
    probe(stage)
    assert seen == [(5.0, 1.0), (120, None)]


def test_a_provisional_answer_and_then_the_request_goes_on():
    def stage(r):
        r.t_reply(182, "Queued")
        return r.t_relay()

    box = Box(Probe(stage))
    alice, bob = Phone(box, "200"), Phone(box, "201")
    assert status(alice.send(alice.make("INVITE", "sip:201@192.0.2.201"))) == [100, 182]
    bob.reply(last(bob.received()), 200)
    assert status(alice.received()) == [200]


def test_a_strict_router_in_a_failure_route():
    """The Route set is the request's: it holds for each branch that is added."""

    class Script(Probe):
        def again(self, r):
            r.append_branch("sip:9@192.0.2.90")
            r.t_relay()

    script = Script(lambda r: r.t_on_failure("again") and r.t_relay())
    box = Box(script)
    alice, router = Phone(box, "200"), Phone(box, "r", host="192.0.2.77")
    alice.send(alice.make("INVITE", "sip:201@192.0.2.201", ["Route: <sip:192.0.2.77>"]))
    first = last(router.received())
    assert (first.uri, first.headers("route")) == ("sip:192.0.2.77", ["<sip:201@192.0.2.201>"])
    router.reply(first, 480)
    found = [each for each in router.received() if each.method == "INVITE"]
    assert methods(found) == ["INVITE"]
    assert (found[0].uri, found[0].headers("route")) == ("sip:192.0.2.77", ["<sip:9@192.0.2.90>"])
