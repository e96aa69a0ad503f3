"""Tones: written to WAV files for a phone to play, and found again in what another recorded."""

import array
import math
import wave

RATE = 8000  # samples a second, as G.711 has it
BLOCK = 800  # samples of 100 ms: tones 10 Hz apart are told apart


def write_tone(path, frequency, seconds=120, level=0.3):
    """Write a sine tone as 16 bit mono WAV; level 1.0 is full scale."""
    # whole periods of a second, repeated: frequencies are whole numbers
    second = array.array(
        "h",
        [round(32767 * level * math.sin(2 * math.pi * frequency * i / RATE)) for i in range(RATE)],
    )
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        for _ in range(seconds):
            out.writeframes(second.tobytes())


def read_wave(path):
    """-> (samples, rate) of a 16 bit WAV's first channel.

    A phone that is still recording, or was ended, has not filled the lengths in: the samples
    then go to the end of the file.
    """
    with open(path, "rb") as source:
        data = source.read()
    format_at = data.find(b"fmt ")
    start = data.find(b"data")
    if format_at < 0 or start < 0:
        return array.array("h"), RATE
    channels = int.from_bytes(data[format_at + 10 : format_at + 12], "little")
    rate = int.from_bytes(data[format_at + 12 : format_at + 16], "little")
    body = data[start + 8 :]
    samples = array.array("h", body[: len(body) & ~1])
    return samples[::channels], rate


def power(samples, rate, frequency):
    """-> float: power of one frequency (Goertzel's algorithm); a sine of amplitude a has a^2."""
    factor = 2 * math.cos(2 * math.pi * frequency / rate)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + factor * last - before
    total = before * before + last * last - factor * before * last
    return 4 * total / (len(samples) ** 2)


def energy(samples):
    """-> float: mean square; a sine of amplitude a has a^2 / 2."""
    return sum([sample * sample for sample in samples]) / max(1, len(samples))


def share(samples, rate, frequency):
    """-> float, 0 to 1: how much of the sound is that one frequency."""
    total = energy(samples)
    return power(samples, rate, frequency) / 2 / total if total else 0.0


def blocks(samples, length=BLOCK):
    """-> [samples] in pieces of `length`; what is left over is dropped."""
    return [samples[i : i + length] for i in range(0, len(samples) - length + 1, length)]


def tone_blocks(samples, rate, frequency, purity=0.9, level=0.05):
    """-> int: blocks of 100 ms that are that tone (share at least `purity`) and not silence."""
    floor = (32767 * level) ** 2 / 2
    return sum(
        [
            energy(block) > floor and share(block, rate, frequency) >= purity
            for block in blocks(samples, rate // 10)
        ]
    )
