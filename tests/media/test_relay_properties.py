"""Whatever arrives as SDP, in whatever order: no other exception, and nothing left open."""

import ipaddress

from hypothesis import given, settings
from hypothesis import strategies as st

from app.media.errors import NoPorts
from app.media.relay import Relay
from app.sip.errors import ParseError
from tests.media.rig import RecordingEngine, describe

HOSTS = ("192.0.2.10", "192.0.2.20", "2001:db8::10", "0.0.0.0", "::", "name.example", "%eth0")
SOURCES = ("192.0.2.10", "192.0.2.20", "2001:db8::10", "fe80::1%eth0")


class StrictEngine(RecordingEngine):
    """Refuses what the C engine refuses."""

    def open(self, offerer, answerer):
        ipaddress.ip_address(offerer)
        ipaddress.ip_address(answerer)
        return super().open(offerer, answerer)

    def set_peer(self, handle, side, allowed, rtp=None, rtcp=None, relatch=False, muted=False,
                 clock=8000):  # fmt: skip
        assert len(allowed) <= 4
        for host in allowed:
            ipaddress.ip_address(host)
        for to in (rtp, rtcp):
            if to:
                ipaddress.ip_address(to[0])
                assert 0 < to[1] < 65536
        super().set_peer(handle, side, allowed, rtp, rtcp, relatch, muted, clock)


@st.composite
def descriptions(draw):
    lines = []
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(("video", "image", "message")))
        proto = draw(st.sampled_from(("RTP/AVP", "udptl", "TCP/MSRP")))
        lines.append(f"m={kind} {draw(st.sampled_from((0, 5004, 65535)))} {proto} 96")
        lines.extend(draw(st.lists(st.sampled_from((
            "a=sendonly", "a=inactive", "a=rtcp:5005", "a=rtcp:0", "a=rtcp-mux", "a=ice-ufrag:x",
            "a=rtcp:7 IN IP4 192.0.2.99", "c=IN IP4 192.0.2.10", "c=IN IP4 0.0.0.0",
            "c=IN IP6 2001:db8::10", "a=candidate:1 1 UDP 1 192.0.2.1 9 typ host")), max_size=3)))
    port = draw(st.sampled_from((0, 4000, 65535)))
    data = describe(draw(st.sampled_from(HOSTS)), port, *lines)
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(data)))
        data = data[:place] + draw(st.binary(max_size=3)) + data[place + draw(st.integers(0, 4)) :]
    return data


steps = st.tuples(
    st.sampled_from(("offer", "answer", "delete", "events")),
    st.sampled_from(("a", "b", "c")),
    st.sampled_from(("a", "b", "c")),
    descriptions(),
    st.sampled_from(SOURCES),
    st.booleans(),
)


def step(relay, engine, what, tag, other, sdp, source, trusted):
    if what == "offer":
        return relay.offer("call", tag, sdp, source, trusted=trusted)
    if what == "answer":
        return relay.answer("call", tag, other, sdp, source, trusted)
    if what == "delete":
        return relay.delete("call", tag)
    engine.silent = list(engine.open_handles)
    result = relay.events()
    engine.silent = []
    return result


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, max_size=8), st.integers(1, 6))
def test_no_sequence_breaks_or_leaks(sequence, limit):
    engine = StrictEngine(limit)
    relay = Relay(engine, [("0.0.0.0/0", "198.51.100.7"), ("::/0", "2001:db8::7")])
    for each in sequence:
        try:
            step(relay, engine, *each)
        except (NoPorts, ParseError):
            pass
        assert len(relay) <= len(engine.open_handles)
    relay.delete("call")
    assert not engine.open_handles and len(relay) == 0


@settings(max_examples=150, deadline=None)
@given(descriptions(), st.sampled_from(SOURCES))
def test_no_address_of_a_party_is_left_where_packets_would_go(sdp, source):
    relay = Relay(RecordingEngine(), [("0.0.0.0/0", "198.51.100.7"), ("::/0", "2001:db8::7")])
    try:
        lines = relay.offer("call", "a", sdp, source).split(b"\n")
    except (NoPorts, ParseError):
        return
    if not len(relay) or any(b"TCP" in line for line in lines):
        return  # nothing is sent there, or not through us
    for line in lines:
        if line.startswith(b"c="):
            assert line.split()[2] in (b"198.51.100.7", b"2001:db8::7", b"0.0.0.0", b"::")
        assert not line.startswith((b"a=candidate", b"a=ice-"))
