"""The kinds of value that site.conf holds: one function a kind, text in, value out.

Each raises BadValue, whose `offset` counts characters from the start of the value.
"""

from app.rules.errors import PatternError
from app.rules.hours import parse_hours
from app.rules.timezone import parse_timezone

DIGITS = "0123456789"
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
HEX = DIGITS + "abcdef"
TRANSPORTS = ("udp", "tcp", "tls", "ws", "wss")
MAX_LISTEN = 15  # as many as app.sip.transport.Peer.flow has room for
LISTEN = "write udp:192.0.2.1:5060, or udp:192.0.2.1:5060 advertise 203.0.113.7:5060"


class BadValue(Exception):
    """A value that cannot be taken: where in it, what is wrong, what to write instead."""

    def __init__(self, problem, remedy, offset=0):
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy
        self.offset = offset


def only(text, allowed):
    """Say whether `text` is not empty and made of characters of `allowed` alone."""
    return bool(text) and all([c in allowed for c in text])


def is_ipv4(text):
    """Say whether `text` is a dotted quad as RFC 3986 3.2.2 has it (no leading zeros)."""
    parts = text.split(".")
    return len(parts) == 4 and all([_is_octet(part) for part in parts])


def _is_octet(part):
    if not only(part, DIGITS) or len(part) > 3:
        return False
    return int(part) <= 255 and str(int(part)) == part


def is_ipv6(text):
    """Say whether `text` is an IPv6 address of RFC 4291 2.2, without brackets or zone."""
    if text.count("::") > 1 or ":::" in text or ":" not in text:
        return False
    head, gap, tail = text.partition("::")
    parts = (head.split(":") if head else []) + (tail.split(":") if tail else [])
    groups = len(parts)
    if parts and is_ipv4(parts[-1]):
        if gap and not tail:
            return False
        parts.pop()
        groups += 1
    if not all([len(part) <= 4 and only(part.lower(), HEX) for part in parts]):
        return False
    return groups <= 7 if gap else groups == 8


def is_host_name(text):
    """Say whether `text` is a name of RFC 1123 2.1: labels of letters, digits, hyphens."""
    if len(text) > 253 or is_ipv4(text) or only(text.rpartition(".")[2], DIGITS):
        return False
    for label in text.split("."):
        if not only(label, LETTERS + DIGITS + "-") or len(label) > 63:
            return False
        if label[0] == "-" or label[-1] == "-":
            return False
    return True


def word(text):
    """Any text on one line."""
    return text


def file_name(text):
    """The name of a file of the site, which is no path."""
    if not only(text, LETTERS + DIGITS + "._-") or text[0] in ".-" or len(text) > 48:
        remedy = "write one without a folder, such as box.pem"
        raise BadValue(f"{text or 'nothing'} is not a name for a file of a site", remedy)
    return text


def words(text):
    """Up to 32 words in lower case, or "none"."""
    found = several(word, 32)(text.lower())
    return () if found == ("none",) else found


def integer(low, high, unit=""):
    """Return the kind: a decimal number from `low` to `high`."""

    def kind(text):
        if not only(text, DIGITS) or len(text) > 9 or not low <= int(text) <= high:
            named = f"{text or 'nothing'} is not a number from {low} to {high}"
            raise BadValue(named, f"write {low} to {high}{unit}")
        return int(text)

    return kind


def choice(*names):
    """Return the kind: one of `names`."""

    def kind(text):
        if text.lower() not in names:
            raise BadValue(f"{text or 'nothing'} is not known here", "write " + " or ".join(names))
        return text.lower()

    return kind


def yes_no(text):
    """yes or no, as a bool."""
    return choice("yes", "no")(text) == "yes"


def host_label(text):
    """A host name of one label."""
    if not is_host_name(text) or "." in text:
        raise BadValue(
            f"{text or 'nothing'} is no host name",
            "write letters, digits and hyphens, such as pbx1",
        )
    return text


def address(text):
    """A textual IP address, v4 or v6."""
    if not is_ipv4(text) and not is_ipv6(text):
        raise BadValue(f"{text or 'nothing'} is no IP address", "write one such as 192.0.2.10")
    return text


def ipv4(text):
    """A dotted quad."""
    if not is_ipv4(text):
        raise BadValue(f"{text or 'nothing'} is no IPv4 address", "write one such as 192.0.2.1")
    return text


def host(text):
    """A textual IP address or a host name."""
    if not (is_ipv4(text) or is_ipv6(text) or is_host_name(text)):
        raise BadValue(
            f"{text or 'nothing'} is neither a name nor an IP address",
            "write one such as example.org or 192.0.2.10",
        )
    return text


def phone_number(text):
    """A number as it is dialled: digits, * and #, with + in front if need be."""
    digits = text[1:] if text[:1] == "+" else text
    if not only(digits, DIGITS + "*#") or len(text) > 32:
        raise BadValue(f"{text or 'nothing'} is no number", "write digits, such as 112")
    return text


def timezone(text):
    """A time zone as POSIX writes it, as rules.timezone.TimeZone."""
    return _parsed(parse_timezone, text)


def hours(text):
    """Hours of the week, as rules.hours.Hours."""
    return _parsed(parse_hours, text)


def _parsed(parser, text):
    try:
        return parser(text)
    except PatternError as error:
        raise BadValue(error.problem, error.remedy, error.offset)


def domain(text):
    """A domain name or IP address, in lower case."""
    return host(text).lower()


def username(text):
    """A user part without escapes, in lower case, as AORs have it."""
    if not only(text, LETTERS + DIGITS + "-_.!~*'()&=+$,;?/"):
        raise BadValue(f"{text or 'nothing'} is no user name", "write one such as 200")
    return text.lower()


def several(kind, most):
    """Return the kind: up to `most` values of another kind, between spaces or commas."""

    def kinds(text):
        found = []
        offset = 0
        for piece in text.replace(",", " ").split(" "):
            if piece.strip():
                found.append(_at(kind, piece.strip(), offset))
            offset += len(piece) + 1
        if not found:
            raise BadValue("there is no value", "write at least one, or leave the key out")
        if len(found) > most:
            raise BadValue(f"{len(found)} values", f"write at most {most}")
        return tuple(found)

    return kinds


def _at(kind, piece, offset):
    try:
        return kind(piece)
    except BadValue as bad:
        bad.offset += offset
        raise


def distinct(kind, most):
    """Return the kind: as `several`, each value once."""

    def kinds(text):
        found = several(kind, most)(text)
        for value in found:
            if found.count(value) > 1:
                raise BadValue(f"{value} stands there twice", "write it once")
        return found

    return kinds


def network_address(text):
    """ "192.0.2.10/24" as (address, prefix length)."""
    quad, slash, prefix = text.partition("/")
    if not slash or not is_ipv4(quad):
        raise BadValue(f"{text or 'nothing'} is no address with prefix", "write 192.0.2.10/24")
    return quad, _at(integer(1, 32), prefix, len(quad) + 1)


def address_port(text):
    """ "192.0.2.1", "192.0.2.1:5070", "[2001:db8::1]:5070" as (address, port or None)."""
    if is_ipv6(text):
        return text, None
    if text[:1] == "[":
        quad, _, rest = text[1:].partition("]")
    else:
        quad, colon, port = text.partition(":")
        rest = colon + port
    if not (is_ipv6(quad) if text[:1] == "[" else is_ipv4(quad)):
        raise BadValue(
            f"{text or 'nothing'} is no IP address",
            "write one such as 192.0.2.10, 192.0.2.10:5060 or [2001:db8::1]:5060",
        )
    if not rest:
        return quad, None
    return quad, _at(integer(1, 65535), rest[1:], len(text) - len(rest) + 1)


def network(text):
    """ "192.168.0.0/16", "2001:db8::/32" or one address, as text."""
    host, slash, prefix = text.partition("/")
    if not is_ipv4(host) and not is_ipv6(host):
        raise BadValue(f"{text or 'nothing'} is no network", "write one such as 192.168.0.0/16")
    if slash:
        _at(integer(0, 128 if ":" in host else 32), prefix, len(host) + 1)
    return text


def route(text):
    """ "sip:192.0.2.10;lr", a URI of a proxy as it stands in Route."""
    scheme, colon, rest = text.partition(":")
    if scheme not in ("sip", "sips") or not rest or "@" in rest or "lr" not in rest.split(";")[1:]:
        raise BadValue(f"{text or 'nothing'} is no Route", "write one such as sip:192.0.2.10;lr")
    for piece in rest.split(";")[1:]:
        if not only(piece, LETTERS + DIGITS + "-._~%[]:=+"):
            raise BadValue(f"{piece or 'nothing'} is no parameter", "write sip:192.0.2.10;lr")
    place = rest.split(";")[0]
    name, colon, port = place.partition(":")
    if is_host_name(name):
        if colon:
            _at(integer(1, 65535), port, len(text) - len(rest) + len(name) + 1)
    else:
        _at(address_port, place, len(text) - len(rest))
    return text


def listen(text):
    """SER's `listen`: "udp:192.0.2.1:5060 advertise 203.0.113.7, tls:[::]" as
    ((transport, address, port or None, (address, port or None) or None), ...)."""
    found = []
    place = 0
    advertises = False
    for piece in text.replace(",", " ").split(" "):
        if advertises and piece:
            found[-1] = found[-1][:3] + (_at(address_port, piece, place),)
            advertises = False
        elif piece == "advertise":
            if not found or found[-1][3]:
                raise BadValue("advertise has no address in front", LISTEN, place)
            advertises = True
        elif piece:
            found.append(_at(_listening, piece, place))
        place += len(piece) + 1
    if advertises or not found:
        raise BadValue("an address is missing at the end", LISTEN, len(text))
    if len(found) > MAX_LISTEN:
        raise BadValue(f"{len(found)} addresses", f"write at most {MAX_LISTEN}")
    return tuple(found)


def _listening(piece):
    transport, colon, rest = piece.partition(":")
    if not colon or transport.lower() not in TRANSPORTS:
        raise BadValue(f"{piece} names no transport", LISTEN)
    host, port = _at(address_port, rest, len(transport) + 1)
    return transport.lower(), host, port, None


def port_range(text):
    """ "16384-16783" as (first, last): an even start, at least four ports (two RTP pairs)."""
    first, dash, last = text.partition("-")
    if not dash:
        raise BadValue(f"{text or 'nothing'} is no port range", "write it as 16384-16783")
    low = _at(integer(1024, 65535), first.strip(), 0)
    high = _at(integer(1024, 65535), last.strip(), len(first) + 1)
    if low % 2:
        # RFC 3550 section 11: RTP on an even port, RTCP on the next one
        raise BadValue(f"{low} is odd, RTP takes even ports", f"begin the range at {low + 1}")
    if high - low < 3:
        raise BadValue(f"{low}-{high} has less than 4 ports", f"write at least {low}-{low + 3}")
    return low, high
