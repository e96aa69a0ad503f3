"""The figures of a stream: from the engine through packets, and what is made of them."""

from app.media import quality
from app.media.quality import G711, mean_opinion, report
from app.media.relay import Relay
from app.port.engine import Quality, Stats
from tests.media.rig import (
    SILENCE,
    Phone,
    RecordingEngine,
    audio_port,
    describe,
    line,
    new_engine,
    wait_until,
)  # fmt: skip

BOX = "127.0.0.1"
WHOLE = Quality(1000, 0, 0, 0, 1, 0.0, 0.0, 0.02, None, None, 0, 0)


def rtp(sequence, timestamp, source=7):
    numbers = (sequence >> 8, sequence & 255) + tuple(timestamp.to_bytes(4, "big"))
    return b"\x80\x00" + bytes(numbers) + source.to_bytes(4, "big") + bytes(160)


def sender_report(source, middle):
    """RFC 3550 6.4.1: `middle` are the middle 32 bits of its NTP time."""
    time = b"\x11\x11" + middle.to_bytes(4, "big") + b"\x22\x22"
    return b"\x80\xc8\x00\x06" + source.to_bytes(4, "big") + time + bytes(12)


def receiver_report(about, middle, lost):
    block = about.to_bytes(4, "big") + lost.to_bytes(4, "big") + bytes(8)
    return b"\x81\xc9\x00\x07" + bytes(4) + block + middle.to_bytes(4, "big") + bytes(4)


class Talk:
    """A call of two telephones through the relay."""

    def __init__(self):
        self.engine = new_engine()
        self.relay = Relay(self.engine, BOX)
        self.a, self.b = Phone("127.0.0.2"), Phone("127.0.0.3")
        to_b = self.relay.offer("call", "a", self.a.sdp("a=rtcp-mux"), self.a.host)
        to_a = self.relay.answer("call", "a", "b", self.b.sdp("a=rtcp-mux"), self.b.host)
        self.port_of_b, self.port_of_a = audio_port(to_b), audio_port(to_a)

    def figures(self):
        return self.relay.statistics("call")[0]

    def end(self):
        self.a.close()
        self.b.close()
        found = self.relay.delete("call")
        self.engine.destroy()
        return found


def test_loss_is_found_in_what_passes():
    talk = Talk()
    for number in range(20):
        if number != 7:
            talk.a.send(talk.port_of_a, rtp(number, number * 160))
    wait_until(lambda: talk.figures().heard[0].packets == 19)
    (found,) = talk.end()
    assert (found.kind, found.codec) == ("audio", "PCMU")
    assert found.stats.quality[0].lost == 1 and found.heard[0].loss == 1 / 20
    assert found.heard[1].packets == 0 and found.heard[1].mos is None


def test_the_round_trip_comes_from_rtcp_on_the_same_port():
    talk = Talk()
    talk.a.send(talk.port_of_a, rtp(1, 160))
    talk.a.send(talk.port_of_a, sender_report(7, 0x12345678))
    assert talk.b.hears(rtp(1, 160)) and talk.b.hears(sender_report(7, 0x12345678))
    talk.b.send(talk.port_of_b, receiver_report(7, 0x12345678, 3))
    wait_until(lambda: talk.figures().stats.quality[1].round_trip is not None)
    found = talk.figures()
    assert 0 < found.heard[0].round_trip < 5
    assert found.stats.quality[1].told_lost == 3 and found.stats.quality[0].round_trip is None
    talk.end()


def test_what_the_listener_reports_counts_for_the_whole_way():
    listener = Quality(0, 0, 0, 0, 0, 0.0, 0.0, 0.0, None, None, 100, 0)
    found = report("audio", "PCMU", Stats((), (WHOLE, listener), 0.0, False))
    assert found.heard[0].loss == 0.1 and found.heard[1].packets == 0


def test_mean_opinion_of_a_clean_line_and_worse_ones():
    # G.107: R 93.2 is a MOS of 4.41; Ie of G.729 (11) leaves R 82.2, 4.11
    assert abs(mean_opinion(0.0, 0.0) - 4.41) < 0.01
    assert abs(mean_opinion(0.0, 0.0, quality.CODECS["G729"]) - 4.11) < 0.01
    # Ie,eff = 95 * 5 / (5 + 25.1) = 15.8 with 5 % of loss
    assert abs(mean_opinion(0.05, 0.0) - 3.94) < 0.02
    assert mean_opinion(1.0, 2.0) == 1.0
    figures = [mean_opinion(loss / 100, 0.05, G711) for loss in range(0, 101, 5)]
    assert figures == sorted(figures, key=lambda mos: -mos)
    figures = [mean_opinion(0.0, delay / 100) for delay in range(0, 100, 5)]
    assert figures == sorted(figures, key=lambda mos: -mos)


def test_the_line_says_what_each_heard():
    found = report("audio", "PCMU", Stats((), (WHOLE, SILENCE), 0.0, False))
    assert quality.line(found) == (
        "audio PCMU, from caller: 1000 packets, 0.0 % lost, jitter 0 ms, gap 20 ms, MOS 4.4; "
        "from callee: nothing"
    )


def test_the_clock_is_that_of_the_codec_that_was_chosen():
    engine = RecordingEngine()
    relay = Relay(engine, "192.0.2.1")
    offer = describe("192.0.2.2", 4000).replace(b"AVP 0 101", b"AVP 111 0 101")
    offer += b"a=rtpmap:111 opus/48000/2\r\n"
    relay.offer("call", "a", offer, "192.0.2.2")
    assert engine.clocks == [48000]
    relay.answer("call", "a", "b", describe("192.0.2.3", 4000), "192.0.2.3")
    assert engine.clocks == [48000, 8000]
    assert line(offer, "a=rtpmap:111") and relay.statistics("call")[0].codec == "PCMU"


def test_another_codec_opens_no_latch():
    engine = RecordingEngine()
    relay = Relay(engine, "192.0.2.1")
    relay.offer("call", "a", describe("192.0.2.2", 4000), "192.0.2.2")
    relay.answer("call", "a", "b", describe("192.0.2.3", 4000), "192.0.2.3")
    again = describe("192.0.2.2", 4000).replace(b"AVP 0 101", b"AVP 8 101")
    relay.offer("call", "a", again, "192.0.2.2")
    relay.answer("call", "a", "b", again.replace(b"192.0.2.2", b"192.0.2.3"), "192.0.2.3")
    assert [call[6] for call in engine.calls if call[0] == "peer"][2:] == [False, False]
