"""Pings to telephones behind a NAT: who gets them, how often, and what their answers do."""

from app.proxy.keepalive import BURST, PAUSE
from app.proxy.location import NATTED, Binding, Outcome
from app.sip.interfaces import interface
from app.sip.transport import Peer, same_place
from tests.proxy.box import Box
from tests.proxy.phone import Phone, status


def natted(box, user="200", port=40000):
    """-> Phone that believes to be at 192.168.0.5 and has registered."""
    phone = Phone(box, user, host="203.0.113.7", port=port, address="192.168.0.5:5060")
    assert status(phone.register()) == [200]
    return phone


def started(**settings):
    box = Box(**settings)
    box.proxy.modules.start(box.now)
    return box


def pings(phone):
    return [each for each in phone.received() if each.is_request and each.method == "OPTIONS"]


def test_a_telephone_behind_nat_is_pinged_in_every_interval():
    box = started(keepalive=30)
    phone = natted(box)
    box.wait(30)
    first = pings(phone)
    box.wait(300)
    assert len(first) == 1 and len(pings(phone)) == 10
    ping = first[0]
    assert ping.uri == "sip:200@192.168.0.5:5060" and ping.max_forwards == 70
    assert ping.header("from").startswith("<sip:192.0.2.10:5060>;tag=")
    assert len(box.endpoint) <= 1  # no transaction but the REGISTER's


def test_others_are_left_alone():
    """Who is reached by his Contact, by a connection or by proxies that see to it themselves."""
    box = started()
    phone = Phone(box, "200")
    phone.register()
    box.config.interfaces.all.append(interface(2, "tcp", "192.0.2.10", 5060))
    stream = Phone(box, "202", address="192.168.0.6:5060")
    stream.peer = Peer("tcp", "203.0.113.8", 4444, 18)
    assert status(stream.register()) == [200]
    bind(box, "203", path="<sip:edge.example;lr>", received="sip:203.0.113.9:4000")
    assert len(box.location) == 3 and len(box.proxy.modules.keepalive) == 0
    box.sent = []
    box.wait(100)
    assert box.sent == []


def bind(box, user, **fields):
    outcome = Outcome()
    number = len(box.location)
    outcome.added.append(Binding(user, f"sip:{user}@192.168.0.5:{5000 + number}", box.now + 3600,
                                 ruid=f"uloc-{number}", cflags=NATTED, **fields))  # fmt: skip
    box.location.apply(user, outcome, box.now, box.wall)


def test_a_telephone_that_has_learnt_its_outer_address():
    """linphone writes it into its Contact; its router forgets it all the same."""
    box = started()
    phone = Phone(box, "200", host="203.0.113.7", port=40000, address="192.168.0.5:5060")
    phone.contact = "<sip:200@203.0.113.7:40000>"
    assert status(phone.register()) == [200]
    assert box.location.bindings("200", box.now)[0].received is None
    box.wait(31)
    assert len(pings(phone)) == 1
    again = box.restart()
    again.proxy.modules.start(again.now)
    assert len(again.proxy.modules.keepalive) == 1


def test_crlf_instead_of_options():
    box = started(keepalive_method="crlf")
    phone = natted(box)
    box.sent = []
    box.wait(60)
    assert [data for data, peer in box.sent if same_place(peer, phone.peer)] == [b"\r\n\r\n"] * 2


def test_none_at_all():
    box = started(keepalive=0)
    phone = natted(box)
    box.wait(300)
    assert pings(phone) == []


def test_who_unregisters_or_expires_is_pinged_no_more():
    box = started()
    phone, other = natted(box), natted(box, "201", 40001)
    phone.register(expires=0)
    other.register(expires=60)
    pings(phone), pings(other)
    box.wait(300)
    assert pings(phone) == [] and len(pings(other)) <= 2
    keepalive = box.proxy.modules.keepalive
    assert len(keepalive) == 0 and keepalive._by_call_id == {}


def test_who_comes_from_elsewhere_is_pinged_there():
    box = started()
    phone = natted(box)
    moved = Phone(box, "200", host="203.0.113.7", port=41000, address="192.168.0.5:5060")
    moved.register(call_id="reg-200", cseq=phone.cseq + 50)
    moved.cseq = phone.cseq + 60
    moved.register()
    pings(phone), pings(moved)
    box.wait(90)
    assert pings(phone) == [] and len(pings(moved)) == 3


def answer(phone, code=200):
    for ping in pings(phone):
        phone.reply(ping, code)


def test_who_answered_once_and_then_no_more_is_removed():
    box = started(keepalive=30, keepalive_timeout=120)
    phone, silent = natted(box), natted(box, "201", 40001)
    for _ in range(5):
        box.wait(30)
        answer(phone)
    assert len(box.location) == 2
    box.wait(160)
    assert box.location.bindings("200", box.now) == []
    assert box.log.has("unregistered 200 at sip:200@192.168.0.5:5060: no answer to OPTIONS")
    assert len(box.location.bindings("201", box.now)) == 1  # which never answered any
    assert box.restart().location.bindings("200", box.now) == []
    assert len(pings(silent)) > 5


def test_any_answer_will_do_and_so_does_a_register():
    box = started(keepalive=30, keepalive_timeout=100)
    phone = natted(box)
    for code in (404, 481, 501, 200, 603):
        box.wait(60)
        answer(phone, code)
    for _ in range(4):
        box.wait(60)
        phone.register()
    assert len(box.location) == 1


def test_nobody_removes_without_a_timeout():
    box = started(keepalive=30)
    phone = natted(box)
    box.wait(30)
    answer(phone)
    box.wait(3000)
    assert len(box.location) == 1


def test_an_answer_counts_from_the_telephone_and_to_the_latest_ping_alone():
    box = started(keepalive=30, keepalive_timeout=100)
    phone = natted(box)
    box.wait(30)
    answer(phone)
    box.wait(30)
    ping = pings(phone)[0]
    heard = box.proxy.modules.keepalive._by_call_id[ping.call_id].heard
    thief = Phone(box, "200", host="203.0.113.66")
    thief.reply(ping, 200)
    assert box.proxy.modules.keepalive._by_call_id[ping.call_id].heard == heard
    box.wait(30)
    phone.reply(ping, 200)  # too late: another one is out
    assert box.proxy.modules.keepalive._by_call_id[ping.call_id].heard == heard
    answer(phone)
    box.wait(30)
    answer(phone)
    assert box.proxy.modules.keepalive._by_call_id[ping.call_id].heard > heard


def test_pings_are_spread_and_few_at_a_time():
    box = started(keepalive=30)
    for number in range(300):
        bind(box, f"u{number}", received=f"sip:203.0.113.7:{20000 + number}")
    assert len(box.proxy.modules.keepalive) == 300
    counts = []
    for _ in range(60):
        box.sent = []
        box.wait(0.5)
        counts.append(len(box.sent))
    assert 290 <= sum(counts) <= 310 and max(counts) <= 12, counts


def test_a_turn_sends_few():
    box = started(keepalive=30)
    for number in range(40):
        bind(box, f"u{number}", received=f"sip:203.0.113.7:{20000 + number}")
    box.now += 100  # as when the box was busy: all of them are due
    turns = 0
    while len(box.sent) < 40:
        before = len(box.sent)
        box.proxy.handle_timers(box.now, box.wall)
        box.settle()
        assert len(box.sent) - before <= BURST
        turns += 1
        box.now += PAUSE
    assert turns >= 40 // BURST


def test_contacts_that_were_kept_are_pinged_after_a_restart():
    box = started()
    natted(box)
    again = box.restart()
    again.proxy.modules.start(again.now)
    again.wait(31)
    sent = [peer for data, peer in again.sent if data.startswith(b"OPTIONS")]
    assert [(peer.host, peer.port) for peer in sent] == [("203.0.113.7", 40000)]


def test_another_interval_from_a_new_site():
    box = started(keepalive=30)
    phone = natted(box)
    box.wait(60)
    pings(phone)
    box.config.keepalive = 0
    box.proxy.modules.start(box.now)
    box.wait(300)
    assert pings(phone) == []
    box.config.keepalive = 10
    box.proxy.modules.start(box.now)
    box.wait(100)
    assert len(pings(phone)) == 10


def test_a_contact_of_many_parts():
    box = started()
    phone = Phone(box, "200", host="203.0.113.7", address="192.168.0.5:5060")
    phone.contact = '"Me" <sip:200;x=y@192.168.0.5:5060;ob;line=7?Subject=hi>;q=0.5'
    phone.register()
    box.wait(31)
    ping = pings(phone)[0]
    assert ping.uri == "sip:200;x=y@192.168.0.5:5060;ob;line=7"
    assert ping.header("to") == f"<{ping.uri}>"
