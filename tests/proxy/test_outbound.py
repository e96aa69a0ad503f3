"""Outbound (RFC 5626): telephones are reached by the connections that they have opened."""

from app.proxy.flow import FORGED, GONE, PATH, WITHIN, Flows
from app.proxy.seal import PARAM
from app.sip.edits import Edits
from app.sip.headers import parse_contact, parse_name_addr
from app.sip.interfaces import Interfaces, interface
from app.sip.message import parse
from app.sip.transport import Peer, is_reliable
from tests.proxy.box import BOX, Box, Hashes
from tests.proxy.phone import SDP, Phone, last, status

INSTANCE = '"<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"'
OTHER = '"<urn:uuid:00000000-0000-1000-8000-000000000001>"'
ASKS = "Supported: path, outbound"


def house(**settings):
    known = [
        interface(1, "udp", "0.0.0.0", 5060, (BOX, None)),
        interface(2, "tcp", "0.0.0.0", 5060, (BOX, None)),
        interface(3, "tls", "0.0.0.0", 5061, (BOX, None)),
        interface(4, "wss", "0.0.0.0", 443, (BOX, None)),
    ]
    return Box(interfaces=Interfaces(known), **settings)


NUMBERS = {"udp": 1, "tcp": 2, "tls": 3, "wss": 4}


class Soft(Phone):
    """A telephone behind a NAT that does Outbound over the connection `serial`."""

    def __init__(self, box, user="201", transport="tcp", serial=7, port=40001, **settings):
        flow = NUMBERS[transport] + (0 if transport == "udp" else 16 * serial)
        super().__init__(
            box, user, host="198.51.100.7", port=port, address="10.0.0.5:5060",
            transport=transport, flow=flow, **settings,
        )  # fmt: skip
        self.instance = INSTANCE
        transport = "" if transport == "udp" else f";transport={transport}"
        self.contact = f"<sip:{user}@10.0.0.5:5060{transport};ob>"

    def sign_on(self, reg_id=1, expires=600, supported=ASKS, contact=None, **fields):
        """-> the answer to a REGISTER for a flow."""
        value = f"{contact or self.contact};+sip.instance={self.instance};reg-id={reg_id}"
        fields.setdefault("call_id", f"reg-{self.user}-{reg_id}-{self.peer.port}")
        lines = [f"Contact: {value}"] + ([supported] if supported else [])
        return last(self.register(expires, lines, contact=None, **fields))


def bindings(box, user="201"):
    return box.location.bindings(user, box.now)


def lose(box, phone):
    """The telephone's connection breaks."""
    box.proxy.connection_lost(phone.peer, box.now, box.wall)
    box.endpoint.connection_lost(phone.peer, box.now)
    box.settle()


def goes_to(box):
    """-> [Peer] of the requests that leave now, with their flows."""
    peers = [peer for data, peer in box.sent if parse(data).is_request]
    box.sent.clear()
    return peers


# Registration


def test_the_registrar_does_outbound():
    box = house()
    reply = Soft(box).sign_on()
    assert reply.status == 200 and reply.headers("require") == ["outbound"]
    assert reply.header("flow-timer") == "120" and "outbound" in reply.headers("supported")
    contact = parse_contact(reply.header("contact"))
    assert contact.params.get("reg-id") == "1"
    assert contact.params.get("+sip.instance") == INSTANCE
    (binding,) = bindings(box)
    assert (binding.reg_id, binding.flow, binding.socket) == (1, 114, "tcp:0.0.0.0:5060")
    assert binding.received == "sip:198.51.100.7:40001;transport=tcp"


def test_over_udp_the_telephone_knows_its_own_interval():
    reply = Soft(house(), transport="udp").sign_on()
    assert reply.headers("require") == ["outbound"] and "flow-timer" not in reply.spans


def test_who_does_not_ask_gets_no_outbound():
    box = house()
    reply = Soft(box).sign_on(supported="Supported: path")
    assert reply.status == 200 and "require" not in reply.spans
    assert bindings(box)[0].reg_id == 0 and bindings(box)[0].instance == INSTANCE


def test_a_reg_id_without_an_instance_is_ignored():
    box = house()
    phone = Soft(box)
    value = phone.contact + ";reg-id=1"
    reply = last(phone.register(600, ["Contact: " + value, ASKS], contact=None))
    assert reply.status == 200 and "require" not in reply.spans
    assert bindings(box)[0].reg_id == 0


def test_malformed_reg_ids_are_none():
    for reg_id in ("0", "x", "-1", "2147483648", "99999999999"):
        box = house()
        assert "require" not in Soft(box).sign_on(reg_id).spans, reg_id
        assert bindings(box)[0].reg_id == 0


def test_the_same_flow_again_takes_the_place_of_the_former():
    """RFC 5626 6: AOR, instance and reg-id are the key, whatever the Contact or the Call-ID."""
    box = house()
    Soft(box).sign_on()
    ruid = bindings(box)[0].ruid
    again = Soft(box, serial=9, port=41000)
    again.contact = "<sip:201@10.0.0.99:5060;transport=tcp;ob>"
    again.instance = INSTANCE.lower()
    again.sign_on()
    (binding,) = bindings(box)
    assert binding.ruid == ruid and binding.contact.startswith("sip:201@10.0.0.99")
    assert (binding.flow, binding.callid) == (16 * 9 + 2, "reg-201-1-41000")


def test_other_flows_and_other_instances_are_other_bindings():
    box = house()
    Soft(box).sign_on(1)
    Soft(box, serial=8, port=40002).sign_on(2)
    stranger = Soft(box, serial=9, port=40003)
    stranger.instance = OTHER
    stranger.sign_on(1)
    assert sorted([(each.instance, each.reg_id) for each in bindings(box)]) == sorted(
        [(INSTANCE, 1), (INSTANCE, 2), (OTHER, 1)]
    )


def test_a_flow_that_begins_takes_over_its_plain_registration():
    box = house()
    phone = Soft(box)
    phone.register()
    phone.sign_on()
    assert [each.reg_id for each in bindings(box)] == [1]


def test_one_register_is_about_one_flow():
    box = house()
    phone = Soft(box)
    more = f'<sip:a@10.0.0.5;ob>;+sip.instance={INSTANCE};reg-id=2, {phone.contact}'
    assert phone.sign_on(contact=more).status == 400
    assert bindings(box) == []


def test_a_flow_ends_by_its_reg_id():
    box = house()
    Soft(box).sign_on(1)
    Soft(box, serial=8, port=40002).sign_on(2)
    Soft(box, serial=9, port=40003).sign_on(1, expires=0)
    assert [each.reg_id for each in bindings(box)] == [2]


def test_an_edge_without_outbound_is_named():
    """RFC 5626 6: 439, or the telephone would rely on what nobody does."""
    via = "SIP/2.0/TCP 192.0.2.60;branch=z9hG4bKa, SIP/2.0/TCP 10.0.0.5;branch=z9hG4bKb"
    for path, code in (("<sip:198.51.100.7;lr>", 439), ("<sip:198.51.100.7;lr;ob>", 200),
                       ("<sip:198.51.100.7;lr>, <sip:192.0.2.60;lr;ob>", 200), (None, 439)):
        box = house()
        phone = Soft(box)
        lines = f"{ASKS}\r\nPath: {path}" if path else ASKS
        box.config.min_expires = 1
        data = phone.make(
            "REGISTER", "sip:example.org",
            [f"Contact: {phone.contact};+sip.instance={INSTANCE};reg-id=1"] + lines.split("\r\n"),
            to="<sip:201@example.org>", contact=None, via=via,
        )  # fmt: skip
        challenge = last(phone.send(data))
        assert last(phone.send(phone.authenticated(data, challenge))).status == code, path
        assert [each.flow for each in bindings(box)] == ([0] if code == 200 else [])


def test_columns_are_kamailios():
    box = house()
    Soft(box).sign_on()
    text = box.files.data["/state/location.journal"]
    header, row = text.strip().split(b"\n")
    columns = [each.partition("(")[0] for each in header.decode().split(" ")]
    values = dict(zip(columns, row.decode().replace("\\:", "\0").split(":")))
    assert values["reg_id"] == "1" and values["connection_id"] == "7"
    assert values["socket"].replace("\0", ":") == "tcp:0.0.0.0:5060"
    assert values["received"].replace("\0", ":") == "sip:198.51.100.7:40001;transport=tcp"


# Requests for registered telephones


def call(box, user="200"):
    alice = Phone(box, user)
    alice.register()
    box.sent.clear()
    alice.request("INVITE", "sip:201@example.org", body=SDP)
    return alice


def test_requests_go_down_the_flow():
    for transport in NUMBERS:
        box = house()
        phone = Soft(box, transport=transport)
        phone.sign_on()
        call(box)
        assert goes_to(box) == [phone.peer], transport


def test_without_outbound_too_a_connection_is_used_as_long_as_it_lasts():
    box = house()
    phone = Soft(box)
    phone.register()
    call(box)
    assert goes_to(box) == [phone.peer]


def test_two_instances_ring_both():
    box = house()
    first, second = Soft(box), Soft(box, serial=8, port=40002)
    second.instance = OTHER
    first.sign_on()
    second.sign_on()
    call(box)
    assert sorted(goes_to(box)) == sorted([first.peer, second.peer])


def two_flows():
    """-> (box, the flow that is tried first, the other one)."""
    box = house()
    second, first = Soft(box), Soft(box, serial=8, port=40002)
    second.sign_on(1)
    box.wait(10)
    first.sign_on(2)
    return box, first, second


def test_when_a_flow_breaks_the_other_one_is_used():
    box, first, second = two_flows()
    lose(box, first)
    assert [each.reg_id for each in bindings(box)] == [1]
    call(box)
    assert goes_to(box) == [second.peer]


def test_one_telephone_rings_once_on_its_latest_flow():
    """RFC 5626 7: flows of one instance are ways to one telephone, not targets of a fork."""
    box = house()
    first, second = Soft(box), Soft(box, serial=8, port=40002)
    first.sign_on(1)
    box.now += 0.1  # the dates of both are of the same second
    second.sign_on(2)
    call(box)
    assert goes_to(box) == [second.peer]


def test_when_a_flow_fails_under_a_request_the_other_one_has_it():
    box, first, second = two_flows()
    alice = call(box)
    assert goes_to(box) == [first.peer]
    lose(box, first)
    assert status(alice.received()) == []
    invite = last(second.received())
    assert invite.uri == "sip:201@10.0.0.5:5060;transport=tcp;ob"
    second.reply(invite, 200)
    assert status(alice.received()) == [200]


def test_a_flow_that_an_edge_says_has_failed():
    """RFC 5626 6, 7: 430 is about the flow, not about the telephone: the next one is tried."""
    box, first, second = two_flows()
    alice = call(box)
    first.reply(last(first.received()), 430, "Flow Failed")
    assert last(second.received()).method == "INVITE" and status(alice.received()) == []
    assert [each.reg_id for each in bindings(box)] == [1]


def test_a_telephone_that_does_not_answer_on_one_flow_is_tried_on_the_other():
    box, first, second = two_flows()
    alice = call(box)
    first.reply(last(first.received()), 408)
    assert last(second.received()).method == "INVITE" and status(alice.received()) == []
    assert len(bindings(box)) == 2


def test_what_a_telephone_says_is_said_for_all_its_flows():
    for code in (486, 404, 500, 603):
        box, first, second = two_flows()
        call(box)
        first.reply(last(first.received()), code)
        assert second.received() == [], code


def test_when_all_flows_have_failed_nobody_is_there():
    box, first, second = two_flows()
    alice = call(box)
    box.sent.clear()
    lose(box, first)
    lose(box, second)
    assert status(alice.received()) == [480] and bindings(box) == []
    assert status(alice.request("INVITE", "sip:201@example.org", body=SDP)) == [404]


# Connections that break


def test_what_only_the_connection_reached_is_gone_with_it():
    box = house()
    for user, transport in (("201", "wss"), ("202", "tls"), ("203", "tcp")):
        phone = Soft(box, user, transport=transport)
        phone.register()
        assert len(bindings(box, user)) == 1
        lose(box, phone)
        assert bindings(box, user) == [], transport


def test_who_listens_where_it_sends_from_is_called_there():
    """Without a NAT between, a telephone takes connections at its Contact: RFC 3261 18.1."""
    box = house()
    phone = Soft(box)
    phone.contact = "<sip:201@198.51.100.7:5070;transport=tcp>"
    phone.register()
    lose(box, phone)
    call(box)
    assert goes_to(box) == [Peer("tcp", "198.51.100.7", 5070, 0)]


def test_a_broken_connection_ends_no_other_binding():
    box = house()
    phone, other, plain = Soft(box), Soft(box, serial=8, port=40002), Phone(box, "201")
    other.instance = OTHER
    for who in (phone, other):
        who.sign_on()
    plain.register()
    lose(box, phone)
    assert len(bindings(box)) == 2
    phone.peer = Peer("tcp", "198.51.100.7", 41000, 16 * 20 + 2)
    phone.sign_on()
    lose(box, Soft(box))  # once more for the former connection
    assert len(bindings(box)) == 3


def test_a_restart_is_the_end_of_every_connection():
    box = house()
    Soft(box).sign_on()
    Soft(box, "202", transport="wss").register()
    near = Soft(box, "203")
    near.contact = "<sip:203@198.51.100.7:5070;transport=tcp>"
    near.register()
    Soft(box, "200", transport="udp").sign_on()
    again = box.restart()
    assert [len(again.location.bindings(user, again.now)) for user in ("201", "202")] == [0, 0]
    (binding,) = again.location.bindings("203", again.now)
    assert binding.received is None and binding.flow == 0
    (binding,) = again.location.bindings("200", again.now)
    assert (binding.reg_id, binding.socket) == (1, "udp:0.0.0.0:5060")


def test_the_note_of_a_connection_is_bounded():
    """Whoever registers all day over one connection is one AOR of it."""
    box = house()
    phone = Soft(box)
    for number in range(20):
        phone.sign_on(call_id=f"c{number}", contact=f"<sip:a{number}@10.0.0.5>")
    assert list(box.proxy.connected._aors.values()) == [{"201": True}]
    lose(box, phone)
    assert box.proxy.connected._aors == {}


# Within dialogs


def answered(box, alice, bob):
    """-> (bob's INVITE, alice's 200)."""
    alice.request("INVITE", "sip:201@example.org", body=SDP)
    invite = last(bob.received())
    bob.reply(invite, 200)
    return invite, last(alice.received())


def route_of(message):
    return parse_name_addr(message.header("record-route")).uri


def test_the_record_route_names_the_flow_and_the_contact_stays():
    box = house()
    alice, bob = Soft(box, "200", serial=5, port=40005), Phone(box, "201")
    alice.sign_on()
    bob.register()
    invite, answer = answered(box, alice, bob)
    assert invite.header("contact") == alice.contact
    users = [parse_name_addr(value).uri.user for value in invite.headers("record-route")]
    assert users[0] is None and users[1].startswith("ob~")
    users = [parse_name_addr(value).uri.user for value in answer.headers("record-route")]
    assert users == [None, None]  # the callee has no flow, and the caller's is not for the caller
    bye = bob.within("BYE", invite, answer, is_caller=False)
    assert bob.send(bye) == [] and goes_to(box) == [alice.peer]


def test_both_have_flows():
    box = house()
    alice, bob = Soft(box, "200", serial=5, port=40005), Soft(box, serial=6, port=40006)
    alice.sign_on()
    bob.sign_on()
    invite, answer = answered(box, alice, bob)
    assert answer.header("contact") == bob.contact
    assert route_of(invite).user.startswith("ob~") and route_of(answer).user.startswith("ob~")
    assert route_of(invite).user != route_of(answer).user
    box.sent.clear()
    alice.send(alice.within("ACK", answer, answer, cseq=answer.cseq.number))
    assert goes_to(box) == [bob.peer]
    bob.send(bob.within("BYE", invite, answer, is_caller=False))
    assert goes_to(box) == [alice.peer]


def test_a_token_without_its_seal_opens_nothing():
    """Record-Route's token names a way that the seal of the dialog opens, Path's opens it alone."""
    box = house()
    alice, bob = Soft(box, "200", serial=5, port=40005), Phone(box, "201")
    alice.sign_on()
    bob.register()
    invite, answer = answered(box, alice, bob)
    box.sent.clear()
    token = parse_name_addr(invite.headers("record-route")[1]).uri.user
    eve = Phone(box, "eve", host="203.0.113.66", domain="evil.example")
    for seal in ("", ";seal=0"):
        lines = [f"Route: <sip:{token}@{BOX}:5060;lr=on{seal}>"]
        assert status(eve.send(eve.make("INVITE", "sip:a@b.example", lines))) == [403]
    assert goes_to(box) == []


def test_a_seal_without_its_token_leads_nowhere_else():
    box = house()
    alice, bob = Soft(box, "200", serial=5, port=40005), Phone(box, "201")
    alice.sign_on()
    bob.register()
    invite, answer = answered(box, alice, bob)
    box.sent.clear()
    bye = Edits(parse(bob.within("BYE", invite, answer, is_caller=False)))
    seal = route_of(invite).params.get(PARAM)
    bye.set("Route", f"<sip:{BOX}:5060;lr=on;seal={seal}>")
    assert status(bob.send(bye.to_bytes())) == [407]


def test_a_dialog_whose_flow_is_gone():
    """RFC 5626 5.3: 430, after a restart as well as while we run."""
    for restarted in (False, True):
        box = house()
        alice, bob = Soft(box, "200", serial=5, port=40005), Phone(box, "201")
        alice.sign_on()
        bob.register()
        invite, answer = answered(box, alice, bob)
        bye = bob.within("BYE", invite, answer, is_caller=False)
        if restarted:
            bob.box = Box(files=box.files, tables=box.tables, interfaces=box.config.interfaces)
            bob.box.proxy.flows._start = "otherrun"
            assert status(bob.send(bye)) == [430]
            continue
        bob.send(bye)
        box.sent.clear()
        box.endpoint.connection_lost(alice.peer, box.now)
        box.settle()
        assert status(bob.received()) == [430]


# Tokens


def test_tokens_name_one_flow_each():
    flows = Flows(Hashes, "secret", "12345678")
    for peer in (Peer("udp", "192.0.2.9", 5060, 1), Peer("wss", "2001:db8::9", 50000, 1604),
                 Peer("tcp", "198.51.100.7", 40001, 34)):
        for kind in (PATH, WITHIN):
            token = flows.token(kind, peer)
            assert flows.read(token) == (kind, peer)
            assert parse_name_addr(f"<sip:{token}@192.0.2.10;lr>").uri.user == token


def test_nobody_else_makes_a_token():
    peer = Peer("tcp", "198.51.100.7", 40001, 34)
    token = Flows(Hashes, "secret", "12345678").token(PATH, peer)
    assert Flows(Hashes, "other", "12345678").read(token) == FORGED
    flows = Flows(Hashes, "secret", "12345678")
    for place in range(3, len(token)):
        letter = "0" if token[place] != "0" else "1"
        assert flows.read(token[:place] + letter + token[place + 1 :]) == FORGED, place
    for text in ("", "ob~", "alice", "ob~~~~~~~", token + "~", token[:-9]):
        assert flows.read(text) == FORGED, text


def test_a_connection_of_another_run_is_gone_and_a_datagram_is_not():
    before, after = Flows(Hashes, "secret", "12345678"), Flows(Hashes, "secret", "87654321")
    for transport in NUMBERS:
        peer = Peer(transport, "198.51.100.7", 40001, 1)
        found = after.read(before.token(PATH, peer))
        assert found == (GONE if is_reliable(peer) else (PATH, peer))
