"""The drivers' own parts: what measures a call must be able to say no."""

import math
import random
from array import array

import pytest

from tests.peers import sip, tone
from tests.peers.lossy import Loss, identity
from tests.peers.process import wait_until
from tests.peers.rtp import pack, stream, unpack
from tests.support import raises

pytestmark = pytest.mark.interop


def sine(frequency, seconds=1, amplitude=9000):
    count = int(tone.RATE * seconds)
    turn = 2 * math.pi * frequency / tone.RATE
    return array("h", [round(amplitude * math.sin(turn * i)) for i in range(count)])


def test_a_tone_is_found():
    assert tone.tone_blocks(sine(440), tone.RATE, 440) == 10


@pytest.mark.parametrize("other", [880, 400, 480, 460])
def test_another_tone_is_not_taken_for_it(other):
    assert tone.tone_blocks(sine(other), tone.RATE, 440) == 0


def test_silence_and_noise_are_no_tone():
    noise = random.Random(1)
    assert tone.tone_blocks(array("h", [0] * 8000), tone.RATE, 440) == 0
    sound = array("h", [noise.randrange(-9000, 9000) for _ in range(8000)])
    assert tone.tone_blocks(sound, tone.RATE, 440) == 0


def test_a_mixture_is_not_a_clean_tone():
    mixed = array("h", [a + b for a, b in zip(sine(440), sine(880), strict=True)])
    assert tone.tone_blocks(mixed, tone.RATE, 440) == 0
    assert 0.4 < tone.share(mixed, tone.RATE, 440) < 0.6


def test_a_wave_file_is_read_as_it_was_written(tmp_path):
    tone.write_tone(tmp_path / "a.wav", 880, seconds=2)
    samples, rate = tone.read_wave(tmp_path / "a.wav")
    assert (len(samples), rate) == (16000, 8000)
    assert tone.tone_blocks(samples, rate, 880) == 20


def message(branch, nonce="1"):
    lines = ["INVITE sip:a@b SIP/2.0", f"Via: SIP/2.0/UDP h;branch={branch}", f"X: {nonce}"]
    return ("\r\n".join(lines + ["Call-ID: c", "CSeq: 1 INVITE"]) + "\r\n\r\n").encode()


def test_the_bad_line_loses_first_copies_only():
    loss = Loss(0.4, seed=1)
    messages = [message(f"z9hG4bK{i}") for i in range(200)]
    first = [loss.drops(data) for data in messages]
    assert 50 < sum(first) < 110
    assert not any(loss.drops(data) for data in messages)


def test_the_bad_line_knows_a_copy_by_what_matters():
    assert identity(message("a", "1")) == identity(message("a", "2"))
    assert identity(message("a")) != identity(message("b"))


def test_rtp_comes_out_as_it_went_in():
    packets = stream(50, 0xCAFE)
    assert [unpack(pack(packet)) for packet in packets] == packets
    assert len({packet.payload for packet in packets}) == 50
    assert {packet.sequence for packet in packets} >= {65535, 0}  # across the wrap


def test_credentials_are_those_of_rfc_2617():
    """The example of RFC 2617 3.5, but for the cnonce, which is drawn."""
    challenge = 'Digest realm="testrealm@host.com", qop="auth", nonce="dcd98b7102dd2f0e8b11d0f6"'
    value = sip.credentials(challenge, "GET", "/dir/index.html", "Mufasa", "Circle Of Life")
    fields = sip.challenge_of(value)
    ha1 = "939e7578ed9e3c518a452acee763bce9"
    ha2 = "39aff3a2bab6126f332b942af96d3366"
    parts = (ha1, fields["nonce"], fields["nc"], fields["cnonce"], "auth", ha2)
    assert fields["response"] == sip.md5(":".join(parts))


def test_waiting_ends_and_says_for_what():
    with raises(AssertionError) as raised:
        wait_until(lambda: False, "the moon", 0.05)
    assert "the moon" in str(raised.error)
