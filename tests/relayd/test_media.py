"""Calls through the daemon: what it relays, for whom, and what it says of them."""

import pytest

from tests.peers.process import wait_until
from tests.peers.relayd import Relayd
from tests.peers.rtp import RtpPort, exchange, pack, stream, unpack

HOSTS = ("127.0.0.2", "127.0.0.3")
STRANGER = "127.0.0.66"


class Call:
    """Two parties of one session; `ports` are where each of them sends to."""

    def __init__(self, relay, flags=""):
        self.parties = [RtpPort(host) for host in HOSTS]
        caller, callee = self.parties
        told = relay.port(f"U{flags} call {caller.host} {caller.port} a;1")
        answered = relay.port(f"L{flags} call {callee.host} {callee.port} a;1 b;1")
        self.ports = [("127.0.0.1", answered), ("127.0.0.1", told)]

    def talk(self, sender, count=10, source=7):
        packets = stream(count, source)
        return packets, *exchange(
            self.parties[sender], self.ports[sender], self.parties[1 - sender], packets
        )

    def close(self):
        for party in self.parties:
            party.close()


@pytest.fixture
def relay(tmp_path):
    with Relayd(tmp_path) as running:
        yield running


@pytest.fixture
def call(relay):
    made = Call(relay)
    yield made
    made.close()


def test_speech_passes_unchanged_both_ways(relay, call):
    for sender in (0, 1, 0):
        sent, received, sources = call.talk(sender)
        assert received == sent and sources == {call.ports[1 - sender]}
    assert relay.ask("Q call a;1 b;1 npkts_ina npkts_ino nrelayed ndropped") == "20 10 30 0"
    assert relay.ask("Q call b;1 a;1 npkts_ina npkts_ino") == "10 20"
    assert relay.ask("Q call a;1 b;1 rtpa_nrcvd rtpa_nlost rtpa_ndups") == "20 0 10"


def test_a_stranger_is_not_let_in(relay, call):
    with RtpPort(STRANGER) as thief:
        thief.send(pack(stream(1, 0xBAD)[0]), call.ports[0])
        sent, received, _ = call.talk(0)
        assert received == sent
        thief.send(pack(stream(1, 0xBAD)[0]), call.ports[0])
        assert call.parties[1].receive(0.2) is None
    wait_until(lambda: relay.ask("Q call a;1 b;1 ndropped") == "2", "both are counted")


def test_a_party_moves_by_another_command(relay, call):
    call.talk(0)
    call.talk(1)
    with RtpPort("127.0.0.4") as elsewhere:
        relay.port(f"U call {elsewhere.host} {elsewhere.port} a;1 b;1")
        packet = stream(1, 9)[0]
        elsewhere.send(pack(packet), call.ports[0])
        assert unpack(call.parties[1].receive()[0]) == packet
        call.parties[0].send(pack(packet), call.ports[0])
        assert call.parties[1].receive(0.2) is None


def test_the_answerer_moves_too(relay, call):
    call.talk(1)
    with RtpPort("127.0.0.4") as elsewhere:
        assert relay.port(f"U call {elsewhere.host} {elsewhere.port} b;1 a;1") == call.ports[0][1]
        packet = stream(1, 9)[0]
        elsewhere.send(pack(packet), call.ports[1])
        assert unpack(call.parties[0].receive()[0]) == packet


def test_who_is_on_hold_is_sent_nothing(relay, call):
    call.talk(0)
    relay.port("U call 0.0.0.0 4000 a;1 b;1")
    call.parties[1].send(pack(stream(1, 9)[0]), call.ports[1])
    assert call.parties[0].receive(0.2) is None
    relay.port(f"U call {HOSTS[0]} {call.parties[0].port} a;1 b;1")
    sent, received, _ = call.talk(1)
    assert received == sent


def test_an_asymmetric_party_is_sent_to_where_it_says(relay):
    call = Call(relay, "a")
    with RtpPort(HOSTS[0]) as other:
        other.send(pack(stream(1, 9)[0]), call.ports[0])
        assert call.parties[1].receive() is not None
        packet = stream(1, 8)[0]
        call.parties[1].send(pack(packet), call.ports[1])
        assert unpack(call.parties[0].receive()[0]) == packet and other.receive(0.1) is None
    call.close()


def test_rtcp_has_the_next_port(relay, call):
    report = b"\x80\xc9\x00\x01\x00\x00\x00\x07"
    call.parties[0].rtcp.sendto(report, (call.ports[0][0], call.ports[0][1] + 1))
    assert call.parties[1].receive_rtcp()[0] == report


def test_what_has_ended_is_relayed_no_more(relay, call):
    assert relay.ask("D call a") == "0"
    call.parties[0].send(pack(stream(1, 9)[0]), call.ports[0])
    assert call.parties[1].receive(0.2) is None
    assert relay.ask("Gv nsess_nortp nsess_owrtp") == "nsess_nortp=1 nsess_owrtp=0"
