"""A site's own routes.py at work: what it changes, and what happens when it fails."""

from app import routes
from app.port import scripts
from app.proxy.script import FAULTS, FILE, REST
from app.proxy.script_check import MODULE
from tests.proxy.box import Box
from tests.proxy.desks import desks, methods
from tests.proxy.phone import SDP, Phone, last, status


def own(source):
    """-> the module of a site's routes.py."""
    return scripts.laid_over(MODULE, scripts.compiled(source, FILE))


def box_with(source, **settings):
    box = Box(**settings)
    box.proxy.script.tools = scripts
    box.proxy.script.use(own(source))
    return box


ONE_STAGE = '''
shipped_incoming = incoming


def incoming(r):
    """Digits with a 9 in front go to the trunk."""
    if r.rU.startswith("9"):
        r.strip(1)
        r.append_hf("X-Way: out")
        return relay(r) if r.sethost("192.0.2.80") else None
    return shipped_incoming(r)
'''


def test_one_stage_is_overridden_and_the_others_stay():
    box = box_with(ONE_STAGE)
    alice, bob = Phone(box, "200"), Phone(box, "201")
    gateway = Phone(box, "gw", host="192.0.2.80")
    bob.register()
    alice.request("INVITE", "sip:9112@example.org", body=SDP)
    invite = last(gateway.received())
    assert (invite.uri, invite.header("x-way")) == ("sip:112@192.0.2.80", "out")
    alice.request("INVITE", "sip:201@example.org", body=SDP)
    assert last(bob.received()).header("x-way") is None
    assert status(alice.send(alice.make("MESSAGE", "sip:201@example.org"))) == [407]


def test_the_shipped_script_is_not_touched():
    shipped = routes.incoming
    module = own(ONE_STAGE)
    assert module is not routes and routes.incoming is shipped
    assert module.incoming is not shipped and module.sane is not routes.sane
    assert not hasattr(routes, "shipped_incoming")
    from app.routes import incoming

    assert incoming is shipped


def test_the_shipped_stages_can_be_imported():
    module = own("from app.routes import *\nfrom app.routes import relay as out\n"
                 "def incoming(r):\n    return out(r)\n")
    assert module.out is module.relay
    assert module.request_route is not routes.request_route


FAILING = '''
def incoming(r):
    if r.hdr("X-Fail"):
        return {}["nothing"]
    r.append_hf("X-Own: yes")
    return relay(r) if r.lookup("location") else r.sl_send_reply(404, "Not Found")
'''


def test_a_message_that_the_script_fails_on_is_routed_by_the_shipped_one():
    box = box_with(FAILING)
    alice, bob = Phone(box, "200"), Phone(box, "201")
    bob.register()
    alice.request("MESSAGE", "sip:201@example.org", ["X-Fail: 1"])
    got = last(bob.received())
    assert got.header("x-own") is None and got.header("p-hint")
    assert len(got.headers("record-route")) == 1  # nothing of the first run is left in it
    line = box.log.has("shipped script goes on with it")[0]
    assert line.startswith("routes.py:4: KeyError('nothing'") and "MESSAGE sip:201" in line
    alice.request("MESSAGE", "sip:201@example.org")
    assert last(bob.received()).header("x-own") == "yes"
    assert box.proxy.script.status() == "routes.py of the site, 1 faults"


def test_a_call_that_it_fails_on_is_whole():
    """Its call, media and transaction are those of the second run alone."""
    for before in ("", "r.t_newtran()", "r.rtpproxy_manage()", "r.t_reply(180, 'Ringing')"):
        box = box_with(f"def incoming(r):\n    {before or 'pass'}\n    return 1 / 0\n")
        alice, bob = Phone(box, "200"), Phone(box, "201")
        bob.register()
        alice.request("INVITE", "sip:201@example.org", body=SDP)
        invite = last(bob.received())
        bob.reply(invite, 200)
        answer = last(alice.received())
        assert answer.status == 200 and len(box.proxy.calls) == 1
        alice.send(alice.within("ACK", answer, answer, cseq=answer.cseq.number))
        alice.send(alice.within("BYE", answer, answer))
        assert methods(bob.received()) == ["ACK", "BYE"]
        box.wait(120)
        assert len(box.endpoint) == len(box.proxy.calls) == len(box.proxy.deadlines) == 0


def test_a_fault_behind_the_answer_changes_nothing():
    for answer, expected in (("r.sl_send_reply(480, 'No')", 480), ("r.t_reply(480, 'No')", 480)):
        box = box_with(f"def incoming(r):\n    {answer}\n    return 1 / 0\n")
        alice = Phone(box, "200")
        assert status(alice.request("MESSAGE", "sip:201@example.org")) == [expected]
    box = box_with("def incoming(r):\n    r.lookup('location')\n    relay(r)\n    return 1 / 0\n")
    alice, bob = Phone(box, "200"), Phone(box, "201")
    bob.register()
    alice.request("MESSAGE", "sip:201@example.org")
    assert methods(bob.received()) == ["MESSAGE"]
    assert box.proxy.script.faults == 1


def test_a_script_that_fails_on_and_on_rests():
    box = box_with(FAILING)
    alice, bob = Phone(box, "200"), Phone(box, "201")
    bob.register()
    for _ in range(FAULTS):
        alice.request("MESSAGE", "sip:201@example.org", ["X-Fail: 1"])
    assert box.log.has("in force for 300 s")
    alice.request("MESSAGE", "sip:201@example.org", ["X-Fail: 1"])
    alice.request("MESSAGE", "sip:201@example.org")
    assert [each.header("x-own") for each in bob.received() if each.is_request] == [None] * 7
    assert box.proxy.script.faults == FAULTS
    assert box.proxy.script.status().startswith("as shipped for 300 s, routes.py of the site")
    box.wait(REST)
    bob.register()
    alice.request("MESSAGE", "sip:201@example.org")
    assert last(bob.received()).header("x-own") == "yes"
    assert box.log.has("tried again")


def test_faults_far_apart_do_not_add_up():
    box = box_with(FAILING)
    alice, bob = Phone(box, "200"), Phone(box, "201")
    bob.register()
    for _ in range(FAULTS * 2):
        alice.request("MESSAGE", "sip:201@example.org", ["X-Fail: 1"])
        box.wait(20)
    assert not box.log.has("in force for")


def test_another_site_begins_anew():
    box = box_with(FAILING)
    alice = Phone(box, "200")
    for _ in range(FAULTS):
        alice.request("MESSAGE", "sip:201@example.org", ["X-Fail: 1"])
    box.proxy.script.use(own(ONE_STAGE))
    assert box.proxy.script.status() == "routes.py of the site, 0 faults"
    box.proxy.script.use(None)
    assert box.proxy.script.status() == "as shipped"


def test_a_reply_that_it_fails_on_has_the_shipped_reply_route():
    box = box_with('def onreply_route(r):\n    r.append_hf("X-Half: done")\n    return r.nothing\n')
    alice, bob = Phone(box, "200"), Phone(box, "201", port=5070, address="10.0.0.1:5060")
    bob.register()
    alice.request("INVITE", "sip:201@example.org", body=SDP)
    bob.reply(last(bob.received()), 200)
    answer = last(alice.received())
    assert answer.status == 200 and answer.header("x-half") is None
    assert ";alias=" in answer.header("contact")
    assert box.log.has("in a 200 to INVITE sip:201@example.org")


def test_a_failure_route_that_fails_has_done_nothing():
    source = '''
def incoming(r):
    r.t_on_failure("other")
    r.lookup("location")
    return relay(r)


def other(r):
    r.append_branch("sip:vm@192.0.2.80")
    r.t_relay()
    return 1 / 0
'''
    box = box_with(source)
    (one,) = desks(box, None)
    alice, voicemail = Phone(box, "200"), Phone(box, "vm", host="192.0.2.80")
    alice.request("INVITE", "sip:201@example.org", body=SDP)
    one.phone.reply(one.invite(), 486)
    assert status(alice.received())[-1] == 486 and voicemail.received() == []
    assert box.log.has("ZeroDivisionError")[0].startswith("routes.py:11: ")
    assert len(box.proxy.calls) == 0


def test_a_branch_route_that_fails_fails_the_request():
    source = '''
def incoming(r):
    r.t_on_branch("mark")
    r.lookup("location")
    return relay(r)


def mark(r):
    return 1 / 0
'''
    box = box_with(source)
    (one,) = desks(box, None)
    alice = Phone(box, "200")
    alice.request("INVITE", "sip:201@example.org", body=SDP)
    one.phone.reply(one.invite(), 200)
    assert status(alice.received())[-1] == 200 and box.proxy.script.faults == 1


def test_what_the_network_got_wrong_is_no_fault_of_the_script():
    box = box_with("from app.sip.errors import ParseError\ndef incoming(r):\n"
                   "    raise ParseError(400, 'Bad Request: theirs')\n")
    alice = Phone(box, "200")
    assert status(alice.request("MESSAGE", "sip:201@example.org")) == [400]
    assert box.proxy.script.faults == 0


LOOPS = (
    "    while True:\n        pass\n",
    "    while True:\n        r.is_method('X')\n",
    "    while True:\n        try:\n            r.rm\n        except Exception:\n            0\n",
)


def test_a_loop_without_end_ends():
    for loop in LOOPS:
        box = box_with("def incoming(r):\n" + loop)
        box.proxy.script.limit = 0.05
        alice, bob = Phone(box, "200"), Phone(box, "201")
        bob.register()
        alice.request("MESSAGE", "sip:201@example.org")
        assert methods(bob.received()) == ["MESSAGE"]
        (line,) = box.log.has("OutOfTime")
        assert line.startswith("routes.py:") and not line.startswith("routes.py: ")


def test_a_loop_in_a_reply_or_failure_route_ends():
    box = box_with("def onreply_route(r):\n" + LOOPS[0])
    box.proxy.script.limit = 0.05
    alice, bob = Phone(box, "200"), Phone(box, "201")
    bob.register()
    alice.request("MESSAGE", "sip:201@example.org")
    bob.reply(last(bob.received()), 200)
    assert status(alice.received()) == [200] and box.proxy.script.faults == 1
    box = box_with("def incoming(r):\n    r.t_on_failure('more')\n    r.lookup('location')\n"
                   "    return relay(r)\n\n\ndef more(r):\n" + LOOPS[0])
    box.proxy.script.limit = 0.05
    alice, bob = Phone(box, "200"), Phone(box, "201")
    bob.register()
    alice.request("MESSAGE", "sip:201@example.org")
    bob.reply(last(bob.received()), 480)
    assert status(alice.received()) == [480] and box.proxy.script.faults == 1


def test_who_comes_back_in_time_is_left_alone():
    """Nothing is raised behind the call, in code that is not the script's."""
    for _ in range(20):
        assert scripts.limited(0.01, int, "5") == 5
    total = 0
    for number in range(200000):
        total += number
    assert total == 19999900000


def test_where_a_fault_was():
    for source, line in (
        ("def f():\n    return 1 / 0\nf()\n", 2),
        ("x = 1\n\n\ny = nothing\n", 4),
        ("x = 1\n\ny = )\n", 3),
        ("import app.routes\napp.routes.request_route(None)\n", 2),
    ):  # fmt: skip
        try:
            exec(scripts.compiled(source, FILE), {"__name__": "x"})
            raise RuntimeError("nothing was raised")
        except RuntimeError:
            raise
        except Exception as error:
            assert scripts.place_of(error, FILE) == line, source
            assert scripts.place_of(error, "other.py") == 0
