"""SIP messages in a stream of bytes: RFC 3261 18.3, with the keep-alives of RFC 5626.

    framer = Framer(limit)
    framer.receive(data) -> [(kind, value)]

kinds: MESSAGE, bytes: one whole SIP message. PING, None: a double CRLF, to be answered with
one (RFC 5626 4.4.1). STUN, bytes: one STUN message. BROKEN, (head, code, reason): there is no
telling where the next message begins, so the connection has to end; what comes after is not
looked at. head: the bytes of a request that may be answered with that status first, or None.
"""

from app.sip.errors import ParseError, bad
from app.sip.grammar import TOKEN
from app.sip.message import HEAD_LIMIT
from app.sip.scan import scan
from app.transport import stun

MESSAGE, PING, STUN, BROKEN = "message", "ping", "stun", "broken"

CRLF = b"\r\n"
END = b"\r\n\r\n"
TOKENS = TOKEN.encode()  # what a start line may begin with


class Framer:
    """limit: bytes of the longest message that is taken, whose head is at most HEAD_LIMIT."""

    ready = True  # nothing has to be agreed before messages pass

    def __init__(self, limit):
        self.limit = limit
        self._buffer = b""
        self._searched = 0  # where the end of the head need not be looked for again
        self._whole = 0  # length of the message that the buffer begins with, once it is known
        self._breaks = 0  # CRLFs since the last message or ping
        self._broken = False

    @property
    def partial(self):
        """-> bool: part of a message is there."""
        return bool(self._buffer)

    def receive(self, data):
        """-> [(kind, value)] that these bytes complete."""
        found = []
        if self._broken:
            return found
        self._buffer = self._buffer + data if self._buffer else data
        while self._buffer:
            item = self._next()
            if item is None:
                break
            found.append(item)
        return found

    def wrap(self, message):
        """-> bytes on the wire of a message."""
        return message

    def _next(self):
        """-> (kind, value) at the buffer's start, or None: more is needed."""
        if self._whole:
            return self._take_message()
        if self._buffer[0] < 2:
            return self._take_stun()
        if self._buffer[:1] in CRLF:
            return self._take_break()
        if self._buffer[:1] not in TOKENS:
            return self._break_off(400, "Bad Request")
        return self._measure()

    def _take_break(self):
        if self._buffer[:2] != CRLF:
            return None if self._buffer == b"\r" else self._break_off(400, "Bad Request")
        self._buffer = self._buffer[2:]
        self._breaks += 1
        if self._breaks == 2:
            self._breaks = 0
            return PING, None
        return self._next() if self._buffer else None

    def _take_stun(self):
        length = stun.length(self._buffer)
        if length is None:
            return self._break_off(400, "Bad Request")
        if length == 0 or length > len(self._buffer):
            return None
        return STUN, self._cut(length)

    def _measure(self):
        """Find the end of the message, once its head is there (RFC 3261 18.3)."""
        end = self._buffer.find(END, self._searched)
        if end < 0 and len(self._buffer) <= HEAD_LIMIT:
            self._searched = max(0, len(self._buffer) - len(END) + 1)
            return None
        if end < 0 or end + len(END) > HEAD_LIMIT:
            return self._break_off(513, "Message Too Large")
        body = end + len(END)
        head = self._buffer[:body]
        try:
            self._whole = body + content_length(head)
        except ParseError as error:
            return self._break_off(error.code, error.reason, head)
        if self._whole > self.limit:
            return self._break_off(513, "Message Too Large", head)
        return self._take_message()

    def _take_message(self):
        if len(self._buffer) < self._whole:
            return None
        return MESSAGE, self._cut(self._whole)

    def _cut(self, length):
        taken = self._buffer[:length]
        self._buffer = self._buffer[length:]
        self._searched = self._whole = self._breaks = 0
        return taken

    def _break_off(self, code, reason, head=None):
        """-> (BROKEN, ...); nothing is looked at from now on."""
        self._broken = True
        self._buffer = b""
        return BROKEN, (head, code, reason)


def content_length(head):
    """-> int: the bytes behind a head that ends in an empty line. Raises ParseError.

    A stream has nothing else to tell messages apart, so the header has to be there
    (RFC 3261 20.14), once, and be a number.
    """
    _, _, spans, _, _ = scan(head)
    spans = spans.get("content-length")
    if spans is None:
        raise bad("no Content-Length")
    if len(spans) > 1:
        raise bad("more than one Content-Length")
    text = head[spans[0][1] : spans[0][2]].strip(b" \t\r\n")
    if not text or text.strip(b"0123456789"):
        raise bad("Content-Length is not a number")
    digits = text.lstrip(b"0")
    if len(digits) > 9:
        raise ParseError(513, "Message Too Large")
    return int((digits or b"0").decode())
