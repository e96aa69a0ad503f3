"""The quick look at a request against the thorough one: what it understands is the same."""

from app.sip import quick
from app.sip.build import response
from app.sip.check import check
from app.sip.errors import ParseError
from app.sip.message import parse
from app.sip.transaction import server_key
from app.sip.transport import Peer, reply_peer
from tests.fuzz.chance import Chance
from tests.fuzz.grammar import mutate
from tests.fuzz.seeds import torture_messages

INVITE = (
    b"INVITE sip:201@example.org SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1:5070;rport;branch=z9hG4bKa\r\n"
    b"Via: SIP/2.0/UDP far.example.org;branch=z9hG4bKb, SIP/2.0/UDP x;branch=z9hG4bKc\r\n"
    b"Max-Forwards: 70\r\nFrom: <sip:200@example.org>;tag=f\r\nTo: <sip:201@example.org>\r\n"
    b"i: c@h\r\nCSeq: 7 INVITE\r\nContent-Length: 3\r\n\r\nabc"
)
PEERS = (Peer("udp", "192.0.2.9", 4444, 1), Peer("udp", "2001:db8::9", 4444, 2),
         Peer("tcp", "192.0.2.9", 4444, 17))  # fmt: skip


def fields(message):
    """What a 503 must have of its request."""
    names = ("from", "call-id", "cseq", "retry-after")
    return [message.headers(name) for name in names], str(message.to.uri), message.body


def compare(data, peer):
    """-> bool: the quick look understood it. Fails where the thorough one differs."""
    request = quick.read(data)
    if request is None:
        return False
    try:
        message = parse(data)
        verdict = check(message)
    except ParseError:
        return False  # it gets 503 where it would have got 400
    if verdict is not None:
        return False
    assert request.method.decode() == message.method
    assert request.has_totag == (message.to.tag is not None)
    assert request.call_id == message.call_id
    key = request.key()
    assert key is None or key == server_key(message, message.method), data
    answer, target = request.busy(peer, b"busytag", ("Retry-After: 9",))
    assert target == reply_peer(message, peer), data
    message.mark_received(peer.host, peer.port)
    made = parse(answer)
    right = parse(response(message, 503, "Service Unavailable", "busytag", ["Retry-After: 9"]))
    assert check(made) == check(right), answer
    assert made.to.tag == right.to.tag and made.reason == right.reason
    assert made.headers("via")[1:] == right.headers("via")[1:]
    assert made.via.sent_by == right.via.sent_by and made.via.branch == right.via.branch
    assert made.via.received in (right.via.received, peer.host)
    assert fields(made) == fields(right), data
    return True


def test_an_invite():
    for peer in PEERS:
        assert compare(INVITE, peer)
    answer, target = quick.read(INVITE).busy(PEERS[0], b"t", ("Retry-After: 9",))
    assert target == PEERS[0]
    assert answer == (
        b"SIP/2.0 503 Service Unavailable\r\n"
        b"Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKa;received=192.0.2.9;rport=4444\r\n"
        b"Via: SIP/2.0/UDP far.example.org;branch=z9hG4bKb, SIP/2.0/UDP x;branch=z9hG4bKc\r\n"
        b"From: <sip:200@example.org>;tag=f\r\nTo: <sip:201@example.org>;tag=t\r\ni: c@h\r\n"
        b"CSeq: 7 INVITE\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n"
    )


def test_without_rport_the_port_is_that_of_the_via():
    for via, port in ((b"192.0.2.1:5070", 5070), (b"192.0.2.1", 5060), (b"[2001:db8::1]:99", 99),
                      (b"[2001:db8::1]", 5060), (b"h.example.org:5061", 5061)):  # fmt: skip
        data = INVITE.replace(b"192.0.2.1:5070;rport", via)
        assert compare(data, PEERS[0])
        assert quick.read(data).busy(PEERS[0], b"t")[1].port == port


def test_what_takes_a_closer_look():
    for old, new in (
        (b"Max-Forwards", b" folded"), (b"Via: SIP/2.0/UDP 192", b"Via : SIP/2.0/UDP 192"),
        (b"From", b"FROM"), (b"To: <", b"To: \"a;tag=b\" <"), (b";rport", b";rport=1"),
        (b"sip:201@example.org SIP", b"sip:2\xff@example.org SIP"),
        (b" SIP/2.0\r\nVia", b"\r\nVia"),
        (b"i: c@h", b"X: y"), (b"CSeq: 7", b"To: <sip:x>\r\nCSeq: 7"), (b"\r\n\r\n", b"\r\n"),
        (b";branch=z9hG4bKa", b";branch=z9hG4bKa, SIP/2.0/UDP y"), (b"tag=f", b"tag=f\nX: y"),
        (b"sip:201@example.org SIP", b" SIP"), (b"Max-Forwards: 70", b"X: y\r\n" * 70),
    ):  # fmt: skip
        assert old in INVITE
        assert quick.read(INVITE.replace(old, new, 1)) is None, new


def test_it_never_differs_and_never_fails():
    messages = torture_messages() + [INVITE] * 30
    understood = 0
    for seed in range(1500):
        chance = Chance(seed)
        understood += compare(mutate(chance.pick(messages), chance), chance.pick(PEERS))
    assert understood > 100
