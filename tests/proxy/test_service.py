"""The telephone side as main.py and the console see it: reload, faults, secrets, figures."""

from app import dbtext, routes
from app.appliance.site import check_site
from app.proxy.config import Config, is_address
from app.proxy.service import Service
from app.sip.errors import ParseError
from app.sip.interfaces import Interfaces
from app.sip.message import parse
from app.sip.uri import parse_uri
from tests.proxy.box import BOX, WALL, Counter, Files, Hashes, Lines, subscribers, table
from tests.proxy.phone import SDP, Phone, last, status
from tests.support import raises


class Bench:
    """A Service with what Phone wants of a box."""

    def __init__(self, files=None, tables=None, **settings):
        self.now, self.wall, self.phones = 1000.0, WALL, 0
        self.sent = []
        self.log = Lines()
        self.files = files or Files()
        self.files.makedirs = lambda folder: None
        self.config = Config(domains=("example.org", BOX), advertise=(BOX, 5060), **settings)
        tables = tables or {"subscriber": subscribers("200", "201")}
        self.service = Service(
            routes, self.config, tables, Hashes, Counter().token, self.log, dbtext, self.files,
            "/state",
        )  # fmt: skip
        self.service.start(self.now, self.wall)

    def receive(self, data, peer):
        self.service.receive(data, peer, self.now, self.wall)
        item = self.service.to_send()
        while item is not None:
            self.sent.append(item)
            item = self.service.to_send()

    def wait(self, seconds):
        """Lets time pass, with every timer at its moment."""
        end = self.now + seconds
        while self.service.next_timer() is not None and self.service.next_timer() <= end:
            self.now = max(self.now, self.service.next_timer())
            self.service.handle_timers(self.now, self.wall)
        self.now = end

    def to(self, peer):
        found = [parse(data) for data, target in self.sent if target == peer]
        self.sent = [item for item in self.sent if item[1] != peer]
        return found


def test_a_call_that_rings_while_the_site_changes_is_answered():
    """Its Via names the address that the box was known by before."""
    bench = Bench()
    alice, bob = Phone(bench, "200"), Phone(bench, "201")
    bob.register()
    alice.request("INVITE", "sip:201@example.org")
    invite = bob.received()[-1]
    known = Config(domains=("example.org", BOX), advertise=("198.51.100.9", 5060))
    bench.service.use(known, bench.service.proxy.tables, bench.now, bench.wall)
    bob.reply(invite, 200)
    assert 200 in [each.status for each in alice.received()]


def test_the_console_may_unregister():
    fixed = "username(str) contact(str) expires(int)\n200:sip\\:door@192.0.2.7:0\n"
    bench = Bench(tables={"subscriber": subscribers("200", "201"),
                          "location": table("location", fixed)})  # fmt: skip
    service = bench.service
    Phone(bench, "200").register(600)
    Phone(bench, "201").register(600)
    assert service.registration_count() == 3
    assert len(service.registrations(bench.now, "200")) == 2
    assert service.unregister("200", bench.now, bench.wall) == 1
    assert service.unregister("200", bench.now, bench.wall) == 0  # the site's own stays
    assert [row[:3] for row in service.registrations(bench.now, "200")] == [
        ("200", "sip:door@192.0.2.7", None)
    ]
    assert service.registration_count() == 2


def test_the_console_sees_registrations_and_calls():
    bench = Bench()
    alice, bob = Phone(bench, "200"), Phone(bench, "201")
    bob.register(600, ["User-Agent: Desk"])
    alice.request("INVITE", "sip:201@example.org")
    bench.now += 30
    rows = bench.service.registrations(bench.now)
    assert rows == [("201", "sip:201@192.0.2.201:5060", 570, "Desk")]
    calls = bench.service.calls(bench.now)
    assert calls == [("sip:200@example.org", "sip:201@example.org", "ringing", 30)]
    assert [label for label, _ in bench.service.counters()] == [
        "SIP messages", "transactions", "bans", "calls so far", "routing",
        "overload",
    ]  # fmt: skip


def test_another_site_drops_neither_calls_nor_bindings():
    bench = Bench()
    alice, bob = Phone(bench, "200"), Phone(bench, "201")
    bob.register()
    alice.request("INVITE", "sip:201@example.org")
    bob.reply(last(bob.received()), 200)
    answer = last(alice.received())
    config = Config(domains=("example.net", BOX), advertise=(BOX, 5060))
    bench.service.use(config, {"subscriber": subscribers("300")}, bench.now, bench.wall)
    assert alice.send(alice.within("BYE", answer, answer)) == []
    assert last(bob.received()).method == "BYE"
    assert len(bench.service.registrations(bench.now)) == 1
    new = Phone(bench, "300", host="192.0.2.30", domain="example.net")
    assert status(new.register()) == [200]
    assert status(bob.register()) == [403]  # no domain of ours any more


def test_permanent_contacts_follow_the_site():
    header = "username(str) contact(str) expires(int) q(double) callid(str) cseq(int)\n"
    row = "gate:sip\\:gate@192.0.2.77:0:1.0:c:1\n"
    bench = Bench()
    tables = {"subscriber": subscribers("200"), "location": table("location", header + row)}
    bench.service.use(bench.config, tables, bench.now, bench.wall)
    assert bench.service.registrations(bench.now) == [("gate", "sip:gate@192.0.2.77", None, "")]
    bench.service.use(bench.config, {}, bench.now, bench.wall)
    assert bench.service.registrations(bench.now) == []


def test_a_fault_costs_one_message():
    class Faulty:
        @staticmethod
        def request_route(r):
            raise KeyError("a fault of ours")

    bench = Bench()
    bench.service.proxy.routes = Faulty
    alice = Phone(bench, "200")
    assert status(alice.send(alice.make("OPTIONS", "sip:example.org"))) == [500]
    assert bench.service.faults == 1 and bench.log.has("fault: KeyError")
    bench.service.proxy.routes = routes
    assert status(alice.send(alice.make("OPTIONS", "sip:example.org"))) == [200]


class Tripping:
    """The shipped script with a fault: in `where` it raises what `error` is."""

    def __init__(self, where, error):
        self.where, self.error = where, error

    def request_route(self, r):
        if self.where == "begun" and r.is_method("INVITE"):
            r.rtpproxy_manage()
        if self.where == "transaction" and r.is_method("INVITE"):
            r.t_newtran()
        if self.where == "sent":
            routes.request_route(r)
        if self.where != "reply" and r.is_method("INVITE"):
            raise self.error
        if self.where != "sent":
            routes.request_route(r)

    def onreply_route(self, r):
        if self.where == "reply" and r.status >= 200:
            raise self.error


def test_a_fault_leaves_no_transaction_and_no_call_behind():
    """An INVITE transaction ends by its final response alone: without one it stays for ever."""
    for where in ("begun", "transaction", "sent", "reply"):
        for error, code in ((KeyError("ours"), 500), (MemoryError(), 500),
                            (ParseError(400, "Bad Request: theirs"), 400)):
            for answer in (200, 486):
                bench = Bench()
                alice, bob = Phone(bench, "200"), Phone(bench, "201")
                bob.register()
                bench.service.proxy.routes = Tripping(where, error)
                alice.domain = "far.example"
                alice.uri = "sip:alice@far.example"
                got = status(alice.send(alice.make("INVITE", "sip:201@example.org", body=SDP)))
                if where in ("sent", "reply"):
                    bob.reply(last([each for each in bob.received() if each.method == "INVITE"]),
                              answer)
                    got += status(alice.received())
                    code = 500
                assert got[-1] == code, (where, error, got)
                bench.wait(70)
                assert len(bench.service.endpoint) == 0, (where, error)
                assert bench.service.calls(bench.now) == [], (where, error)


def test_a_fault_delays_nothing_else():
    """Two time-outs at one moment, the first of which the code fails on."""
    bench = Bench()
    seen = []

    class Counting:
        @staticmethod
        def _failed(transaction, status, now):
            seen.append(status)
            raise KeyError("a fault of ours")

    bench.service.proxy._failed = Counting._failed
    bob = Phone(bench, "201")
    bob.register()
    alice = Phone(bench, "200")
    for _ in range(2):
        alice.request("MESSAGE", "sip:201@example.org")
    bench.now += 40
    bench.service.handle_timers(bench.now, bench.wall)
    assert seen == [408, 408] and bench.service.faults == 2


def test_the_secret_is_drawn_once():
    files = Files()
    first = Bench(files).service.proxy.seals._secret
    assert Bench(files).service.proxy.seals._secret == first and len(first) == 64
    assert Bench(Files()).service.proxy.seals._secret == first  # Counter draws alike
    files.data["/state/secret"] = b"short"
    assert len(Bench(files).service.proxy.seals._secret) == 64


def test_a_medium_that_cannot_keep_the_secret():
    files = Files()
    files.full = True
    bench = Bench(files)
    assert bench.log.has("dialogs will not survive a restart")


def test_a_setting_that_is_none():
    with raises(ValueError) as caught:
        Config(max_contatcs=3)
    assert "max_contatcs" in str(caught.error) and "max_contacts" in str(caught.error)


def test_myself():
    config = Config(domains=("Example.ORG", "192.0.2.10", "2001:db8::1"), ports=(5060, 5099))
    for text, ours in (
        ("sip:example.org", True), ("sip:a@EXAMPLE.org:9999", True), ("sip:192.0.2.10", True),
        ("sip:192.0.2.10:5099", True), ("sip:192.0.2.10:5070", False), ("sip:[2001:db8::1]", True),
        ("sip:example.net", False), ("tel:+1", False), ("sips:example.org", True),
    ):  # fmt: skip
        assert config.is_myself(parse_uri(text)) == ours, text


def test_addresses():
    for text in ("192.0.2.1", "0.0.0.0", "2001:db8::1"):
        assert is_address(text), text
    for text in ("example.org", "192.0.2", "192.0.2.256", "1.2.3.4.5", "", "192.0.2.x"):
        assert not is_address(text), text


def test_the_console_sees_bans_and_lifts_them():
    bench = Bench()
    bad = Phone(bench, "100", "2001:db8:1:2::9", address="[2001:db8:1:2::9]:5060")
    for number in range(16):
        bad.send(bad.make("OPTIONS", f"sip:{number}@example.org"))
    bench.wait(5)
    bad.send(bad.make("OPTIONS", "sip:example.org"))
    found = bench.service.bans(bench.now)
    assert found == [("2001:db8:1:2::/64", "16 requests in 2 s", 5, 295, 1)]
    assert ("bans", "1, 1 messages dropped") in bench.service.counters()
    assert bench.service.lift_bans("192.0.2.1") == 0
    assert bench.service.lift_bans("2001:db8:1:2::ffff") == 1
    assert status(bad.send(bad.make("OPTIONS", "sip:example.org"))) == [200]
    assert bench.service.bans(bench.now) == [] and bench.service.lift_bans() == 0


def test_telephones_are_known_behind_a_restart():
    bench = Bench()
    phone = Phone(bench, "200", "198.51.100.7", 40001)
    phone.register()
    after = Bench(files=bench.files)
    again, bad = Phone(after, "200", "198.51.100.7", 40001), Phone(after, "100", "198.51.100.7")
    for number in range(20):
        bad.send(bad.make("OPTIONS", f"sip:{number}@example.org"))
    assert len(after.service.bans(after.now)) == 1
    for _ in range(20):
        assert status(again.send(again.make("OPTIONS", "sip:example.org"))) == [200]


def test_a_reload_keeps_bans_unless_it_switches_them_off():
    bench = Bench()
    bad = Phone(bench, "100", "198.51.100.7")
    for number in range(20):
        bad.send(bad.make("OPTIONS", f"sip:{number}@example.org"))
    for ban, banned in ((300, 1), (0, 0)):
        config = Config(domains=("example.org", BOX), advertise=(BOX, 5060), ban=ban)
        bench.service.use(config, bench.service.proxy.tables, bench.now, WALL)
        assert len(bench.service.bans(bench.now)) == banned


def test_what_a_site_says_of_bans_is_followed():
    conf = b"[sip]\ndomains = example.org\n[security]\nban = 7\nscanners = nmap\n"
    site = check_site({"site.conf": conf, "subscriber": b"username(str) password(str)\n"})[0]
    config = Config.of_site(site, Interfaces.of_sent_by(f"{BOX}:5060"), [BOX])
    assert (config.ban, config.scanners, config.reqs_density_per_unit) == (7, ("nmap",), 16)
