"""Scanners, floods and guessing: who is banned, who is not, and who is heard all the same."""

from app.proxy import pike
from app.proxy.bans import EACH, NEWCOMERS, PROOFS
from app.proxy.config import Config
from app.proxy.pike import MAX_KNOWN, MAX_SOURCES
from app.sip.transport import Peer
from tests.proxy.box import BOX, Box, table
from tests.proxy.phone import Phone, last, status

NAT = "198.51.100.7"  # an address with several telephones behind it, and a scanner


def guarded(**settings):
    """-> Box with the limits that a site has by default."""
    defaults = {"reqs_density_per_unit": 16, "scanners": ("friendly-scanner",)}
    defaults.update(settings)
    return Box(**defaults)


def scanner(box, host=NAT, port=5099, user="100"):
    return Phone(box, user, host, port)


def ban(box, **place):
    """-> Phone whose address has been banned for asking too much."""
    bad = scanner(box, **place)
    for number in range(16):
        bad.send(bad.make("OPTIONS", f"sip:{number}@example.org"))
    assert len(box.proxy.pike.bans) == 1
    return bad


def test_sixteen_requests_in_two_seconds_are_too_many():
    box = guarded()
    bad = scanner(box)
    for number in range(15):
        assert bad.send(bad.make("REGISTER", "sip:example.org", to=f"<sip:{number}@example.org>"))
    assert bad.send(bad.make("REGISTER", "sip:example.org")) == []
    for method in ("REGISTER", "INVITE", "OPTIONS", "MESSAGE", "ACK", "CANCEL", "BYE"):
        assert bad.send(bad.make(method, "sip:200@example.org")) == [], method
    assert box.log.has(f"banned {NAT} for 300 s: 16 requests in 2 s")


def test_fewer_are_not():
    box = guarded()
    slow = scanner(box)
    for _ in range(60):
        assert slow.send(slow.make("OPTIONS", "sip:example.org"))
        box.wait(0.2)
    assert not len(box.proxy.pike.bans)


def test_a_ban_ends():
    box = guarded()
    bad = ban(box)
    box.wait(299)
    assert bad.send(bad.make("OPTIONS", "sip:example.org")) == []
    box.wait(2)
    assert status(bad.send(bad.make("OPTIONS", "sip:example.org"))) == [200]
    assert box.log.has(f"ban of {NAT} ended, 1 messages were dropped")


def test_zero_bans_nobody():
    for settings in ({"reqs_density_per_unit": 0}, {"ban": 0}):
        box = guarded(**settings)
        bad = scanner(box)
        for _ in range(200):
            assert bad.send(bad.make("OPTIONS", "sip:example.org"))


def test_a_retransmission_asks_nothing_new():
    box = guarded()
    phone = scanner(box, user="200")
    data = phone.make("REGISTER", "sip:example.org")
    for _ in range(50):
        assert status(phone.send(data)) == [401]


def test_one_request_a_thousand_times_is_a_flood():
    box = guarded()
    bad = scanner(box)
    for data in (bad.make("OPTIONS", "sip:example.org"), b"rubbish", b"SIP/2.0 200 OK\r\n\r\n"):
        for _ in range(128):
            box.receive(data, bad.peer)
        assert len(box.proxy.pike.bans) == 1
        assert box.log.has("128 messages in 2 s")
        box.proxy.pike.bans.lift()


def test_requests_that_never_reach_the_script_count_too():
    for broken in (b"CSeq: x\r\n", b"CSeq: 1 BYE\r\n", b"From: <\r\n"):
        box = guarded()
        bad = scanner(box)
        for _ in range(15):
            data = bad.make("OPTIONS", "sip:example.org")
            assert bad.send(data.replace(b"Max-Forwards", broken + b"Max-Forwards"))
        assert bad.send(bad.make("CANCEL", "sip:example.org")) == []


def test_a_neighbour_behind_the_same_address_goes_on():
    box = guarded()
    neighbour, other = Phone(box, "200", NAT, 40001), Phone(box, "201")
    neighbour.register()
    other.register()
    ban(box)
    for _ in range(3):
        assert status(neighbour.register()) == [200]
        assert status(neighbour.request("INVITE", other.uri)) == [100]
        invite = last(other.received())
        other.reply(invite, 486)
        assert 486 in status(neighbour.received())
    assert status(other.request("INVITE", neighbour.uri)) == [100]
    assert last(neighbour.received()).method == "INVITE"


def test_a_neighbour_that_starts_anew_gets_its_challenge():
    box = guarded()
    bad = ban(box)
    assert bad.send(bad.make("REGISTER", "sip:example.org")) == []
    fresh = Phone(box, "200", NAT, 40002)
    assert status(fresh.register()) == [200]
    for _ in range(20):
        assert status(fresh.register()) == [200]


def test_twenty_telephones_that_start_at_once_all_register():
    box = guarded(max_contacts=32)
    phones = [Phone(box, "200", NAT, 40000 + number) for number in range(20)]
    asked = [phone.make("REGISTER", "sip:example.org", to=f"<{phone.uri}>") for phone in phones]
    waiting = list(range(20))
    for _ in range(4):  # what gets no answer is sent again
        replies = {number: phones[number].send(asked[number]) for number in waiting}
        for number in list(waiting):
            if not replies[number]:
                continue
            again = phones[number].authenticated(asked[number], last(replies[number]))
            if status(phones[number].send(again)) == [200]:
                waiting.remove(number)
        box.wait(4)
    assert waiting == []


def test_many_ports_do_not_help_a_scanner():
    box = guarded()
    answers = 0
    for port in range(2000):
        bad = scanner(box, port=10000 + port)
        answers += len(bad.send(bad.make("REGISTER", "sip:example.org")))
    assert answers == 15 + NEWCOMERS[0]


def test_who_is_not_the_culprit_is_found_among_many():
    box = guarded()
    bad = scanner(box)
    for number in range(20):
        phone = bad if number % 3 else Phone(box, "200", NAT, 40000 + number)
        phone.send(phone.make("OPTIONS", "sip:example.org"))
    assert len(box.proxy.pike.bans) == 1
    assert bad.send(bad.make("OPTIONS", "sip:example.org")) == []
    assert status(Phone(box, "200", NAT, 40015).register()) == [200]


def test_right_credentials_pass_a_ban_even_from_the_very_port():
    box = guarded()
    phone = Phone(box, "200", NAT, 5099)
    data = phone.make("REGISTER", "sip:example.org", to=f"<{phone.uri}>")
    reply = last(phone.send(data))
    ban(box)  # somebody sends in this telephone's name
    assert phone.send(phone.make("OPTIONS", "sip:example.org")) == []
    assert status(phone.send(phone.authenticated(data, reply))) == [200]
    assert status(phone.send(phone.make("OPTIONS", "sip:example.org"))) == [200]


def test_guesses_cannot_use_a_ban_up():
    box = guarded()
    bad = scanner(box, user="200")
    data = bad.make("REGISTER", "sip:example.org", to=f"<{bad.uri}>")
    reply = last(bad.send(data))
    ban(box)
    checked = len(box.log.has("wrong password"))
    for port in range(1000):
        bad.peer = Peer("udp", NAT, 20000 + port, 0)
        assert bad.send(bad.authenticated(data, reply, password="guess")) == []
    assert len(box.log.has("wrong password")) - checked <= PROOFS[0]
    neighbour = Phone(box, "201", NAT, 40001)
    box.wait(60)
    assert status(neighbour.register()) == [200]


def test_one_port_has_few_guesses_in_a_ban():
    box = guarded()
    bad = scanner(box, user="200")
    data = bad.make("REGISTER", "sip:example.org", to=f"<{bad.uri}>")
    reply = last(bad.send(data))
    ban(box)
    for _ in range(50):
        assert bad.send(bad.authenticated(data, reply, password="guess")) == []
        box.wait(5)
    assert len(box.log.has("wrong password")) <= EACH


def test_a_forged_source_does_not_ban_a_registered_flow():
    box = guarded()
    victim = Phone(box, "200", NAT, 40001)
    victim.register()
    for number in range(500):  # an attacker writes the very address of the telephone
        forged = victim.make("REGISTER", "sip:example.org", to=f"<sip:{number}@example.org>")
        box.receive(forged, victim.peer)
        box.receive(b"rubbish", victim.peer)
    victim.received()
    assert not len(box.proxy.pike.bans)
    assert status(victim.register()) == [200]


def test_a_trunk_is_never_counted():
    box = guarded(trunks=("203.0.113.5",))
    trunk = Phone(box, "200", "203.0.113.5")
    for _ in range(300):
        assert trunk.send(trunk.make("OPTIONS", "sip:example.org"))


def test_responses_reach_calls_through_a_ban():
    box = guarded()
    caller, callee = Phone(box, "200"), Phone(box, "201", NAT, 40001)
    for phone in (caller, callee):
        phone.register()
    caller.request("INVITE", callee.uri)
    invite = last(callee.received())
    callee.peer = Peer("udp", NAT, 40009, 0)  # it answers from another port
    ban(box)
    callee.reply(invite, 200)
    assert 200 in status(caller.received())


def test_a_seal_is_heard_in_a_ban():
    box = guarded()
    caller, callee = Phone(box, "200"), Phone(box, "201", NAT, 40001)
    for phone in (caller, callee):
        phone.register()
    first = caller.make("INVITE", callee.uri)
    caller.send(first)
    caller.request("INVITE", callee.uri)
    invite = last(callee.received())
    callee.reply(invite, 200)
    answer = [each for each in caller.received() if each.status == 200][0]
    ban(box)
    callee.peer = Peer("udp", NAT, 40009, 0)  # its NAT has a new port for it
    callee.send(callee.within("BYE", invite, answer, is_caller=False))
    assert last(caller.received()).method == "BYE"


def test_an_ipv6_source_is_its_network():
    box = guarded()
    bad = Phone(box, "100", "2001:db8:1:2::1", address="[2001:db8:1:2::1]:5060")
    for number in range(16):
        bad.peer = Peer("udp", f"2001:db8:1:2::{number:x}", 5060, 0)
        bad.send(bad.make("OPTIONS", "sip:example.org"))
    for number in range(100, 100 + NEWCOMERS[0]):
        bad.peer = Peer("udp", f"2001:db8:1:2::{number:x}", 5060, 0)
        bad.send(bad.make("OPTIONS", "sip:example.org"))
    bad.peer = Peer("udp", "2001:db8:1:2:ffff::1", 5060, 0)
    assert bad.send(bad.make("OPTIONS", "sip:example.org")) == []
    assert box.log.has("banned 2001:db8:1:2::/64")
    other = Phone(box, "100", "2001:db8:1:3::1", address="[2001:db8:1:3::1]:5060")
    assert status(other.send(other.make("OPTIONS", "sip:example.org"))) == [200]


def test_a_scanner_by_its_name_gets_no_answer():
    box = guarded()
    bad = scanner(box)
    for agent in ("friendly-scanner", "Friendly-Scanner/0.3", "x friendly-scanner x"):
        for method in ("OPTIONS", "REGISTER", "INVITE"):
            lines = [f"User-Agent: {agent}"]
            assert bad.send(bad.make(method, "sip:200@example.org", lines)) == []
    assert bad.send(bad.make("OPTIONS", "sip:example.org", ["User-Agent: Phone/1"]))


def test_ten_wrong_passwords_are_too_many():
    box = guarded()
    bad = scanner(box, user="200")
    for number in range(12):
        box.wait(20)
        answers = bad.register(password=f"guess{number}")
        assert bool(answers) == (number < 9), number
    assert box.log.has(f"banned {NAT} for 300 s: 10 wrong passwords in 600 s")


def test_what_is_made_to_look_like_a_repetition_counts():
    """MicroPython's hash() has 16 bits: whoever guesses can have all of his messages share one."""
    pike.hash = lambda raw: 7
    try:
        test_ten_wrong_passwords_are_too_many()
        test_sixteen_requests_in_two_seconds_are_too_many()
    finally:
        del pike.hash


def test_wrong_passwords_lock_no_user_out():
    box = guarded()
    for number in range(40):  # from everywhere
        Phone(box, "200", f"198.51.100.{number}").register(password="guess")
        box.wait(1)
    assert status(Phone(box, "200").register()) == [200]


def test_wrong_passwords_of_one_name_are_answered_later():
    box = guarded()
    for number in range(9):
        assert Phone(box, "200", f"198.51.100.{number}").register(password="guess")
    slow = Phone(box, "200", "198.51.100.99")
    assert slow.register(password="guess") == []
    box.wait(0.4)
    assert slow.received() == []
    box.wait(0.2)
    assert status(slow.received()) == [401]


def test_names_that_do_not_exist_are_answered_as_late():
    box = guarded()
    for user in ("200", "nobody"):
        found = []
        for number in range(14):
            phone = Phone(box, user, f"198.51.100.{number}")
            answers = phone.register(password="guess")
            waited = 0.0
            while not answers:
                box.wait(0.25)
                waited += 0.25
                answers = phone.received()
            found.append(waited)
        assert found == [0.0] * 9 + [0.5, 1.0, 2.0, 4.0, 4.0], user


def test_answers_that_wait_are_bounded():
    box = guarded(wrong_passwords=2)
    for number in range(200):
        phone = Phone(box, "200", f"198.51.{number}.1")
        phone.register(password="guess")
    assert box.proxy.held == 64
    box.wait(10)
    assert box.proxy.held == 0


def test_a_known_flow_cannot_guess_other_users_passwords():
    box = guarded()
    insider = Phone(box, "200", NAT, 40001)
    insider.register()
    thief = Phone(box, "201", NAT, 40001)
    for number in range(30):
        thief.register(password=f"guess{number}")
        box.wait(1)
    assert not len(box.proxy.pike.bans)
    before = len(box.location.bindings("201", box.now))
    thief.received()
    assert thief.register() == []  # the right one, and nobody hears that it is
    assert len(box.location.bindings("201", box.now)) == before
    assert status(insider.register()) == [200]


def test_a_flow_with_several_users_keeps_them():
    box = guarded()
    first, second = Phone(box, "200", NAT, 40001), Phone(box, "201", NAT, 40001)
    first.register()
    second.register()
    for number in range(30):
        Phone(box, "202", NAT, 40001).register(password=f"guess{number}")
        box.wait(1)
    first.received()
    assert status(first.register()) == [200] and status(second.register()) == [200]


def test_all_tables_are_bounded():
    box = guarded()
    pike = box.proxy.pike
    for number in range(3000):
        peer = Peer("udp", f"10.{number // 250}.{number % 250}.1", 5060, 0)
        pike.admits(b"x", peer, box.now)
        pike.check(peer, b"x", box.now)
        pike.failed(peer, f"user{number}", b"x", box.now)
        pike.vouch(peer, "200", box.now + 10 + number, box.now)
    assert len(pike._sources) <= 2 * MAX_SOURCES and len(pike._known) <= MAX_KNOWN
    assert len(pike._failures) <= 256
    for number in range(300):
        pike.bans.start(f"10.0.{number}", "test", ("x", 1), box.now, 300)
    assert len(pike.bans) == 256


def test_a_scanner_is_counted_in_a_flood_of_forged_sources():
    box = guarded()
    bad = scanner(box)
    for number in range(16):
        for forged in range(100):
            peer = Peer("udp", f"10.{number}.{forged}.1", 5060, 0)
            box.receive(bad.make("OPTIONS", "sip:example.org"), peer)
        bad.send(bad.make("OPTIONS", "sip:example.org"))
    assert box.log.has(f"banned {NAT}")


def test_a_known_flow_is_forgotten_with_its_registration():
    box = guarded(max_expires=100, default_expires=60)
    phone = Phone(box, "200", NAT, 40001)
    phone.register(60)
    box.wait(101)
    ban(box, port=40001)
    assert phone.send(phone.make("OPTIONS", "sip:example.org")) == []


def test_groups_of_the_table_address_are_let_in_or_kept_out():
    rows = table(
        "address",
        "id(int,auto) grp(int) ip_addr(string) mask(int) port(int) tag(string,null)\n"
        "1:10:198.51.100.0:24:0:\n2:11:203.0.113.66:32:0:\n3:1:203.0.113.5:32:0:\n",
    )
    box = guarded(tables={"address": rows}, allow_group=10, deny_group=11)
    denied = Phone(box, "200", "203.0.113.66")
    assert denied.register() == [] and box.proxy.pike.dropped == 1
    for host in (NAT, "203.0.113.5"):  # the operator's, and a trunk's
        allowed = scanner(box, host)
        for _ in range(200):
            assert allowed.send(allowed.make("OPTIONS", "sip:example.org"))
    assert not len(box.proxy.pike.bans)


def test_who_is_kept_out_stays_out_registered_or_not():
    """The operator's answer to a stolen password, while the thief is registered."""
    rows = table(
        "address",
        "id(int,auto) grp(int) ip_addr(string) mask(int) port(int) tag(string,null)\n"
        "1:11:198.51.100.0:24:0:\n",
    )
    box = guarded(tables={"address": rows})
    thief = Phone(box, "200", NAT, 40001)
    assert status(thief.register()) == [200]
    box.proxy.reload(box.tables, Config(domains=("example.org", BOX), deny_group=11))
    assert thief.send(thief.make("OPTIONS", "sip:example.org")) == []
    assert thief.register() == []


def test_a_trunk_of_the_dispatcher_is_never_counted():
    rows = table("dispatcher", "setid(int) destination(string) flags(int,null)\n"
                 "1:sip\\:203.0.113.5:0\n2:sip\\:203.0.113.6:0\n")  # fmt: skip
    box = guarded(tables={"dispatcher": rows})
    for host, count in (("203.0.113.5", 0), ("203.0.113.6", 1)):
        other = scanner(box, host)
        for _ in range(30):
            other.send(other.make("OPTIONS", "sip:example.org"))
        assert len(box.proxy.pike.bans) == count


def test_requests_within_a_dialog_do_not_count():
    """A stranger's calls have an ACK, re-INVITEs and a BYE each; replays of them are a flood."""
    box = guarded()
    bob = Phone(box, "201")
    bob.register()
    eve = Phone(box, "eve", host=NAT, domain="far.example")
    first = eve.make("INVITE", bob.uri)
    eve.send(first)
    bob.reply(last(bob.received()), 200)
    answer = last(eve.received())
    for _ in range(100):
        eve.send(eve.within("INFO", first, answer))
        assert last(bob.received()).method == "INFO"
    assert not len(box.proxy.pike.bans)
    for _ in range(30):
        eve.send(eve.within("INFO", first, answer))
    assert box.log.has("128 messages in 2 s")
