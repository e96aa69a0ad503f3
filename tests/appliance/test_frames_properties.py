"""Frames of any payload through any noise."""

from hypothesis import given
from hypothesis import strategies as st

from app.appliance import frames
from scripts.lib import frames as host

PAYLOADS = st.binary(max_size=300)
SEQUENCES = st.integers(0, 0xFFFF)


@given(SEQUENCES, PAYLOADS, st.binary(max_size=30))
def test_both_sides_speak_the_same_frames(sequence, payload, noise):
    request = host.encode(sequence, payload)
    assert request == frames.encode(frames.TO_BOX, sequence, payload)
    noise = noise.replace(b"\r", b"").replace(b"\n", b"")
    assert frames.decode(frames.TO_BOX, noise + request.strip()) == (sequence, payload)
    answer = frames.encode(frames.FROM_BOX, sequence, payload)
    assert host.decode(noise + answer.strip()) == (sequence, payload)


@given(st.binary(max_size=200))
def test_noise_is_never_an_exception(line):
    for data in (line, frames.TO_BOX + line, frames.FROM_BOX + line):
        frames.decode(frames.TO_BOX, data)
        host.decode(data)


@given(SEQUENCES, PAYLOADS, st.data())
def test_a_changed_byte_never_changes_the_payload(sequence, payload, data):
    line = bytearray(frames.encode(frames.TO_BOX, sequence, payload).strip())
    at = data.draw(st.integers(0, len(line) - 1))
    line[at] ^= data.draw(st.integers(1, 255))
    assert frames.decode(frames.TO_BOX, line) in (None, (sequence, payload))


@given(st.lists(st.binary(max_size=100), max_size=20), st.data())
def test_lines_do_not_depend_on_how_the_bytes_come(lines, data):
    lines = [line.replace(b"\r", b"").replace(b"\n", b"") for line in lines]
    stream = b"".join(line + b"\n" for line in lines)
    splitter, found = frames.LineSplitter(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += splitter.feed(stream[:size])
        stream = stream[size:]
    assert found == [line for line in lines if line]
