"""Names and addresses between octets and text: RFC 1035 3.1 and 4.1.4, RFC 5952.

A name is text in lower case without the dot at its end: "_sip._udp.example.org"; the root is "".
"""

from app.dns.errors import DnsError

LABEL_LIMIT = 63  # octets of a label (RFC 1035 2.3.4)
NAME_LIMIT = 255  # octets of a name, its lengths counted
POINTER_LIMIT = 16  # jumps within one name; no honest server needs more than two
# What a host, a service (RFC 2782) or a transport is named with. Anything else is a name too,
# but none that we could ask for, and it could steer a terminal.
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-_"


def normal(text):
    """-> str: the one spelling of a name; DnsError for what is none."""
    name = text.lower()
    if name[-1:] == ".":
        name = name[:-1]
    if not name or len(name) > NAME_LIMIT - 2:
        raise DnsError("a name has 1 to 253 characters")
    for label in name.split("."):
        if not 0 < len(label) <= LABEL_LIMIT or label.strip(LETTERS):
            raise DnsError("malformed label")
    return name


def encode_name(name):
    """-> bytes of a normal() name, or of the root."""
    pieces = []
    for label in name.split(".") if name else ():
        pieces.append(bytes((len(label),)) + label.encode())
    return b"".join(pieces) + b"\0"


def decode_name(data, at):
    """-> (name, where the octets behind it begin); name is None where it has odd characters.

    A pointer leads backwards only (4.1.4 "a prior occurrence"), so that none leads in a circle,
    and there are at most POINTER_LIMIT of them. DnsError for anything else.
    """
    labels = []
    length = jumps = 0
    end = None  # behind the first pointer
    lowest = at
    while True:
        octet = _octet(data, at)
        at += 1
        if octet >= 0xC0:
            to = (octet & 0x3F) * 256 + _octet(data, at)
            jumps += 1
            if to >= lowest or jumps > POINTER_LIMIT:
                raise DnsError("a compression pointer leads astray")
            end = at + 1 if end is None else end
            at = lowest = to
        elif octet > LABEL_LIMIT:
            raise DnsError("a label of unknown kind")
        elif octet == 0:
            return _name(labels), at if end is None else end
        else:
            length += octet + 1
            if at + octet > len(data) or length >= NAME_LIMIT:
                raise DnsError("a name is too long")
            labels.append(data[at : at + octet])
            at += octet


def _octet(data, at):
    if at >= len(data):
        raise DnsError("a name is cut short")
    return data[at]


def _name(labels):
    found = []
    for label in labels:
        text = ascii_text(label)
        if text is None or text.lower().strip(LETTERS):
            return None
        found.append(text.lower())
    return ".".join(found)


def ascii_text(octets):
    """-> str of printable ASCII octets, None for others."""
    for octet in octets:
        if not 32 <= octet < 127:
            return None
    return octets.decode()


def ipv4_text(octets):
    """-> str: four octets as dotted quad."""
    return ".".join([str(octet) for octet in octets])


def ipv6_text(octets):
    """-> str: sixteen octets as RFC 5952 has them, which is what the kernel calls them too."""
    if octets[:12] == b"\0" * 10 + b"\xff\xff":
        return "::ffff:" + ipv4_text(octets[12:])  # RFC 5952 5
    groups = [octets[at] * 256 + octets[at + 1] for at in range(0, 16, 2)]
    start, count = _longest_zeros(groups)
    texts = [f"{group:x}" for group in groups]
    if count < 2:
        return ":".join(texts)
    return ":".join(texts[:start]) + "::" + ":".join(texts[start + count :])


def _longest_zeros(groups):
    """-> (start, count) of the first longest run of zeros (RFC 5952 4.2)."""
    best = (0, 0)
    run = 0
    for index in range(8):
        run = run + 1 if groups[index] == 0 else 0
        if run > best[1]:
            best = (index - run + 1, run)
    return best
