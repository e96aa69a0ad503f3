"""What a name server says, written apart from app/dns, so that it can disagree. Portable."""

A, NS, CNAME, SOA, AAAA, SRV, NAPTR = 1, 2, 5, 6, 28, 33, 35


def u16(number):
    return bytes((number // 256, number % 256))


def u32(number):
    return u16(number // 65536) + u16(number % 65536)


def name(text):
    """-> bytes, without compression."""
    pieces = [bytes((len(label),)) + label.encode() for label in text.split(".") if label]
    return b"".join(pieces) + b"\0"


def text(value):
    return bytes((len(value),)) + value.encode()


def record(owner, kind, data, ttl=300, group=1):
    """-> bytes; owner: str, or bytes for a name that is compressed already."""
    owner = owner if isinstance(owner, bytes) else name(owner)
    return owner + u16(kind) + u16(group) + u32(ttl) + u16(len(data)) + data


def a(owner, host, ttl=300):
    return record(owner, A, bytes([int(part) for part in host.split(".")]), ttl)


def aaaa(owner, groups, ttl=300):
    """groups: eight numbers."""
    return record(owner, AAAA, b"".join([u16(group) for group in groups]), ttl)


def cname(owner, target, ttl=300):
    return record(owner, CNAME, name(target), ttl)


def ns(owner, target):
    return record(owner, NS, name(target))


def soa(owner, minimum, ttl=3600):
    numbers = b"".join([u32(number) for number in (1, 7200, 900, 86400, minimum)])
    return record(owner, SOA, name("ns." + owner) + name("root." + owner) + numbers, ttl)


def srv(owner, priority, weight, port, target, ttl=300):
    return record(owner, SRV, u16(priority) + u16(weight) + u16(port) + name(target), ttl)


def naptr(owner, order, preference, service, replacement, flags="s", regexp="", ttl=300):
    texts = text(flags) + text(service) + text(regexp)
    return record(owner, NAPTR, u16(order) + u16(preference) + texts + name(replacement), ttl)


def number_of(query):
    return query[0] * 256 + query[1]


def question_of(query):
    """-> (name, kind) of what was asked."""
    labels = []
    at = 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode())
        at += 1 + query[at]
    return ".".join(labels), query[at + 1] * 256 + query[at + 2]


def has_edns(query):
    """-> the size that the query's OPT offers, 0 without one."""
    end = 12 + len(name(question_of(query)[0])) + 4
    return query[end + 3] * 256 + query[end + 4] if len(query) > end else 0


def answer(query, *records, code=0, authority=(), flags=0x8180, extra=()):
    """-> bytes that answer `query` (bytes): its id and question, then the records."""
    asked, kind = question_of(query)
    head = query[:2] + u16(flags | code) + u16(1)
    head += u16(len(records)) + u16(len(authority)) + u16(len(extra))
    body = name(asked) + u16(kind) + u16(1)
    return head + body + b"".join(list(records) + list(authority) + list(extra))


class Zone:
    """A server: {(name, kind): [record]}; anything else is NXDOMAIN, or NODATA for its names.

    asked: [(name, kind)] so far; silent: it answers nobody.
    """

    def __init__(self, *records):
        self.records = {}
        self.asked = []
        self.silent = False
        for each in records:
            owner = question_of(b"\0" * 12 + each)[0]
            at = len(name(owner))
            kind = each[at] * 256 + each[at + 1]
            self.records.setdefault((owner, kind), []).append(each)

    def reply(self, query):
        """-> bytes | None."""
        key = question_of(query)
        self.asked.append(key)
        if self.silent:
            return None
        found = self.records.get(key) or self.records.get((key[0], CNAME)) or []
        if found:
            return answer(query, *found)
        known = [owner for owner, _ in self.records if owner == key[0]]
        return answer(query, code=0 if known else 3, authority=[soa("example.org", 60)])

    def serve(self, resolver, now):
        """Answers all that the resolver sends, and what comes of that."""
        item = resolver.to_send()
        while item is not None:
            data = self.reply(item.data)
            if data is not None:
                resolver.receive(data, item.host, item.port, item.source, now)
            item = resolver.to_send()
