"""Messages: lazy views of the received bytes. parse() finds lines, accessors read values."""

from app.sip.errors import ParseError, bad
from app.sip.grammar import LIST_LIMIT, is_digits, is_token, split_list, to_text
from app.sip.headers import parse_cseq, parse_max_forwards, parse_name_addr, parse_via
from app.sip.scan import header_name, scan

# Headers whose grammar is a comma list; in others a comma is part of the value
# (RFC 3261 7.3.1, 25.1; RFC 3325, 3327, 3608, 5806, 7044).
LISTS = {
    name: True
    for name in (
        "accept", "accept-contact", "accept-encoding", "accept-language", "alert-info", "allow",
        "allow-events", "call-info", "contact", "content-encoding", "content-language",
        "diversion", "error-info", "history-info", "in-reply-to", "p-asserted-identity",
        "p-preferred-identity", "path", "proxy-require", "record-route", "reject-contact",
        "require", "route", "service-route", "supported", "unsupported", "via", "warning",
    )
}

MANY = 48  # header lines: twice what telephones write
# What is still looked at in a request that was sent on: its answers are made of these, and the
# last one is set anew for each of its branches.
LASTING = ("via", "from", "to", "call-id", "cseq", "record-route", "timestamp", "content-type",
           "max-breadth")  # fmt: skip

HEAD_LIMIT = 16384  # octets up to the body: what one datagram may cost before it is answered


class Message:
    """What requests and responses share.

    raw: the received bytes, never changed. start, line_end, body_start, body_end: offsets in
    them of the start line (CRLF included) and of the body. spans: see scan.scan. Accessors
    may raise ParseError; behind check.check(msg) is None they do not.
    """

    is_request = False

    def __init__(self, raw, start, line_end, spans, body_start):
        self.raw = raw
        self.start = start
        self.line_end = line_end
        self.spans = spans
        self.body_start = body_start
        self.body_end = len(raw)
        self.stamped = False
        self.proven_with = None  # (nonce, count) of the credentials that were right, if any
        self._cache = {}

    def value(self, span):
        """-> str: the unfolded value of one header line, span as in self.spans."""
        data = self.raw[span[1] : span[2] - 2]
        if b"\r\n" in data:
            data = b" ".join([line.strip(b" \t") for line in data.split(b"\r\n")])
        return to_text(data.strip(b" \t"))

    def header(self, name):
        """-> str | None: the first value; of a comma list its first."""
        spans = self.spans.get(name) or self.spans.get(header_name(name))
        if not spans:
            return None
        text = self.value(spans[0])
        if "," in text and header_name(name) in LISTS:
            values = split_list(text)
            return values[0] if values else ""
        return text

    def headers(self, name):
        """-> [str]: every value in order, comma lists split where the header is a list."""
        name = header_name(name)
        values = []
        for span in self.spans.get(name, ()):
            text = self.value(span)
            if name in LISTS:
                values.extend(split_list(text))
            else:
                values.append(text)
            if len(values) > LIST_LIMIT:
                raise bad(f"too many {name} values")
        return values

    def _parsed(self, name, parser):
        if name not in self._cache:
            text = self.header(name)
            if text is None:
                raise bad(f"no {name} header")
            self._cache[name] = parser(text)
        return self._cache[name]

    @property
    def via(self):
        """-> Via: the topmost."""
        return self._parsed("via", parse_via)

    @property
    def from_(self):
        return self._parsed("from", parse_name_addr)

    @property
    def to(self):
        return self._parsed("to", parse_name_addr)

    @property
    def cseq(self):
        """-> CSeq(number, method)."""
        return self._parsed("cseq", parse_cseq)

    @property
    def call_id(self):
        return self._parsed("call-id", str)

    @property
    def max_forwards(self):
        """-> int | None."""
        if "max-forwards" not in self.spans:
            return None
        return self._parsed("max-forwards", parse_max_forwards)

    @property
    def body(self):
        return self.raw[self.body_start : self.body_end]

    def shrink(self):
        """Of a message of many lines, forgets where those are that no answer is made of.

        200 short lines take 40 KB of memory as spans, six times what they take as octets.
        """
        if sum([len(self.spans[name]) for name in self.spans]) > MANY:
            kept = [name for name in LASTING if name in self.spans]
            self.spans = {name: self.spans[name] for name in kept}

    def settle(self):
        """Forgets all that can be found again, but where the headers of answers are."""
        kept = [name for name in LASTING if name in self.spans]
        self.spans = {name: self.spans[name] for name in kept}
        self._cache = {"via": self.via} if self.stamped else {}

    def restore(self):
        """Finds again what shrink() has forgotten."""
        self.spans = scan(self.raw)[2]

    def mark_received(self, host, port):
        """Notes in the top Via where the message came from (Via.mark_received).

        raw keeps the received bytes: Edits and build.response write the Via as marked.
        """
        if self.via.mark_received(host, port):
            self.stamped = True


class Request(Message):
    """method, uri: str as received; uri_start, uri_end: where the Request-URI is in raw."""

    is_request = True
    method = uri = version = None
    uri_start = uri_end = 0


class Response(Message):
    """status: int in 100..699; reason: str, may be empty."""

    status = reason = None


def parse(data):
    """-> Request | Response of one datagram in bytes. Raises ParseError and nothing else.

    Reads the start line, the lines' names and Content-Length. What the headers hold is not
    looked at: that is for check.check and the accessors. Octets behind Content-Length are no
    part of the message (RFC 3261 18.3): no accessor shows them, no edit forwards them.
    """
    start, line_end, spans, body, complete = scan(data)
    line = data[start : line_end - 2]
    answerable = None
    try:
        if line[:4].upper() == b"SIP/":
            message = Response(data, start, line_end, spans, body)
            _status_line(message, line)
        else:
            message = Request(data, start, line_end, spans, body)
            if b" SIP/" in line.upper() and line[:4] != b"ACK ":
                answerable = message
            _request_line(message, line)
        if body - start > HEAD_LIMIT:
            raise ParseError(513, "Message Too Large")
        if not complete:
            raise bad("no empty line behind the headers")
        _frame(message)
    except ParseError as error:
        error.message = answerable
        raise
    return message


def _status_line(message, line):
    """RFC 3261 7.2; a reason that is missing with its blank is let through."""
    words = line.split(b" ", 2)
    status = words[1] if len(words) > 1 else b""
    if words[0].upper() != b"SIP/2.0" or len(status) != 3 or not is_digits(to_text(status)):
        raise bad("malformed status line")
    message.status = int(status)
    if not 100 <= message.status <= 699:
        raise bad("status outside of 100 to 699")
    message.reason = to_text(words[2]) if len(words) > 2 else ""


def _request_line(message, line):
    """RFC 3261 7.1: three words and two blanks, nothing else."""
    words = line.split(b" ")
    method = to_text(words[0])
    if len(words) != 3 or not is_token(method) or not words[1]:
        raise bad("malformed request line")
    if words[2][:4].upper() != b"SIP/":
        raise bad("malformed version")
    message.method = method
    message.uri = to_text(words[1])
    message.version = to_text(words[2]).upper()
    message.uri_start = message.start + len(words[0]) + 1
    message.uri_end = message.uri_start + len(words[1])


def _frame(message):
    """Finds the body's end: Content-Length, else the datagram's (RFC 3261 18.3)."""
    spans = message.spans.get("content-length")
    if spans is None:
        return
    if len(spans) > 1:
        raise bad("more than one Content-Length")
    text = message.value(spans[0])
    digits = text.lstrip("0") if is_digits(text) else None
    if digits is None:
        raise bad("Content-Length is not a number")
    length = int(digits or "0") if len(digits) < 10 else len(message.raw) + 1
    if message.body_start + length > len(message.raw):
        raise bad("Content-Length exceeds the datagram")
    message.body_end = message.body_start + length
