"""The resolver: retransmission, failover, CNAMEs, caching, and answers that nobody asked for."""

from app.dns import message
from app.dns.cache import MAX_NEGATIVE, MAX_TTL, Cache
from app.dns.resolver import BUSY, FAILED, FOUND, LIMIT, NO_DATA, NO_NAME, RATE, WAITERS, Resolver
from tests.dns import answers
from tests.dns.answers import Zone, question_of
from tests.proxy.box import Counter

ONE, TWO = ("192.0.2.53", 53), ("192.0.2.54", 53)
NAME = "example.org"
ADDRESS = answers.a(NAME, "192.0.2.1")


class Scene:
    """A resolver, and what it sends."""

    def __init__(self, *servers, limit=LIMIT):
        self.now = 100.0
        self.resolver = Resolver(servers or (ONE,), Counter().token, limit)

    def ask(self, name=NAME, kind=message.A, waiter="me", share=1):
        return self.resolver.ask(name, kind, waiter, self.now, share)

    def sent(self):
        found = []
        item = self.resolver.to_send()
        while item is not None:
            found.append(item)
            item = self.resolver.to_send()
        return found

    def one(self):
        found = self.sent()
        assert len(found) == 1, found
        return found[0]

    def reply(self, item, *records, **fields):
        data = answers.answer(item.data, *records, **fields)
        self.resolver.receive(data, item.host, item.port, item.source, self.now)

    def wait(self, seconds):
        end = self.now + seconds
        due = self.resolver.next_timer()
        while due is not None and due <= end:
            self.now = due
            self.resolver.handle_timers(self.now)
            due = self.resolver.next_timer()
        self.now = end

    def got(self):
        """-> [(waiter, status)]"""
        found = []
        item = self.resolver.next_answer()
        while item is not None:
            found.append((item[0], item[1].status))
            item = self.resolver.next_answer()
        return found


def test_a_question_and_its_answer():
    scene = Scene()
    assert scene.ask("Example.ORG") is None
    item = scene.one()
    assert (item.host, item.port) == ONE
    assert question_of(item.data) == (NAME, message.A) and answers.has_edns(item.data) == 1232
    scene.reply(item, ADDRESS, answers.a("else.example", "192.0.2.9"))
    waiter, answer = scene.resolver.next_answer()
    assert waiter == "me" and answer.status == FOUND
    assert [record.data for record in answer.records] == ["192.0.2.1"]
    assert scene.resolver.next_answer() is None and len(scene.resolver) == 0


def test_an_answer_is_known_until_its_time_is_up():
    scene = Scene()
    scene.ask()
    scene.reply(scene.one(), answers.a(NAME, "192.0.2.1", ttl=300),
                answers.a(NAME, "192.0.2.2", ttl=60))
    scene.wait(59)
    assert len(scene.ask(NAME + ".").records) == 2
    assert scene.sent() == []
    scene.wait(1)
    assert scene.ask() is None and len(scene.sent()) == 1


def test_times_to_live_have_bounds():
    for ttl, seconds in ((0, 5), (1, 5), (2000000, MAX_TTL)):
        scene = Scene()
        scene.ask()
        scene.reply(scene.one(), answers.a(NAME, "192.0.2.1", ttl=ttl))
        assert scene.resolver.next_answer()[1].expires == scene.now + seconds
    for ttl, seconds in ((0, 5), (60, 60), (100000, MAX_NEGATIVE)):
        scene = Scene()
        scene.ask()
        scene.reply(scene.one(), code=3, authority=[answers.soa("org", ttl, ttl=ttl)])
        assert scene.resolver.next_answer()[1].expires == scene.now + seconds


def test_equal_questions_are_asked_once():
    scene = Scene()
    assert [scene.ask(waiter=number) for number in range(WAITERS)] == [None] * WAITERS
    assert scene.ask(waiter="late").status == BUSY
    assert scene.ask(kind=message.AAAA, waiter="other") is None
    first, second = scene.sent()
    scene.reply(first, ADDRESS)
    assert scene.got() == [(number, FOUND) for number in range(WAITERS)]
    scene.reply(second)
    assert scene.got() == [("other", NO_DATA)]


def test_questions_are_bounded():
    scene = Scene(limit=8)
    for number in range(2):
        assert scene.ask(f"x{number}.org", share=4) is None
    assert scene.ask("x2.org", share=4).status == BUSY
    for number in range(2, 8):
        assert scene.ask(f"x{number}.org") is None
    assert scene.ask("x8.org").status == BUSY
    assert scene.ask("x7.org", waiter="second") is None
    assert len(scene.sent()) == 8


def test_no_more_than_so_many_are_begun_in_a_second():
    scene = Scene()

    def begun(name, share=1):
        if scene.ask(name, share=share) is not None:
            return False
        scene.reply(scene.one())
        return True

    quarter = RATE // 4
    assert [begun(f"s{number}.org", 4) for number in range(quarter)] == [True] * quarter
    assert not begun("stranger.org", 4)
    assert [begun(f"x{number}.org") for number in range(RATE - quarter)].count(False) == 0
    assert not begun("more.org")
    scene.wait(1)
    assert begun("more.org") and begun("stranger.org", 4)


def test_names_that_are_none_are_not_asked_for():
    scene = Scene()
    for name in ("", "a..b", "x" * 64 + ".org", "a b.org"):
        assert scene.ask(name).status == NO_NAME
    assert scene.sent() == []


def test_without_servers_nothing_is_found():
    scene = Scene()
    scene.resolver.use([])
    assert scene.ask().status == BUSY
    scene.resolver.use([ONE])
    assert scene.ask() is None
    scene.resolver.use([])
    scene.wait(60)
    assert scene.got() == [("me", FAILED)]


# Loss and failure


def test_silent_servers_are_asked_in_turn_and_given_up():
    scene = Scene(ONE, TWO)
    scene.ask()
    start, hosts, numbers = scene.now, [], []
    for _ in range(4):
        item = scene.one()
        hosts.append(item.host)
        numbers.append(answers.number_of(item.data))
        scene.wait(scene.resolver.next_timer() - scene.now)
    assert hosts == [ONE[0], TWO[0]] * 2
    assert len(set(numbers)) == 4  # a new id each: RFC 5452 4.3
    assert scene.got() == [("me", FAILED)] and scene.now - start == 6.0
    assert scene.resolver.next_timer() is None and len(scene.resolver) == 0
    assert scene.ask().status == FAILED  # known for a while, RFC 9520
    scene.wait(10)
    assert scene.ask() is None


def test_an_answer_to_an_earlier_attempt_is_taken():
    scene = Scene(ONE, TWO)
    scene.ask()
    first = scene.one()
    scene.wait(1)
    assert scene.one().host == TWO[0]
    scene.reply(first, ADDRESS)
    assert scene.got() == [("me", FOUND)]


def test_a_silent_server_comes_last_for_a_while():
    scene = Scene(ONE, TWO)
    scene.ask()
    scene.sent()
    scene.wait(1)
    scene.reply(scene.one(), ADDRESS)
    scene.ask("other.org")
    item = scene.one()
    assert item.host == TWO[0]
    scene.reply(item)
    scene.wait(30)
    scene.ask("third.org")
    assert scene.one().host == ONE[0]


def test_a_server_that_cannot_is_passed_over_at_once():
    for code in (message.SERVER_FAILURE, message.REFUSED):
        scene = Scene(ONE, TWO)
        scene.ask()
        scene.reply(scene.one(), code=code)
        item = scene.one()
        assert item.host == TWO[0]
        scene.reply(item, ADDRESS)
        assert scene.got() == [("me", FOUND)]


def test_a_late_refusal_does_not_hurry():
    scene = Scene(ONE, TWO)
    scene.ask()
    first = scene.one()
    scene.wait(1)
    scene.one()
    scene.reply(first, code=message.SERVER_FAILURE)
    assert scene.sent() == []


def test_a_server_that_only_refers_to_others_is_passed_over():
    scene = Scene(ONE, TWO)
    scene.ask()
    scene.reply(scene.one(), authority=[answers.ns("org", "ns.example.net")])
    assert scene.one().host == TWO[0]


def test_refusals_without_end_have_one():
    scene = Scene()
    scene.ask()
    for _ in range(4):
        scene.reply(scene.one(), code=message.SERVER_FAILURE)
    assert scene.sent() == [] and scene.got() == [("me", FAILED)]


def test_a_server_of_before_edns():
    scene = Scene()
    scene.ask()
    scene.reply(scene.one(), code=message.FORMAT_ERROR)
    item = scene.one()
    assert answers.has_edns(item.data) == 0
    scene.reply(item, ADDRESS)
    assert scene.got() == [("me", FOUND)]
    scene.ask("other.org")
    assert answers.has_edns(scene.one().data) == 0


def test_a_truncated_answer_is_asked_for_over_tcp():
    scene = Scene()
    scene.ask()
    first = scene.one()
    assert not first.over_tcp
    scene.reply(first, ADDRESS, flags=0x8380)
    item = scene.one()
    assert item.over_tcp and (item.host, item.port) == ONE and item.source != first.source
    assert scene.got() == [] and scene.resolver.is_open(item.source)
    scene.ask("other.org")
    assert scene.one().source != item.source  # a connection is for one question
    scene.reply(item, ADDRESS)
    assert scene.got() == [("me", FOUND)]


def test_a_server_without_tcp_ends_the_question():
    scene = Scene(ONE, TWO)
    scene.ask()
    scene.reply(scene.one(), flags=0x8380)
    sources = []
    for _ in range(3):
        item = scene.one()
        assert item.over_tcp
        sources.append(item.source)
        scene.wait(scene.resolver.next_timer() - scene.now)
    assert scene.got() == [("me", FAILED)] and len(set(sources)) == 3


def test_an_answer_that_is_truncated_over_tcp_is_none():
    scene = Scene()
    scene.ask()
    for _ in range(2):
        scene.reply(scene.one(), flags=0x8380)
    assert scene.got() == [("me", FAILED)]


# CNAME and what is not there


def test_a_chain_of_cnames_in_one_answer():
    scene = Scene()
    scene.ask()
    scene.reply(scene.one(), answers.a("c.org", "192.0.2.3"),
                answers.cname(NAME, "b.org", ttl=20), answers.cname("b.org", "c.org"))
    _, answer = scene.resolver.next_answer()
    assert answer.status == FOUND and answer.records[0].data == "192.0.2.3"
    assert answer.expires == scene.now + 20


def test_a_cname_that_the_server_does_not_follow():
    scene = Scene()
    scene.ask()
    scene.reply(scene.one(), answers.cname(NAME, "b.org"))
    item = scene.one()
    assert question_of(item.data) == ("b.org", message.A)
    scene.reply(item, answers.a("b.org", "192.0.2.3"))
    assert scene.got() == [("me", FOUND)]
    assert scene.ask().records[0].data == "192.0.2.3"


def test_circles_of_cnames_end():
    scene = Scene()
    scene.ask()
    scene.reply(scene.one(), answers.cname(NAME, "b.org"), answers.cname("b.org", NAME))
    assert scene.got() == [("me", FAILED)]
    scene = Scene()
    scene.ask()
    for _ in range(9):
        item = scene.one()
        target = "b.org" if question_of(item.data)[0] == NAME else NAME
        scene.reply(item, answers.cname(question_of(item.data)[0], target))
    assert scene.got() == [("me", FAILED)] and scene.sent() == []


def test_a_name_that_is_not_there_has_nothing_of_any_kind():
    scene = Scene()
    scene.ask(kind=message.NAPTR)
    scene.reply(scene.one(), code=3, authority=[answers.soa("org", 60)])
    assert scene.got() == [("me", NO_NAME)]
    assert scene.ask(kind=message.A).status == NO_NAME
    scene.wait(60)
    assert scene.ask(kind=message.A) is None


def test_a_name_without_records_of_one_kind_may_have_others():
    scene = Scene()
    scene.ask(kind=message.NAPTR)
    scene.reply(scene.one(), authority=[answers.soa("org", 60)])
    assert scene.got() == [("me", NO_DATA)]
    assert scene.ask(kind=message.NAPTR).status == NO_DATA
    assert scene.ask(kind=message.A) is None


def test_a_cname_to_nowhere_does_not_take_its_own_name_away():
    scene = Scene()
    scene.ask(kind=message.NAPTR)
    scene.reply(scene.one(), answers.cname(NAME, "b.org"), code=3,
                authority=[answers.soa("org", 60)])
    assert scene.got() == [("me", NO_NAME)]
    assert scene.ask(kind=message.A) is None


def test_what_is_known_is_bounded_and_the_soonest_to_end_goes_first():
    scene = Scene()
    cache = scene.resolver.cache = Cache(8)
    for number in range(20):
        name = f"x{number}.org"
        scene.ask(name)
        scene.reply(scene.one(), answers.a(name, "192.0.2.1", ttl=100 + number))
        scene.got()
    assert len(cache) == 8 and cache.held <= 16
    assert scene.ask("x19.org").status == FOUND and scene.ask("x12.org").status == FOUND
    assert scene.ask("x11.org") is None


def test_the_heap_of_what_is_known_does_not_grow():
    scene = Scene()
    cache = scene.resolver.cache = Cache(4)
    for _ in range(50):
        scene.ask()
        scene.reply(scene.one(), ADDRESS)
        scene.wait(300)
    assert len(cache) == 1 and cache.held <= 8


def test_other_servers_make_it_forget():
    scene = Scene()
    scene.ask()
    scene.reply(scene.one(), ADDRESS)
    scene.resolver.use([ONE])
    assert scene.ask().status == FOUND
    scene.resolver.use([TWO])
    assert scene.ask() is None and scene.one().host == TWO[0]


# RFC 5452


def test_only_the_answer_to_our_question_counts():
    for change in ("id", "host", "port", "source", "name", "kind", "query"):
        scene = Scene()
        scene.ask()
        item = scene.one()
        query, host, port, source = item.data, item.host, item.port, item.source
        flags = 0x8180
        if change == "id":
            query = bytes((query[0] ^ 1,)) + query[1:]
        elif change == "host":
            host = "192.0.2.66"
        elif change == "port":
            port = 5353
        elif change == "source":
            source += 1
        elif change == "name":
            query = query.replace(b"example", b"exbmple")
        elif change == "kind":
            query = query.replace(b"\0\0\1\0\1", b"\0\0\x1c\0\1")
        else:
            flags = 0x0100
        data = answers.answer(query, ADDRESS, flags=flags)
        scene.resolver.receive(data, host, port, source, scene.now)
        assert scene.got() == [] and len(scene.resolver) == 1, change
        assert scene.resolver.counters["dropped"] == 1
        scene.reply(item, ADDRESS)
        assert scene.got() == [("me", FOUND)], change
        scene.reply(item, ADDRESS)  # twice: nobody waits for it any more
        assert scene.resolver.counters["dropped"] == 2


def test_records_that_were_not_asked_for_are_not_kept():
    scene = Scene()
    scene.ask()
    scene.reply(scene.one(), ADDRESS, answers.a("bank.example", "192.0.2.66"),
                extra=[answers.a("bank.example", "192.0.2.66")])
    scene.got()
    assert scene.ask("bank.example") is None


def test_rubbish_is_dropped():
    scene = Scene()
    scene.ask()
    item = scene.one()
    for data in (b"", b"\0", item.data[:2] + b"\x81\x80" + b"\0" * 8, b"\xff" * 600):
        scene.resolver.receive(data, item.host, item.port, item.source, scene.now)
    assert scene.resolver.counters["dropped"] == 4 and len(scene.resolver) == 1


def test_each_question_leaves_from_a_port_of_its_own_when_there_is_time():
    scene = Scene()
    scene.ask("a.org")
    first = scene.one()
    assert scene.resolver.is_open(first.source)
    scene.reply(first, answers.a("a.org", "192.0.2.1"))
    assert not scene.resolver.is_open(first.source)
    scene.ask("b.org")
    assert scene.one().source != first.source


def test_many_questions_at_once_share_some_ports():
    scene = Scene()
    for number in range(16):
        scene.ask(f"x{number}.org")
    sources = [item.source for item in scene.sent()]
    assert len(set(sources)) == 4


def test_a_zone_for_other_tests():
    scene = Scene()
    zone = Zone(ADDRESS, answers.cname("www.example.org", NAME))
    scene.ask("www.example.org")
    zone.serve(scene.resolver, scene.now)
    assert scene.got() == [("me", FOUND)]
    assert zone.asked == [("www.example.org", message.A), (NAME, message.A)]
