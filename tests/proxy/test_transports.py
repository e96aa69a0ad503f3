"""What a proxy of many transports owes its peers: sips, maddr, long requests, addresses of IPv6."""

from app.proxy.target import target_of_binding
from app.sip import build
from app.sip.connections import LONGEST_DATAGRAM
from app.sip.interfaces import Interfaces, interface
from app.sip.message import parse
from app.sip.transport import DEFAULT_PORTS, TRANSPORTS, Peer
from tests.proxy.box import BOX, Box
from tests.proxy.phone import SDP, Phone, last, status

BOX6 = "2001:db8::10"


def house(*transports, **settings):
    """A box that listens on these transports (default: all), over IPv4 and IPv6."""
    found = []
    for name in transports or TRANSPORTS:
        for host in (BOX, BOX6):
            found.append(interface(len(found) + 1, name, host, DEFAULT_PORTS[name]))
    return Box(interfaces=Interfaces(found), domains=("example.org", BOX, BOX6), **settings)


def secure(box, user, transport="tls", scheme="sips"):
    """A telephone over TLS whose Contact is of this scheme."""
    phone = Phone(box, user, port=40000 + int(user), transport=transport, flow=16 * int(user) + 5)
    phone.contact = f"<{scheme}:{user}@192.0.2.{user}:40{user};transport=tcp>"
    return phone


def answer(replies):
    return last(replies).status, last(replies).header("warning")


# sips: RFC 3261 26.4.4, RFC 5630


def test_sips_goes_from_tls_to_tls():
    box = house()
    alice, bob = secure(box, "200"), secure(box, "201")
    alice.register()
    bob.register()
    assert status(alice.request("INVITE", "sips:201@example.org", body=SDP)) == [100]
    invite = last(bob.received())
    assert invite.uri == "sips:201@192.0.2.201:40201;transport=tcp"
    assert invite.via.transport == "TLS" and invite.header("record-route").startswith("<sips:")
    bob.reply(invite, 200)
    reply = last(alice.received())
    assert alice.send(alice.within("BYE", reply, reply)) == []
    assert last(bob.received()).uri.startswith("sips:")


def test_sips_is_never_sent_without_tls():
    """Who asked for TLS all the way gets 480 and the reason, and not less than that."""
    warned = (480, 'Warning: 380 waferpbx "SIPS Not Allowed"'.partition(": ")[2])
    for transport, scheme in (("udp", "sip"), ("tcp", "sip"), ("tls", "sip"), ("ws", "sip")):
        box = house()
        alice, bob = secure(box, "200"), Phone(box, "201", transport=transport, flow=37)
        bob.contact = f"<{scheme}:201@192.0.2.201;transport={transport}>"
        alice.register()
        bob.register()
        assert answer(alice.request("MESSAGE", "sips:201@example.org")) == warned, transport
        assert bob.received() == []


def test_one_secure_telephone_of_two_is_called():
    box = house()
    alice, desk, soft = secure(box, "200"), secure(box, "201"), Phone(box, "201", host="192.0.2.9")
    alice.register()
    desk.register(call_id="desk")
    soft.register(call_id="soft")
    alice.request("INVITE", "sips:201@example.org", body=SDP)
    assert last(desk.received()).method == "INVITE" and soft.received() == []


def test_sips_of_elsewhere_goes_over_tls_or_nowhere():
    box = house()
    alice = secure(box, "200")
    alice.register()
    assert alice.request("MESSAGE", "sips:bob@203.0.113.9") == []
    peers = [peer for _, peer in box.sent]
    assert peers == [Peer("tls", "203.0.113.9", 5061, 0)]
    box.sent.clear()
    replies = alice.request("MESSAGE", "sips:bob@203.0.113.9", ["Route: <sip:203.0.113.8;lr>"])
    assert answer(replies)[0] == 480 and [peer.host for _, peer in box.sent] == []


def test_a_sips_contact_is_for_callers_without_tls_too():
    """RFC 5630 5.4: the last hop stays on TLS, the scheme is the caller's."""
    box = house()
    alice, bob = Phone(box, "200"), secure(box, "201")
    alice.register()
    bob.register()
    assert alice.request("MESSAGE", "sip:201@example.org") == []
    message = last(bob.received())
    assert message.uri == "sip:201@192.0.2.201:40201;transport=tcp"
    assert message.via.transport == "TLS"


def test_a_fixed_sips_contact_is_reached_over_tls():
    box = house()
    bob = secure(box, "201")
    bob.register()
    (binding,) = box.location.bindings("201", box.now)
    binding.received = None
    target = target_of_binding(binding, "sip")
    assert str(target.uri).startswith("sip:201@")
    assert target.peer(box.config) == Peer("tls", "192.0.2.201", 40201, 0)


def test_a_box_without_tls_does_not_know_the_scheme():
    box = house("udp", "tcp")
    alice = Phone(box, "200")
    alice.register()
    assert status(alice.request("MESSAGE", "sips:201@example.org")) == [416]


# maddr: RFC 3261 16.4, 19.1.1


def test_a_maddr_of_ours_is_taken_off():
    box = house()
    alice, bob = Phone(box, "200"), Phone(box, "201")
    alice.register()
    bob.register()
    assert alice.request("MESSAGE", f"sip:201@example.org;maddr={BOX}") == []
    assert last(bob.received()).uri == "sip:201@192.0.2.201:5060"
    assert alice.request("MESSAGE", f"sip:x@203.0.113.9:5060;maddr={BOX};user=phone") == []
    message = last(box.to(Peer("udp", "203.0.113.9", 5060, 0)))
    assert message.uri == "sip:x@203.0.113.9;user=phone"


def test_a_maddr_of_others_is_followed_and_stays():
    box = house()
    alice = Phone(box, "200")
    alice.register()
    assert alice.request("MESSAGE", "sip:x@203.0.113.9;maddr=203.0.113.10") == []
    message = last(box.to(Peer("udp", "203.0.113.10", 5060, 0)))
    assert message.uri == "sip:x@203.0.113.9;maddr=203.0.113.10"


def test_a_stranger_gains_nothing_by_maddr():
    box = house()
    eve = Phone(box, "eve", host="203.0.113.66", domain="evil.example")
    for uri in (f"sip:x@203.0.113.9;maddr={BOX}", "sip:201@example.org;maddr=203.0.113.9"):
        assert status(eve.request("MESSAGE", uri))[0] in (403, 404), uri
    assert box.sent == []


def test_nothing_is_sent_to_a_crowd():
    box = house()
    alice = Phone(box, "200")
    alice.register()
    for host in ("224.0.1.75", "239.255.255.250", "255.255.255.255", "0.0.0.0", "[ff02::1]",
                 "[FF0E::7]", "[::]", "[0::0]"):
        assert status(alice.request("MESSAGE", f"sip:x@{host}")) == [478], host
    assert box.sent == []


# Long requests


def long_call(box, *lines):
    alice, bob = Phone(box, "200"), Phone(box, "201")
    alice.register()
    bob.register(*lines)
    alice.request("INVITE", "sip:201@example.org", ["X-Long: " + "x" * LONGEST_DATAGRAM], body=SDP)
    return alice, bob, [(data, peer) for data, peer in box.sent if parse(data).is_request]


def test_a_long_invite_goes_over_tcp_and_its_call_stays_as_it_was():
    box = house()
    alice, bob, ((data, peer),) = long_call(box)
    assert peer == Peer("tcp", "192.0.2.201", 5060, 0)
    invite = parse(data)
    assert invite.via.transport == "TCP" and len(invite.headers("record-route")) == 1
    assert "transport" not in invite.header("record-route")
    box.sent.clear()
    box.receive(
        build_answer(invite, bob), Peer("tcp", "192.0.2.201", 5060, 16 * 9 + 3)
    )
    reply = last(alice.received())
    assert reply.status == 200
    assert alice.send(alice.within("BYE", reply, reply)) == []
    assert last(bob.received()).method == "BYE"  # a short one, over UDP


def build_answer(invite, phone):
    return build.response(
        invite, 200, "OK", to_tag="t201", headers=[f"Contact: {phone.contact}"], body=b""
    )


def test_a_telephone_behind_nat_gets_its_long_invite_where_it_sends_from():
    box = house()
    alice = Phone(box, "200")
    bob = Phone(box, "201", host="198.51.100.7", port=61000, address="10.0.0.5:5060")
    alice.register()
    bob.register()
    alice.request("INVITE", "sip:201@example.org", ["X-Long: " + "x" * LONGEST_DATAGRAM], body=SDP)
    peers = [peer for data, peer in box.sent if parse(data).is_request]
    assert peers == [Peer("udp", "198.51.100.7", 61000, 1)]


# IPv6 literals


def test_ipv6_from_register_to_bye():
    box = house()
    alice, bob = Phone(box, "200", host="2001:db8::200"), Phone(box, "201", host="2001:db8::201")
    for who in (alice, bob):
        who.domain, who.uri = f"[{BOX6}]", f"sip:{who.user}@[{BOX6}]"
        assert status(who.register()) == [200]
    assert box.location.bindings("201", box.now)[0].contact == "sip:201@[2001:db8::201]:5060"
    alice.request("INVITE", f"sip:201@[{BOX6}]", body=SDP)
    invite = last(bob.received())
    assert str(invite.via).startswith(f"SIP/2.0/UDP [{BOX6}]:5060;")
    assert invite.header("record-route").startswith(f"<sip:[{BOX6}]:5060;lr=on")
    bob.reply(invite, 200)
    reply = last(alice.received())
    alice.send(alice.within("BYE", reply, reply))
    assert last(bob.received()).method == "BYE"


def test_an_ipv6_telephone_behind_a_translation_is_found_by_its_source():
    box = house()
    alice = Phone(box, "200")
    bob = Phone(box, "201", host="2001:db8::201", port=61000, address="[fd00::5]:5060")
    alice.register()
    bob.register()
    assert box.location.bindings("201", box.now)[0].received == "sip:[2001:db8::201]:61000"
    alice.request("MESSAGE", "sip:201@example.org")
    assert last(bob.received()).uri == "sip:201@[fd00::5]:5060"


# Content-Length: RFC 3261 18.3, 20.14


def unmeasured(data):
    """-> bytes of a message without its Content-Length, as UDP allows it."""
    lines = data.split(b"\r\n")
    return b"\r\n".join([line for line in lines if not line.startswith(b"Content-Length")])


def lengths(message):
    return message.headers("content-length"), len(message.body)


def test_what_came_without_a_length_has_one_on_a_stream():
    """linphone's ACK has none, and a telephone on TCP waited for the rest of it."""
    box = house()
    alice = Phone(box, "200")
    bob = Phone(box, "201", port=40201, transport="tcp", flow=16 * 201 + 5)
    bob.contact = "<sip:201@192.0.2.201:40201;transport=tcp>"
    bob.register()
    data = alice.make("INVITE", "sip:201@example.org", body=SDP)
    data = alice.authenticated(data, last(alice.send(unmeasured(data))))
    alice.send(unmeasured(data))
    invite = last(bob.received())
    assert lengths(invite) == ([str(len(SDP))], len(SDP))
    bob.reply(invite, 200)
    answer = last(alice.received())
    alice.send(unmeasured(alice.within("ACK", data, answer, cseq=parse(data).cseq.number)))
    ack = last(bob.received())
    assert ack.method == "ACK" and lengths(ack) == (["0"], 0)


def test_an_answer_that_came_without_a_length_has_one_on_a_stream():
    box = house()
    alice, bob = secure(box, "200", "tcp", "sip"), Phone(box, "201")
    bob.register()
    alice.request("INVITE", "sip:201@example.org", body=SDP)
    invite = last(bob.received())
    data = build.response(invite, 200, "OK", "t1", ["Contact: <sip:201@192.0.2.201>"], SDP)
    box.receive(unmeasured(data), bob.peer)
    assert lengths(last(alice.received())) == ([str(len(SDP))], len(SDP))


def test_no_length_is_added_to_what_stays_on_udp():
    box = Box()
    alice, bob = Phone(box, "200"), Phone(box, "201")
    bob.register()
    data = alice.make("MESSAGE", "sip:201@example.org")
    data = alice.authenticated(data, last(alice.send(unmeasured(data))))
    alice.send(unmeasured(data))
    assert last(bob.received()).headers("content-length") == []
