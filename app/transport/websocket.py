"""The server's side of a WebSocket (RFC 6455) that carries SIP (RFC 7118).

    socket = WebSocket(limit, sha1, origins)
    socket.receive(data) -> [(kind, value)]         # bytes of the connection
    socket.wrap(message) -> bytes                   # one SIP message as one frame

kinds: MESSAGE, bytes: one SIP message. PING, None: a double CRLF in a message. SEND, bytes: to
be sent as they are. END, bytes: the same, and then the connection has to end.
"""

from app.transport import http
from app.transport.framing import MESSAGE, PING

SEND, END = "send", "end"

CONTINUATION, TEXT, BINARY, CLOSE, PING_FRAME, PONG_FRAME = 0, 1, 2, 8, 9, 10
LAST = 0x80  # FIN
CONTROL_LIMIT = 125  # bytes of a control frame (RFC 6455 5.5)
# Status codes of RFC 6455 7.4.1.
NORMAL, PROTOCOL_ERROR, NOT_TEXT, TOO_BIG = 1000, 1002, 1007, 1009
HEAD_END = b"\r\n\r\n"
METHODS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # what they begin with


class _Close(Exception):
    """The other side breaks the rules; its argument is the status code."""


class WebSocket:
    """limit: bytes of the longest message that is taken; sha1, origins: see http.upgrade."""

    def __init__(self, limit, sha1, origins=()):
        self.limit = limit
        self.ready = False  # the handshake is done
        self._sha1 = sha1
        self._origins = origins
        self._buffer = b""
        self._pieces = []  # of a fragmented message
        self._length = 0  # of these
        self._kind = None  # of the message that they are of: TEXT or BINARY
        self._over = False

    @property
    def partial(self):
        """-> bool: part of a message, a frame or a request is there."""
        return bool(self._buffer or self._kind)

    def receive(self, data):
        """-> [(kind, value)] that these bytes complete."""
        found = []
        if self._over:
            return found
        self._buffer = self._buffer + data if self._buffer else data
        try:
            if not self.ready:
                self._shake_hands(found)
            while self.ready and self._buffer and not self._over and self._frame(found):
                pass
        except http.Refused as refused:
            self._end(found, refused.response())
        except _Close as close:
            self._end(found, close_frame(close.args[0]))
        return found

    def wrap(self, message):
        """-> bytes of the frame: text where the message is UTF-8, else binary (RFC 7118 5)."""
        return frame(TEXT if is_text(message) else BINARY, message)

    def _end(self, found, answer):
        found.append((END, answer))
        self._over = True
        self._buffer = b""
        self._pieces = []
        self._kind = None

    def _shake_hands(self, found):
        if self._buffer[:1] not in METHODS:  # a TLS handshake on this port is told at once
            raise http.Refused(400)
        end = self._buffer.find(HEAD_END)
        if end > http.HEAD_LIMIT or (end < 0 and len(self._buffer) > http.HEAD_LIMIT + 3):
            raise http.Refused(431)
        if end < 0:
            return
        answer = http.upgrade(self._buffer[: end + 2], self._sha1, self._origins)
        self._buffer = self._buffer[end + len(HEAD_END) :]
        self.ready = True
        found.append((SEND, answer))

    def _frame(self, found):
        """Take one frame (RFC 6455 5.2). -> bool: it was there whole."""
        size, start = self._sizes()
        if size is None or len(self._buffer) < start + size:
            return False
        first = self._buffer[0]
        payload = unmask(self._buffer[start : start + size], self._buffer[start - 4 : start])
        self._buffer = self._buffer[start + size :]
        if first & 0x0F >= CLOSE:
            self._take_control(first & 0x0F, payload, found)
        else:
            self._take_data(first, payload, found)
        return True

    def _sizes(self):
        """-> (payload's length, offset) of the first frame; (None, 0): more is needed.

        What breaks the rules is told before its payload is waited for.
        """
        data = self._buffer
        first, second = data[0], data[1] if len(data) > 1 else 0x80
        kind = first & 0x0F
        if first & 0x70 or kind not in (CONTINUATION, TEXT, BINARY, CLOSE, PING_FRAME, PONG_FRAME):
            raise _Close(PROTOCOL_ERROR)
        if not second & 0x80:  # a client masks (5.1)
            raise _Close(PROTOCOL_ERROR)
        size, width = second & 0x7F, 0
        if kind >= CLOSE and (not first & LAST or size > CONTROL_LIMIT):
            raise _Close(PROTOCOL_ERROR)
        if kind < CLOSE and (kind == CONTINUATION) != (self._kind is not None):
            raise _Close(PROTOCOL_ERROR)
        if size > 125:
            width = 2 if size == 126 else 8
            if len(data) < 2 + width:
                return None, 0
            size = _number(data[2 : 2 + width])
            if size < (126 if width == 2 else 65536) or size >> 63:  # the shortest way (5.2)
                raise _Close(PROTOCOL_ERROR)
        if kind < CLOSE and self._length + size > self.limit:
            raise _Close(TOO_BIG)
        if len(data) < 2 + width + 4:
            return None, 0
        return size, 2 + width + 4

    def _take_control(self, kind, payload, found):
        if kind == PING_FRAME:
            found.append((SEND, frame(PONG_FRAME, payload)))
        elif kind == CLOSE:
            if len(payload) == 1 or not is_text(payload[2:]):
                raise _Close(PROTOCOL_ERROR)
            self._end(found, close_frame(_number(payload[:2]) if payload else NORMAL))

    def _take_data(self, first, payload, found):
        if first & 0x0F:
            self._kind = first & 0x0F
        self._pieces.append(payload)
        self._length += len(payload)
        # pieces without end cost more than the bytes in them
        if len(self._pieces) > 64:
            self._pieces = [b"".join(self._pieces)]
        if not first & LAST:
            return
        message = b"".join(self._pieces)
        text = self._kind == TEXT
        self._pieces, self._length, self._kind = [], 0, None
        if text and not is_text(message):
            raise _Close(NOT_TEXT)
        if message.strip(b"\r\n"):
            found.append((MESSAGE, message))
        elif message == HEAD_END:
            found.append((PING, None))


def frame(kind, payload):
    """-> bytes of one frame of a server, unmasked."""
    size = len(payload)
    if size < 126:
        head = bytes([LAST | kind, size])
    elif size < 65536:
        head = bytes([LAST | kind, 126, size >> 8, size & 0xFF])
    else:
        head = bytes([LAST | kind, 127, 0, 0, 0, 0, size >> 24, size >> 16 & 255,
                      size >> 8 & 255, size & 255])  # fmt: skip
    return head + payload


def close_frame(code):
    """-> bytes: the frame that ends a WebSocket."""
    return frame(CLOSE, bytes([code >> 8, code & 0xFF]))


def unmask(payload, mask):
    """-> bytes: each octet of the payload xor the mask's (5.3), as one large number."""
    size = len(payload)
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "little")
    return (int.from_bytes(payload, "little") ^ key).to_bytes(size, "little")


def is_text(data):
    """-> bool: UTF-8 (RFC 3629)."""
    try:
        data.decode()
        return True
    except UnicodeError:
        return False


def _number(octets):
    number = 0
    for octet in octets:
        number = number << 8 | octet
    return number
