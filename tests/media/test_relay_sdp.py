"""app/media/relay.py: what descriptions look like behind the relay, and which streams they cost."""

from app.media.errors import NoPorts
from app.media.relay import Relay
from app.sip.errors import ParseError
from tests.media.rig import RecordingEngine, audio_port, describe, line
from tests.support import raises

BOX = "198.51.100.7"
A, B = "192.0.2.10", "192.0.2.20"
VIDEO = "m=video 5004 RTP/AVP 96"


def new_relay(limit=100, addresses=BOX):
    engine = RecordingEngine(limit)
    return Relay(engine, addresses), engine


def offer(relay, sdp=None, tag="a", host=A, **more):
    return relay.offer("call", tag, sdp or describe(A, 4000), host, **more)


def answer(relay, sdp=None, tag="b", host=B):
    return relay.answer("call", "a", tag, sdp or describe(B, 6000), host)


def test_an_offer_names_our_address_and_port():
    relay, engine = new_relay()
    sdp = offer(relay)
    assert line(sdp, "c=") == f"c=IN IP4 {BOX}"
    assert line(sdp, "m=") == "m=audio 30006 RTP/AVP 0 101"
    assert engine.calls[0] == ("open", 1, "0.0.0.0", "0.0.0.0")


def test_everything_else_stays():
    relay, _ = new_relay()
    before, after = describe(A, 4000).split(b"\r\n"), offer(relay).split(b"\r\n")
    changed = [place for place in range(len(before)) if before[place] != after[place]]
    assert [before[place][:2] for place in changed] == [b"c=", b"m="]
    assert len(before) == len(after)


def test_the_answer_names_the_port_of_the_offerer():
    relay, _ = new_relay()
    assert audio_port(offer(relay)) == 30006
    assert audio_port(answer(relay)) == 30004


def test_repeated_messages_come_out_alike():
    relay, engine = new_relay()
    first = offer(relay), answer(relay)
    assert (offer(relay), answer(relay)) == first
    assert len(engine.open_handles) == 1


def test_a_repeated_answer_does_not_open_the_latch():
    relay, engine = new_relay()
    offer(relay)
    answer(relay)
    answer(relay)
    assert not engine.last("peer", 1, 1)[6]


def test_the_allowed_hosts_are_those_of_sdp_and_signalling():
    relay, engine = new_relay()
    offer(relay, host="203.0.113.5")
    assert engine.last("peer", 1, 0)[3:6] == ((A, "203.0.113.5"), None, None)
    answer(relay)
    assert engine.last("peer", 1, 1)[3:6] == ((B,), (B, 6000), (B, 6001))


def test_a_trusted_peer_may_name_another_host():
    relay, engine = new_relay()
    offer(relay, host="203.0.113.5", trusted=True)
    assert engine.last("peer", 1, 0)[4] == (A, 4000)


def test_nobody_may_aim_media_at_the_box():
    for host in (BOX, "127.0.0.1"):
        relay, engine = new_relay()
        offer(relay, describe(host, 4000), "a", A, trusted=True)
        assert engine.last("peer", 1, 0)[4] is None


def test_a_name_for_an_address_is_not_looked_up():
    relay, engine = new_relay()
    sdp = offer(relay, describe("media.example.org", 4000))
    assert line(sdp, "c=") == f"c=IN IP4 {BOX}"
    assert engine.last("peer", 1, 0)[3:5] == ((A,), None)


def test_connection_lines_of_the_media():
    relay, _ = new_relay()
    sdp = offer(relay, describe("203.0.113.1", 4000, f"c=IN IP4 {A}"))
    assert line(sdp, "c=") == line(sdp, "c=", 1) == f"c=IN IP4 {BOX}"
    bare = describe(A, 4000).replace(f"c=IN IP4 {A}\r\n".encode(), b"")
    sdp = offer(relay, bare + f"c=IN IP4 {A}\r\n".encode())
    assert line(sdp, "c=") == f"c=IN IP4 {BOX}" and line(sdp, "c=", 1) is None


def test_an_rtcp_attribute_gets_our_port():
    relay, engine = new_relay()
    sdp = offer(relay, describe(A, 4000, "a=rtcp:4999"))
    assert engine.last("peer", 1, 0)[5] == (A, 4999)
    assert line(sdp, "a=rtcp") in (None, f"a=rtcp:{audio_port(sdp) + 1}")
    sdp = offer(relay, describe(A, 4000, "a=rtcp:4999 IN IP4 203.0.113.99"))
    assert engine.last("peer", 1, 0)[5] is None
    assert b"203.0.113.99" not in sdp


def test_multiplexed_rtcp_stays_so():
    relay, engine = new_relay()
    sdp = offer(relay, describe(A, 4000, "a=rtcp-mux", "a=rtcp:4000"))
    assert line(sdp, "a=rtcp:") == f"a=rtcp:{audio_port(sdp)}"
    assert line(sdp, "a=rtcp-mux")


def test_ice_is_taken_out():
    relay, _ = new_relay()
    sdp = describe(A, 4000, "a=candidate:1 1 UDP 1 192.0.2.10 4000 typ host", "a=ice-ufrag:x",
                   "a=ice-pwd:y", "a=end-of-candidates", "a=icecream:keep")
    sdp = sdp.replace(b"t=0 0\r\n", b"t=0 0\r\na=ice-lite\r\n")
    result = offer(relay, sdp)
    assert b"candidate" not in result and b"ice-" not in result
    assert line(result, "a=icecream") == "a=icecream:keep"
    assert line(result, "c=") == f"c=IN IP4 {BOX}"


def test_every_media_line_has_a_stream():
    relay, engine = new_relay()
    sdp = offer(relay, describe(A, 4000, VIDEO, "m=image 5006 udptl t38"))
    ports = [line(sdp, "m=", nth).split()[1] for nth in range(3)]
    assert ports == ["30006", "30010", "30014"] and len(engine.open_handles) == 3
    assert line(sdp, "m=", 2).endswith("udptl t38") and line(sdp, "a=rtcp") is None


def test_tcp_media_is_left_to_the_parties():
    relay, engine = new_relay()
    sdp = offer(relay, describe(A, 4000, "m=message 2855 TCP/MSRP *", "a=path:msrp://x"))
    assert line(sdp, "m=", 1) == "m=message 2855 TCP/MSRP *"
    assert line(sdp, "c=", 1) == f"c=IN IP4 {A}" and line(sdp, "c=") == f"c=IN IP4 {BOX}"
    assert len(engine.open_handles) == 1


def test_an_offered_refusal_costs_nothing():
    relay, engine = new_relay()
    sdp = offer(relay, describe(A, 0))
    assert line(sdp, "m=").startswith("m=audio 0 ") and not engine.open_handles
    assert len(relay) == 0 and relay.delete("call") is None


def test_a_refused_line_is_shut_and_closed_when_both_agree():
    relay, engine = new_relay()
    offer(relay, describe(A, 4000, VIDEO))
    sdp = answer(relay, describe(B, 6000, "m=video 0 RTP/AVP 96"))
    assert line(sdp, "m=", 1).startswith("m=video 0 ")
    assert engine.last("peer", 2, 1)[3:] == ((), None, None, True, True)
    assert len(engine.open_handles) == 2  # another fork may yet accept it
    offer(relay, describe(A, 4000, "m=video 0 RTP/AVP 96"))
    answer(relay, describe(B, 6000, "m=video 0 RTP/AVP 96"))
    assert engine.open_handles == [1]


def test_a_refused_line_is_closed_without_a_word_when_it_is_silent():
    relay, engine = new_relay()
    offer(relay, describe(A, 4000, VIDEO))
    answer(relay, describe(B, 6000, "m=video 0 RTP/AVP 96"))
    engine.silent = [2]
    assert relay.events() == [] and engine.open_handles == [1]
    sdp = answer(relay, describe(B, 6000, "m=video 6002 RTP/AVP 96"))
    assert line(sdp, "m=", 1).startswith("m=video 0 ")  # too late: its port is gone


def test_refused_media_can_be_offered_again():
    relay, engine = new_relay()
    offer(relay, describe(A, 4000, VIDEO))
    answer(relay, describe(B, 6000, "m=video 0 RTP/AVP 96"))
    offer(relay, describe(A, 4000, VIDEO))
    sdp = answer(relay, describe(B, 6000, "m=video 6002 RTP/AVP 96"))
    assert line(sdp, "m=", 1) == "m=video 30008 RTP/AVP 96"
    assert engine.last("peer", 2, 1)[3] == (B,)


def test_the_callee_may_offer_too():
    relay, engine = new_relay()
    offer(relay)
    answer(relay)
    sdp = relay.offer("call", "b", describe(B, 6500), B)
    assert audio_port(sdp) == 30004 and engine.last("peer", 1, 1)[4] == (B, 6500)
    sdp = relay.answer("call", "b", "a", describe(A, 4500), A)
    assert audio_port(sdp) == 30006 and engine.last("peer", 1, 0)[4] == (A, 4500)


def test_an_offer_in_the_answer_and_an_answer_in_the_ack():
    relay, _ = new_relay()
    sdp = relay.offer("call", "b", describe(B, 6000), B)  # INVITE without SDP: 200 offers
    assert audio_port(sdp) == 30006
    sdp = relay.answer("call", "b", "a", describe(A, 4000), A)
    assert audio_port(sdp) == 30004
    assert audio_port(offer(relay, describe(A, 4002))) == 30004  # later, the caller is side 1


def test_the_latest_of_forked_answers_counts():
    relay, engine = new_relay()
    offer(relay)
    answer(relay, describe("192.0.2.30", 7000), "fork1", "192.0.2.30")
    assert engine.last("peer", 1, 1)[3] == ("192.0.2.30",)
    sdp = answer(relay, None, "fork2")
    assert engine.last("peer", 1, 1)[3] == (B,) and audio_port(sdp) == 30004
    # whichever of them it is, it may renegotiate
    assert audio_port(relay.offer("call", "fork1", describe(B, 1), B)) == 30004


def test_a_reinvite_counts_both_hosts_until_it_is_answered():
    relay, engine = new_relay()
    offer(relay)
    answer(relay)
    offer(relay, describe("192.0.2.11", 4400), "a", "192.0.2.11")
    assert engine.last("peer", 1, 0)[3:7] == (
        (A, "192.0.2.11"), ("192.0.2.11", 4400), ("192.0.2.11", 4401), True)
    answer(relay)
    assert engine.last("peer", 1, 0)[3] == ("192.0.2.11",)


def test_a_refused_reinvite_changes_no_stream():
    relay, engine = new_relay()
    offer(relay)
    answer(relay)
    offer(relay, describe(A, 0, "m=image 5006 udptl t38"))  # the peer says 488: no answer
    assert 1 in engine.open_handles and engine.last("peer", 1, 0)[3] == (A,)
    sdp = offer(relay)
    assert audio_port(sdp) == 30006


def test_hold_with_0_0_0_0():
    relay, engine = new_relay()
    offer(relay)
    answer(relay)
    sdp = offer(relay, describe("0.0.0.0", 4000))
    assert line(sdp, "c=") == "c=IN IP4 0.0.0.0" and audio_port(sdp) == 30006
    assert not engine.last("peer", 1, 0)[7]  # not before the other party agrees
    answer(relay)
    assert engine.last("peer", 1, 0)[3:] == ((A,), (A, 4000), (A, 4001), True, True)
    assert engine.last("timeout", 1)[2] == 3600
    offer(relay)
    answer(relay)
    assert not engine.last("peer", 1, 0)[7] and engine.last("timeout", 1)[2] == 60


def test_hold_by_direction():
    for offered, answered in (("sendonly", "recvonly"), ("inactive", "inactive")):
        relay, engine = new_relay()
        offer(relay)
        answer(relay)
        sdp = offer(relay, describe(A, 4000, "a=" + offered))
        assert line(sdp, "a=" + offered) and line(sdp, "c=") == f"c=IN IP4 {BOX}"
        answer(relay, describe(B, 6000, "a=" + answered))
        assert engine.last("timeout", 1)[2] == 3600 and engine.open_handles == [1]
        assert not engine.last("peer", 1, 0)[7]  # music on hold passes


def test_ringing_has_a_time_out_of_its_own():
    relay, engine = new_relay()
    offer(relay)
    assert engine.last("timeout", 1)[2] == 300
    answer(relay)
    assert engine.last("timeout", 1)[2] == 60


def test_ipv6_parties():
    relay, engine = new_relay(addresses=[("0.0.0.0/0", BOX), ("::/0", "2001:db8::7")])
    host = "2001:DB8::10"
    sdp = offer(relay, describe(host, 4000), "a", "2001:db8::10", to_host=B)
    assert engine.calls[0] == ("open", 1, "::", "0.0.0.0")
    assert line(sdp, "c=") == f"c=IN IP4 {BOX}"
    assert engine.last("peer", 1, 0)[4] == (host, 4000)
    sdp = answer(relay)
    assert line(sdp, "c=") == "c=IN IP6 2001:db8::7"


def test_a_party_that_changes_its_family_gets_other_ports():
    relay, engine = new_relay(addresses=[("0.0.0.0/0", BOX), ("::/0", "2001:db8::7")])
    offer(relay)
    answer(relay)
    sdp = offer(relay, describe("2001:db8::10", 4000), "a", "2001:db8::10")
    assert engine.open_handles == [2] and audio_port(sdp) == 30010
    assert engine.last("open")[2:] == ("::", "0.0.0.0")


def test_hold_of_an_ipv6_party_with_0_0_0_0_keeps_its_stream():
    relay, engine = new_relay(addresses=[("::/0", "2001:db8::7")])
    host = "2001:db8::10"
    relay.offer("call", "a", describe(host, 4000), host)
    relay.answer("call", "a", "b", describe("2001:db8::20", 6000), "2001:db8::20")
    relay.offer("call", "a", describe("0.0.0.0", 4000), host)
    assert engine.open_handles == [1]


def test_no_address_of_that_family():
    relay, engine = new_relay()
    with raises(NoPorts):
        offer(relay, describe("2001:db8::10", 4000))
    assert not engine.open_handles and len(relay) == 0


def test_each_party_is_told_the_address_of_its_network():
    relay, _ = new_relay(addresses=[("192.0.2.10/32", "192.0.2.1"), ("0.0.0.0/0", BOX)])
    assert line(offer(relay, to_host=B), "c=") == f"c=IN IP4 {BOX}"
    assert line(answer(relay), "c=") == "c=IN IP4 192.0.2.1"
    sdp = relay.offer("call", "b", describe(B, 6000), B)
    assert line(sdp, "c=") == "c=IN IP4 192.0.2.1"


def test_no_ports_leaves_nothing_open():
    relay, engine = new_relay(limit=1)
    with raises(NoPorts) as caught:
        offer(relay, describe(A, 4000, VIDEO))
    assert "video" in str(caught.error)
    assert not engine.open_handles and len(relay) == 0
    assert audio_port(offer(relay)) == 30010  # audio alone is possible


def test_no_ports_for_more_media_keeps_the_call():
    relay, engine = new_relay(limit=1)
    offer(relay)
    answer(relay)
    with raises(NoPorts):
        offer(relay, describe(A, 4000, VIDEO))
    assert engine.open_handles == [1] and len(relay.delete("call")) == 1


def test_one_call_cannot_have_all_ports():
    relay, engine = new_relay()
    with raises(NoPorts):
        offer(relay, describe(A, 4000, *[VIDEO] * 8))
    assert not engine.open_handles


def test_a_call_id_in_use_is_no_way_into_the_call():
    relay, engine = new_relay()
    offer(relay)
    answer(relay)
    sdp = relay.offer("call", "stranger", describe("203.0.113.66", 1), "203.0.113.66")
    assert audio_port(sdp) == 30010
    assert engine.last("peer", 1, 0)[3] == (A,) and engine.last("peer", 1, 1)[3] == (B,)
    assert len(relay.delete("call", "stranger")) == 1 and engine.open_handles == [1]
    assert len(relay.delete("call", "b")) == 1 and len(relay) == 0


def test_a_spiral_is_relayed_once():
    relay, engine = new_relay()
    once = offer(relay)
    assert offer(relay, once, "a", BOX) == once
    back = answer(relay)
    assert answer(relay, back, "b", BOX) == back
    assert len(engine.open_handles) == 1
    assert engine.last("peer", 1, 0)[3] == (A,) and engine.last("peer", 1, 1)[3] == (B,)


def test_an_answer_to_an_unknown_call_is_left_alone():
    relay, engine = new_relay()
    assert answer(relay) == describe(B, 6000) and engine.calls == []


def test_what_is_no_sdp():
    relay, engine = new_relay()
    bad_port = b"v=0\r\nm=audio x RTP/AVP 0\r\n"
    for sdp in (b"", b"hello", b"v=0\r\nm=audio\r\n", bad_port, b"\xff\xfe"):
        with raises(ParseError):
            relay.offer("call", "a", sdp, A)
    assert not engine.open_handles and len(relay) == 0


def test_line_ends_stay_as_they_came():
    relay, _ = new_relay()
    sdp = offer(relay, describe(A, 4000, "a=ice-lite").replace(b"\r\n", b"\n"))
    assert b"\r" not in sdp and f"c=IN IP4 {BOX}\n".encode() in sdp


def test_the_end_of_a_call():
    relay, engine = new_relay()
    offer(relay, describe(A, 4000, VIDEO))
    assert [each.kind for each in relay.statistics("call")] == ["audio", "video"]
    assert [each.kind for each in relay.delete("call")] == ["audio", "video"]
    assert not engine.open_handles and relay.delete("call") is None
    assert relay.statistics("call") == []


def test_a_call_times_out_when_all_its_streams_are_silent():
    relay, engine = new_relay()
    offer(relay, describe(A, 4000, VIDEO))
    answer(relay, describe(B, 6000, "m=video 6002 RTP/AVP 96"))
    engine.silent = [2]
    assert relay.events() == []
    engine.silent = [1, 2]
    assert relay.events() == [("call", "timeout")]


def test_silent_streams_of_an_earlier_relay_are_closed():
    earlier, engine = new_relay()
    offer(earlier)
    engine.silent = [1]
    assert Relay(engine, BOX).events() == [] and not engine.open_handles


def test_another_address_does_not_end_calls():
    relay, engine = new_relay()
    offer(relay)
    relay.use_addresses("198.51.100.8")
    sdp = answer(relay)
    assert line(sdp, "c=") == "c=IN IP4 198.51.100.8" and engine.open_handles == [1]


def test_candidates_in_odd_spellings():
    relay, _ = new_relay()
    odd = describe(A, 4000, "a=candidate :1 1 UDP", "a=end-of-candidates")
    assert b"candidate" not in offer(relay, odd)
