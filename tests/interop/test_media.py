"""RTP packet by packet through the relay: what was sent is what arrives, and nothing else."""

from contextlib import contextmanager

import pytest

from tests.peers import sip
from tests.peers.call import Callee, Caller, connect
from tests.peers.phone import Phone
from tests.peers.process import wait_until
from tests.peers.rtp import Party, RtpPort, pack, stream

pytestmark = pytest.mark.interop

HOSTS = ("127.0.0.2", "127.0.0.3")  # the two telephones are not at the box's address
STRANGER = "127.0.0.66"


@contextmanager
def talking(target):
    """A call of 200 to 201, both on addresses of their own. -> (Party, Party)."""
    phones = [Phone(target, user, host=host) for user, host in zip(("200", "201"), HOSTS)]
    ports = [RtpPort(host) for host in HOSTS]
    try:
        for phone in phones:
            assert phone.register().status == 200
        bodies = [sip.sdp(port.host, port.port) for port in ports]
        legs = connect(*phones, *bodies)
        yield tuple(Party(leg, port) for leg, port in zip(legs, ports))
    finally:
        for each in phones + ports:
            each.close()


def test_both_parties_are_told_to_send_to_the_relay(box):
    with talking(box.target) as parties:
        for party in parties:
            host, port = party.relay
            assert host == box.target.host
            assert box.rtp[0] <= port <= box.rtp[1]
        assert parties[0].relay != parties[1].relay


def test_the_other_party_is_not_in_the_sdp(target):
    """Neither learns the other's address from the description of the media."""
    with talking(target) as (one, other):
        assert HOSTS[0].encode() not in other.leg.body.partition(b"c=")[2]
        assert HOSTS[1].encode() not in one.leg.body.partition(b"c=")[2]


def test_what_is_sent_is_what_arrives_both_ways(target):
    with talking(target) as (one, other):
        for sender, receiver in ((one, other), (other, one), (one, other)):
            sent, received, sources = sender.talk(receiver, 50)
            assert received == sent
            assert sources == {receiver.relay}


def test_two_calls_do_not_mix(target):
    with talking(target) as (one, other), talking(target) as (third, fourth):
        sent, received, _ = one.talk(other, 10, source=0x1111)
        assert received == sent
        sent, received, _ = third.talk(fourth, 10, source=0x3333)
        assert received == sent
        assert other.rtp.receive(0.1) is None


def test_rtcp_goes_through_beside_rtp(target):
    with talking(target) as (one, other):
        one.talk(other, 1)
        other.talk(one, 1)
        report = b"\x80\xc9\x00\x01\x00\x00\x00\x07"  # an empty receiver report, RFC 3550 6.4.2
        one.rtp.rtcp.sendto(report, (one.relay[0], one.relay[1] + 1))
        data, source = other.rtp.receive_rtcp()
        assert data == report
        assert source == (other.relay[0], other.relay[1] + 1)


def test_the_log_says_how_the_call_was(box):
    with talking(box.target) as (one, other):
        one.talk(other, 25)
        other.talk(one, 10)
        one.leg.request("BYE")
        other.leg.hung_up()
        one.leg.expect(200)
    line = wait_until(
        lambda: [each for each in box.program.output().splitlines() if "media of" in each][-1:],
        "the log has the media of the call",
    )[0]
    assert "audio PCMU, from caller: 25 packets, 0.0 % lost" in line
    assert "from callee: 10 packets, 0.0 % lost" in line and "MOS 4." in line


def test_a_stranger_who_comes_first_is_not_let_in(target):
    """Signalling says who may send: the latch is for that host alone."""
    with talking(target) as (one, other), RtpPort(STRANGER) as thief:
        thief.send(pack(stream(1, 0xBAD)[0]), one.relay)
        assert other.rtp.receive(0.2) is None
        sent, received, _ = one.talk(other)
        assert received == sent


def test_a_stranger_who_comes_later_is_not_let_in(target):
    with talking(target) as (one, other), RtpPort(STRANGER) as thief:
        one.talk(other)
        other.talk(one)
        for relay in (one.relay, other.relay):
            thief.send(pack(stream(1, 0xBAD)[0]), relay)
        assert other.rtp.receive(0.2) is None
        assert one.rtp.receive(0.1) is None
        assert thief.receive(0.1) is None


def test_another_port_of_the_same_telephone_does_not_take_over(target):
    with talking(target) as (one, other), RtpPort(HOSTS[0]) as second:
        one.talk(other)
        second.send(pack(stream(1, 0xBAD)[0]), one.relay)
        assert other.rtp.receive(0.2) is None
        sent, received, _ = other.talk(one)
        assert received == sent


def test_nothing_is_relayed_behind_the_bye(target):
    with talking(target) as (one, other):
        one.talk(other)
        one.leg.request("BYE")
        other.leg.hung_up()
        one.leg.expect(200)
        _, received, _ = one.talk(other, 1)
        assert received == []


def test_media_survives_hold_and_resume(target):
    with talking(target) as (one, other):
        one.talk(other)
        for direction, answer in (("sendonly", "recvonly"), ("sendrecv", "sendrecv")):
            one.leg.reinvite(sip.sdp(HOSTS[0], one.rtp.port, direction=direction))
            other.leg.reaccept(sip.sdp(HOSTS[1], other.rtp.port, direction=answer))
            one.leg.expect(200)
            one.leg.request("ACK")
            other.leg.expect("ACK")
        assert sip.media_of(one.leg.body) == one.relay
        for sender, receiver in ((one, other), (other, one)):
            sent, received, _ = sender.talk(receiver)
            assert received == sent


def test_a_telephone_that_moves_its_port_is_followed_after_a_reinvite(target):
    with talking(target) as (one, other), RtpPort(HOSTS[0]) as moved:
        one.talk(other)
        other.talk(one)
        one.leg.reinvite(sip.sdp(HOSTS[0], moved.port))
        other.leg.reaccept(sip.sdp(HOSTS[1], other.rtp.port))
        one.leg.expect(200)
        one.leg.request("ACK")
        other.leg.expect("ACK")
        one.rtp, old = moved, one.rtp
        sent, received, _ = one.talk(other)
        assert received == sent
        sent, received, _ = other.talk(one)
        assert received == sent
        assert old.receive(0.1) is None


def test_a_late_offer_is_relayed_too(target):
    """An INVITE without SDP: the offer is in the 200, the answer in the ACK (RFC 3264 4)."""
    with Phone(target, "200", host=HOSTS[0]) as one, Phone(target, "201", host=HOSTS[1]) as two:
        with RtpPort(HOSTS[0]) as near, RtpPort(HOSTS[1]) as far:
            two.register()
            out = Caller(one, two.uri).authenticate()
            into = Callee(two)
            into.answer(sip.sdp(HOSTS[1], far.port))
            response = out.expect(200)
            out.remote, out.uri = response["to"], response.contact
            out.routes = response.all("record-route")[::-1]
            out.request("ACK", sip.sdp(HOSTS[0], near.port))
            into.expect("ACK")
            one_end, other_end = Party(out, near), Party(into, far)
            for sender, receiver in ((one_end, other_end), (other_end, one_end)):
                sent, received, _ = sender.talk(receiver)
                assert received == sent


def test_ports_come_back_and_too_many_calls_are_refused(own_box):
    """Four ports are one call: a second at the same time is 503, one after the other is fine."""
    box = own_box(rtp_ports=4)
    for _ in range(3):
        with talking(box.target) as (one, other):
            with Phone(box.target, "202", host=HOSTS[0]) as third:
                call = Caller(third, "sip:201@example.org", sip.sdp(HOSTS[0], 40000))
                assert call.authenticate().refused(503)["retry-after"]
            sent, received, _ = one.talk(other)
            assert received == sent
            one.leg.request("BYE")
            other.leg.hung_up()
            one.leg.expect(200)
