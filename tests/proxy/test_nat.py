"""Telephones behind a NAT: what they say of themselves is wrong, where they send from right."""

from app.proxy.request import RoutingRequest
from app.proxy.verbs_nat import is_private
from app.sip.headers import parse_contact
from app.sip.message import parse
from app.sip.transport import Peer
from tests.proxy.box import Box
from tests.proxy.phone import SDP, Phone, last, status


def behind(box, user, port):
    """A telephone on the host of an emulated box: it thinks it is at 127.0.0.1."""
    return Phone(box, user, host="10.0.2.2", port=port, address=f"127.0.0.1:{port - 1000}")


def scene():
    box = Box(domains=("127.0.0.1", "10.0.2.15"), advertise=("127.0.0.1", 5060))
    alice, bob = behind(box, "200", 40000), behind(box, "201", 40001)
    for phone in (alice, bob):
        phone.domain = "127.0.0.1:5060"
        phone.uri = f"sip:{phone.user}@127.0.0.1:5060"
        assert status(phone.register()) == [200]
    return box, alice, bob


def test_the_source_address_is_kept_as_received():
    box, alice, bob = scene()
    binding = box.location.bindings("200", box.now)[0]
    assert binding.contact == "sip:200@127.0.0.1:39000"
    assert binding.received == "sip:10.0.2.2:40000"
    listed = last(alice.register(None, contact=None)).header("contact")
    assert parse_contact(listed).params.get("received") == '"sip:10.0.2.2:40000"'


def test_it_outlives_a_restart():
    box, alice, bob = scene()
    again = box.restart()
    assert again.location.bindings("201", again.now)[0].received == "sip:10.0.2.2:40001"


def test_a_whole_call_between_two():
    box, alice, bob = scene()
    assert status(alice.request("INVITE", "sip:201@127.0.0.1:5060", body=SDP)) == [100]
    invite = last(bob.received())
    assert invite.uri == "sip:201@127.0.0.1:39001"
    assert invite.header("contact") == "<sip:200@127.0.0.1:39000;alias=10.0.2.2~40000~1>"
    bob.reply(invite, 200)
    answer = last(alice.received())
    assert answer.header("contact") == "<sip:201@127.0.0.1:39001;alias=10.0.2.2~40001~1>"
    alice.send(alice.within("ACK", answer, answer, cseq=answer.cseq.number))
    ack = last(bob.received())
    assert ack.method == "ACK" and ack.uri == "sip:201@127.0.0.1:39001"
    bob.send(bob.within("BYE", invite, answer, is_caller=False))
    bye = last(alice.received())
    assert bye.uri == "sip:200@127.0.0.1:39000"
    alice.reply(bye, 200)
    assert status(bob.received()) == [200]


def test_a_nat_that_gives_another_port_meanwhile():
    box, alice, bob = scene()
    alice.request("INVITE", "sip:201@127.0.0.1:5060", body=SDP)
    invite = last(bob.received())
    bob.reply(invite, 200)
    answer = last(alice.received())
    alice.peer = Peer("udp", "10.0.2.2", 41000, 0)
    alice.send(alice.within("INVITE", answer, answer))
    again = last(bob.received())
    assert "alias=10.0.2.2~41000~1" in again.header("contact")
    bob.reply(again, 200, tag=answer.to.tag)
    target = "sip:200@127.0.0.1:39000;alias=10.0.2.2~41000~1"
    bob.send(bob.within("BYE", invite, answer, is_caller=False, uri=target))
    assert last(alice.received()[-1:]).method == "BYE"


def test_responses_go_back_to_the_source():
    box = Box()
    phone = behind(box, "200", 40000)
    data = phone.make("OPTIONS", "sip:example.org")
    assert status(phone.send(data)) == [200]
    assert status(phone.send(data.replace(b";rport", b""))) == []
    assert status(box.to(Peer("udp", "10.0.2.2", 39000, 0))) == [200]


def test_without_nat_nothing_is_changed():
    box = Box()
    alice, bob = Phone(box, "200"), Phone(box, "201")
    bob.register()
    assert box.location.bindings("201", box.now)[0].received is None
    alice.request("INVITE", "sip:201@example.org")
    invite = last(bob.received())
    assert invite.header("contact") == alice.contact
    bob.reply(invite, 200)
    assert last(alice.received()).header("contact") == bob.contact


def test_a_proxy_in_between_is_no_nat():
    box = Box()
    bob = Phone(box, "201")
    bob.register()
    edge = Phone(box, "carol", host="203.0.113.5", domain="far.example")
    edge.contact = "<sip:carol@10.1.1.1>"
    lines = ["Via: SIP/2.0/UDP 10.1.1.1;branch=z9hG4bKinner", "Record-Route: <sip:203.0.113.5;lr>"]
    edge.send(edge.make("INVITE", "sip:201@example.org", lines))
    assert last(bob.received()).header("contact") == "<sip:carol@10.1.1.1>"


def test_the_flags_of_nat_uac_test():
    box = Box()

    def flags(peer, contact, via, address):
        phone = Phone(box, "200", address=via)
        phone.contact = f"<sip:200@{contact}>"
        body = SDP.replace(b"192.0.2.99", address.encode())
        message = parse(phone.make("INVITE", "sip:201@example.org", body=body))
        request = RoutingRequest(box.proxy, message, peer, 0.0, 0)
        return [flag for flag in (1, 2, 4, 8, 16, 32, 128, 256) if request.nat_uac_test(flag)]

    public = Peer("udp", "192.0.2.200", 5060, 0)
    assert flags(public, "192.0.2.200", "192.0.2.200", "192.0.2.200") == []
    assert flags(public, "10.0.0.1", "192.0.2.200", "192.0.2.200") == [1]
    assert flags(public, "192.0.2.200", "192.0.2.7", "192.0.2.200") == [2]
    assert flags(public, "192.0.2.200", "172.16.0.1", "192.0.2.200") == [2, 4]
    assert flags(public, "192.0.2.200", "192.0.2.200", "192.168.0.1") == [8, 256]
    assert flags(public, "192.0.2.200", "192.0.2.200:5070", "192.0.2.200") == [16]
    assert flags(public, "192.0.2.200:5070", "192.0.2.200", "192.0.2.200") == [128]
    private = Peer("udp", "10.0.0.1", 5060, 0)
    assert flags(private, "192.0.2.200", "10.0.0.1", "10.0.0.1") == [4, 8, 32]


def test_private_addresses():
    for host in ("10.1.2.3", "127.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
                 "100.64.0.1", "fe80::1", "fd00::1", "::1"):  # fmt: skip
        assert is_private(host), host
    for host in ("172.32.0.1", "192.0.2.1", "100.128.0.1", "2001:db8::1", "host.example"):
        assert not is_private(host), host
