"""Textual IP addresses and networks, as numbers to compare."""

DIGITS = "0123456789"
HEX = DIGITS + "abcdefABCDEF"
ANY = {4: "0.0.0.0", 6: "::"}
UNSPECIFIED = ("0.0.0.0", "::")  # in c=: hold as RFC 2543 had it (RFC 3264 8.4)


def parse_host(text):
    """-> (family, number) of an IPv4 (4) or IPv6 (6) address, or None for anything else.

    An IPv4 address in IPv6 clothes (::ffff:192.0.2.1) is the IPv4 address.
    """
    if ":" not in text:
        number = _ipv4(text)
        return None if number is None else (4, number)
    number = _ipv6(text)
    if number is None:
        return None
    return (4, number & 0xFFFFFFFF) if number >> 32 == 0xFFFF else (6, number)


def family_of(text):
    """-> 4, 6, or 0 for what is no IP address."""
    found = parse_host(text) if text else None
    return found[0] if found else 0


def is_loopback(text):
    found = parse_host(text)
    return found is not None and (found == (6, 1) or (found[0] == 4 and found[1] >> 24 == 127))


def subscriber_network(text):
    """-> str: what one source on the network has: an IPv4 address, or the /64 of an IPv6 one."""
    found = parse_host(text)
    if found is None:
        return text
    family, number = found
    if family == 4:
        return ".".join([str(number >> shift & 255) for shift in (24, 16, 8, 0)])
    return ":".join([f"{number >> shift & 0xFFFF:x}" for shift in (112, 96, 80, 64)]) + "::/64"


def parse_network(text):
    """-> (family, number, bits to ignore) of "192.0.2.0/24" or one address, or ValueError."""
    host, slash, length = text.partition("/")
    found = parse_host(host)
    width = 128 if ":" in host else 32
    if found is None or (slash and (not length or length.strip(DIGITS) or int(length) > width)):
        raise ValueError(f"'{text}' is no network; write it like 192.0.2.0/24 or 2001:db8::/64")
    ignored = width - int(length) if slash else 0
    return found[0], found[1] >> ignored, ignored


def _ipv4(text):
    words = text.split(".")
    if len(words) != 4:
        return None
    number = 0
    for word in words:
        if not word or len(word) > 3 or word.strip(DIGITS) or int(word) > 255:
            return None
        number = number << 8 | int(word)
    return number


def _ipv6(text):
    """RFC 4291 2.2: eight groups, one run of zeros as "::", the last two perhaps as IPv4."""
    head, gap, tail = text.partition("::")
    before, after = _groups(head), _groups(tail)
    if before is None or after is None:
        return None
    missing = 8 - len(before) - len(after)
    if missing < 1 if gap else missing != 0:
        return None
    number = 0
    for group in before + [0] * missing + after:
        number = number << 16 | group
    return number


def _groups(text):
    """-> [int]: the 16-bit groups of one side of "::", or None where they are none."""
    groups = []
    words = text.split(":") if text else []
    if words and "." in words[-1]:
        ipv4 = _ipv4(words.pop())
        if ipv4 is None:
            return None
        groups = [ipv4 >> 16, ipv4 & 0xFFFF]
    for word in words:
        if not word or len(word) > 4 or word.strip(HEX):
            return None
    return [int(word, 16) for word in words] + groups


def in_networks(text, networks):
    """-> bool: the address is in one of [parse_network() value]."""
    found = parse_host(text)
    if found is None:
        return False
    for family, network, ignored in networks:
        if found[0] == family and found[1] >> ignored == network:
            return True
    return False
