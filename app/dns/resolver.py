"""The resolver: RFC 1035 7 for a stub, with RFC 2308 (negative answers) and RFC 5452 (forgery).

    resolver = Resolver([("192.0.2.53", 53)], token)
    answer = resolver.ask("example.org", message.A, waiter, now)    # Answer; None: it comes later
    resolver.receive(data, host, port, source, now)
    resolver.next_answer()              # -> (waiter, Answer) | None: pull until None
    resolver.to_send()                  # -> Outgoing | None: pull until None
    resolver.next_timer(), resolver.handle_timers(now)
    resolver.is_open(source)            # -> bool: answers may still come to that socket

It never waits. What bounds it: LIMIT questions at a time, a few attempts for each, a cache.
"""

from collections import namedtuple

from app.dns import message
from app.dns.cache import ANY, FAILURE, MAX_NEGATIVE, MAX_TTL, MIN_TTL, Cache
from app.dns.errors import DnsError
from app.dns.names import normal
from app.dns.servers import QUIET, Servers

LIMIT = 64  # questions that wait for their answer
RATE = 100  # questions begun within a second
WAITERS = 32  # who may wait for the same one
ATTEMPTS = 4  # datagrams for one name: in 6 or 7 s it is known that nobody answers
FIRST_WAIT = 1.0  # seconds for an answer, while another server has not been asked yet
WAIT = 2.0
CHAIN = 8  # CNAMEs from the name asked for to the one with the records
RECORDS = 32  # of an answer, that are kept
SIZE = 1232  # octets of an answer: what passes every path whole (RFC 6891, DNS Flag Day 2020)
SHARED = 4  # questions that leave from one socket, that is one port

# status of an Answer
FOUND = "found"
NO_DATA = "no data"  # the name has no records of that kind
NO_NAME = "no name"  # there is no such name
FAILED = "failed"  # no server answered, or none could
BUSY = "busy"  # not even asked: there are LIMIT questions, or have been RATE

# records: [Record] of the kind asked for; expires: `now` until which it holds.
Answer = namedtuple("Answer", ("status", "records", "expires"))
# source: number of the socket that it leaves from; each is to have a port that nobody can guess.
# over_tcp: bool: on a connection of its own, with its length in front (RFC 1035 4.2.2).
Outgoing = namedtuple("Outgoing", ("data", "host", "port", "source", "over_tcp"))
Try = namedtuple("Try", ("number", "server", "source"))  # number: the id


class Question:
    """What is being asked. asked: the name at present, that CNAMEs have led to by `hops`.

    tries: [Try], the last one being waited for until `deadline`.
    """

    def __init__(self, name, kind, source):
        self.name = name
        self.asked = name
        self.kind = kind
        self.source = source
        self.waiters = []
        self.tries = []
        self.left = []  # Servers of this round that have not been asked
        self.sent = 0
        self.wait = FIRST_WAIT
        self.deadline = 0.0
        self.over_tcp = False  # an answer was too long for a datagram
        self.hops = 0
        self.ttl = MAX_TTL  # the least of the CNAMEs on the way


class Resolver:
    """servers: [(host, port)]; token(n): n random hex digits; limit: questions at a time."""

    def __init__(self, servers, token, limit=LIMIT):
        self.limit = limit
        self.cache = Cache()
        self.counters = {"asked": 0, "answered": 0, "failed": 0, "dropped": 0}
        self._servers = Servers(servers)
        self._token = token
        self._questions = {}  # (name, kind) -> Question
        self._tries = {}  # id -> Question
        self._sends = []
        self._answers = []
        self._second = 0  # `now` as an int
        self._begun = 0  # in that second
        self._source = 0
        self._on_source = 0  # questions that it has had

    def use(self, servers):
        """Asks others from now on, as DHCP or another site says; what is known is forgotten."""
        if self._servers.use(servers):
            self.cache.clear()

    def ask(self, name, kind, waiter, now, share=1):
        """-> Answer if it is known, else None, and next_answer() gives it later, once.

        waiter: any object, to know it again by; share: 1, or n for those who may have no more
        than one n-th of the questions.
        """
        try:
            name = normal(name)
        except DnsError:
            return Answer(NO_NAME, [], now)
        known = self.cache.get(name, kind, now)
        if known is not None:
            return known
        question = self._questions.get((name, kind))
        if question is None:
            if not self._has_room(share, now):
                return Answer(BUSY, [], now)
            question = self._begin(name, kind, now)
        elif len(question.waiters) >= WAITERS:
            return Answer(BUSY, [], now)
        question.waiters.append(waiter)
        return None

    def _has_room(self, share, now):
        if int(now) != self._second:
            self._second, self._begun = int(now), 0
        too_many = len(self._questions) * share >= self.limit or self._begun * share >= RATE
        return not too_many and len(self._servers) > 0

    def _begin(self, name, kind, now):
        self._begun += 1
        if self._on_source >= SHARED or not self.is_open(self._source):
            self._next_source()
        self._on_source += 1
        self.counters["asked"] += 1
        question = self._questions[name, kind] = Question(name, kind, self._source)
        self._try(question, now)
        return question

    def _next_source(self):
        self._source += 1
        self._on_source = 0

    def is_open(self, source):
        """-> bool: a question still waits for an answer to that socket."""
        for question in self._questions.values():
            for each in question.tries:
                if each.source == source:
                    return True
        return False

    # Sending

    def _try(self, question, now):
        """The next server; or the end, when each has had its chances."""
        if question.sent >= ATTEMPTS or not len(self._servers):
            self._end(question, Answer(FAILED, [], now + FAILURE), now)
            return
        if not question.left:
            question.left = self._servers.order(now)
            question.wait = WAIT if question.sent else FIRST_WAIT
        self._send(question, question.left.pop(0), now)

    def _send(self, question, server, now):
        if question.over_tcp:
            self._next_source()  # a connection is for one question
            question.source, self._on_source = self._source, SHARED
        number = self._number()
        question.tries.append(Try(number, server, question.source))
        question.sent += 1
        question.deadline = now + question.wait
        self._tries[number] = question
        size = 0 if server.plain else SIZE
        data = message.query(number, question.asked, question.kind, size)
        self._sends.append(
            Outgoing(data, server.host, server.port, question.source, question.over_tcp)
        )

    def _number(self):
        """-> int: an id that no question has."""
        number = int(self._token(4), 16)
        while number in self._tries:
            number = (number + 1) & 0xFFFF
        return number

    def to_send(self):
        return self._sends.pop(0) if self._sends else None

    # Answers

    def receive(self, data, host, port, source, now):
        """A datagram from host:port to the socket `source`. Only an answer to a question that
        went there from here, with its id, is looked at (RFC 5452 9.1)."""
        try:
            answer = message.parse(data)
        except DnsError:
            self.counters["dropped"] += 1
            return
        question = self._tries.get(answer.id)
        asked = None if question is None else _try_of(question, answer.id)
        if (
            asked is None or not answer.is_response or asked.source != source
            or (asked.server.host, asked.server.port) != (host, port)
            or (question.asked, question.kind) != (answer.name, answer.kind)
        ):  # fmt: skip
            self.counters["dropped"] += 1
            return
        asked.server.quiet_until = 0.0
        self._take(question, asked.server, answer, now)

    def _take(self, question, server, answer, now):
        code = answer.code
        if code in (message.FORMAT_ERROR, message.NOT_IMPLEMENTED, message.BAD_VERSION):
            self._without_extension(question, server, now)
        elif code not in (message.NO_ERROR, message.NAME_ERROR):
            self._try_another(question, answer.id, now)
        elif answer.truncated:
            self._ask_for_more(question, server, now)
        else:
            self._conclude(question, answer, now)

    def _without_extension(self, question, server, now):
        """RFC 6891 7: a server of before EDNS0 says that it does not understand."""
        if server.plain or question.sent >= ATTEMPTS:
            self._try(question, now)
            return
        server.plain = True
        self._send(question, server, now)

    def _try_another(self, question, number, now):
        """A server said that it cannot answer; who has been asked after it is waited for."""
        if question.tries[-1].number == number:
            self._try(question, now)

    def _ask_for_more(self, question, server, now):
        """A truncated answer is not believed in part (RFC 2181 9), but asked for over TCP."""
        if question.over_tcp or question.sent >= ATTEMPTS:
            self._end(question, Answer(FAILED, [], now + FAILURE), now)
            return
        question.over_tcp = True
        self._send(question, server, now)

    def _conclude(self, question, answer, now):
        name, records = self._follow(question, answer)
        if name is None:  # too many CNAMEs, or a circle
            self._end(question, Answer(FAILED, [], now + FAILURE), now)
        elif records:
            ttl = min([question.ttl] + [record.ttl for record in records])
            expires = now + max(MIN_TTL, min(ttl, MAX_TTL))
            self._end(question, Answer(FOUND, records[:RECORDS], expires), now)
        elif answer.code == message.NAME_ERROR or answer.minimum is not None:
            self._end(question, self._negative(question, answer, now), now)
        elif name != question.asked:
            self._go_on(question, name, now)
        elif answer.referral:
            self._try_another(question, answer.id, now)  # it does not ask others for us
        else:
            self._end(question, self._negative(question, answer, now), now)

    def _follow(self, question, answer):
        """-> (the name that CNAMEs lead to, its [Record]); (None, []) when they are too many."""
        name = question.asked
        while True:
            records = [each for each in answer.answers if each.name == name]
            found = [each for each in records if each.kind == question.kind]
            links = [each for each in records if each.kind == message.CNAME]
            if found or not links:
                return name, found
            question.hops += 1
            question.ttl = min(question.ttl, links[0].ttl)
            name = links[0].data
            if question.hops > CHAIN or not name:
                return None, []

    def _negative(self, question, answer, now):
        """RFC 2308: without an SOA it is not known for how long, so for the shortest time."""
        status = NO_NAME if answer.code == message.NAME_ERROR else NO_DATA
        ttl = MIN_TTL if answer.minimum is None else min(answer.minimum, question.ttl)
        return Answer(status, [], now + max(MIN_TTL, min(ttl, MAX_NEGATIVE)))

    def _go_on(self, question, name, now):
        """The server knows the CNAME alone: asks for the name that it leads to."""
        self._forget_tries(question)
        question.asked = name
        question.left = []
        question.sent = 0
        self._try(question, now)

    def _end(self, question, answer, now):
        self._forget_tries(question)
        del self._questions[question.name, question.kind]
        self.counters["failed" if answer.status == FAILED else "answered"] += 1
        # a name with a CNAME is there, only what that leads to is not
        whole = answer.status == NO_NAME and question.hops == 0
        self.cache.put(question.name, ANY if whole else question.kind, answer, now)
        self._answers += [(waiter, answer) for waiter in question.waiters]

    def next_answer(self):
        """-> (waiter, Answer) of a question that has ended, or None."""
        return self._answers.pop(0) if self._answers else None

    def _forget_tries(self, question):
        for each in question.tries:
            del self._tries[each.number]
        question.tries = []

    # Time

    def next_timer(self):
        """-> `now` of the next handle_timers(), None for never."""
        due = [question.deadline for question in self._questions.values()]
        return min(due) if due else None

    def handle_timers(self, now):
        for question in list(self._questions.values()):
            if question.deadline <= now:
                question.tries[-1].server.quiet_until = now + QUIET
                self._try(question, now)

    def __len__(self):
        """Questions that wait for their answer."""
        return len(self._questions)


def _try_of(question, number):
    """-> Try with that id, or None."""
    for each in question.tries:
        if each.number == number:
            return each
    return None
