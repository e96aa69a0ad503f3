"""IPv6 over real sockets, and calls between it and IPv4: Via, Record-Route, SDP and media."""

from contextlib import ExitStack

import pytest

from tests.peers import rtp, sip
from tests.peers.address import Target, free_ports
from tests.peers.call import connect
from tests.peers.phone import Phone
from tests.peers.process import missing
from tests.peers.tcp_phone import TcpPhone

pytestmark = pytest.mark.interop

SIX, FOUR = "::1", "127.0.0.1"


@pytest.fixture
def both(own_box):
    """-> {family: Target} of a box that listens on loopback addresses of both."""
    try:
        port = free_ports(1, SIX)
    except OSError:
        missing("IPv6 on the loopback", "sysctl net.ipv6.conf.lo.disable_ipv6=0",
                "WAFERPBX_REQUIRE_PEERS")  # fmt: skip
    words = ["--listen", f"udp:[{SIX}]:{port}", "--listen", f"tcp:[{SIX}]:{port}"]
    box = own_box(words=words, security={"ban": 0})
    return {FOUR: box.target, SIX: Target(SIX, port)}


@pytest.fixture
def inhabit(both):
    """Makes registered telephones with media: inhabit("::1", "200") -> (Phone, RtpPort)."""
    with ExitStack() as stack:

        def make(host, user, kind=Phone):
            phone = stack.enter_context(kind(both[host], user, host=host))
            assert phone.register().status == 200
            return phone, stack.enter_context(rtp.RtpPort(host))

        yield make


def talk(caller, callee):
    """A call with media both ways. -> (Caller, Callee, where each of them sends its media)."""
    (one, out_rtp), (other, in_rtp) = caller, callee
    offer, answer = sip.sdp(one.host, out_rtp.port), sip.sdp(other.host, in_rtp.port)
    out, into = connect(one, other, offer, answer)
    near, far = sip.media_of(out.body), sip.media_of(into.body)
    for sender, to, receiver in ((out_rtp, near, in_rtp), (in_rtp, far, out_rtp)):
        packets = rtp.stream(5, 99)
        arrived, _ = rtp.exchange(sender, to, receiver, packets)
        assert arrived == packets
    return out, into, near[0], far[0]


@pytest.mark.parametrize(("near", "far"), [(SIX, SIX), (SIX, FOUR), (FOUR, SIX)])
def test_a_call_with_media(inhabit, near, far):
    out, into, near_media, far_media = talk(inhabit(near, "200"), inhabit(far, "201"))
    assert (near_media, far_media) == (near, far)  # the box is the same address there
    host = f"[{SIX}]" if far == SIX else FOUR
    assert into.invite["via"].startswith(f"SIP/2.0/UDP {host}:")
    assert len(into.invite.all("record-route")) == (1 if near == far else 2)
    into.request("BYE")
    out.hung_up()
    into.expect(200)


def test_from_ipv6_by_udp_to_ipv4_by_tcp(inhabit):
    out, into, _, _ = talk(inhabit(SIX, "200"), inhabit(FOUR, "201", TcpPhone))
    assert into.invite["via"].startswith(f"SIP/2.0/TCP {FOUR}:")
    out.request("BYE")
    into.hung_up()
    out.expect(200)


def test_from_ipv4_by_udp_to_ipv6_by_tcp(inhabit):
    out, into, _, _ = talk(inhabit(FOUR, "200"), inhabit(SIX, "201", TcpPhone))
    assert into.invite["via"].startswith(f"SIP/2.0/TCP [{SIX}]:")
    into.request("BYE")
    out.hung_up()
    into.expect(200)


def test_the_box_answers_where_it_was_asked(both):
    for host, target in both.items():
        with Phone(target, "202", host=host) as phone:
            assert phone.register().status == 200
            assert phone.unregister().status == 200
