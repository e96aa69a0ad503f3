"""Messages: questions are made, answers are read. RFC 1035 4, RFC 2782, 3403, 3596, 6891.

Of an answer only what a stub resolver looks at is kept: the answer section, and from the
authority section whether there is an SOA (RFC 2308) or a referral. The additional section is
not looked at: what it says was not asked for (RFC 5452 6).
"""

from collections import namedtuple

from app.dns.errors import DnsError
from app.dns.names import ascii_text, decode_name, encode_name, ipv4_text, ipv6_text

A = 1
NS = 2
CNAME = 5
SOA = 6
AAAA = 28
SRV = 33
NAPTR = 35
OPT = 41
INTERNET = 1  # the class

NO_ERROR = 0  # response codes
FORMAT_ERROR = 1
SERVER_FAILURE = 2
NAME_ERROR = 3  # NXDOMAIN
NOT_IMPLEMENTED = 4
REFUSED = 5
BAD_VERSION = 16

RESPONSE = 0x8000  # flags
TRUNCATED = 0x0200
RECURSION_DESIRED = 0x0100
OPCODE = 0x7800

RECORD_LIMIT = 128  # records of a message that are read
HEADER = 12
SIGN = 0x80000000

# What a server says. kind: of the question; answers: [Record]; minimum: seconds that "there is
# none" holds (of an SOA, RFC 2308 5), None without one; referral: it names other servers instead.
Message = namedtuple(
    "Message",
    ("id", "is_response", "truncated", "code", "name", "kind", "answers", "minimum", "referral"),
)  # fmt: skip
# name: its owner; data: by kind an address as text, a name, an Srv, a Naptr.
Record = namedtuple("Record", ("name", "kind", "ttl", "data"))
Srv = namedtuple("Srv", ("priority", "weight", "port", "target"))
Naptr = namedtuple("Naptr", ("order", "preference", "flags", "service", "regexp", "replacement"))


def query(number, name, kind, size):
    """-> bytes of a question that wants recursion; name: normal(); number: its id.

    size: octets that an answer may have (EDNS0); 0: without EDNS0, for servers that lack it.
    """
    head = _u16(number) + _u16(RECURSION_DESIRED) + _u16(1) + _u16(0) + _u16(0)
    data = head + _u16(1 if size else 0) + encode_name(name) + _u16(kind) + _u16(INTERNET)
    if size:
        # RFC 6891 6.1.2: the root, OPT, our size as class, version 0 without flags, no options
        data += b"\0" + _u16(OPT) + _u16(size) + b"\0\0\0\0" + _u16(0)
    return data


def _u16(number):
    return bytes((number >> 8, number & 255))


def read_u16(data, at):
    """-> int of two octets; DnsError where there are none."""
    if at + 2 > len(data):
        raise DnsError("a message is cut short")
    return data[at] * 256 + data[at + 1]


def _u32(data, at):
    return read_u16(data, at) * 65536 + read_u16(data, at + 2)


def parse(data):
    """-> Message of the octets that arrived; DnsError where they are none that we could have
    caused: one question of the class IN, records that are whole. A truncated one has no records.
    """
    flags = read_u16(data, 2)
    if read_u16(data, 4) != 1 or flags & OPCODE:
        raise DnsError("not the answer to one question")
    name, at = decode_name(data, HEADER)
    kind = read_u16(data, at)
    if name is None or read_u16(data, at + 2) != INTERNET:
        raise DnsError("not a question of ours")
    truncated = flags & TRUNCATED != 0
    answers, authority, extended = ([], [], 0) if truncated else _sections(data, at + 4)
    minimum = [min(record.ttl, record.data) for record in authority if record.kind == SOA]
    referral = not minimum and len([each for each in authority if each.kind == NS]) > 0
    return Message(
        read_u16(data, 0), flags & RESPONSE != 0, truncated, (flags & 15) + extended, name, kind,
        answers, minimum[0] if minimum else None, referral,
    )  # fmt: skip


def _sections(data, at):
    """-> (answers, authority: [Record]; the upper bits of the response code from an OPT)."""
    counts = [read_u16(data, place) for place in (6, 8, 10)]
    if sum(counts) > RECORD_LIMIT:
        raise DnsError(f"more than {RECORD_LIMIT} records")
    sections = []
    extended = 0
    for count in counts:
        found = []
        for _ in range(count):
            record, raw_ttl, at = _record(data, at)
            if record.kind == OPT:
                extended = (raw_ttl >> 24) * 16  # RFC 6891 6.1.3
            elif record.name is not None and record.data is not None:
                found.append(record)
        sections.append(found)
    return sections[0], sections[1], extended


def _record(data, at):
    """-> (Record, its TTL as it stands there, where the next one begins).

    data is None for a kind that is not read, or for contents that only look odd.
    """
    name, at = decode_name(data, at)
    kind, group = read_u16(data, at), read_u16(data, at + 2)
    raw = _u32(data, at + 4)
    length = read_u16(data, at + 8)
    at += 10
    if at + length > len(data):
        raise DnsError("a record is cut short")
    read = READERS.get(kind) if group == INTERNET else None
    found = None if read is None else read(data, at, at + length)
    # RFC 2181 8: a TTL with its sign set is zero
    return Record(name, kind, 0 if raw & SIGN else raw, found), raw, at + length


def _read_a(data, at, end):
    _be(end - at == 4)
    return ipv4_text(data[at:end])


def _read_aaaa(data, at, end):
    _be(end - at == 16)
    return ipv6_text(data[at:end])


def _read_name(data, at, end):
    name, behind = decode_name(data, at)
    _be(behind == end)
    return name


def _read_soa(data, at, end):
    """Its last field (RFC 2308 4); the names are walked over."""
    _, at = decode_name(data, at)
    _, at = decode_name(data, at)
    _be(end - at == 20)
    return _u32(data, at + 16)


def _read_srv(data, at, end):
    fields = [read_u16(data, at + offset) for offset in (0, 2, 4)]
    target, behind = decode_name(data, at + 6)
    _be(behind == end)
    return None if target is None else Srv(fields[0], fields[1], fields[2], target)


def _read_naptr(data, at, end):
    order, preference = read_u16(data, at), read_u16(data, at + 2)
    at += 4
    texts = []
    for _ in range(3):  # flags, service, regexp: <character-string>s
        _be(at < end)
        behind = at + 1 + data[at]
        _be(behind <= end)
        texts.append(ascii_text(data[at + 1 : behind]))
        at = behind
    replacement, behind = decode_name(data, at)
    _be(behind == end)
    if replacement is None or None in texts:
        return None
    return Naptr(order, preference, texts[0], texts[1], texts[2], replacement)


def _be(whole):
    if not whole:
        raise DnsError("the data of a record has another length than it says")


READERS = {
    A: _read_a,
    AAAA: _read_aaaa,
    NS: _read_name,
    CNAME: _read_name,
    SOA: _read_soa,
    SRV: _read_srv,
    NAPTR: _read_naptr,
}
