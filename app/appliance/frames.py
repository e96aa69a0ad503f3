"""The frames of provisioning: one ASCII line each, checked by CRC-32.

    ~>SEQ BASE64 CRC    from scripts/provision.py to the box
    ~<SEQ BASE64 CRC    back

SEQ is four hex digits, CRC the CRC-32 of "SEQ BASE64" as eight. Whatever else is on
the line (a kernel message, an echo, noise) is no frame, or fails its checksum.
docs/provisioning.md is the specification.
"""

import binascii

from app.appliance.values import HEX, only

TO_BOX = b"~>"
FROM_BOX = b"~<"
MAX_LINE = 2048  # longest line looked at; a tty's buffer holds 4096
MAX_SEQUENCE = 0xFFFF


def encode(mark, sequence, payload):
    """Return one frame with its line end."""
    body = f"{sequence:04x} ".encode() + binascii.b2a_base64(payload).strip()
    return mark + body + f" {binascii.crc32(body):08x}\r\n".encode()


def decode(mark, line):
    """Return (sequence, payload) of the last frame in a line, or None."""
    start = line.rfind(mark)
    if start < 0:
        return None
    # what noise did to the line end does not spoil the frame before it
    body, space, check = bytes(line[start + len(mark) :]).rpartition(b" ")
    if not space or body[4:5] != b" ":
        return None
    if _number(body[:4], 4) is None or _number(check[:8], 8) != binascii.crc32(body):
        return None
    try:
        return _number(body[:4], 4), binascii.a2b_base64(body[5:])
    except ValueError:
        return None


def _number(digits, length):
    try:
        text = digits.decode()
    except UnicodeError:
        return None
    return int(text, 16) if len(text) == length and only(text, HEX) else None


class LineSplitter:
    """Cuts a stream of bytes into lines; a line too long for a frame is dropped."""

    def __init__(self):
        self._line = bytearray()

    def feed(self, data):
        """Take bytes; return the lines that they complete."""
        pieces = data.replace(b"\r", b"\n").split(b"\n")
        lines = []
        for piece in pieces[:-1]:
            lines.append(bytes(self._line) + piece)
            self._line = bytearray()
        self._line.extend(pieces[-1])
        if len(self._line) > MAX_LINE:
            self._line = bytearray()
        return [line for line in lines if line and len(line) <= MAX_LINE]
