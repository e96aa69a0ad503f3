"""Session descriptions (RFC 4566 with RFC 3264) as views of the received octets.

Read: where media goes. Change: addresses, ports and a=rtcp, in the lines where they stand.
Everything else is passed on as it came, unknown attributes and odd order included.
"""

from app.sip.errors import bad
from app.sip.grammar import BLANKS, is_digits, number, to_text, unquote, words
from app.sip.headers import parse_params

LINE_LIMIT = 512
PART_LIMIT = 16  # of a multipart body; what lies behind is not looked at
PAYLOAD_LIMIT = 32  # a=rtpmap of an m= line
MEDIA_LIMIT = 16  # m= lines; a call has one to three
DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
# Payload types that need no a=rtpmap (RFC 3551 6): name and RTP clock in Hz. G722's is 8000 there.
STATIC_PAYLOADS = {
    "0": ("PCMU", 8000), "3": ("GSM", 8000), "4": ("G723", 8000), "8": ("PCMA", 8000),
    "9": ("G722", 8000), "15": ("G728", 8000), "18": ("G729", 8000), "26": ("JPEG", 90000),
    "31": ("H261", 90000), "34": ("H263", 90000),
}  # fmt: skip
EVENTS = ("telephone-event", "cn", "red")  # travel beside speech, and say nothing of its clock
HELD_ADDRESSES = ("0.0.0.0", "::")  # RFC 3264 8.4: hold as RFC 2543 had it


class Media:
    """One m= section.

    kind "audio", port (0: rejected or removed, RFC 3264 6), count (RFC 4566 5.14 "port/count"),
    proto "RTP/AVP", formats [str]; connection: address as str | None, its own (then
    has_connection) or the session's;
    direction: one of DIRECTIONS; rtcp: port of RTCP (int | None when there is none),
    rtcp_address: where it is not the connection's (str | None);
    payloads: {format: (encoding name, RTP clock in Hz)} of a=rtpmap.
    """

    def __init__(self, line):
        pieces = _text(line).split(" ")  # one blank each, RFC 4566 9
        if len(pieces) < 4 or not pieces[0] or not pieces[2]:
            raise bad("malformed m= line in SDP")
        self.kind = pieces[0]
        port, slash, count = pieces[1].partition("/")
        self.port = number(port, 65535, "the port of an m= line in SDP")
        self.count = number(count, 65535, "the count of an m= line in SDP") if slash else 1
        self.proto = pieces[2]
        self.formats = [word for word in pieces[3:] if word]
        self.connection = None
        self.has_connection = False
        self.direction = None
        self.payloads = {}
        self.rtcp_address = None
        self.rtcp_mux = False
        self._rtcp = None
        self.first = 0  # lines[first:last] of the Sdp: from m= to the next m=
        self.last = 0

    @property
    def rtcp(self):
        """-> int | None: RFC 3605, else the port above (RFC 3550 11), None when rejected."""
        if not self.port:
            return None
        if self._rtcp is not None:
            return self._rtcp
        return self.port + 1 if self.port < 65535 else None

    @property
    def codec(self):
        """-> (encoding name, RTP clock in Hz) of the preferred format, None if it is unknown.

        Of an answer that is what will be sent (RFC 3264 6.1).
        """
        for name in self.formats:
            found = self.payloads.get(name) or STATIC_PAYLOADS.get(name)
            if found and found[0].lower() not in EVENTS:
                return found
        return None

    @property
    def is_rtp(self):
        """-> bool: RTP/AVP, RTP/SAVPF, UDP/TLS/RTP/SAVP and the like."""
        return "RTP/" in self.proto

    @property
    def is_held(self):
        """-> bool: the peer does not want to receive (RFC 3264 8.4, old and new way)."""
        return self.direction in ("sendonly", "inactive") or self.connection in HELD_ADDRESSES


class Sdp:
    """A description. `lines`: [bytes], line ends as received; to_bytes() joins them.

    connection: address of the session's c= line (str | None); origin: address of o=;
    direction: the session's; media: [Media].
    """

    def __init__(self, data):
        self.lines = _split(data)
        self.connection = None
        self.origin = None
        self.direction = "sendrecv"
        self.media = []
        self._read()

    def to_bytes(self):
        return b"".join(self.lines)

    def connections(self):
        """-> [str]: the addresses that media of this description names, each once."""
        found = []
        for address in [self.connection] + [media.connection for media in self.media]:
            if address and address not in found:
                found.append(address)
        return found

    def _read(self):
        if self.lines[0][:2] != b"v=":
            raise bad("SDP does not begin with v=")
        media = None
        for place, line in enumerate(self.lines):
            kind = line[:2]
            if kind == b"m=":
                media = Media(line)
                media.first = place
                self.media.append(media)
                if len(self.media) > MEDIA_LIMIT:
                    raise bad("SDP has too many m= lines")
            elif kind == b"c=":
                self._read_connection(media, line)
            elif kind == b"a=":
                self._read_attribute(media, line)
            elif kind == b"o=":
                self.origin = _address(line, 3)
            if media:
                media.last = place + 1
        for media in self.media:
            media.has_connection = media.connection is not None
            media.connection = media.connection or self.connection
            media.direction = media.direction or self.direction

    def _read_connection(self, media, line):
        holder = media or self
        if holder.connection:
            # RFC 4566 5.7 has them for multicast alone; one reader takes the first, one the last.
            raise bad("two c= lines in one part of SDP")
        holder.connection = _address(line, 0)

    def _read_attribute(self, media, line):
        name, _, value = _text(line).partition(":")
        if name in DIRECTIONS:
            (media or self).direction = name
        elif media and name == "rtcp":
            pieces = words(value)
            media._rtcp = number(pieces[0] if pieces else "", 65535, "the port of a=rtcp in SDP")
            media.rtcp_address = pieces[3] if len(pieces) > 3 else None
        elif media and name == "rtcp-mux":
            media.rtcp_mux = True
        elif media and name == "rtpmap":
            _read_rtpmap(media, value)

    def set_connection(self, address, media=None):
        """Puts an address into the session's c= (None) or a Media's.

        A Media that needs one and has none gets a line of its own; the session does not.
        """
        first, last = self._part(media)
        found = False
        for place in range(first, last):
            if self.lines[place][:2] == b"c=":
                self.lines[place] = _connection_line(address, _ending(self.lines[place]))
                found = True
                break
        if media:
            if not found and self.connection != address:
                self._insert_connection(address, media)
            media.connection = address
        elif found:
            self.connection = address
            for other in self.media:
                other.connection = other.connection if other.has_connection else address

    def _insert_connection(self, address, media):
        """RFC 4566 5: c= stands behind m= and i=."""
        place = media.first + 1
        if place < media.last and self.lines[place][:2] == b"i=":
            place += 1
        self._insert(place, _connection_line(address, _ending(self.lines[media.first])), media)
        media.has_connection = True

    def remove(self, attribute, media):
        """Removes every a= line of that name from a Media ("candidate", "ice-ufrag")."""
        name = b"a=" + attribute.encode()
        for place in range(media.last - 1, media.first, -1):
            if self.lines[place].rstrip(b" \t\r\n").partition(b":")[0] == name:
                self.lines.pop(place)
                self._shift(media, -1)

    def set_origin(self, address):
        """Puts an address into o= (RFC 3264 8 wants the rest of it unchanged)."""
        for place, line in enumerate(self.lines):
            if line[:2] == b"o=":
                pieces = words(_text(line))
                pieces[4:] = [_family(address), address]
                self.lines[place] = b"o=" + " ".join(pieces).encode() + _ending(line)
                self.origin = address
                return

    def set_port(self, media, port):
        """Puts a port (0: rejected) into an m= line; "port/count" loses its count."""
        line = self.lines[media.first]
        head, _, rest = line.partition(b" ")
        rest = rest.partition(b" ")[2]
        self.lines[media.first] = head + f" {port} ".encode() + rest
        media.port = port
        media.count = 1

    def set_rtcp(self, media, port):
        """Makes a=rtcp (RFC 3605) name `port`, or nothing when it is the one above RTP's.

        An attribute that the peer wrote is kept and changed; None takes it away.
        """
        if port is None:
            self.remove("rtcp", media)
        else:
            self._write_rtcp(media, port)
        media._rtcp = port
        media.rtcp_address = None

    def _write_rtcp(self, media, port):
        line = f"a=rtcp:{port}".encode()
        for place in range(media.first, media.last):
            if self.lines[place][:7] == b"a=rtcp:":
                self.lines[place] = line + _ending(self.lines[place])
                return
        if port != media.port + 1:
            self._insert(media.last, line + _ending(self.lines[media.first]), media)

    def _part(self, media):
        if media:
            return media.first, media.last
        return 0, self.media[0].first if self.media else len(self.lines)

    def _insert(self, place, line, media):
        if place == len(self.lines) and not self.lines[-1].endswith(b"\n"):
            self.lines[-1] = self.lines[-1].rstrip(b"\r") + b"\r\n"
        self.lines.insert(place, line)
        self._shift(media, 1)

    def _shift(self, media, count):
        media.last += count
        for other in self.media:
            if other.first > media.first:
                other.first += count
                other.last += count


def _read_rtpmap(media, value):
    """RFC 4566 6: "96 opus/48000/2". For figures alone, so a malformed one counts as none."""
    pieces = words(value)
    name, _, rate = (pieces[1] if len(pieces) > 1 else "").partition("/")
    rate = rate.partition("/")[0]
    if name and is_digits(rate) and len(rate) <= 6 and len(media.payloads) < PAYLOAD_LIMIT:
        media.payloads[pieces[0]] = (name, int(rate))


def _split(data):
    """-> [bytes]: lines with their ends. CRLF, or the LF that RFC 4566 5 lets through."""
    if data.count(b"\n") > LINE_LIMIT:
        raise bad("SDP has too many lines")
    whole = data.rstrip(b"\r\n")  # a Content-Length that is one short leaves a CR at the end
    if whole.count(b"\r") != whole.count(b"\r\n"):
        raise bad("a line of SDP ends in a bare CR")
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    if not lines[-1]:
        lines.pop()
    if not lines:
        raise bad("SDP is empty")
    return lines


def _text(line):
    """-> str: a line without its "x=" and end."""
    return to_text(line[2:].rstrip(b" \t\r\n"))


def _ending(line):
    ending = line[len(line.rstrip(b"\r\n")) :]
    return ending if ending[-1:] == b"\n" else b"\r\n"


def _family(address):
    return "IP6" if ":" in address else "IP4"


def _connection_line(address, ending):
    return f"c=IN {_family(address)} {address}".encode() + ending


def _address(line, skip):
    """-> str: the address behind `skip` words and "IN IP4"; its /ttl is left out."""
    pieces = words(_text(line))
    if len(pieces) < skip + 3:
        raise bad("malformed address in SDP")
    return pieces[skip + 2].partition("/")[0]


def parse_sdp(data):
    """-> Sdp of the octets of one description. Raises ParseError."""
    return Sdp(data)


def sdp_body(message):
    """-> (start, end) of the description within message.body, or None.

    That is the whole body, or the first application/sdp part of a multipart one (RFC 5621);
    a body without Content-Type is not guessed at (RFC 3261 7.4.1).
    """
    kind = message.header("content-type")
    if kind is None or message.header("content-encoding"):
        return None
    body = message.body
    media_type, _, params = kind.partition(";")
    media_type = media_type.strip(BLANKS).lower()
    if media_type == "application/sdp":
        return (0, len(body)) if body else None
    if not media_type.startswith("multipart/"):
        return None
    boundary = unquote(parse_params(params).get("boundary", "")) if params else ""
    if not boundary:
        raise bad("a multipart body without boundary")
    return _sdp_part(body, b"--" + boundary.encode())


def _sdp_part(body, mark):
    """-> (start, end) | None among the parts of a multipart body (RFC 2046 5.1.1)."""
    at = _delimiter(body, mark, 0)
    for _ in range(PART_LIMIT):
        if at < 0 or body[at + len(mark) : at + len(mark) + 2] == b"--":
            return None
        start = body.find(b"\r\n", at)
        stop = _delimiter(body, mark, start) if start >= 0 else -1
        if stop < 0:
            return None
        found = _part_content(body, start + 2, stop - 2)
        if found:
            return found
        at = stop
    return None


def _delimiter(body, mark, start):
    """-> offset of the next line that is the delimiter `mark`, or -1."""
    at = 0 if start == 0 and body.startswith(mark) else _next_line(body, mark, start)
    while at >= 0 and body[at + len(mark) : at + len(mark) + 1] not in (b"\r", b"-", b" ", b"\t"):
        at = _next_line(body, mark, at)
    return at


def _next_line(body, mark, start):
    at = body.find(b"\r\n" + mark, start)
    return at + 2 if at >= 0 else -1


def _part_content(body, start, stop):
    """-> (start, end) | None: the content of a part when it is a plain description."""
    if body[start : start + 2] == b"\r\n":
        return None
    end = body.find(b"\r\n\r\n", start, stop)
    if end < 0:
        return None
    kind, encoding = "", "binary"
    for line in to_text(body[start:end]).split("\r\n"):
        name, _, value = line.partition(":")
        name = name.strip(BLANKS).lower()
        if name == "content-type" or name == "c":
            kind = value.partition(";")[0].strip(BLANKS).lower()
        elif name == "content-transfer-encoding":
            encoding = value.strip(BLANKS).lower()
    if kind != "application/sdp" or encoding not in ("binary", "8bit", "7bit"):
        return None
    return end + 4, stop
