"""IP addresses as numbers, and the networks that they are in."""

BITS = {4: 32, 6: 128}


def parse_ip(text):
    """-> (4 or 6, number) of a textual address, IPv6 with or without brackets; None: it is none."""
    if text[:1] == "[" and text[-1:] == "]":
        text = text[1:-1]
    return _ipv6(text) if ":" in text else _ipv4(text)


def parse_network(text, mask=None):
    """-> (4 or 6, number of its first bits, how many) of an address with the prefix length
    `mask`, or that behind a slash in it; None: it is none. Bits behind the prefix do not count."""
    address, slash, prefix = text.partition("/")
    found = parse_ip(address)
    if found is None:
        return None
    kind, number = found
    length = BITS[kind] if mask is None else mask
    if slash:
        if not prefix or len(prefix) > 3 or prefix.strip("0123456789"):
            return None
        length = int(prefix)
    if not 0 <= length <= BITS[kind]:
        return None
    return kind, number >> (BITS[kind] - length), length


def _ipv4(text):
    pieces = text.split(".")
    number = 0
    for piece in pieces:
        # no leading zeros: some read them as octal (RFC 3986 3.2.2)
        if not piece or piece.strip("0123456789") or len(piece) > 3 or int(piece) > 255:
            return None
        if len(piece) > 1 and piece[0] == "0":
            return None
        number = number * 256 + int(piece)
    return (4, number) if len(pieces) == 4 else None


def _ipv6(text):
    head, gap, tail = text.partition("::")
    before, after = _groups(head, not gap), _groups(tail, True)
    if before is None or after is None or "::" in tail:
        return None
    missing = 8 - len(before) - len(after)
    if missing < 1 if gap else missing != 0:
        return None
    number = 0
    for group in before + [0] * missing + after:
        number = number * 65536 + group
    # ::ffff:192.0.2.1 is the IPv4 address in it (RFC 4291 2.5.5.2)
    return (4, number & 0xFFFFFFFF) if number >> 32 == 0xFFFF else (6, number)


def _groups(text, is_last):
    """-> [int]: the 16-bit groups between colons, an IPv4 address at the end two; None: wrong."""
    groups = []
    pieces = text.split(":") if text else []
    for at in range(len(pieces)):
        piece = pieces[at]
        if "." in piece:
            quad = _ipv4(piece)
            if quad is None or not is_last or at != len(pieces) - 1:
                return None
            groups += [quad[1] >> 16, quad[1] & 0xFFFF]
        elif not piece or len(piece) > 4 or piece.lower().strip("0123456789abcdef"):
            return None
        else:
            groups.append(int(piece, 16))
    return groups
