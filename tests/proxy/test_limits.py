"""Toll fraud: how much an extension may call outside, when, and where to; emergencies always."""

from app.media.errors import NoPorts
from app.proxy.core import RESERVE
from app.proxy.limits import DAY, HOUR, LINGER, MAX_CALLERS, Limits, Window
from app.rules.hours import parse_hours
from app.rules.timezone import parse_timezone
from tests.proxy.box import WALL
from tests.proxy.phone import SDP, Phone, last, status
from tests.proxy.trunks import ONE, Scene, asked

FREE = {"calls": 0, "calls_per_hour": 0, "calls_per_day": 0, "minutes_per_day": 0}


def limited(**settings):
    every = dict(FREE)
    every.update(settings)
    return Scene(**every)


class Outside:
    """A call to the outside, up to its answer. refused: reason when there is none."""

    def __init__(self, scene, caller=None, number="0301234"):
        self.scene = scene
        self.caller = caller or scene.alice
        data = self.caller.make("INVITE", f"sip:{number}@example.org", body=SDP)
        replies = self.caller.send(data)
        self.sent = self.caller.authenticated(data, last(replies))
        self.first = last(self.caller.send(self.sent))
        self.refused = self.first.reason if self.first.status >= 300 else ""
        self.invite = None if self.refused else asked(scene.one)

    def answer(self):
        self.scene.one.reply(self.invite, 200, tag="t1")
        self.ok = last(self.caller.received())
        return self

    def fail(self, code=486):
        self.scene.one.reply(self.invite, code)
        self.caller.received()
        self.scene.one.received()

    def bye(self, code=200, headers=()):
        self.caller.send(self.caller.within("BYE", self.sent, self.ok, headers))
        self.scene.one.reply(asked(self.scene.one), code)
        self.caller.received()


class Full:
    """A relay without a port left."""

    NoPorts = NoPorts

    def offer(self, *_):
        raise NoPorts("none left")

    def delete(self, *_):
        return None


def in_progress(scene):
    return len(scene.box.proxy.modules.limits)


# Calls at a time


def test_only_so_many_calls_at_a_time():
    scene = limited(calls=2)
    first, second = Outside(scene), Outside(scene)
    third = Outside(scene)
    assert third.first.status == 403 and third.refused == "Too Many Calls"
    assert not Outside(scene, scene.bob).refused  # who has calls of its own to make
    first.answer().bye()
    assert not Outside(scene).refused and Outside(scene).refused
    second.fail()
    assert not Outside(scene).refused


def test_a_call_counts_until_its_bye_was_answered():
    """Who sends a BYE that the trunk refuses has a call still, and may not have another."""
    scene = limited(calls=1)
    call = Outside(scene).answer()
    call.bye(420, ["Require: something"])
    assert in_progress(scene) == 1 and Outside(scene).refused == "Too Many Calls"
    call.bye(481)
    assert in_progress(scene) == 0 and not Outside(scene).refused


def test_a_call_whose_bye_was_refused_counts_for_an_hour():
    scene = limited(calls=1)
    Outside(scene).answer().bye(500)
    scene.box.wait(LINGER - 10)
    scene.alice.register()
    assert Outside(scene).refused == "Too Many Calls"
    scene.box.wait(20)
    assert not Outside(scene).refused


def test_a_bye_that_nobody_answers_ends_it_too():
    scene = limited(calls=1)
    call = Outside(scene).answer()
    scene.alice.send(scene.alice.within("BYE", call.sent, call.ok))
    scene.box.wait(40)
    assert in_progress(scene) == 0


def test_the_trunks_own_bye_ends_it():
    from tests.proxy.test_trunks import parsed_200

    scene = limited(calls=1)
    call = Outside(scene).answer()
    bye = scene.one.within("BYE", call.invite, parsed_200(call.invite), is_caller=False)
    scene.one.send(bye)
    scene.alice.reply(asked(scene.alice), 200)
    assert in_progress(scene) == 0


def test_a_strangers_bye_ends_nothing():
    scene = limited(calls=1)
    call = Outside(scene).answer()
    eve = Phone(scene.box, "x", host="198.51.100.9", domain="far.example")
    eve.send(eve.make(
        "BYE", "sip:201@example.org", call_id=call.ok.call_id,
        from_=call.ok.header("from"), to=call.ok.header("to"),
    ))  # fmt: skip
    for phone in (scene.bob, scene.one):
        for message in phone.received():
            phone.reply(message, 200)
    assert in_progress(scene) == 1


def test_a_second_call_under_the_same_call_id_is_none():
    scene = limited(calls=4)
    call = Outside(scene)
    again = scene.call(call_id=call.invite.call_id, from_="<sip:200@example.org>;tag=other")
    assert again == [403] and in_progress(scene) == 1


def test_a_contact_at_the_trunk_is_no_way_around():
    """Neither plainly nor behind an alias of ours, which is for dialogs alone."""
    for more in ("", ";alias=192.0.2.200~5060~1", ";maddr=192.0.2.200", ";transport=udp"):
        scene = limited(calls=1)
        scene.alice.contact = f"<sip:0900123@{ONE}{more}>"
        assert status(scene.alice.register())[-1] == 200, more
        scene.bob.request("INVITE", "sip:200@example.org", body=SDP)
        assert scene.one.received() == [], more
        assert asked(scene.alice).uri == scene.alice.contact[1:-1], more


def test_a_call_id_of_another_call_is_none_for_a_call_outside():
    """It would pass as nested in that one, and its end would never be heard of."""
    scene = limited(calls=2)
    scene.bob.request("INVITE", "sip:200@example.org", body=SDP, call_id="used")
    data = scene.alice.make("INVITE", "sip:0301234@example.org", body=SDP, call_id="used")
    answer = last(scene.alice.send(scene.alice.authenticated(data, last(scene.alice.send(data)))))
    assert (answer.status, answer.reason) == (403, "Call-ID in Use")
    assert in_progress(scene) == 0


def test_a_made_up_dialog_is_no_way_around():
    scene = limited(calls=1)
    Outside(scene)
    there = f"sip:0301234@{ONE}"
    for method, expected in (("INVITE", [403]), ("BYE", []), ("REFER", [603])):
        found = scene.call(there, method=method, to=f"<{there}>;tag=x")
        assert found == expected, method
    assert scene.call(there, method="MESSAGE", to=f"<{there}>;tag=x") == []


def test_one_in_a_made_up_dialog_counts_until_its_end():
    scene = limited(calls=1)
    there = f"sip:0301234@{ONE}"
    assert scene.call(there, to=f"<{there}>;tag=x") == [100] and in_progress(scene) == 1
    scene.one.reply(asked(scene.one), 481)
    assert in_progress(scene) == 0


def test_what_comes_to_nothing_leaves_nothing():
    scene = limited(calls=1)
    scene.box.proxy.modules.dispatcher.sets[1][0].state = 4
    scene.box.proxy.modules.dispatcher.sets[1][1].state = 4
    assert scene.call() == [503] and in_progress(scene) == 0
    scene = limited(calls=1)
    scene.box.proxy.media = Full()
    assert scene.call() == [503] and in_progress(scene) == 0


def test_a_call_that_falls_silent_or_is_forgotten_is_over():
    scene = limited(calls=1, max_call_time=600)
    call = Outside(scene).answer()
    scene.box.proxy.media_timeout(call.ok.call_id, scene.box.now)
    assert in_progress(scene) == 0
    Outside(scene).answer()
    scene.box.wait(700)
    assert in_progress(scene) == 0


def test_all_lines_of_the_trunk():
    scene = limited(trunk_calls=1)
    call = Outside(scene)
    assert Outside(scene, scene.bob).refused == "All Lines Busy"
    call.fail()
    assert not Outside(scene, scene.bob).refused


# Calls and minutes within a time


def test_calls_within_an_hour_and_a_day():
    for name, length, reason in (
        ("calls_per_hour", HOUR, "Too Many Calls This Hour"),
        ("calls_per_day", DAY, "Too Many Calls Today"),
    ):
        scene = limited(**{name: 3})
        for _ in range(3):
            Outside(scene).fail()
            scene.box.wait(length / 12)
        assert Outside(scene).refused == reason
        Outside(scene, scene.bob).fail()
        scene.box.wait(length - length / 4)
        scene.alice.register()
        assert Outside(scene).refused == reason  # the first was less than a `length` ago
        scene.box.wait(length / 6)
        scene.alice.register()
        assert not Outside(scene).refused, name


def test_minutes_count_those_of_a_call_that_goes_on():
    scene = limited(minutes_per_day=10)
    Outside(scene).answer()
    scene.box.wait(599)
    assert not Outside(scene).refused
    scene.box.wait(1)
    assert Outside(scene).refused == "Too Many Minutes"


def test_minutes_of_calls_that_were():
    scene = limited(minutes_per_day=10)
    for _ in range(2):
        call = Outside(scene).answer()
        scene.box.wait(300)
        call.bye()
    assert Outside(scene).refused == "Too Many Minutes"


def test_a_message_counts_as_a_call():
    scene = limited(calls_per_hour=2, calls=1)
    for expected in ([], [], [403]):
        assert scene.call("0301234", method="MESSAGE") == expected
    assert in_progress(scene) == 0


def test_calls_among_extensions_are_not_counted():
    scene = limited(calls_per_hour=1, calls=1)
    for _ in range(3):
        assert scene.call("201") == [100]


def test_another_domain_counts_as_outside():
    scene = limited(calls_per_hour=1)
    assert scene.call("sip:x@198.51.100.9") == [100]
    assert scene.call("sip:x@198.51.100.9") == [403]


def test_an_extension_may_have_its_own_numbers():
    rows = (
        "id(int,auto) uuid(str,null) username(str) domain(str) attribute(str) type(int) value(str)"
        " last_modified(int)\n"
        "1::200:example.org:calls:0:1:0\n2::200:example.org:colour:0:red:0\n"
        "3::201:example.org:calls:0:many:0\n"
    )
    scene = Scene(tables=[("usr_preferences", rows)], **FREE)
    assert not Outside(scene).refused and Outside(scene).refused == "Too Many Calls"
    assert not Outside(scene, scene.bob).refused and not Outside(scene, scene.bob).refused


# Who, where to, and when

GRP = "username(str) domain(str) grp(str)\n200:example.org:{}\n"


def test_with_the_group_pstn_only_its_members_may():
    scene = Scene(tables=[("grp", GRP.format("pstn"))])
    assert not Outside(scene).refused
    assert Outside(scene, scene.bob).refused == "Not Allowed Outside"
    scene = Scene(tables=[("grp", GRP.format("ladies"))])
    assert not Outside(scene, scene.bob).refused


def test_the_unlimited_are_not_counted():
    scene = Scene(tables=[("grp", GRP.format("unlimited"))], calls=1)
    assert not Outside(scene).refused and not Outside(scene).refused
    Outside(scene, scene.bob)
    assert Outside(scene, scene.bob).refused


def test_blocked_numbers():
    users = "username(str) domain(str) prefix(str,null) allowlist(int)\n200:example.org:0900:0\n"
    everybody = "prefix(str) allowlist(int)\n00881:0\n"
    scene = Scene(tables=[("userblocklist", users), ("globalblocklist", everybody)])
    for number in ("0900123", "0-900-123", "%30900123", "00881123"):
        assert Outside(scene, number=number).refused == "Number Blocked", number
    assert not Outside(scene, scene.bob, "0900123").refused
    assert Outside(scene, scene.bob, "00881123").refused == "Number Blocked"


def test_a_dialplan_does_not_lead_around_a_block():
    rows = (
        "dpid(int) pr(int) match_op(int) match_exp(str) match_len(int) subst_exp(str,null) "
        "repl_exp(str,null) attrs(str,null)\n1:1:1:^9:0:^9(.*)$:\\\\1:\n"
    )
    everybody = "prefix(str) allowlist(int)\n0900:0\n"
    scene = Scene(tables=[("dialplan", rows), ("globalblocklist", everybody)])
    assert Outside(scene, number="90900123").refused == "Number Blocked"


def test_hours():
    # WALL is 17:46:40 UTC on Friday, 17 March 2030
    zone = parse_timezone("CET-1CEST,M3.5.0,M10.5.0/3")
    for text, timezone, refused in (
        ("17:00-18:00", None, ""), ("08:00-17:00", None, "Not at This Hour"),
        ("18:00-19:00", zone, ""), ("17:00-18:00", zone, "Not at This Hour"),
    ):  # fmt: skip
        settings = {"hours": parse_hours(text)}
        if timezone:
            settings["timezone"] = timezone
        scene = Scene(**settings)
        assert Outside(scene).refused == refused, text
    scene = Scene(tables=[("grp", GRP.format("anytime"))], hours=parse_hours("08:00-17:00"))
    assert not Outside(scene).refused and Outside(scene, scene.bob).refused


def test_while_the_clock_is_not_set_no_hour_is_refused():
    scene = Scene(hours=parse_hours("03:00-03:01"))
    scene.box.wall = 86400
    assert not Outside(scene).refused


# Emergencies

EMERGENCY = ("112", "110")


def test_an_emergency_call_passes_whatever_the_limits_are():
    scene = limited(calls=1, calls_per_hour=1, trunk_calls=1, hours=parse_hours("03:00-03:01"),
                    emergency=EMERGENCY)  # fmt: skip
    scene.box.tables["globalblocklist"] = None
    for _ in range(3):
        assert scene.call("112") == [100] and asked(scene.one).uri == f"sip:112@{ONE}"
    assert Outside(scene).refused == "Not at This Hour"


def test_an_emergency_call_passes_for_who_may_not_call_outside():
    tables = [("grp", GRP.format("pstn")), ("globalblocklist", "prefix(str) allowlist(int)\n1:0\n")]
    scene = Scene(tables=tables, emergency=EMERGENCY)
    assert scene.call("110", caller=scene.bob) == [100]
    assert Outside(scene, scene.bob).refused


def test_an_emergency_call_is_dialled_as_it_is():
    rows = (
        "dpid(int) pr(int) match_op(int) match_exp(str) match_len(int) subst_exp(str,null) "
        "repl_exp(str,null) attrs(str,null)\n1:1:1:^1:0:^1(.*)$:0049\\\\1:\n"
    )
    scene = Scene(tables=[("dialplan", rows)], emergency=EMERGENCY)
    for dialled in ("112", "1-1-2", "tel:112", "urn:service:sos", "urn:service:sos.police"):
        assert scene.call(dialled) == [100], dialled
        assert asked(scene.one).uri == f"sip:112@{ONE}"


def test_an_emergency_call_behind_an_outside_line_digit_is_one():
    rows = (
        "dpid(int) pr(int) match_op(int) match_exp(str) match_len(int) subst_exp(str,null) "
        "repl_exp(str,null) attrs(str,null)\n1:1:1:^0:0:^0(.*)$:\\\\1:\n"
    )
    tables = [("dialplan", rows), ("grp", GRP.format("pstn"))]
    scene = Scene(tables=tables, emergency=EMERGENCY, hours=parse_hours("03:00-03:01"))
    assert scene.call("0112", caller=scene.bob) == [100]
    assert asked(scene.one).uri == f"sip:112@{ONE}"


def test_an_emergency_call_passes_when_the_box_is_full():
    scene = Scene(emergency=EMERGENCY, max_calls=1, calls=0)
    Outside(scene)
    assert scene.call() == [503]
    for _ in range(RESERVE):
        assert scene.call("112") == [100]
    assert scene.call("112") == [503]  # also this has an end


def test_an_emergency_call_passes_when_the_table_of_transactions_is_full():
    scene = Scene(emergency=EMERGENCY, calls=0)
    scene.box.endpoint.limit = len(scene.box.endpoint)
    assert scene.call() == [503]
    assert scene.call("112") == [100] and asked(scene.one).method == "INVITE"


def test_an_emergency_call_passes_without_media_ports():
    scene = Scene(emergency=EMERGENCY)
    scene.box.proxy.media = Full()
    assert scene.call() == [503]
    assert scene.call("112") == [100]


def test_an_emergency_call_tries_every_trunk():
    scene = Scene(emergency=EMERGENCY)
    for each in scene.box.proxy.modules.dispatcher.sets[1]:
        each.state = 1
    assert scene.call() == [503]
    assert scene.call("112") == [100]
    scene.one.reply(asked(scene.one), 503)
    assert asked(scene.two).method == "INVITE"


def test_an_emergency_number_is_no_way_out_for_strangers():
    scene = Scene(emergency=EMERGENCY)
    eve = Phone(scene.box, "x", host="198.51.100.9", domain="far.example")
    assert status(eve.send(eve.make("INVITE", "sip:112@example.org"))) == [404]
    unproved = scene.alice.make("INVITE", "sip:112@example.org")
    assert status(scene.alice.send(unproved)) == [407]
    assert scene.one.received() == []


# The table itself


def test_windows_slide():
    window = Window(3600)
    for minute in range(60):
        window.add(1, minute * 60)
    assert window.total(3599) == 60 and 55 <= window.total(3600) <= 60
    assert 25 <= window.total(5400) <= 35 and window.total(7500) == 0
    assert len(window._sums) == 0


def test_the_table_of_callers_is_bounded():
    limits = Limits()
    most = dict(FREE)
    assert limits.begin("c0", "t", "u0", most, 0, 0.0, 9.0 * DAY) == ""
    for number in range(1, MAX_CALLERS + 50):
        assert limits.message(f"u{number}", most, float(number)) == ""
    assert len(limits._callers) == MAX_CALLERS
    assert "u0" in limits._callers and "u1" not in limits._callers  # who has a call stays
    assert limits.message("new", most, 3.0 * DAY) == ""
    assert len(limits._callers) == 2


def test_the_test_clock_is_what_the_hours_say():
    assert WALL % DAY // HOUR == 17
