"""Edits over received bytes, as SER's lumps: what is not edited is forwarded as it came.

An edit belongs to one header line of the message, known by its offset: the line stands for a
list of replacing lines. Lines pushed in front of the first header of their kind are part of
that header's list, so later edits see them.
"""

from app.sip.errors import bad
from app.sip.grammar import PRINTABLE, list_spans, to_text
from app.sip.message import LISTS
from app.sip.scan import header_name


class Edits:
    """The changes that one branch makes to a message. Values are str, unfolded.

    A value with a line break raises ParseError: it would be a header of somebody else's making.
    """

    def __init__(self, message):
        self.message = message
        self._uri = None
        self._status = None  # status line of a response
        self._lines = {}  # offset of a received line -> [(name, bytes with CRLF)], see _lines_at
        self._ends = {}  # the same offset -> end of the received octets that those lines replace
        self._tail = []  # lines behind the last header
        self._body = None
        if message.stamped:
            self.replace("via", 0, str(message.via))

    def copy(self):
        """-> Edits of the same message that go on from here independently."""
        other = Edits(self.message)
        other._uri = self._uri
        other._status = self._status
        other._lines = {offset: list(self._lines[offset]) for offset in self._lines}
        other._ends = dict(self._ends)
        other._tail = list(self._tail)
        other._body = self._body
        return other

    def set_uri(self, uri):
        """The Request-URI, as str."""
        if not uri or uri.strip(PRINTABLE):
            raise bad("malformed Request-URI")
        self._uri = uri.encode()

    def push(self, name, value):
        """A header line in front of the others of its name, or of all headers."""
        key = header_name(name)
        entry = (key, _line(name, value))
        places = self._places(key)
        lines, place = places[0] if places else (self._lines_at(self.message.line_end), 0)
        lines.insert(place, entry)

    def append(self, name, value):
        """A header line behind all others."""
        self._tail.append((header_name(name), _line(name, value)))

    def pop(self, name):
        """Removes the first value of a header: a line, or the first of its comma list."""
        self._change(name, 0, None)

    def replace(self, name, index, value):
        """Replaces the index-th value (from 0) of a header, counted over lines and comma lists."""
        self._change(name, index, _checked(value))

    def set(self, name, value):
        """The only value of a header: in the place of the first one, or behind all headers."""
        key = header_name(name)
        first = True
        for lines, place in self._places(key):
            lines[place] = (key, _line(name, value) if first else b"")
            first = False
        if first:
            self.append(name, value)

    def remove(self, name):
        """Removes every value of a header. -> bool: there was one."""
        key = header_name(name)
        found = self._places(key)
        for lines, place in found:
            lines[place] = (key, b"")
        return bool(found)

    def remove_value(self, name, index):
        """Removes the index-th value (from 0) of a header, counted over lines and comma lists."""
        self._change(name, index, None)

    def values(self, name):
        """-> [str]: every value of a header as it stands now, comma lists split."""
        key = header_name(name)
        found = []
        for lines, place in self._places(key):
            line = lines[place][1]
            for start, end in _values(key, line):
                text = line[start:end].replace(b"\r\n", b" ")
                found.append(to_text(text.strip(b" \t")))
        return found

    def set_status(self, code, reason):
        """The status of a response."""
        self._status = f"SIP/2.0 {code} {_checked(reason)}\r\n".encode()

    def set_body(self, body):
        """The body in bytes, with its Content-Length."""
        self._body = body
        self.set("Content-Length", str(len(body)))

    def set_length(self):
        """Says how long the body is where nothing does: on a stream it must (RFC 3261 18.3)."""
        if not self.values("content-length"):
            self.set("Content-Length", str(len(self.body())))

    def body(self):
        """-> bytes of the body as it stands now."""
        return self.message.body if self._body is None else self._body

    def to_bytes(self):
        """-> bytes of the edited message, without octets behind its Content-Length."""
        message = self.message
        raw = message.raw
        pieces = [self._start_line()]
        at = message.line_end
        for offset in sorted(self._lines):
            pieces.append(raw[at:offset])
            pieces.extend([line for _, line in self._lines[offset]])
            at = self._ends[offset]
        pieces.append(raw[at : message.body_start - 2])
        pieces.extend([line for _, line in self._tail])
        pieces.append(b"\r\n")
        pieces.append(self.body())
        return b"".join(pieces)

    def _start_line(self):
        message = self.message
        if self._status is not None:
            return self._status
        if self._uri is None:
            return message.raw[message.start : message.line_end]
        head = message.raw[message.start : message.uri_start]
        return head + self._uri + message.raw[message.uri_end : message.line_end]

    def _lines_at(self, offset):
        """-> the list of lines in front of (once taken: in the stead of) a received line."""
        if offset not in self._lines:
            self._lines[offset] = []
            self._ends[offset] = offset
        return self._lines[offset]

    def _take(self, key, span):
        """Makes a received line ours to change."""
        start, _, end = span
        lines = self._lines_at(start)
        if self._ends[start] == start:
            lines.append((key, self.message.raw[start:end]))
            self._ends[start] = end

    def _places(self, key):
        """-> [(list, place)] of every present line of a header, in order; the lists are ours."""
        for span in self.message.spans.get(key, ()):
            self._take(key, span)
        lists = [self._lines[offset] for offset in sorted(self._lines)]
        lists.append(self._tail)
        found = []
        for lines in lists:
            for place in range(len(lines)):
                if lines[place][0] == key and lines[place][1]:
                    found.append((lines, place))
        return found

    def _change(self, name, index, value):
        """Replaces the index-th value of a header, or removes it (None)."""
        key = header_name(name)
        for lines, place in self._places(key):
            line = lines[place][1]
            count = len(_values(key, line))
            if index < count:
                lines[place] = (key, changed_line(key, line, index, value))
                return
            index -= count
        raise bad(f"no such {key} header")


def _checked(value):
    if "\r" in value or "\n" in value:
        raise bad("a line break in a header value")
    return value


def _line(name, value):
    return f"{name}: {_checked(value)}\r\n".encode()


def _values(key, line):
    """-> [(start, end)]: where the values of a header line are in it, CRLF left out."""
    start = line.find(b":") + 1
    if key in LISTS and b"," in line:
        return [(start + first, start + last) for first, last in list_spans(line[start:-2])]
    return [(start, len(line) - 2)]


def changed_line(key, line, index, value):
    """-> bytes: a header line with its index-th value replaced, or removed (None).

    A value goes with its comma; the last value of a line goes with the line. key: the header's
    long name in lower case; the line ends in CRLF.
    """
    values = _values(key, line)
    start, end = values[index]
    if value is not None:
        blank = b" " if line[start - 1 : start] == b":" else b""
        return line[:start] + blank + value.encode() + line[end:]
    if len(values) == 1:
        return b""
    if index + 1 < len(values):
        return line[:start] + line[values[index + 1][0] :]
    return line[: values[index - 1][1]] + b"\r\n"
