"""STUN binding requests (RFC 8489), answered on SIP's own sockets: keep-alives of RFC 5626.

Who asks is told the address that the request came from. Nothing is kept, and nothing but
binding requests is answered.
"""

from binascii import crc32

HEADER = 20  # bytes (RFC 8489 5)
COOKIE = b"\x21\x12\xa4\x42"
LONGEST = 548  # bytes: what RFC 8489 6.1 lets a request have on a path of unknown MTU
REQUEST, SUCCESS, ERROR = 0x0001, 0x0101, 0x0111  # of the method Binding
ERROR_CODE, UNKNOWN_ATTRIBUTES = 0x0009, 0x000A
XOR_MAPPED_ADDRESS, FINGERPRINT = 0x0020, 0x8028
COMPREHENSION_OPTIONAL = 0x8000
# Attributes below 0x8000 that a server without passwords may pass over: USERNAME,
# MESSAGE-INTEGRITY, PRIORITY, USE-CANDIDATE (RFC 8489 18.3, RFC 8445 16.1).
KNOWN = (0x0006, 0x0008, 0x0024, 0x0025)
FINGERPRINT_MASK = 0x5354554E


def length(data):
    """-> int: bytes of the STUN message that a stream begins with; 0: it takes more to know;
    None: it is none."""
    if len(data) < HEADER:
        return None if data[4:8] != COOKIE[: len(data[4:8])] else 0
    whole = HEADER + _number(data, 2)
    if data[0] > 1 or data[4:8] != COOKIE or whole % 4 or whole > LONGEST:
        return None
    return whole


def is_stun(data):
    """-> bool: a datagram is one STUN message, by its first octets (RFC 8489 5)."""
    return len(data) >= HEADER and length(data) == len(data)


def respond(data, host, port):
    """-> bytes: the response to a binding request from host and port; None for all else."""
    if not is_stun(data) or _number(data, 0) != REQUEST:
        return None
    transaction = data[8:HEADER]
    unknown = _unknown(data)
    if unknown is None:
        return None
    if unknown:
        body = _attribute(ERROR_CODE, b"\0\0\x04\x14Unknown Attribute")
        kinds = b"".join([_octets(kind) for kind in unknown])
        return _message(ERROR, transaction, body + _attribute(UNKNOWN_ATTRIBUTES, kinds))
    packed = packed_address(host)
    if packed is None:
        return None
    mask = COOKIE + transaction
    masked = bytes([packed[place] ^ mask[place] for place in range(len(packed))])
    family = b"\0\1" if len(packed) == 4 else b"\0\2"
    value = family + _octets(port ^ 0x2112) + masked
    return _message(SUCCESS, transaction, _attribute(XOR_MAPPED_ADDRESS, value))


def _unknown(data):
    """-> [kinds] of attributes that have to be understood and are not; None: malformed."""
    found = []
    place = HEADER
    while place < len(data):
        if place + 4 > len(data):
            return None
        kind, size = _number(data, place), _number(data, place + 2)
        end = place + 4 + size
        if end > len(data):
            return None
        if kind == FINGERPRINT and not _is_print(data, place, size):
            return None
        if kind < COMPREHENSION_OPTIONAL and kind not in KNOWN and kind not in found:
            found.append(kind)
        place = end + -size % 4
    return found


def _is_print(data, place, size):
    """-> bool: the FINGERPRINT, which is the last attribute, holds (RFC 8489 14.7)."""
    if size != 4 or place + 8 != len(data):
        return False
    said = _number(data, place + 4) << 16 | _number(data, place + 6)
    return said == (crc32(data[:place]) & 0xFFFFFFFF) ^ FINGERPRINT_MASK


def _message(kind, transaction, body):
    return _octets(kind) + _octets(len(body)) + COOKIE + transaction + body


def _attribute(kind, value):
    return _octets(kind) + _octets(len(value)) + value + b"\0" * (-len(value) % 4)


def _number(data, place):
    return data[place] << 8 | data[place + 1]


def _octets(number):
    return bytes([number >> 8, number & 0xFF])


def packed_address(host):
    """-> bytes, 4 or 16, of a textual IP address; None for what is none."""
    host = host.partition("%")[0]
    if ":" not in host:
        pieces = host.split(".")
        if len(pieces) != 4 or not all([_is_octet(piece) for piece in pieces]):
            return None
        return bytes([int(piece) for piece in pieces])
    return _packed6(host)


def _is_octet(piece):
    return 0 < len(piece) <= 3 and not piece.strip("0123456789") and int(piece) < 256


def _packed6(host):
    head, gap, tail = host.partition("::")
    first, last = _groups(head), _groups(tail)
    if first is None or last is None:
        return None
    missing = 16 - len(first) - len(last)
    if missing < 0 or (missing and not gap):
        return None
    return first + b"\0" * missing + last


def _groups(text):
    """-> bytes of colon-separated groups, the last of which may be a dotted quad; None: none."""
    packed = b""
    for piece in text.split(":") if text else ():
        if "." in piece:
            quad = packed_address(piece) if ":" not in piece else None
            if quad is None:
                return None
            packed += quad
        elif 0 < len(piece) <= 4 and not piece.lower().strip("0123456789abcdef"):
            packed += _octets(int(piece, 16))
        else:
            return None
    return packed
