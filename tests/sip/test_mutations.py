"""The torture messages, damaged at random from a fixed seed: only ParseError may come out."""

from tests.sip.corpus import answers, torture
from tests.sip.exercise import exercise

ROUNDS = 12
# What breaks parsers: delimiters, ends, blanks, NUL, bytes that are no UTF-8, long digits.
SPLINTERS = (b"\r\n", b"\n", b"\r", b" ", b"\t", b";", b",", b":", b"<", b">", b'"', b"\\", b"%",
             b"=", b"@", b"?", b"[", b"]", b"\x00", b"\xff", b"\xc3", b"9" * 40, b"\r\n ",
             b"\r\n\r\n", b"*", b"/", b"-1", b"SIP/2.0", b"Via: ", b"\r\nTo: x")


class Random:
    """A small linear congruential generator: the same numbers under every interpreter."""

    def __init__(self, seed):
        self.state = seed

    def below(self, limit):
        self.state = (self.state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self.state >> 8) % limit


def mutate(data, random):
    """-> data with one to four pieces cut out, put in, doubled or replaced."""
    for _ in range(1 + random.below(4)):
        at = random.below(len(data) + 1)
        end = min(len(data), at + random.below(9))
        kind = random.below(4)
        middle = data[at:end]
        if kind == 0:
            middle = b""
        elif kind == 1:
            middle = SPLINTERS[random.below(len(SPLINTERS))] + middle
        elif kind == 2:
            middle = middle + middle
        else:
            middle = SPLINTERS[random.below(len(SPLINTERS))]
        data = data[:at] + middle + data[end:]
    return data


def test_torture_messages_as_they_are():
    for name, _ in answers():
        exercise(torture(name))


def test_damaged_torture_messages():
    random = Random(4475)
    for name, _ in answers():
        data = torture(name)
        for _ in range(ROUNDS):
            exercise(mutate(data, random))


def test_messages_cut_at_every_place():
    data = torture("rfc4475/wsinv")
    for end in range(0, len(data), 3):
        exercise(data[:end])
