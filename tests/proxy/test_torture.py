"""RFC 4475 and RFC 5118 end to end: each message by datagram and stream, and what leaves the box.

Two boxes see every message: one runs the shipped script, for a sender that it trusts to
reach our extensions; the other an open script without authentication, to see what a bare
proxy forwards. tests/sip/test_torture.py has the verdicts of the parser alone.
"""

from app import routes
from app.proxy.location import Binding
from app.sip.digest import answer, parse_challenge
from app.sip.edits import Edits
from app.sip.errors import ParseError
from app.sip.headers import parse_contact
from app.sip.interfaces import Interfaces, interface
from app.sip.message import parse
from app.sip.transport import DEFAULT_PORTS, TRANSPORTS, Peer
from app.sip.uri import parse_uri
from tests.proxy.box import BOX, Box, Hashes, table
from tests.sip.corpus import answers, torture

SENDER = Peer("udp", "203.0.113.77", 5060, 0)
ANYWHERE = "192.0.2.50"
DOMAINS = ("example.com", "example.org", "example.net", "company.com", "2001:db8::10",
           "2001:db8::192.0.2.1", "2001:db8:::192.0.2.1", BOX)  # fmt: skip

FORWARD = "forward"
# What the shipped script makes of each message: a final status, FORWARD, or "drop".
EXPECTED = """
wsinv 403 intmeth forward esc01 forward escnull 401 esc02 403 lwsdisp forward longreq forward
dblreq 401 semiuri forward transports forward mpart01 403 unreason drop noreason drop
badinv01 400 clerr 400 ncl 400 scalar02 400 scalarlg drop quotbal 400 ltgtruri 400 lwsruri 400
lwsstart 400 trws 400 escruri 400 baddate forward regbadct 400 badaspec 400 baddn 400 badvers 505
mismatch01 400 mismatch02 400 bigcode drop badbranch 400 insuf 400 unkscm 416 novelsc 416
unksm2 400 bext01 420 invut forward regaut01 401 multi01 400 mcl01 400 bcast drop zeromf 483
cparam01 401 cparam02 401 regescrt 401 sdp01 forward inv2543 forward ipv6-good 401 ipv6-bad 400
port-ambiguous 403 port-unambiguous 403 via-received-param-with-delim 404
via-received-param-no-delim 200 ipv6-in-sdp forward mult-ip-in-header 403 mult-ip-in-sdp forward
ipv4-mapped-ipv6 forward ipv6-bug-abnf-3-colons forward ipv6-correct-abnf-2-colons forward
""".split()


class Open:
    """A script without authentication: everything that can be sent anywhere is."""

    @staticmethod
    def request_route(r):
        if not r.mf_process_maxfwd_header(10):
            return r.sl_send_reply(483, "Too Many Hops")
        r.record_route()
        r.loose_route()
        r.lookup("location")
        if not r.t_relay():
            r.sl_reply_error()
        return None

    @staticmethod
    def onreply_route(r):
        r.append_hf("P-hint: reply")


class Everywhere(dict):
    """Every host name has one address."""

    def __contains__(self, name):
        return True

    def __getitem__(self, name):
        return ANYWHERE, None


KNOWN = [interface(1 + at, name, BOX, DEFAULT_PORTS[name]) for at, name in enumerate(TRANSPORTS)]
STREAMS = [Peer(each.transport, SENDER.host, 40001, 112 + each.number) for each in KNOWN[1:]]
EVERY_SENDER = [SENDER] + STREAMS


def torture_box(script=routes, **settings):
    settings.setdefault("ports", (5060,))
    return Box(
        script, domains=DOMAINS, trunks=(SENDER.host,), interfaces=Interfaces(KNOWN), **settings
    )


def register_whoever(box, data):
    """Gives the user of the Request-URI a contact, so that there is somewhere to forward to."""
    try:
        message = parse(data)
        uri = parse_uri(message.uri) if message.is_request else None
    except ParseError:
        return
    if uri is not None and uri.is_sip and uri.user:
        aor = uri.aor[0].lower()
        box.location.set_static([Binding(aor, f"sip:dest@{ANYWHERE}", None, static=True)])


def outcome(box, data, sender=SENDER):
    """-> a final status, FORWARD or "drop", and the messages that left for elsewhere."""
    box.receive(data, sender)
    forwarded = [parse(sent) for sent, peer in box.sent if peer.host != SENDER.host]
    codes = [parse(sent).status for sent, peer in box.sent if peer.host == SENDER.host]
    codes = [code for code in codes if code != 100]
    if forwarded:
        return FORWARD, forwarded
    return (str(codes[-1]) if codes else "drop"), []


def expected():
    return {EXPECTED[at]: EXPECTED[at + 1] for at in range(0, len(EXPECTED), 2)}


def test_every_message_meets_its_answer():
    wanted = expected()
    assert len(wanted) == len(answers()) == 61
    wrong = []
    for sender in EVERY_SENDER:
        for name, _ in answers():
            box = torture_box()
            register_whoever(box, torture(name))
            found = outcome(box, torture(name), sender)[0]
            if found != wanted[name.split("/")[1]]:
                wrong.append((sender.transport, name, found))
    assert wrong == []


def test_over_a_stream_answers_take_its_connection():
    """Whatever the Via says (RFC 3261 18.2.2)."""
    for sender in STREAMS:
        for name, _ in answers():
            box = torture_box()
            register_whoever(box, torture(name))
            box.receive(torture(name), sender)
            replies = [peer for data, peer in box.sent if data[:8] == b"SIP/2.0 "]
            assert [peer for peer in replies if peer != sender] == [], (sender.transport, name)
            assert [peer for _, peer in box.sent if peer.host == SENDER.host] == replies, name


def test_no_message_upsets_a_box_whose_connections_break():
    """Each message, its connection gone before the answer: nothing is left, nothing goes on."""
    for sender in STREAMS:
        box = torture_box()
        for name, _ in answers():
            register_whoever(box, torture(name))
            box.endpoint.receive(torture(name), sender, box.now)
            box.proxy.run(box.now, box.wall)
            for _ in range(50):
                if box.endpoint.to_send() is None:
                    break
                box.endpoint.transport_error(box.now)
                box.proxy.run(box.now, box.wall)
            assert box.endpoint.to_send() is None, name
            box.proxy.connection_lost(sender, box.now, box.wall)
            box.endpoint.connection_lost(sender, box.now)
            box.settle()
        box.wait(900)
        assert len(box.endpoint) == 0 and len(box.proxy.calls) == 0 and box.next_timer() is None


def test_the_script_agrees_with_the_parser():
    """What check() refuses, the box answers with that very status, whatever the script."""
    for script in (routes, Open):
        for name, verdict in answers():
            found = outcome(torture_box(script, hosts=Everywhere()), torture(name))[0]
            if verdict != "accept":
                assert found == verdict, (name, found)
            else:
                assert found not in ("400", "416", "420", "505") or name.endswith("unksm2"), name


def test_an_open_proxy_forwards_what_is_valid():
    not_forwarded = []
    for name, verdict in answers():
        message = parse(torture(name)) if verdict == "accept" else None
        if message is None or not message.is_request:
            continue
        box = torture_box(Open, hosts=Everywhere())
        register_whoever(box, torture(name))
        if outcome(box, torture(name))[0] != FORWARD:
            not_forwarded.append(name.split("/")[1])
    # One has no hops left, three are for the very address of the box.
    assert sorted(not_forwarded) == [
        "ipv6-good", "via-received-param-no-delim", "via-received-param-with-delim", "zeromf",
    ]  # fmt: skip


def test_a_port_within_the_brackets_is_none():
    """RFC 5118 4.2: [2001:db8::10:5070] is an address, [2001:db8::10]:5070 has a port."""
    for name, found in (("port-ambiguous", "403"), ("port-unambiguous", "401")):
        assert outcome(torture_box(ports=(5070,)), torture("rfc5118/" + name))[0] == found


def test_what_is_forwarded_is_what_came():
    """Every header line that we have no business with, and the body, leave to the bit."""
    ours = (b"via", b"v", b"max-forwards", b"record-route", b"route", b"content-length", b"l")
    for name, verdict in answers():
        data = torture(name)
        if verdict != "accept" or not parse(data).is_request:
            continue
        box = torture_box(Open, hosts=Everywhere())
        register_whoever(box, data)
        kind, forwarded = outcome(box, data)
        if kind != FORWARD:
            continue
        message = parse(data)
        assert forwarded[0].body == message.body, name
        for header in message.spans:
            if header.encode() in ours:
                continue
            for span in message.spans[header]:
                assert data[span[0] : span[2]] in forwarded[0].raw, (name, header)


def test_wsinv_goes_by_its_route():
    box = torture_box(Open, hosts=Everywhere())
    kind, forwarded = outcome(box, torture("rfc4475/wsinv"))
    assert kind == FORWARD
    assert forwarded[0].uri == "sip:vivekg@chair-dnrc.example.com;unknownparam"
    assert len(forwarded[0].headers("route")) == 1
    assert forwarded[0].max_forwards == 67
    assert len(forwarded[0].headers("via")) == 4


def test_esc02_is_no_register():
    box = torture_box(Open, hosts=Everywhere())
    kind, forwarded = outcome(box, torture("rfc4475/esc02"))
    assert kind == FORWARD and forwarded[0].method == "RE%47IST%45R"
    assert len(forwarded[0].headers("contact")) == 2


def test_dblreq_never_becomes_two():
    box = torture_box(Open, hosts=Everywhere())
    box.receive(torture("rfc4475/dblreq"), SENDER)
    assert all([b"INVITE" not in data for data, _ in box.sent])


def test_responses_are_not_forwarded_to_a_broadcast():
    box = torture_box(Open, hosts=Everywhere())
    for name in ("bcast", "unreason", "noreason", "scalarlg", "bigcode"):
        box.receive(torture("rfc4475/" + name), SENDER)
    assert box.sent == []


def test_inv2543_is_answered_by_its_rules():
    """Without a branch the retransmission is known by RFC 2543's marks, and 2543's ACK too."""
    box = torture_box(hosts=Everywhere())
    data = torture("rfc4475/inv2543")
    register_whoever(box, data)
    assert outcome(box, data)[0] == FORWARD
    box.sent.clear()
    box.receive(data, SENDER)
    assert [parse(sent).status for sent, _ in box.sent] == [100]


def authenticated(box, data, user, secret):
    """-> the REGISTER `data` with an answer to the box's challenge, and the next CSeq."""
    box.receive(data, SENDER)
    challenge = parse(box.sent.pop()[0])
    assert challenge.status == 401
    message = parse(data)
    offered = parse_challenge(challenge.header("www-authenticate"))
    value = answer(Hashes, offered, "REGISTER", message.uri, user, secret, "c")
    edits = Edits(message)
    edits.set("Authorization", value)
    edits.replace("cseq", 0, f"{message.cseq.number + 1} REGISTER")
    branch = message.via.branch
    edits.replace("via", 0, str(message.via).replace(branch, branch + "a"))
    return edits.to_bytes()


def registered(name, user, escaped=None):
    """-> (box, [Contact]) after the REGISTER of that name has got its 200."""
    text = f"username(str) password(str)\n{escaped or user}:secret\n"
    box = torture_box(tables={"subscriber": table("subscriber", text)})
    box.receive(authenticated(box, torture(name), user, "secret"), SENDER)
    reply = parse(box.sent.pop()[0])
    assert reply.status == 200, reply.reason
    return box, [parse_contact(value) for value in reply.headers("contact")]


def test_cparam01_the_parameter_is_of_the_header():
    _, (contact,) = registered("rfc4475/cparam01", "watson")
    assert str(contact.uri) == "sip:+19725552222@gw1.example.net"


def test_cparam02_the_parameter_is_of_the_uri():
    box, (contact,) = registered("rfc4475/cparam02", "watson")
    assert str(contact.uri) == "sip:+19725552222@gw1.example.net;unknownparam"
    again = box.restart().location.bindings("watson", box.now)[0]
    assert again.contact == str(contact.uri)


def test_regescrt_the_route_stays_escaped_in_the_uri():
    box, (contact,) = registered("rfc4475/regescrt", "user")
    assert str(contact.uri) == "sip:user@example.com?Route=%3Csip:sip.example.com%3E"
    again = box.restart().location.bindings("user", box.now)[0]
    assert again.contact == str(contact.uri)


def test_escnull_is_not_cut():
    box, contacts = registered("rfc4475/escnull", "null-\0-null", "null-\\0-null")
    uris = sorted([str(contact.uri) for contact in contacts])
    assert uris == ["sip:%00%00@host5.example.com", "sip:%00@host5.example.com"]
    assert len(box.restart().location.bindings("null-\0-null", box.now)) == 2
    assert box.location.bindings("null-", box.now) == []


def test_regaut01_gets_a_fresh_challenge():
    box = torture_box()
    box.receive(torture("rfc4475/regaut01"), SENDER)
    reply = parse(box.sent[0][0])
    assert reply.status == 401 and parse_challenge(reply.header("www-authenticate")).nonce


def test_bext01_names_what_it_does_not_know():
    box = torture_box()
    box.receive(torture("rfc4475/bext01"), SENDER)
    reply = parse(box.sent[0][0])
    assert reply.headers("unsupported") == ["noProxiesSupportThis", "norDoAnyProxiesSupportThis"]


def test_nothing_is_left_behind():
    """After all of it, and a quarter of an hour, no transaction, call or timer is left."""
    box = torture_box()
    for name, _ in answers():
        register_whoever(box, torture(name))
        box.receive(torture(name), SENDER)
    box.wait(900)
    assert len(box.endpoint) == 0 and len(box.proxy.calls) == 0 and box.next_timer() is None
