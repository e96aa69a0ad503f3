"""What a hostile peer does with valid messages: aim ours at others, speak in others' names."""

from app.sip.message import parse
from app.sip.transport import Peer
from tests.proxy.box import BOX, Box
from tests.proxy.phone import Phone, last, status

VICTIM = "203.0.113.77"  # somebody who has nothing to do with us
EVE = "203.0.113.66"


def stranger(box, host=EVE, user="eve", domain="evil.example"):
    return Phone(box, user, host=host, domain=domain)


def sent_to(box, host):
    """-> [bytes] on their way to a host."""
    return [data for data, peer in box.sent if peer.host == host]


# Calls, and who ends them


def ringing(box):
    """-> (alice, her INVITE as sent, bob, the INVITE as it came): a call that rings."""
    alice, bob = Phone(box, "200"), Phone(box, "201")
    bob.register()
    data = alice.make("INVITE", bob.uri)
    data = alice.authenticated(data, last(alice.send(data)))
    alice.send(data)
    invite = last(bob.received())
    bob.reply(invite, 180)
    alice.received()
    return alice, data, bob, invite


def cancel_of(data):
    """-> bytes: the CANCEL of an INVITE, by RFC 3261 9.1."""
    lines = [line for line in data.decode().split("\r\n\r\n")[0].split("\r\n")]
    kept = [line for line in lines[1:] if line.split(":")[0] in
            ("Via", "Max-Forwards", "From", "To", "Call-ID")]  # fmt: skip
    number = parse(data).cseq.number
    head = [lines[0].replace("INVITE", "CANCEL", 1)] + kept + [f"CSeq: {number} CANCEL"]
    return ("\r\n".join(head + ["Content-Length: 0", "", ""])).encode()


def test_a_cancel_from_elsewhere_ends_no_call():
    """RFC 3261 9.2: it comes from where its INVITE came from, or it is somebody else's."""
    box = Box()
    alice, data, bob, _ = ringing(box)
    eve = stranger(box)
    assert status(eve.send(cancel_of(data))) == [481]
    assert bob.received() == [] and alice.received() == []
    assert status(alice.send(cancel_of(data))) == [200]
    assert last(bob.received()).method == "CANCEL"


def test_a_cancel_from_another_port_of_the_caller_is_the_callers():
    """NATs give ports anew; the address stays."""
    box = Box()
    alice, data, bob, _ = ringing(box)
    alice.peer = Peer("udp", alice.peer.host, 40009, 0)
    box.receive(cancel_of(data), alice.peer)
    assert last(bob.received()).method == "CANCEL"


def test_an_ack_from_elsewhere_confirms_nothing():
    """Who makes us believe that the caller knows has his telephone ring on."""
    box = Box()
    alice, data, bob, invite = ringing(box)
    bob.reply(invite, 486)
    refusal = last([each for each in alice.received() if each.status == 486])
    ack = cancel_of(data).replace(b"CANCEL", b"ACK").replace(
        b"To: ", b"To: " + refusal.header("to").encode() + b"\r\nX: "
    )  # fmt: skip
    box.receive(ack, Peer("udp", EVE, 5060, 0))
    box.wait(0.6)
    assert status(alice.received()) == [486]  # timer G goes on
    alice.send(ack)
    box.wait(20)
    assert alice.received() == []


def test_a_retransmission_from_elsewhere_is_not_answered_there():
    """Nobody has our answers to somebody else's request sent to a third party."""
    box = Box()
    alice, data, bob, _ = ringing(box)
    box.receive(data, Peer("udp", VICTIM, 5060, 0))
    assert sent_to(box, VICTIM) == []


# Whom our messages reach


def test_calls_for_a_contact_elsewhere_go_to_who_registered_it():
    """Ten contacts at a victim's address would make one INVITE ten, seven times each."""
    for contacts in (
        [f"<sip:201@{VICTIM}>"], [f"<sip:201@192.0.2.201;maddr={VICTIM}>"],
        ["<sip:201@192.0.2.201>", f"<sip:a@{VICTIM}>"], ["<sip:201@victim.example>"],
        [f"<sip:a@{VICTIM}:{port}>" for port in range(1, 9)],
    ):  # fmt: skip
        box = Box()
        alice, bob = Phone(box, "200"), Phone(box, "201")
        lines = ["Contact: " + contact for contact in contacts]
        assert status(bob.register(headers=lines, contact=None)) == [200]
        assert status(alice.request("INVITE", bob.uri)) == [100]
        assert sent_to(box, VICTIM) == []
        assert len(bob.received()) == len(contacts)


def test_a_telephone_is_not_made_to_answer_by_itself():
    """Who could do that hears the room."""
    lines = ["Answer-Mode: Auto", "Priv-Answer-Mode: Auto", "Alert-Info: <a>;info=ring-answer",
             "Call-Info: <sip:a>;answer-after=0"]  # fmt: skip
    names = [line.partition(":")[0].lower() for line in lines]
    box = Box(trunks=("198.51.100.1",))
    bob = Phone(box, "201")
    bob.register()
    trunk = Phone(box, "0123", host="198.51.100.1", domain="provider.example")
    for caller in (stranger(box), trunk):
        caller.request("INVITE", bob.uri, lines)
        invite = last(bob.received())
        assert [invite.header(name) for name in names] == [None] * 4
    Phone(box, "200").request("INVITE", bob.uri, lines)  # an intercom of our own
    assert None not in [last(bob.received()).header(name) for name in names[:1]]


def test_answers_are_not_much_longer_than_requests():
    """The source of a UDP request may be a victim's; RFC 9000 8.1 has the same limit."""
    quiet = 0
    for digest in (("md5",), ("sha-256", "md5")):
        box = Box(digest=digest)
        for method in ("REGISTER", "INVITE", "OPTIONS", "MESSAGE", "FOO", "foo bar", ""):
            for uri in ("sip:example.org", "sip:200@example.org", "sip:a", "x"):
                for via in ("SIP/2.0/UDP a;branch=z9hG4bK1", "SIP/2.0/UDP a", "x"):
                    data = (
                        f"{method} {uri} SIP/2.0\r\nv:{via}\r\nf:<sip:example.org>;tag=1\r\n"
                        f"t:<sip:a>\r\ni:1\r\nCSeq:1 {method}\r\n\r\n"
                    ).encode()
                    box.receive(data, Peer("udp", VICTIM, 5060, 0))
                    answers = sent_to(box, VICTIM)
                    assert sum([len(each) for each in answers]) <= 3 * len(data), data
                    quiet += not answers
                    box.sent = []
    assert 0 < quiet < 100


def test_a_telephones_own_requests_are_long_enough_for_a_challenge():
    box = Box(digest=("sha-256", "md5"))
    bare = (
        b"REGISTER sip:example.org SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.200;branch=z9hG4bK1\r\n"
        b"From: <sip:200@example.org>;tag=1\r\nTo: <sip:200@example.org>\r\nCall-ID: 1\r\n"
        b"CSeq: 1 REGISTER\r\nContact: <sip:200@192.0.2.200>\r\n\r\n"
    )
    assert status(Phone(box, "200").send(bare)) == [401]


def test_small_requests_over_a_connection_are_answered():
    """Whoever has one has shown where he is."""
    box = Box(digest=("sha-256", "md5"))
    data = (
        b"FOO sip:a@example.org SIP/2.0\r\nv:SIP/2.0/TCP a;branch=z9hG4bK1\r\nl:0\r\n"
        b"f:<sip:example.org>;tag=1\r\nt:<sip:a>\r\ni:1\r\nCSeq:1 FOO\r\n\r\n"
    )
    box.receive(data, Peer("tcp", VICTIM, 5060, 16))
    assert len(sent_to(box, VICTIM)) == 1 and len(sent_to(box, VICTIM)[0]) > 3 * len(data)


# In whose name


SPELLINGS = (
    "sip:200@example.org", "SIP:200@EXAMPLE.ORG", "sip:200@example.org.",
    "sip:%32%30%30@example.org", "sip:200@Example.Org:5060", "sip:200@example.org:5099",
    "sips:200@example.org", f"sip:200@{BOX}", f"sip:200@{BOX}:5060", f"sip:200@{BOX}:5099",
    f"sip:200@[::ffff:{BOX}]", "sip:200@[::ffff:c000:020a]", "sip:200;x=y@example.org",
    "sip:200:secret@example.org", "sip:200@example.org;user=phone", "sip:200@192.0.2.010",
)  # fmt: skip


def test_nobody_speaks_in_an_extensions_name_however_he_spells_it():
    for sender in SPELLINGS:
        box = Box()
        bob = Phone(box, "201")
        bob.register()
        eve = stranger(box)
        for method in ("INVITE", "MESSAGE"):
            data = eve.make(method, bob.uri, from_=f"<{sender}>;tag=1")
            assert status(eve.send(data))[-1] in (400, 403, 407), sender
            assert bob.received() == [], sender


def test_a_program_next_to_us_has_its_own_name():
    """sipp's own scenarios, run on the machine of the box: From is where they come from."""
    box = Box()
    bob = Phone(box, "201")
    bob.register()
    neighbour = Phone(box, "sipp", host=BOX, port=5070, domain=f"{BOX}:5070")
    assert status(neighbour.send(neighbour.make("INVITE", bob.uri))) == [100]
    assert last(bob.received()).method == "INVITE"


def test_an_extension_has_one_name_however_it_is_spelt():
    """Who knows the password of 202 is not 200 by writing that differently."""
    box = Box()
    bob = Phone(box, "201")
    bob.register()
    for sender in SPELLINGS:
        thief = Phone(box, "202")
        data = thief.make("INVITE", bob.uri, from_=f"<{sender}>;tag=1")
        replies = thief.send(data)
        if status(replies) == [407]:
            replies = thief.send(thief.authenticated(data, last(replies)))
        assert status(replies)[-1] in (400, 403, 407), sender
        assert bob.received() == [], sender


def test_a_username_is_taken_as_it_is_written():
    """Percent signs, case, blanks and letters that only look alike make nobody else of anybody."""
    for username in ("%32%30%30", "200\u200b", " 200", "200 ", "\uff12\uff10\uff10", "200%00",
                     "200@evil.example", "200@", "@example.org", "", "200\\\\", "*", "%",
                     ):  # fmt: skip
        box = Box()
        thief = Phone(box, "202")
        data = thief.make("REGISTER", "sip:example.org", to="<sip:200@example.org>")
        reply = last(thief.send(data))
        again = thief.authenticated(data, reply, username=username)
        assert status(thief.send(again))[-1] in (400, 401, 403), username
        assert len(box.location) == 0


def test_a_contact_star_is_for_ones_own_aor():
    box = Box()
    bob, thief = Phone(box, "201"), Phone(box, "202")
    bob.register()
    for to in ("<sip:201@example.org>", "<sip:%32%30%31@example.org>", "<sip:201@EXAMPLE.ORG.>"):
        data = thief.make("REGISTER", "sip:example.org", ["Contact: *", "Expires: 0"], to=to,
                          contact=None)  # fmt: skip
        reply = last(thief.send(data))
        if reply.status == 401:
            reply = last(thief.send(thief.authenticated(data, reply)))
        assert reply.status in (401, 403, 404), to
    assert len(box.location.bindings("201", box.now)) == 1
