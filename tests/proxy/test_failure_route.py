"""t_on_failure, t_on_branch, t_on_reply: a script that goes on when all branches have failed."""

from app import routes
from tests.proxy.box import Box
from tests.proxy.desks import cancel_of, desks, methods
from tests.proxy.phone import SDP, Phone, last, status

VOICEMAIL = "sip:vm@192.0.2.80"
SECOND = "sip:gw@192.0.2.81"


class Script:
    """The shipped script, with functions by name and `prepare(r)` before each t_relay."""

    def __init__(self, prepare, **named):
        self.seen = []
        self.prepare = prepare
        for name in named:
            setattr(self, name, named[name])

    def request_route(self, r):
        if r.is_method("REGISTER|ACK") or r.has_totag():
            return routes.request_route(r)
        r.record_route()
        if not r.lookup("location"):
            return r.sl_send_reply(404, "Not Found")
        self.prepare(r)
        return r.t_relay() or r.sl_reply_error()

    def onreply_route(self, r):
        routes.onreply_route(r)


def scene(script, *qualities, method="INVITE", headers=(), **settings):
    """-> (box, caller, telephones of 201, voicemail, second gateway) with a request out."""
    box = Box(script, **settings)
    found = desks(box, *qualities)
    eve = Phone(box, "eve", host="203.0.113.5", domain="far.example")
    voicemail, second = Phone(box, "vm", host="192.0.2.80"), Phone(box, "gw", host="192.0.2.81")
    body = SDP if method == "INVITE" else b""
    box.receive(eve.make(method, "sip:201@example.org", headers, body), eve.peer)
    return box, eve, found, voicemail, second


def to_voicemail(r):
    if r.t_check_status("486|408|603"):
        r.append_branch(VOICEMAIL)
        r.append_hf("Diversion: <sip:201@example.org>;reason=user-busy")
        r.t_relay()


def on_failure(name):
    return lambda r: r.t_on_failure(name)


def test_a_busy_extension_has_a_voicemail():
    box, eve, (one,), voicemail, _ = scene(
        Script(on_failure("busy"), busy=to_voicemail), None, headers=["X-Kept: 1"]
    )
    one.phone.reply(one.invite(), 486, "Busy Here")
    assert methods(one.got()) == ["ACK"]
    assert status(eve.received()) == [100]
    invite = last(voicemail.received())
    assert (invite.uri, invite.header("x-kept")) == (VOICEMAIL, "1")
    assert invite.header("diversion") and len(invite.headers("record-route")) == 1
    assert invite.header("to") == "<sip:201@example.org>" and invite.max_forwards == 70
    voicemail.reply(invite, 200)
    answer = last(eve.received())
    assert answer.status == 200 and box.proxy.calls.all()[0].state == "answered"
    eve.send(eve.within("BYE", answer, answer))
    assert methods(voicemail.received()) == ["BYE"]
    box.wait(120)
    assert len(box.endpoint) == len(box.proxy.calls) == len(box.proxy.deadlines) == 0


def test_nobody_answers_and_the_voicemail_does():
    box, eve, (one,), voicemail, _ = scene(
        Script(lambda r: r.t_on_failure("busy") and r.t_set_fr(20000), busy=to_voicemail), None
    )
    first = one.invite()
    one.phone.reply(first, 180)
    box.wait(19.9)
    assert methods(one.got()) == []
    box.wait(0.2)
    assert "CANCEL" in methods(one.got())
    one.phone.reply(first, 487)
    voicemail.reply(last(voicemail.received()), 200)
    assert status(eve.received()) == [100, 180, 200]


def test_a_route_that_does_nothing_leaves_the_best_response():
    box, eve, (one, two), _, _ = scene(
        Script(on_failure("nothing"), nothing=lambda r: r.t_drop_replies()), None, None
    )
    one.phone.reply(one.invite(), 486)
    two.phone.reply(two.invite(), 404)
    assert status(eve.received())[-1] in (486, 404)
    assert len(box.proxy.calls) == 0


def test_a_trunk_that_fails_has_a_second_one_within_two_seconds():
    """503, or no answer at all; then nothing is left."""

    def choose(r):
        r.seturi("sip:gw@192.0.2.80")
        r.t_set_fr(0, 2000)
        r.t_on_failure("next_trunk")

    def next_trunk(r):
        if r.t_check_status("408|5[0-9][0-9]") and not r.t_branch_replied():
            r.seturi(SECOND)
            return r.t_relay()
        return None

    for outcome in (503, None):
        box, eve, _, first, second = scene(Script(choose, next_trunk=next_trunk), None)
        invite = last(first.received())
        if outcome:
            first.reply(invite, outcome)
        else:
            box.wait(2)
        other = [each for each in second.received() if each.method == "INVITE"][-1]
        assert other.uri == SECOND
        second.reply(other, 503)
        # 16.7 step 6: of a time-out and a 503 the lower class; a 503 alone is a 500 here
        assert status(eve.received())[-1] == (500 if outcome else 408)
        if not outcome:
            # the dead one comes back to life: it is told that nobody waits
            first.received()
            first.reply(invite, 180)
            assert methods(first.received()) == ["CANCEL"]
        box.wait(120)
        assert len(box.endpoint) == 0 and len(box.proxy.calls) == 0


def test_what_a_failure_route_can_ask():
    found = []

    def ask(r):
        found.append((
            r.t_get_status_code(), r.t_check_status("4.."), r.t_check_status("^5"),
            r.t_branch_timeout(), r.t_branch_replied(), r.t_any_timeout(), r.t_any_replied(),
            r.t_grep_status(480), r.t_grep_status("408"), r.t_grep_status(500),
            r.t_is_canceled(), r.t_was_cancelled(), str(r.ru), r.rm,
        ))  # fmt: skip

    box, eve, (one, two), _, _ = scene(Script(on_failure("ask"), ask=ask), None, None)
    second = two.invite()
    two.phone.reply(second, 180)
    two.phone.reply(second, 480)
    box.wait(33)
    assert found == [
        (480, True, False, False, True, True, True, True, True, False, False, False,
         found[0][12], "INVITE")
    ]  # fmt: skip
    assert found[0][12] in ("sip:desk20@192.0.2.20", "sip:desk21@192.0.2.21")
    assert status(eve.received())[-1] == 480


def test_outside_of_a_failure_route_there_is_nothing_to_ask():
    def look(r):
        found.append((
            r.t_get_status_code(), r.t_check_status("."), r.t_branch_timeout(),
            r.t_branch_replied(), r.t_any_timeout(), r.t_any_replied(), r.t_grep_status(408),
            r.t_is_canceled(), r.t_drop_replies(), r.t_check_trans(), r.t_retransmit_reply(),
        ))  # fmt: skip

    found = []
    scene(Script(look), None)
    assert found == [(-1,) + (False,) * 10]


def test_the_route_runs_once_unless_it_is_set_again():
    def again(r):
        runs.append(r.t_get_status_code())
        if len(runs) < 3:
            r.t_on_failure("again")
        r.append_branch(VOICEMAIL)
        r.t_relay()

    runs = []
    box, eve, (one,), voicemail, _ = scene(Script(on_failure("again"), again=again), None)
    one.phone.reply(one.invite(), 486)
    for code in (404, 480, 410):
        voicemail.reply([e for e in voicemail.received() if e.method == "INVITE"][-1], code)
    assert runs[0] == 486 and len(runs) == 3 and status(eve.received())[-1] in (486, 404, 480, 410)


def test_endless_failure_routes_end_with_the_branches():
    def for_ever(r):
        r.t_on_failure("for_ever")
        r.append_branch(VOICEMAIL)
        if not r.t_relay():
            ended.append(r.error[0])

    ended = []
    box, eve, (one,), voicemail, _ = scene(Script(on_failure("for_ever"), for_ever=for_ever), None)
    one.phone.reply(one.invite(), 486)
    count = 0
    while eve.received() == [] or count == 0:
        invites = [each for each in voicemail.received() if each.method == "INVITE"]
        if not invites:
            break
        count += 1
        voicemail.reply(invites[-1], 486)
    assert count == 11 and ended == [478]  # 12 branches with the first
    assert len(box.proxy.calls) == 0


def test_replies_that_are_dropped_do_not_come_back():
    def give_up_on(r):
        r.t_drop_replies()
        r.append_branch(VOICEMAIL)
        r.t_relay()

    box, eve, (one,), voicemail, _ = scene(Script(on_failure("drop"), drop=give_up_on), None)
    one.phone.reply(one.invite(), 401, headers=['WWW-Authenticate: Digest realm="x", nonce="n"'])
    voicemail.reply(last(voicemail.received()), 480)
    answer = last(eve.received())
    assert answer.status == 480 and answer.header("www-authenticate") is None


def test_only_the_last_set_is_dropped():
    def first(r):
        r.t_on_failure("second")
        r.append_branch(VOICEMAIL)
        r.t_relay()

    def second(r):
        r.t_drop_replies("l")
        r.append_branch(SECOND)
        r.t_relay()

    box, eve, (one,), voicemail, gateway = scene(
        Script(on_failure("first"), first=first, second=second), None
    )
    one.phone.reply(one.invite(), 486)
    voicemail.reply(last(voicemail.received()), 401)
    gateway.reply(last(gateway.received()), 408)
    assert status(eve.received())[-1] == 486


def test_the_route_answers_itself():
    def decline(r):
        r.append_to_reply("X-Why: because")
        r.sl_send_reply(480, "Try Later", ["Retry-After: 60"])

    box, eve, (one,), _, _ = scene(Script(on_failure("decline"), decline=decline), None)
    one.phone.reply(one.invite(), 486)
    answer = last(eve.received())
    assert (answer.status, answer.reason) == (480, "Try Later")
    assert answer.header("retry-after") == "60" and answer.header("x-why") == "because"
    assert len(box.proxy.calls) == 0 and box.log.has("480 Try Later")


def test_a_provisional_answer_of_the_route_and_another_branch():
    def forwarded(r):
        r.t_reply(181, "Call Is Being Forwarded")
        r.append_branch(VOICEMAIL)
        r.t_relay()

    box, eve, (one,), voicemail, _ = scene(Script(on_failure("on"), on=forwarded), None)
    one.phone.reply(one.invite(), 486)
    assert status(eve.received())[-1] == 181
    voicemail.reply(last(voicemail.received()), 200)
    assert status(eve.received()) == [200]


def test_the_caller_gives_up_while_it_rings():
    def more(r):
        found.append((r.t_is_canceled(), r.append_branch(VOICEMAIL), r.t_relay()))

    found = []
    box, eve, (one,), voicemail, _ = scene(Script(on_failure("more"), more=more), None)
    first = one.invite()
    one.phone.reply(first, 180)
    eve.send(cancel_of(box, eve))
    one.phone.reply(first, 487)
    assert found == [(True, True, False)]
    assert status(eve.received())[-1] == 487 and voicemail.received() == []


def test_the_caller_gives_up_while_the_second_one_rings():
    box, eve, (one,), voicemail, _ = scene(Script(on_failure("busy"), busy=to_voicemail), None)
    one.phone.reply(one.invite(), 486)
    invite = last(voicemail.received())
    voicemail.reply(invite, 180)
    eve.send(cancel_of(box, eve))
    assert methods(voicemail.received()) == ["CANCEL"]
    voicemail.reply(invite, 487)
    assert status(eve.received())[-1] in (486, 487)
    assert len(box.proxy.calls) == 0


def test_a_decline_for_all_can_still_go_to_the_voicemail():
    """A 6xx ends RFC 3261's search; what the operator's script does then is its decision."""
    box, eve, (one, two), voicemail, _ = scene(
        Script(on_failure("busy"), busy=to_voicemail), 1.0, 0.5
    )
    one.phone.reply(one.invite(), 603)
    assert two.got() == []
    voicemail.reply(last(voicemail.received()), 200)
    assert status(eve.received())[-1] == 200


def test_several_branches_at_once_and_by_q():
    def hunt(r):
        r.append_branch(VOICEMAIL, 0.5)
        r.append_branch(SECOND, 0.9)
        r.t_relay()

    box, eve, (one,), voicemail, gateway = scene(Script(on_failure("hunt"), hunt=hunt), None)
    one.phone.reply(one.invite(), 486)
    assert voicemail.received() == []
    gateway.reply(last(gateway.received()), 480)
    voicemail.reply(last(voicemail.received()), 200)
    assert status(eve.received())[-1] == 200


def test_the_request_uri_that_is_changed_is_one_more_branch():
    """Kamailio's two ways: change `ru` and relay, or change it, append_branch and relay."""

    def plain(r):
        r.seturi(VOICEMAIL)
        r.t_relay()

    def appended(r):
        r.seturi(VOICEMAIL)
        r.append_branch()
        r.t_relay()

    def both(r):
        r.seturi(VOICEMAIL)
        r.append_branch()
        r.seturi(SECOND)
        r.append_branch()
        r.t_relay()

    for route, places in ((plain, 1), (appended, 1), (both, 2)):
        box, eve, (one,), voicemail, gateway = scene(Script(on_failure("go"), go=route), None)
        one.phone.reply(one.invite(), 486)
        assert len(voicemail.received()) == 1 and len(gateway.received()) == places - 1


def test_an_unchanged_request_has_no_further_branch():
    box, eve, (one,), _, _ = scene(Script(on_failure("go"), go=lambda r: r.t_relay()), None)
    one.phone.reply(one.invite(), 486)
    assert status(eve.received())[-1] == 486 and methods(one.got()) == ["ACK"]


def test_a_request_of_many_lines_is_whole_in_the_failure_route():
    """It is held as its octets alone: what it says is found again."""

    def look(r):
        found.append(r.msg.header("z150"))
        r.remove_hf("Z151")
        r.append_branch(VOICEMAIL)
        r.t_relay()

    found = []
    box, eve, (one,), voicemail, _ = scene(
        Script(on_failure("look"), look=look), None,
        headers=[f"Z{place}: y{place}" for place in range(200)],
    )  # fmt: skip
    one.phone.reply(one.invite(), 486)
    invite = last(voicemail.received())
    assert found == ["y150"] and invite.header("z150") == "y150" and invite.header("z151") is None
    held = [each for each in box.endpoint._servers.values() if each.method == "INVITE"][0].request
    assert len(held.spans) < 10


def test_a_fault_in_the_route_costs_the_call_and_no_more():
    def fail(r):
        raise KeyError("ours")

    box, eve, (one,), _, _ = scene(Script(on_failure("fail"), fail=fail), None)
    try:
        one.phone.reply(one.invite(), 486)
        raise AssertionError("nothing was raised")
    except KeyError:
        box.settle()
    assert status(eve.received())[-1] == 500 and len(box.proxy.calls) == 0


def test_a_route_that_is_not_there():
    box = Box(Script(on_failure("nowhere")))
    desks(box, None)
    eve = Phone(box, "eve", host="203.0.113.5", domain="far.example")
    try:
        eve.send(eve.make("MESSAGE", "sip:201@example.org"))
        raise AssertionError("nothing was raised")
    except ValueError as error:
        assert "nowhere" in str(error)
    box.settle()
    assert status(eve.received()) == [500]


def test_other_methods_have_failure_routes_too():
    box, eve, (one,), voicemail, _ = scene(
        Script(on_failure("go"), go=lambda r: r.append_branch(VOICEMAIL) and r.t_relay()), None,
        method="MESSAGE",
    )  # fmt: skip
    one.phone.reply(last(one.got()), 480)
    voicemail.reply(last(voicemail.received()), 202)
    assert status(eve.received()) == [202]


# Branch routes


def test_a_branch_route_changes_its_branch_alone():
    def mark(r):
        r.append_hf(f"X-Branch: {r.ru.user}")
        if r.ru.user == "desk21":
            r.setuser("other")

    box, eve, (one, two), _, _ = scene(Script(lambda r: r.t_on_branch("mark"), mark=mark),
                                       None, None)
    first, second = one.invite(), two.invite()
    assert (first.uri, first.headers("x-branch")) == ("sip:desk20@192.0.2.20", ["desk20"])
    assert (second.uri, second.headers("x-branch")) == ("sip:other@192.0.2.21", ["desk21"])


def test_a_branch_route_leaves_a_branch_out():
    def only_one(r):
        if r.ru.user == "desk20":
            r.drop()

    box, eve, (one, two), _, _ = scene(Script(lambda r: r.t_on_branch("only"), only=only_one),
                                       None, None)
    assert one.got() == [] and two.invite()
    box, eve, (one,), _, _ = scene(
        Script(lambda r: r.t_on_branch("none"), none=lambda r: r.drop()), None
    )
    assert one.got() == [] and status(eve.received()) == [478] and len(box.proxy.calls) == 0


def test_a_branch_has_times_of_its_own():
    def patient(r):
        r.t_set_fr(50000 if r.ru.user == "desk20" else 10000)

    box, eve, (one, two), _, _ = scene(Script(lambda r: r.t_on_branch("p"), p=patient), None, None)
    one.phone.reply(one.invite(), 180)
    two.phone.reply(two.invite(), 180)
    box.wait(11)
    assert "CANCEL" in methods(two.got()) and "CANCEL" not in methods(one.got())


def test_a_branch_route_sees_the_branches_of_a_failure_route():
    def mark(r):
        r.append_hf("X-Marked: yes")

    script = Script(lambda r: r.t_on_branch("mark") and r.t_on_failure("busy"), mark=mark,
                    busy=to_voicemail)
    box, eve, (one,), voicemail, _ = scene(script, None)
    one.phone.reply(one.invite(), 486)
    assert last(voicemail.received()).headers("x-marked") == ["yes"]


# Reply routes


def test_a_reply_route_edits_what_goes_back():
    def mark(r):
        r.append_hf(f"X-Seen: {r.status}")
        if r.t_check_status("18[03]") and r.t_get_status_code() == 183:
            r.drop()

    box, eve, (one,), _, _ = scene(Script(lambda r: r.t_on_reply("mark"), mark=mark), None)
    invite = one.invite()
    eve.received()
    one.phone.reply(invite, 183)
    one.phone.reply(invite, 180)
    one.phone.reply(invite, 200)
    assert [(each.status, each.header("x-seen")) for each in eve.received()] == [
        (180, "180"), (200, "200"),
    ]  # fmt: skip


def test_a_final_response_is_not_dropped():
    box, eve, (one,), _, _ = scene(
        Script(lambda r: r.t_on_reply("gone"), gone=lambda r: r.drop()), None
    )
    one.phone.reply(one.invite(), 486)
    assert status(eve.received())[-1] == 486
