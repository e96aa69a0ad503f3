"""SIP URIs: RFC 3261 19.1. Other schemes are kept whole."""

from app.sip.errors import bad
from app.sip.grammar import ALPHANUM, DIGITS, LETTERS, LIST_LIMIT, Params, is_digits

URI_LIMIT = 1024
HEX = DIGITS + "abcdefABCDEF"
UNRESERVED = ALPHANUM + "-_.!~*'()"
# user-unreserved and "#", which telephones dial without escaping it (RFC 3261 25.1 user).
USER = UNRESERVED + "%&=+$,;?/#"
PASSWORD = UNRESERVED + "%&=+$,"
PARAM = UNRESERVED + "%[]/:&+$="
HEADERS = UNRESERVED + "%[]/?:+$&="
OPAQUE = UNRESERVED + "%;/?:@&=+$,#[]"
HOST = ALPHANUM + "-._"
# RFC 3261 19.1.4: in one URI only, these parameters make the two differ.
NEVER_IGNORED = ("user", "ttl", "method", "maddr", "transport")


def without_dot(host):
    """-> str: a host in lower case, without the dot that ends a complete name (RFC 1034 3.1)."""
    host = host.lower()
    return host[:-1] if host[-1:] == "." else host


class Uri:
    """A URI. str(uri) prints it.

    scheme: lower case; "sip" and "sips" have user, password (str | None, escaped as
        received), host (IPv6 without brackets), port (int | None), params (Params) and
        headers (str behind "?", or ""). Any other scheme has `opaque`, the text behind ":".
    """

    def __init__(self, scheme, user, host, port=None, params=None, headers="", password=None,
                 opaque=None):
        self.scheme = scheme
        self.user = user
        self.password = password
        self.host = host
        self.port = port
        self.params = Params() if params is None else params
        self.headers = headers
        self.opaque = opaque

    @property
    def is_sip(self):
        return self.opaque is None

    @property
    def aor(self):
        """-> (user, host): RFC 3261 10.3 step 5: unescaped, without_dot(host), no parameters."""
        user = None if self.user is None else unescape(self.user)
        return user, without_dot(self.host or "")

    def __str__(self):
        if self.opaque is not None:
            return f"{self.scheme}:{self.opaque}"
        text = self.scheme + ":"
        if self.user is not None:
            password = "" if self.password is None else ":" + self.password
            text += self.user + password + "@"
        text += host_port(self.host, self.port) + str(self.params)
        return text + "?" + self.headers if self.headers else text


def host_port(host, port=None):
    """-> str: "host", "host:port" or "[v6]:port"."""
    if ":" in host:
        host = f"[{host}]"
    return host if port is None else f"{host}:{port}"


def parse_host_port(text):
    """-> (host, port | None) of a hostport (RFC 3261 25.1); IPv6 loses its brackets.

    "[2001:db8:::192.0.2.1]" with its colon too many is let through: RFC 3261's own grammar
    asks for it (RFC 5118 4.10); who wants to send there finds that it is no address.
    """
    if text[:1] == "[":
        host, closed, rest = text[1:].partition("]")
        if not closed or ":" not in host or host.strip(HEX + ":."):
            raise bad("malformed IPv6 address")
        if rest and rest[0] != ":":
            raise bad("malformed host")
        colon, port = rest[:1], rest[1:]
    else:
        host, colon, port = text.partition(":")
        if not host or host.strip(HOST):
            raise bad("malformed host")
    return host, parse_port(port) if colon else None


def parse_port(text):
    """-> int in 1..65535."""
    if not is_digits(text) or len(text) > 5 or not 0 < int(text) < 65536:
        raise bad("malformed port")
    return int(text)


def parse_uri(text):
    """-> Uri; ParseError when `text` is no absolute URI."""
    if len(text) > URI_LIMIT:
        raise bad(f"a URI has more than {URI_LIMIT} octets")
    scheme, colon, rest = text.partition(":")
    if not colon or not _is_scheme(scheme) or not rest:
        raise bad("malformed URI")
    scheme = scheme.lower()
    if "%" in rest:
        _check_escapes(rest)
    if scheme != "sip" and scheme != "sips":
        if rest.strip(OPAQUE):
            raise bad("malformed URI")
        return Uri(scheme, None, None, opaque=rest)
    return _parse_sip(scheme, rest)


def _is_scheme(text):
    """-> bool: scheme of RFC 3986 3.1."""
    return bool(text) and text[0] in LETTERS and not text.strip(ALPHANUM + "+-.")


def _parse_sip(scheme, rest):
    userinfo, at, rest = _partition_user(rest)
    user, password = _parse_userinfo(userinfo) if at else (None, None)
    rest, question, headers = rest.partition("?")
    if headers.strip(HEADERS) or (question and not headers):
        raise bad("malformed headers of a URI")
    address, semicolon, params = rest.partition(";")
    host, port = parse_host_port(address)
    params = parse_uri_params(params) if semicolon else None
    return Uri(scheme, user, host, port, params, headers, password)


def _partition_user(rest):
    """The user part may hold ; ? and / but no second @ (RFC 3261 25.1 userinfo)."""
    userinfo, at, host = rest.partition("@")
    if not at:
        return "", "", rest
    if "@" in host:
        raise bad("a URI has more than one @")
    return userinfo, at, host


def _parse_userinfo(text):
    user, colon, password = text.partition(":")
    if not user or user.strip(USER) or password.strip(PASSWORD):
        raise bad("malformed user part of a URI")
    return user, password if colon else None


def parse_uri_params(text):
    """-> Params of the text behind the first ";" of a URI (RFC 3261 25.1 uri-parameters)."""
    if text.count(";") >= LIST_LIMIT:
        raise bad("too many parameters in a URI")
    items = []
    for piece in text.split(";"):
        name, equals, value = piece.partition("=")
        if not name or piece.strip(PARAM) or (equals and not value):
            raise bad("malformed parameter of a URI")
        items.append((name, value if equals else None))
    return Params(items)


def _check_escapes(text):
    for piece in text.split("%")[1:]:
        if len(piece) < 2 or piece[:2].strip(HEX):
            raise bad("malformed escape in a URI")


def unescape(text):
    """-> str without %HH, decoded once (never again: RFC 4475 3.1.1.3)."""
    if "%" not in text:
        return text
    pieces = text.split("%")
    octets = bytearray(pieces[0].encode())
    for piece in pieces[1:]:
        if len(piece) < 2 or piece[:2].strip(HEX):
            octets.extend(b"%" + piece.encode())
            continue
        octets.append(int(piece[:2], 16))
        octets.extend(piece[2:].encode())
    return _decoded(bytes(octets))


def _decoded(data):
    try:
        return data.decode()
    except UnicodeError:
        return "".join([chr(octet) for octet in data])


def escape(text, allowed=USER):
    """-> str with %HH for what `allowed` does not list ("%" itself included)."""
    if "%" not in text and not text.strip(allowed):
        return text
    pieces = []
    for octet in text.encode():
        letter = chr(octet)
        pieces.append(letter if letter in allowed and letter != "%" else f"%{octet:02X}")
    return "".join(pieces)


def _canonical(text):
    """-> str: escapes that need not be undone, the others in upper case (RFC 3261 19.1.4)."""
    if not text or "%" not in text:
        return text
    pieces = text.split("%")
    out = [pieces[0]]
    for piece in pieces[1:]:
        letter = chr(int(piece[:2], 16))
        out.append(letter if letter in UNRESERVED else "%" + piece[:2].upper())
        out.append(piece[2:])
    return "".join(out)


def same_uri(a, b):
    """-> bool: the two Uris are equivalent (RFC 3261 19.1.4)."""
    if a.scheme != b.scheme or a.opaque != b.opaque:
        return False
    if a.opaque is not None:
        return True
    return (
        _canonical(a.user) == _canonical(b.user)
        and _canonical(a.password) == _canonical(b.password)
        and a.host.lower() == b.host.lower()
        and a.port == b.port
        and _same_params(a.params, b.params)
        and _header_set(a.headers) == _header_set(b.headers)
    )


def _param_table(params):
    table = {}
    for name, value in params.items:
        table[_canonical(name).lower()] = (_canonical(value) or "").lower()
    return table


def _same_params(a, b):
    a, b = _param_table(a), _param_table(b)
    for name in NEVER_IGNORED:
        if (name in a) != (name in b):
            return False
    for name in a:
        if name in b and a[name] != b[name]:
            return False
    return True


def _header_set(text):
    if not text:
        return []
    found = []
    for piece in text.split("&"):
        name, _, value = piece.partition("=")
        found.append((_canonical(name).lower(), _canonical(value)))
    return sorted(found)
