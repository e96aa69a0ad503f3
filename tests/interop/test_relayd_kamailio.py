"""A real Kamailio with its rtpproxy module, and our daemon where it expects rtpproxy."""

from contextlib import contextmanager

import pytest

from tests.peers import sip
from tests.peers.call import Callee, Caller
from tests.peers.kamailio import Kamailio
from tests.peers.phone import Phone
from tests.peers.process import wait_until
from tests.peers.relayd import Relayd
from tests.peers.rtp import Party, RtpPort, pack, stream

pytestmark = pytest.mark.interop

HOSTS = ("127.0.0.2", "127.0.0.3")
STRANGER = "127.0.0.66"
# Every INVITE goes to the callee's own address, which its Request-URI has.
SCRIPT = """
route[MAIN] {
    if (has_totag()) {
        loose_route();
        if (is_method("BYE")) { rtpproxy_destroy(); }
        if (is_method("INVITE")) { rtpproxy_manage("co"); t_on_reply("MEDIA"); }
        t_relay();
        exit;
    }
    if (is_method("CANCEL")) { rtpproxy_destroy(); t_relay(); exit; }
    record_route();
    rtpproxy_manage("co");
    t_on_reply("MEDIA");
    t_relay();
    exit;
}
onreply_route[MEDIA] { if (has_body("application/sdp")) { rtpproxy_manage("co"); } }
"""


@pytest.fixture(params=["udp", "unix"])
def lab(request, tmp_path):
    """(Kamailio, Relayd) that talk by UDP or by a Unix socket."""
    with Relayd(tmp_path, "-l", "127.0.0.1") as relay:
        host, port = relay.udp
        name = f"udp:{host}:{port}" if request.param == "udp" else f"unix:{relay.unix}"
        params = f'modparam("rtpproxy", "rtpproxy_sock", "{name}")'
        with Kamailio(tmp_path, SCRIPT, ["rtpproxy"], params) as kamailio:
            yield kamailio, relay


@contextmanager
def talking(kamailio):
    phones = [Phone(kamailio.target, user, host=host) for user, host in zip("ab", HOSTS)]
    ports = [RtpPort(host) for host in HOSTS]
    try:
        offer, answer = [sip.sdp(port.host, port.port) for port in ports]
        out = Caller(phones[0], phones[1].contact, offer)
        into = Callee(phones[1])
        into.answer(answer)
        out.answered()
        into.acknowledged()
        yield Party(out, ports[0]), Party(into, ports[1])
    finally:
        for each in phones + ports:
            each.close()


def test_kamailio_finds_it_a_full_rtpproxy(lab):
    kamailio, relay = lab
    wait_until(
        lambda: "rtp proxy" in kamailio.log() and "found" in kamailio.log(),
        lambda: f"Kamailio greets it:\n{kamailio.log()}",
    )
    assert "support for it enabled" in kamailio.log()


def test_media_passes_packet_by_packet(lab):
    kamailio, relay = lab
    with talking(kamailio) as (one, other):
        for party in (one, other):
            assert party.relay[0] == "127.0.0.1"
            assert relay.media[0] <= party.relay[1] <= relay.media[1]
        for sender, receiver in ((one, other), (other, one), (one, other)):
            sent, received, sources = sender.talk(receiver, 50)
            assert received == sent and sources == {receiver.relay}
        with RtpPort(STRANGER) as thief:
            thief.send(pack(stream(1, 0xBAD)[0]), one.relay)
            assert other.rtp.receive(0.2) is None
        assert relay.ask("Gv nsess_created nsess_complete") == "nsess_created=1 nsess_complete=1"
        one.leg.request("BYE")
        other.leg.hung_up()
        one.leg.expect(200)
    wait_until(lambda: relay.ask("Gv nsess_destroyed") == "nsess_destroyed=1", "the BYE ended it")
    assert relay.ask("Gv npkts_relayed nsess_owrtp") == "npkts_relayed=150 nsess_owrtp=0"


def test_a_cancelled_call_leaves_nothing(lab):
    kamailio, relay = lab
    with Phone(kamailio.target, "a", host=HOSTS[0]) as caller:
        with Phone(kamailio.target, "b", host=HOSTS[1]) as callee:
            out = Caller(caller, callee.contact, sip.sdp(HOSTS[0], 40000))
            into = Callee(callee)
            into.ring()
            out.expect(180)
            out.cancel()
            into.cancelled()
            out.refused(487)
    wait_until(lambda: relay.ask("Gv nsess_destroyed") == "nsess_destroyed=1", "CANCEL ended it")
