"""The host's side of the frames of docs/provisioning.md."""

import base64
import binascii
import zlib

TO_BOX = b"~>"
FROM_BOX = b"~<"


def encode(sequence, payload):
    """Return the frame of a request, with its line end."""
    body = b"%04x " % sequence + base64.b64encode(payload)
    return TO_BOX + body + b" %08x\r\n" % zlib.crc32(body)


def decode(line):
    """Return (sequence, payload) of an answer within a line, or None."""
    mark = line.rfind(FROM_BOX)
    fields = line[mark + 2 :].split(b" ") if mark >= 0 else []
    if len(fields) != 3 or len(fields[0]) != 4:
        return None
    try:
        if int(fields[2][:8], 16) != zlib.crc32(fields[0] + b" " + fields[1]):
            return None
        return int(fields[0], 16), base64.b64decode(fields[1], validate=True)
    except (ValueError, binascii.Error):
        return None
