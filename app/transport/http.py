"""The HTTP that a WebSocket begins with: RFC 6455 4.2 with RFC 7118, and errors for all else."""

from binascii import b2a_base64

from app.sip.grammar import TOKEN

HEAD_LIMIT = 8192  # bytes of a request: cookies and tokens of a browser are in it
LINE_LIMIT = 64
KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3
VERSION = "13"
SUBPROTOCOL = "sip"  # RFC 7118 4

REASONS = {
    400: "Bad Request", 403: "Forbidden", 405: "Method Not Allowed", 413: "Content Too Large",
    426: "Upgrade Required", 431: "Request Header Fields Too Large",
    505: "HTTP Version Not Supported",
}  # fmt: skip
# RFC 9110 7.8 and 15.5.22: what a 426 asks for.
UPGRADE = ("Upgrade: websocket", "Sec-WebSocket-Version: " + VERSION)


class Refused(Exception):
    """A request that gets an HTTP status instead of a WebSocket."""

    def __init__(self, code, headers=()):
        super().__init__(code)
        self.code = code
        self.headers = headers

    def response(self):
        """-> bytes; the connection ends behind it."""
        lines = [f"HTTP/1.1 {self.code} {REASONS[self.code]}"]
        lines.extend(self.headers)
        upgrade = "Upgrade, " if self.code == 426 else ""
        lines += [f"Connection: {upgrade}close", "Content-Length: 0", "", ""]
        return "\r\n".join(lines).encode()


def upgrade(head, sha1, origins=()):
    """-> bytes: the 101 to a request whose head is given up to its empty line.

    sha1(data) -> 20 bytes. origins: whose pages may connect, in lower case; (): anybody's,
    and programs, which send no Origin, always. Raises Refused.
    """
    method, version, headers = _parse(head)
    if method != "GET":
        raise Refused(405, ("Allow: GET",))
    if version != "HTTP/1.1":
        raise Refused(505)
    if not _has(headers, "upgrade", "websocket") or not _has(headers, "connection", "upgrade"):
        raise Refused(426, UPGRADE)
    if headers.get("sec-websocket-version") != [VERSION]:
        raise Refused(426, UPGRADE)
    key = headers.get("sec-websocket-key", [""])
    if "host" not in headers or len(key) != 1 or not _is_key(key[0]):
        raise Refused(400)
    if headers.get("content-length", ["0"]) != ["0"] or "transfer-encoding" in headers:
        raise Refused(413)
    origin = headers.get("origin", [""])
    if origins and origin != [""] and (len(origin) > 1 or origin[0].lower() not in origins):
        raise Refused(403)
    if not _has(headers, "sec-websocket-protocol", SUBPROTOCOL):
        raise Refused(400)
    accept = b2a_base64(sha1(key[0].encode() + KEY)).strip().decode()
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Accept: {accept}", "Sec-WebSocket-Protocol: " + SUBPROTOCOL]
    return "\r\n".join(lines + ["", ""]).encode()


def _parse(head):
    """-> (method, version, {name: [value]}) of a request's head (RFC 9112). Raises Refused."""
    if head.count(b"\n") != head.count(b"\r\n") or head.count(b"\r") != head.count(b"\r\n"):
        raise Refused(400)
    try:
        lines = head.decode().split("\r\n")
    except UnicodeError:
        raise Refused(400)
    words = lines[0].split(" ")
    if len(words) != 3 or words[2][:5] != "HTTP/" or not _is_token(words[0]) or not words[1]:
        raise Refused(400)
    if len(lines) > LINE_LIMIT:
        raise Refused(431)
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not line:
            continue
        # a blank before the colon, or a folded line, hides a header (RFC 9112 5.1)
        if not colon or not _is_token(name):
            raise Refused(400)
        headers.setdefault(name.lower(), []).append(value.strip(" \t"))
    return words[0], words[2], headers


def _is_token(text):
    return bool(text) and not text.strip(TOKEN)


def _has(headers, name, wanted):
    """-> bool: a comma list has that word, in whatever case."""
    for value in headers.get(name, ()):
        for word in value.split(","):
            if word.strip(" \t").lower() == wanted:
                return True
    return False


def _is_key(text):
    """-> bool: 16 bytes in base64 (RFC 6455 4.2.1)."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return len(text) == 24 and text[22:] == "==" and not text[:22].strip(letters)
