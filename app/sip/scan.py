"""Tokenising: where the start line, the headers and the body of a message are.

The one loop over header lines. It is the part that a C twin may replace, so it takes bytes
and returns offsets, and knows nothing of what the headers mean.

Line endings are CRLF only. A bare CR or LF is refused: another element on the path may end a
line there, and would then see a header that we do not (header smuggling). For the same reason
names are compared without case, in their long form and without the blanks that RFC 3261 7.3.1
allows in front of the colon (CVE-2020-28361 was a proxy that did not).
"""

from app.sip.errors import bad
from app.sip.grammar import TOKEN

HEADER_LIMIT = 256  # lines; the memory that one datagram may take is bounded

# RFC 3261 7.3.3, RFC 3515, RFC 3891/3892, RFC 4028, RFC 4474, RFC 6665, RFC 3841
COMPACT = {
    "a": "accept-contact", "b": "referred-by", "c": "content-type", "d": "request-disposition",
    "e": "content-encoding", "f": "from", "i": "call-id", "j": "reject-contact",
    "k": "supported", "l": "content-length", "m": "contact", "n": "identity-info",
    "o": "event", "r": "refer-to", "s": "subject", "t": "to", "u": "allow-events", "v": "via",
    "x": "session-expires", "y": "identity",
}

_TOKEN = TOKEN.encode()
_KNOWN = {}


def _learn():
    """Fills the table of names as devices write them, so that most need no lower()."""
    for name in ("Via", "From", "To", "Call-ID", "CSeq", "Contact", "Max-Forwards", "Route",
                 "Record-Route", "Content-Type", "Content-Length", "Expires", "Allow",
                 "Supported", "Require", "Proxy-Require", "User-Agent", "Server", "Accept",
                 "Authorization", "Proxy-Authorization", "WWW-Authenticate", "Subject",
                 "Proxy-Authenticate", "Event", "Allow-Events", "Warning", "Date"):
        _KNOWN[name.encode()] = name.lower()
        _KNOWN[name.lower().encode()] = name.lower()
    for short in COMPACT:
        _KNOWN[short.encode()] = COMPACT[short]


_learn()


def header_name(name):
    """-> str: the long form in lower case of any spelling of a header's name (str)."""
    name = name.lower()
    return COMPACT.get(name, name)


def _odd_name(raw):
    """-> str: the name in bytes that are not in the table of common spellings."""
    raw = raw.rstrip(b" \t")
    if not raw or raw.strip(_TOKEN):
        raise bad("malformed header name")
    return header_name(raw.decode())


def scan(raw):
    """-> (start, line_end, headers, body, complete) of a datagram in bytes.

    start, line_end: the start line is raw[start:line_end], CRLF included.
    headers: {name: [(start, value, end)]}: the line with its continuation lines is
        raw[start:end], CRLF included; what follows the colon is raw[value:end - 2].
    body: offset behind the empty line. complete: False when that line is missing.
    Raises ParseError.
    """
    start = len(raw) - len(raw.lstrip(b"\r\n"))  # RFC 3261 7.5: CRLFs in front are ignored
    end = raw.find(b"\r\n\r\n", start)
    complete = end >= 0
    if not complete:
        if raw[-2:] != b"\r\n" or start == len(raw):
            raise bad("no empty line behind the headers")
        end = len(raw) - 2
    lines = _lines(raw[start:end])
    line_end = start + len(lines[0]) + 2
    headers = _index(lines, line_end)
    return start, line_end, headers, end + 4 if complete else len(raw), complete


def _lines(head):
    breaks = head.count(b"\r\n")
    if head.count(b"\n") != breaks or head.count(b"\r") != breaks:
        raise bad("a line does not end in CRLF")
    if breaks > HEADER_LIMIT:
        raise bad("too many header lines")
    return head.split(b"\r\n")


def _index(lines, offset):
    """-> {name: [(start, value, end)]} of the lines behind the start line, which is lines[0]."""
    headers = {}
    spans = None
    for place in range(1, len(lines)):
        line = lines[place]
        end = offset + len(line) + 2
        colon = line.find(b":")
        name = _KNOWN.get(line[:colon]) if colon > 0 else None
        if name is None:
            if line[:1] == b" " or line[:1] == b"\t":
                _fold(spans, end)
                offset = end
                continue
            name = _odd_name(line[:colon] if colon > 0 else b"")
        spans = headers.get(name)
        if spans is None:
            spans = headers[name] = []
        spans.append((offset, offset + colon + 1, end))
        offset = end
    return headers


def _fold(spans, end):
    """Extends the last header by a continuation line (RFC 3261 7.3.1)."""
    if spans is None:
        raise bad("a continuation line behind the start line")
    start, value, _ = spans[-1]
    spans[-1] = (start, value, end)
