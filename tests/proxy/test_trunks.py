"""The shipped script and its trunks: out by one or the other, in by their addresses."""

from app.sip import build
from app.sip.digest import challenge, parse_credentials
from app.sip.message import parse
from tests.proxy.box import BOX, table
from tests.proxy.phone import SDP, Phone, last, status
from tests.proxy.test_double_rr import house, phone
from tests.proxy.trunks import DBALIASES, DISPATCHER, ONE, TWO, Scene, asked

# Out


def test_a_number_that_is_no_extension_goes_out():
    scene = Scene()
    assert scene.call("0301234") == [100]
    invite = asked(scene.one)
    assert invite.uri == f"sip:0301234@{ONE}" and invite.header("p-hint") == "outbound"
    assert str(invite.from_.uri) == f"sip:5551200@{ONE}" and invite.from_.tag == "f200"
    scene.one.reply(invite, 200, tag="t1", body=SDP)
    answer = last(scene.alice.received())
    assert answer.status == 200 and str(answer.from_.uri) == "sip:200@example.org"
    assert scene.two.received() == []


def test_all_of_the_call_is_told_in_the_number():
    scene = Scene()
    sent = scene.alice.make("INVITE", "sip:0301234@example.org", body=SDP)
    again = scene.alice.authenticated(sent, last(scene.alice.send(sent)))
    scene.alice.send(again)
    invite = asked(scene.one)
    scene.one.reply(invite, 200, tag="t1")
    answer = last(scene.alice.received())
    scene.alice.send(scene.alice.within("ACK", again, answer, cseq=answer.cseq.number))
    ack = asked(scene.one)
    assert ack.method == "ACK" and str(ack.from_.uri) == f"sip:5551200@{ONE}"
    scene.one.send(scene.one.within("BYE", invite, parsed_200(invite), is_caller=False))
    bye = last(scene.alice.received())
    assert bye.method == "BYE" and str(bye.to.uri) == "sip:200@example.org"
    assert len(scene.box.proxy.calls) == 0


def parsed_200(invite):
    contact = f"Contact: <sip:one@{ONE}:5060>"
    return parse(build.response(invite, 200, "OK", to_tag="t1", headers=[contact]))


def test_separators_and_parameters_of_a_number_do_not_count():
    for dialled in ("0-30.12(34)", "030%31234", "0301234;phone-context=x"):
        scene = Scene()
        assert scene.call(dialled) == [100], dialled
        assert asked(scene.one).uri == f"sip:0301234@{ONE}"
    scene = Scene()
    assert scene.call("tel:030-1234;phone-context=+49") == [100]
    assert asked(scene.one).uri == f"sip:0301234@{ONE}"


def test_what_is_no_number_or_an_extension_stays_here():
    scene = Scene()
    for number in ("nobody", "202", "0301234x", "+", "0" * 40):
        assert scene.call(number) == [404], number
    assert scene.one.received() == [] and scene.two.received() == []


def test_nobody_else_is_let_out():
    scene = Scene()
    stranger = Phone(scene.box, "x", host="198.51.100.9", domain="far.example")
    for caller in (stranger, scene.one):
        assert status(caller.send(caller.make("INVITE", "sip:0301234@example.org"))) == [404]
    assert status(scene.alice.send(scene.alice.make("INVITE", "sip:030@example.org"))) == [407]
    assert scene.two.received() == []


def test_the_trunk_may_be_named_and_is_chosen_all_the_same():
    scene = Scene()
    assert scene.call(f"sip:0301234@{TWO}") == [100]
    assert asked(scene.one).uri == f"sip:0301234@{ONE}"
    hidden = scene.call(f"sip:0301234@{TWO};alias=192.0.2.99~5060~1")
    assert hidden == [100] and asked(scene.one).uri == f"sip:0301234@{ONE}"
    routed = scene.call("0301234", headers=[f"Route: <sip:{TWO};lr>"])
    assert routed == [100] and asked(scene.one).headers("route") == []


def test_without_a_trunk_a_number_is_not_found():
    scene = Scene(tables=[("dispatcher", "")])
    assert scene.call("0301234") == [404]


def test_a_dialplan_translates_what_is_dialled_and_what_is_called():
    rows = (
        "dpid(int) pr(int) match_op(int) match_exp(str) match_len(int) subst_exp(str,null) "
        "repl_exp(str,null) attrs(str,null)\n"
        "1:1:1:^9:0:^9(.*)$:\\\\1:\n2:1:1:^\\\\+49:0:^\\\\+49(.*)$:\\\\1:\n"
    )
    scene = Scene(tables=[("dialplan", rows)])
    assert scene.call("90301234") == [100] and asked(scene.one).uri == f"sip:0301234@{ONE}"
    scene.one.send(scene.one.make("INVITE", f"sip:+495551201@{BOX}", body=SDP))
    assert asked(scene.bob).uri == "sip:201@192.0.2.201:5060"


# Failover


def test_a_trunk_that_refuses_is_followed_by_the_next():
    for code in (500, 502, 503, 504):
        scene = Scene()
        scene.call()
        scene.one.reply(asked(scene.one), code)
        invite = asked(scene.two)
        assert invite.uri == f"sip:0301234@{TWO}"
        assert str(invite.from_.uri) == f"sip:5551200@{TWO}"
        scene.two.reply(invite, 200, tag="t2")
        assert status(scene.alice.received()) == [200], code


def test_a_trunk_that_is_silent_is_followed_after_five_seconds():
    scene = Scene()
    scene.call()
    scene.box.wait(4.9)
    assert scene.two.received() == []
    scene.box.wait(0.2)
    assert asked(scene.two).uri == f"sip:0301234@{TWO}"
    assert state(scene, 0) == "inactive, probed"
    scene.one.received()
    scene.call()
    assert asked(scene.two).method == "INVITE" and scene.one.received() == []


def state(scene, place):
    return scene.box.proxy.modules.dispatcher.sets[1][place].state_name()


def test_a_trunk_that_rings_is_waited_for():
    scene = Scene()
    scene.call()
    scene.one.reply(asked(scene.one), 100)
    scene.box.wait(60)
    assert scene.two.received() == [] and state(scene, 0) == "active"


def test_what_the_callee_says_is_no_failure_of_the_trunk():
    for code in (404, 480, 486, 603):
        scene = Scene()
        scene.call()
        scene.one.reply(asked(scene.one), code)
        assert status(scene.alice.received()) == [code] and scene.two.received() == []
        assert state(scene, 0) == "active"


def test_503_marks_a_trunk_until_a_probe_is_answered():
    scene = Scene()
    scene.call()
    scene.one.reply(asked(scene.one), 503)
    scene.two.reply(asked(scene.two), 486)
    assert state(scene, 0) == "inactive, probed"
    scene.call()
    assert asked(scene.two).method == "INVITE"
    scene.box.wait(31)
    scene.one.reply(asked(scene.one), 200)
    assert state(scene, 0) == "active, probed"
    scene.call()
    assert asked(scene.one).method == "INVITE"


def test_when_all_have_failed_the_caller_hears_it():
    scene = Scene()
    scene.call()
    scene.one.reply(asked(scene.one), 503)
    scene.two.reply(asked(scene.two), 503)
    assert status(scene.alice.received()) == [500]
    assert scene.call() == [503]  # none is alive
    assert scene.box.log.has("no trunk is alive") and len(scene.box.proxy.calls) == 0


def test_a_caller_that_gives_up_is_not_sent_on():
    scene = Scene()
    sent = scene.alice.make("INVITE", "sip:0301234@example.org", body=SDP)
    again = scene.alice.authenticated(sent, last(scene.alice.send(sent)))
    scene.alice.send(again)
    scene.one.reply(asked(scene.one), 100)
    scene.alice.send(build.cancel_for(again))
    scene.one.reply(asked(scene.one), 503)
    assert scene.two.received() == []


# Challenges

UACREG = (
    "l_uuid(str) l_username(str) l_domain(str) r_username(str) r_domain(str) realm(str) "
    "auth_username(str) auth_password(str) auth_proxy(str) expires(int)\n"
    "acc:5551201:example.org:me:one.example:one:me:secret:sip\\:203.0.113.1:600\n"
)


def test_a_trunk_that_challenges_is_answered_in_the_callers_stead():
    scene = Scene(tables=[("uacreg", UACREG)])
    scene.call()
    line = "WWW-Authenticate: " + challenge("one", "n1")
    scene.one.reply(asked(scene.one), 401, headers=[line])
    again = asked(scene.one)
    given = parse_credentials(again.header("authorization"))
    assert given.username == "me" and str(again.from_.uri) == f"sip:5551200@{ONE}"
    scene.one.reply(again, 200, tag="t1")
    assert status(scene.alice.received()) == [200]


def test_a_trunk_is_shown_no_password_of_another_one():
    """Not even when it names the other one's realm; it gets that of its own account."""
    mine = UACREG + "two:5551201:example.org:you:two.example:two:you:hidden:sip\\:203.0.113.2:600\n"
    scene = Scene(tables=[("uacreg", mine)])
    scene.call()
    scene.one.reply(asked(scene.one), 401, headers=["WWW-Authenticate: " + challenge("one", "n1")])
    scene.one.reply(asked(scene.one), 503)
    invite = asked(scene.two)
    assert "authorization" not in invite.spans
    lines = ["WWW-Authenticate: " + challenge(realm, "n2") for realm in ("one", "two")]
    scene.two.reply(invite, 401, headers=lines)
    [given] = asked(scene.two).headers("authorization")
    assert parse_credentials(given).username == "you"


def test_a_trunk_is_shown_no_from_of_another_one():
    scene = Scene(one="identity=from", two="identity=pai")
    scene.call()
    scene.one.reply(asked(scene.one), 503)
    invite = asked(scene.two)
    assert str(invite.from_.uri) == "sip:200@example.org"
    assert invite.header("p-asserted-identity") == f"<sip:5551200@{TWO}>"


def test_a_challenge_that_cannot_be_answered_never_reaches_the_telephone():
    scene = Scene(tables=[("uacreg", UACREG)])
    scene.call()
    for trunk in (scene.one, scene.two):
        line = "Proxy-Authenticate: " + challenge("example.org", "n1")
        trunk.reply(asked(trunk), 407, headers=[line])
    [answer] = scene.alice.received()
    assert answer.status == 503 and answer.headers("proxy-authenticate") == []


def test_a_trunk_that_wants_a_password_to_hang_up_gets_it():
    scene = Scene(tables=[("uacreg", UACREG)])
    sent = scene.alice.make("INVITE", "sip:0301234@example.org", body=SDP)
    again = scene.alice.authenticated(sent, last(scene.alice.send(sent)))
    scene.alice.send(again)
    scene.one.reply(asked(scene.one), 200, tag="t1")
    answer = last(scene.alice.received())
    scene.alice.send(scene.alice.within("BYE", again, answer))
    bye = asked(scene.one)
    scene.one.reply(bye, 401, headers=["WWW-Authenticate: " + challenge("one", "n1")])
    proved = asked(scene.one)
    assert proved.method == "BYE" and proved.header("authorization")
    assert proved.cseq.number == bye.cseq.number + 1
    assert str(proved.from_.uri) == f"sip:5551200@{ONE}"
    scene.one.reply(proved, 200)
    reply = last(scene.alice.received())
    assert reply.status == 200 and str(reply.from_.uri) == "sip:200@example.org"


# In


def test_several_trunks_come_in_by_their_addresses():
    scene = Scene()
    for trunk in (scene.one, scene.two):
        trunk.send(trunk.make("INVITE", "sip:5551201@example.org", body=SDP))
        assert asked(scene.bob).uri == "sip:201@192.0.2.201:5060"


def test_a_trunk_of_the_table_address_comes_in_too():
    address = "grp(int) ip_addr(str) mask(int) port(int)\n1:198.51.100.0:24:0\n"
    scene = Scene(tables=[("address", address)])
    trunk = Phone(scene.box, "200", host="198.51.100.77")  # and may say what it likes in From
    trunk.send(trunk.make("INVITE", "sip:5551201@example.org", ["Remote-Party-ID: <sip:1@x>"]))
    assert asked(scene.bob).header("remote-party-id") == "<sip:1@x>"


def test_a_call_to_a_registered_contact_is_for_the_number_of_its_account():
    scene = Scene(tables=[("uacreg", UACREG)])
    scene.one.send(scene.one.make("INVITE", f"sip:acc@{BOX}:5060", body=SDP))
    assert asked(scene.bob).uri == "sip:201@192.0.2.201:5060"


# REFER: the owner's upstream takes it, says that it is at work, and does nothing


def test_no_refer_reaches_a_trunk_and_none_of_a_trunk_reaches_an_extension():
    scene = Scene()
    sent = scene.alice.make("INVITE", "sip:0301234@example.org", body=SDP)
    again = scene.alice.authenticated(sent, last(scene.alice.send(sent)))
    scene.alice.send(again)
    invite = asked(scene.one)
    scene.one.reply(invite, 200, tag="t1")
    answer = last(scene.alice.received())
    refer = scene.alice.within("REFER", again, answer, ["Refer-To: <sip:201@example.org>"])
    assert status(scene.alice.send(refer)) == [603] and scene.one.received() == []
    message = scene.alice.within("MESSAGE", again, answer, uri=f"sip:0900123@{ONE}")
    assert status(scene.alice.send(message)) == [603] and scene.one.received() == []
    refer = scene.one.within("REFER", invite, parsed_200(invite), ["Refer-To: <sip:1@x.example>"],
                             is_caller=False)  # fmt: skip
    assert status(scene.one.send(refer)) == [603] and scene.alice.received() == []
    assert scene.call("0301234", method="REFER", headers=["Refer-To: <sip:1@x>"]) == [603]


# Between transports


def test_names_are_told_apart_across_a_double_record_route():
    """A telephone by TCP or WebSocket over IPv6, a trunk by UDP over IPv4."""
    tables = {"dispatcher": table("dispatcher", DISPATCHER.format(one="", two="")),
              "dbaliases": table("dbaliases", DBALIASES)}  # fmt: skip
    for transport in ("tcp", "wss"):
        box = house(tables=tables)
        alice = phone(box, "200", transport, 6)
        trunk = Phone(box, "one", host=ONE, domain="one.example")
        assert status(alice.register()) == [200]
        sent = alice.make("INVITE", "sip:0301234@example.org", body=SDP)
        again = alice.authenticated(sent, last(alice.send(sent)))
        alice.send(again)
        invite = asked(trunk)
        assert len(invite.headers("record-route")) == 2
        assert str(invite.from_.uri) == f"sip:5551200@{ONE}"
        trunk.reply(invite, 200, tag="t1")
        answer = last(alice.received())
        assert str(answer.from_.uri) == "sip:200@example.org"
        for method in ("INFO", "BYE"):
            alice.send(alice.within(method, again, answer))
            got = asked(trunk)
            assert (got.method, str(got.from_.uri)) == (method, f"sip:5551200@{ONE}")
        trunk.send(trunk.within("INFO", invite, parsed_200(invite), is_caller=False))
        assert str(asked(alice).to.uri) == "sip:200@example.org"


def test_a_trunk_may_be_reached_over_ipv6_and_tcp():
    rows = (
        "setid(int) destination(str) flags(int) priority(int)\n"
        "1:sip\\:[2001\\:db8\\:\\:77]\\:5070;transport=tcp:8:0\n"
    )
    tables = {"dispatcher": table("dispatcher", rows), "dbaliases": table("dbaliases", DBALIASES)}
    box = house(tables=tables)
    box.proxy.modules.start(box.now)
    alice = phone(box, "200", "udp", 4)
    trunk = Phone(box, "one", host="2001:db8::77", port=5070, transport="tcp")
    box.wait(0.1)
    assert asked(trunk).method == "OPTIONS"
    assert status(alice.register()) == [200]
    assert status(alice.request("INVITE", "sip:0301234@example.org", body=SDP)) == [100]
    invite = asked(trunk)
    assert invite.uri == "sip:0301234@[2001:db8::77]:5070;transport=tcp"
    assert str(invite.from_.uri) == "sip:5551200@[2001:db8::77]"
    trunk.send(trunk.make("INVITE", "sip:5551200@example.org", body=SDP))
    assert asked(alice).method == "INVITE"


def test_who_leaves_the_route_out_is_told_in_the_same_names():
    scene = Scene(tables=[("uacreg", UACREG)])
    sent = scene.alice.make("INVITE", "sip:0301234@example.org", body=SDP)
    again = scene.alice.authenticated(sent, last(scene.alice.send(sent)))
    scene.alice.send(again)
    line = "WWW-Authenticate: " + challenge("one", "n1")
    scene.one.reply(asked(scene.one), 401, headers=[line])
    invite = asked(scene.one)
    scene.one.reply(invite, 200, tag="t1")
    answer = last(scene.alice.received())
    ends = {"from_": answer.header("from"), "to": answer.header("to"), "call_id": answer.call_id}
    scene.alice.send(scene.alice.make("INFO", f"sip:one@{ONE}:5060", **ends))
    info = asked(scene.one)
    assert info.method == "INFO" and str(info.from_.uri) == f"sip:5551200@{ONE}"
    assert info.cseq.number == scene.alice.cseq + 1
    theirs = {"from_": invite.header("to") + ";tag=t1", "to": invite.header("from"),
              "call_id": answer.call_id}  # fmt: skip
    scene.one.send(scene.one.make("BYE", scene.alice.contact[1:-1], **theirs))
    bye = asked(scene.alice)
    assert bye.method == "BYE" and str(bye.to.uri) == "sip:200@example.org"
    scene.alice.reply(bye, 200)
    assert len(scene.box.proxy.modules.limits) == 0
