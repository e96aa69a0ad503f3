"""What lies beneath SIP, damaged: streams, WebSocket, the ClientHello, STUN, the DNS.

Each takes a Chance. What a stream gives must not depend on the pieces that it comes in.
"""

from app.dns.errors import DnsError
from app.dns.message import parse as parse_dns
from app.dns.message import query
from app.transport import stun
from app.transport.client_hello import MORE, ClientHello
from app.transport.framing import Framer
from app.transport.websocket import WebSocket
from tests.fuzz.grammar import mutate, splinter
from tests.fuzz.seeds import torture_messages
from tests.transport.test_client_hello import hello, records, server_name
from tests.transport.test_http import sha1
from tests.transport.test_websocket import HANDSHAKE, masked

LIMIT = 8192
HELD = LIMIT + 70000  # bytes that a stream may keep: a message and what came with its end
BINDING = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + b"t" * 12
NAMES = ("example.org", "_sip._udp.example.org", "a.b.c", "1.2.0.192.in-addr.arpa")
KINDS = (1, 2, 5, 6, 28, 33, 35, 41, 255)


def pieces(data, chance):
    """-> [bytes] that make `data`."""
    found = []
    while data:
        size = 1 + chance.below(chance.pick((2, 7, 400, 20000)))
        found.append(data[:size])
        data = data[size:]
    return found


def fed(make, data, parts):
    """-> [(kind, value)] of a stream that gets `data` at once, held against that of its parts."""
    whole, slow = make(), make()
    found = whole.receive(data)
    again = []
    for part in parts:
        again.extend(slow.receive(part))
        assert len(slow._buffer) <= HELD
    assert found == again, (found, again)
    return found


def stream(chance, messages):
    """Messages one behind the other over TCP."""
    data = b""
    for _ in range(1 + chance.below(4)):
        message = chance.pick(messages)
        data += mutate(message, chance) if chance.one_in(2) else message
        data += chance.pick((b"", b"", b"\r\n\r\n", b"\r\n", BINDING))
    if chance.one_in(3):
        data = splinter(data, chance)
    fed(lambda: Framer(LIMIT), data, pieces(data, chance))


def websocket(chance, messages):
    """A handshake and frames, masked as they have to be or not."""
    data = mutate(HANDSHAKE, chance) if chance.one_in(4) else HANDSHAKE
    for _ in range(chance.below(5)):
        kind = chance.pick((0, 1, 1, 2, 8, 9, 10, 3, 15))
        payload = chance.pick(messages)[: chance.pick((0, 1, 125, 126, 3000))]
        data += masked(kind, payload, last=not chance.one_in(4))
    if chance.one_in(2):
        data = splinter(data, chance)
    fed(lambda: WebSocket(LIMIT, sha1), data, pieces(data, chance))


def client_hello(chance, messages):
    """The name in a ClientHello, whole or in pieces."""
    data = splinter(records(hello(server_name(b"pbx.example.org"))), chance)
    reader = ClientHello()
    for part in pieces(data, chance):
        if reader.receive(part) != MORE:
            break
    assert reader.name is None or isinstance(reader.name, str)


def stun_message(chance, messages):
    """A binding request, attributes behind it."""
    body = b"".join([_attribute(chance) for _ in range(chance.below(4))])
    data = BINDING[:2] + bytes([len(body) >> 8, len(body) & 255]) + BINDING[4:] + body
    data = splinter(data, chance) if chance.one_in(2) else data
    for host in ("192.0.2.1", "2001:db8::1"):
        answer = stun.respond(data, host, 5060)
        assert answer is None or stun.is_stun(answer), answer
    stun.length(data)


def _attribute(chance):
    size = chance.below(9)
    kind = chance.pick((b"\x00\x06", b"\x80\x22", b"\x00\x08", b"\x80\x28", b"\x00\x24"))
    return kind + bytes([0, size]) + b"x" * (size + -size % 4)


def dns(chance, messages):
    """An answer with records of all kinds, names that point into each other."""
    name = chance.pick(NAMES)
    data = query(chance.below(65536), name, chance.pick(KINDS), 1232)
    counts = [chance.below(4) for _ in range(3)]
    records = b"".join([_record(chance) for _ in range(sum(counts))])
    data = data[:2] + b"\x81\x80" + data[4:6] + b"".join([bytes([0, each]) for each in counts])
    question = query(1, name, 1, 1232)
    data += question[12 : 12 + len(name) + 6] + records
    try:
        parse_dns(splinter(data, chance) if not chance.one_in(3) else data)
    except DnsError:
        pass


def _record(chance):
    name = chance.pick((b"\xc0\x0c", b"\x00", b"\x03abc\xc0\x0c", b"\xc0\x20", b"\x3f" + b"a" * 63))
    rest = [chance.below(256) for _ in range(chance.below(20))]
    kind = chance.pick(KINDS)
    return name + bytes([0, kind, 0, 1, 0, 0, chance.below(256), 9, 0, len(rest)] + rest)


ALL = (stream, stream, websocket, client_hello, stun_message, dns)
SOME = torture_messages()


def run(chance):
    """One of them, once."""
    chance.pick(ALL)(chance, SOME)
