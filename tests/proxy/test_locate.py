"""RFC 3263 4: from a name to destinations; RFC 2782: the order of SRV; failed ones come last."""

from app.dns import message
from app.dns.message import Srv
from app.dns.resolver import Resolver
from app.proxy.config import Config
from app.proxy.locate import (
    DESTINATIONS,
    MAX_NAMES,
    NONE,
    WAIT,
    Blocklist,
    Locator,
    is_unicast,
    ordered,
)  # fmt: skip
from app.proxy.target import ANY, ANY_SECURE
from app.sip.interfaces import Interfaces, interface
from app.sip.transport import Peer
from tests.dns import answers
from tests.dns.answers import Zone
from tests.proxy.box import Counter

NAME = "example.com"
UDP4 = ("udp", "192.0.2.10", 5060)
TCP4 = ("tcp", "192.0.2.10", 5060)
TLS4 = ("tls", "192.0.2.10", 5061)
UDP6 = ("udp", "2001:db8::10", 5060)
# The example of RFC 3263 4.1, and the SRV records that it leads to.
RFC_3263 = (
    answers.naptr(NAME, 50, 50, "SIPS+D2T", "_sips._tcp.example.com"),
    answers.naptr(NAME, 90, 50, "SIP+D2T", "_sip._tcp.example.com"),
    answers.naptr(NAME, 100, 50, "SIP+D2U", "_sip._udp.example.com"),
    answers.srv("_sip._tcp.example.com", 0, 1, 5060, "server1.example.com"),
    answers.srv("_sip._tcp.example.com", 0, 2, 5060, "server2.example.com"),
    answers.srv("_sip._udp.example.com", 0, 0, 5070, "server1.example.com"),
    answers.srv("_sips._tcp.example.com", 0, 0, 5061, "server1.example.com"),
    answers.a("server1.example.com", "192.0.2.1"),
    answers.a("server2.example.com", "192.0.2.2"),
    answers.a(NAME, "192.0.2.9"),
)


class Scene:
    """A Locator of a box with these interfaces, whose resolver asks a Zone."""

    def __init__(self, *records, places=(UDP4,), draw=lambda limit: 0):
        self.now = 10.0
        self.zone = Zone(*records)
        found = [interface(1 + at, *places[at]) for at in range(len(places))]
        domains = ("example.org", "192.0.2.10")
        config = Config(interfaces=Interfaces(found), domains=domains)
        self.resolver = Resolver([("192.0.2.53", 53)], Counter().token)
        self.locator = Locator(self.resolver, config, draw)

    def all(self, host=NAME, port=0, transport=ANY):
        """-> [Peer, ...] one after the other, and the status of there being no more."""
        told = []
        search = self.locator.search(Peer(transport, host, port, 0), lambda *it: told.append(it[0]))
        found = []
        while True:
            step = search.next(self.now)
            if step is WAIT:
                self.serve()
                step = told.pop()
            if step is NONE:
                return found, search.status
            found.append(step)

    def serve(self):
        for _ in range(20):
            self.zone.serve(self.resolver, self.now)
            while self.locator.run(self.now):
                pass

    def places(self, *arguments, **fields):
        return [peer[:3] for peer in self.all(*arguments, **fields)[0]]


# Which transport


def test_naptr_chooses_among_the_transports_that_we_have():
    for places, expected in (
        ((UDP4,), [("udp", "192.0.2.1", 5070)]),
        ((UDP4, TCP4), [("tcp", "192.0.2.1", 5060), ("tcp", "192.0.2.2", 5060)]),
        ((UDP4, TCP4, TLS4), [("tls", "192.0.2.1", 5061)]),
    ):
        assert Scene(*RFC_3263, places=places).places() == expected


def test_the_order_of_naptr_goes_before_its_preference():
    scene = Scene(
        answers.naptr(NAME, 2, 1, "SIP+D2U", "udp.example.com"),
        answers.naptr(NAME, 1, 9, "sip+d2t", "nothing.example.com"),
        answers.naptr(NAME, 1, 8, "SIP+D2T", "tcp.example.com", flags="S"),
        answers.srv("udp.example.com", 0, 0, 1, "192.0.2.1"),
        answers.srv("tcp.example.com", 0, 0, 2, "192.0.2.1"),
        places=(UDP4, TCP4),
    )  # fmt: skip
    assert scene.places() == [("tcp", "192.0.2.1", 2)]


def test_naptr_of_other_services_does_not_count():
    scene = Scene(
        answers.naptr(NAME, 1, 1, "E2U+sip", "", flags="u", regexp="!^.*$!sip:x@y!"),
        answers.naptr(NAME, 1, 2, "SIP+D2U", "example.com", flags="a"),
        answers.naptr(NAME, 1, 3, "SIP+D2S", "_sip._sctp.example.com"),
        *RFC_3263[3:],
    )
    assert scene.places() == [("udp", "192.0.2.1", 5070)]


def test_without_naptr_each_transport_is_asked_for():
    scene = Scene(*RFC_3263[3:5] + RFC_3263[7:], places=(UDP4, TCP4, TLS4))
    assert scene.places() == [("tcp", "192.0.2.1", 5060), ("tcp", "192.0.2.2", 5060)]
    assert [name for name, _ in scene.zone.asked][:3] == [
        NAME, "_sip._udp.example.com", "_sip._tcp.example.com",
    ]  # fmt: skip


def test_without_naptr_and_srv_it_is_the_name_itself():
    assert Scene(RFC_3263[9]).places() == [("udp", "192.0.2.9", 5060)]
    assert Scene(RFC_3263[9], places=(TLS4,)).places() == [("tls", "192.0.2.9", 5061)]


def test_a_transport_that_is_said_skips_naptr():
    scene = Scene(*RFC_3263, places=(UDP4, TCP4))
    assert scene.places(transport="udp") == [("udp", "192.0.2.1", 5070)]
    assert (NAME, message.NAPTR) not in scene.zone.asked
    assert scene.places(host="server1.example.com", transport="tcp") == [
        ("tcp", "192.0.2.1", 5060)
    ]


def test_a_port_that_is_said_skips_srv():
    scene = Scene(*RFC_3263)
    assert scene.places(port=5080, transport="udp") == [("udp", "192.0.2.9", 5080)]
    assert scene.zone.asked == [(NAME, message.A)]


def test_sips_goes_over_tls_alone():
    scene = Scene(*RFC_3263, places=(UDP4, TCP4, TLS4))
    assert scene.places(transport=ANY_SECURE) == [("tls", "192.0.2.1", 5061)]
    assert Scene(*RFC_3263, places=(UDP4, TCP4)).all(transport=ANY_SECURE) == ([], 478)


def test_a_certificate_is_to_have_the_name_that_was_asked_for():
    """RFC 5922 4: the domain of the URI, whatever the DNS calls the server of it."""
    scene = Scene(*RFC_3263, places=(UDP4, TLS4))
    (peer,), _ = scene.all(transport=ANY_SECURE)
    assert scene.locator.name_of(peer) == NAME
    scene.all(host="server1.example.com", port=5061, transport="tls")
    assert scene.locator.name_of(peer) == "server1.example.com"
    scene.all(transport="udp")
    assert scene.locator.name_of(Peer("tls", "192.0.2.1", 5070, 0)) is None


def test_names_of_tls_servers_are_bounded():
    scene = Scene(places=(TLS4,))
    for number in range(1000):
        peer = Peer("tls", "192.0.2.1", number, 0)
        scene.locator.remember(peer, NAME)
        assert scene.locator.name_of(peer) == NAME
    assert len(scene.locator._names) <= MAX_NAMES


def test_websocket_has_no_srv():
    scene = Scene(*RFC_3263, places=(("ws", "192.0.2.10", 80),))
    assert scene.places(transport="ws") == [("ws", "192.0.2.9", 80)]


# Addresses


def test_families_are_those_of_our_interfaces():
    both = (
        answers.aaaa(NAME, (0x2001, 0xDB8, 0, 0, 0, 0, 0, 9)), answers.a(NAME, "192.0.2.9"),
        answers.a(NAME, "192.0.2.8"),
    )  # fmt: skip
    four = [("udp", "192.0.2.9", 5060), ("udp", "192.0.2.8", 5060)]
    six = [("udp", "2001:db8::9", 5060)]
    assert Scene(*both, places=(UDP4,)).places() == four
    assert Scene(*both, places=(UDP6,)).places() == six
    assert Scene(*both, places=(UDP4, UDP6)).places() == four + six


def test_ipv6_is_not_asked_for_before_ipv4_has_failed():
    scene = Scene(answers.a(NAME, "192.0.2.9"), places=(UDP4, UDP6))
    search = scene.locator.search(Peer("udp", NAME, 5060, 0), lambda *it: None)
    assert search.next(scene.now) is WAIT
    scene.serve()
    assert scene.zone.asked == [(NAME, message.A)]


def test_an_srv_target_with_a_cname_or_an_address():
    scene = Scene(
        answers.srv("_sip._udp.example.com", 1, 0, 5060, "www.example.com"),
        answers.srv("_sip._udp.example.com", 2, 0, 5062, "192.0.2.7"),
        answers.cname("www.example.com", "server1.example.com"),
        answers.a("server1.example.com", "192.0.2.1"),
    )
    assert scene.places() == [("udp", "192.0.2.1", 5060), ("udp", "192.0.2.7", 5062)]


def test_an_srv_of_the_root_says_that_there_is_no_such_service():
    scene = Scene(answers.srv("_sip._udp.example.com", 0, 0, 0, ""), RFC_3263[9])
    assert scene.all() == ([], 478)


def test_addresses_that_no_host_has_are_left_out():
    hosts = ("0.0.0.0", "255.255.255.255", "224.0.1.75", "239.1.1.1", "192.0.2.9")
    scene = Scene(*[answers.a(NAME, host) for host in hosts])
    assert scene.places() == [("udp", "192.0.2.9", 5060)]
    for host in ("ff02::1", "::", "x"):
        assert not is_unicast(host)
    assert is_unicast("fe80::1") and is_unicast("2001:db8::1")


def test_a_name_of_our_own_is_a_loop():
    assert Scene(answers.a(NAME, "192.0.2.10")).all() == ([], 482)
    assert Scene(answers.a(NAME, "192.0.2.10")).places(port=5070, transport="udp") == [
        ("udp", "192.0.2.10", 5070)
    ]


# What fails


def test_a_name_that_is_not_there():
    assert Scene().all() == ([], 478)
    assert Scene().all(host="a..b") == ([], 478)


def test_a_dns_that_is_silent():
    scene = Scene(RFC_3263[9])
    scene.zone.silent = True
    told = []
    search = scene.locator.search(
        Peer(ANY, NAME, 0, 0), lambda peer, now: told.append((peer, now))
    )
    start = scene.now
    assert search.next(scene.now) is WAIT
    for _ in range(100):
        scene.serve()
        due = scene.resolver.next_timer()
        if due is None:
            break
        scene.now = due
        scene.resolver.handle_timers(scene.now)
    assert [peer for peer, _ in told] == [NONE] and search.status == 503
    assert told[0][1] - start == 14  # two look-ups that time out, not one for each step
    assert len(scene.zone.asked) == 8


def test_a_dns_that_cannot_do_naptr():
    """Some forwarders answer nothing but A and SRV."""
    scene = Scene(*RFC_3263)
    reply = scene.zone.reply
    refuse = lambda query: answers.answer(query, code=4)  # noqa: E731
    scene.zone.reply = lambda query: (
        refuse(query) if answers.question_of(query)[1] == message.NAPTR else reply(query)
    )
    assert scene.places() == [("udp", "192.0.2.1", 5070)]


def test_a_box_that_asks_too_much_already():
    scene = Scene(RFC_3263[9])
    scene.resolver.limit = 0
    assert scene.all() == ([], 503)


def test_who_no_longer_wants_to_know_is_not_told():
    scene = Scene(RFC_3263[9])
    told = []
    search = scene.locator.search(Peer("udp", NAME, 5060, 0), lambda *it: told.append(it))
    assert search.next(scene.now) is WAIT
    search.close()
    scene.serve()
    assert told == []


def test_strangers_have_a_part_of_the_questions():
    scene = Scene()
    scene.resolver.limit = 8
    waiting = 0
    for number in range(8):
        peer = Peer("udp", f"x{number}.org", 5060, 0)
        search = scene.locator.search(peer, lambda *it: None, is_stranger=True)
        waiting += search.next(scene.now) is WAIT
    assert waiting == 2
    assert scene.locator.search(peer, lambda *it: None).next(scene.now) is WAIT


def test_destinations_are_bounded():
    scene = Scene(*[answers.a(NAME, f"192.0.2.{number}") for number in range(20, 40)])
    assert len(scene.all()[0]) == DESTINATIONS


# The order of SRV


def drawn(*numbers):
    """-> draw(n) that gives these, and checks that they are in its range."""
    left = list(numbers)

    def draw(limit):
        assert 0 <= left[0] <= limit
        return left.pop(0)

    return draw


def targets(records, *numbers):
    return "".join([each.target for each in ordered(records, drawn(*numbers))])


def test_priorities_come_in_order():
    rows = [Srv(20, 5, 1, "c"), Srv(10, 1, 1, "b"), Srv(0, 0, 1, "a")]
    assert targets(rows, 0, 0, 0) == "abc"


def test_weights_share_as_rfc_2782_says():
    rows = [Srv(0, 3, 1, "a"), Srv(0, 1, 1, "b"), Srv(0, 0, 1, "z")]
    assert targets(rows, 0, 0, 0) == "zab"  # only a 0 chooses a weight of 0
    assert targets(rows, 1, 0, 0) == "azb"
    assert targets(rows, 3, 1, 0) == "abz"
    assert targets(rows, 4, 1, 0) == "baz"
    assert targets(rows, 4, 0, 3) == "bza"


def test_a_heavy_target_is_chosen_in_proportion():
    rows = [Srv(0, 30, 1, "a"), Srv(0, 10, 1, "b")]
    first = [targets(rows, number, 0)[0] for number in range(41)]
    assert (first.count("a"), first.count("b")) == (31, 10)


def test_equal_targets_are_all_tried():
    rows = [Srv(0, 0, 1, "a")] * 3
    assert targets(rows, 0, 0, 0) == "aaa" and targets([]) == ""


# What failed lately


def test_a_destination_that_failed_comes_last_for_a_while():
    scene = Scene(answers.a(NAME, "192.0.2.1"), answers.a(NAME, "192.0.2.2"))
    dead = Peer("udp", "192.0.2.1", 5060, 0)
    assert scene.places()[0] == dead[:3]
    scene.locator.blocklist.add(dead, scene.now)
    assert scene.places() == [("udp", "192.0.2.2", 5060), dead[:3]]
    scene.now += Blocklist.SECONDS
    assert scene.places()[0] == dead[:3]


def test_the_blocklist_is_bounded():
    blocklist = Blocklist()
    for number in range(3 * Blocklist.SIZE):
        blocklist.add(Peer("udp", "192.0.2.1", number, 0), number * 0.1)
    assert len(blocklist) == Blocklist.SIZE
    newest = Peer("udp", "192.0.2.1", 3 * Blocklist.SIZE - 1, 0)
    assert blocklist.has(newest, 20.0) and not blocklist.has(Peer("udp", "192.0.2.1", 0, 0), 20.0)
    assert not blocklist.has(newest, 60.0) and len(blocklist) == Blocklist.SIZE - 1
