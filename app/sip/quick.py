"""A look at a request that is shorter than parsing it, for a box that has no time to.

    request = quick.read(data)                     Quick | None: it takes parsing
    request.busy(peer, tag, lines) -> (bytes, Peer)    a 503 for it
    request.key()                                  of its server transaction, if it has one

Only what telephones usually write is understood; None for all else. What is understood is
answered as build.response() would (tests/sip/test_quick.py holds the two against each other).
"""

from app.sip.transport import Peer, is_reliable

# Names as software writes them -> which one it is. Others are not looked at.
VIA, FROM, TO, CALL_ID, CSEQ = range(5)
NAMES = {
    b"Via": VIA, b"v": VIA, b"via": VIA, b"VIA": VIA, b"From": FROM, b"f": FROM, b"from": FROM,
    b"To": TO, b"t": TO, b"to": TO, b"Call-ID": CALL_ID, b"i": CALL_ID, b"Call-Id": CALL_ID,
    b"call-id": CALL_ID, b"CSeq": CSEQ, b"Cseq": CSEQ, b"cseq": CSEQ, b"CSEQ": CSEQ,
}  # fmt: skip
LONGEST = 7  # of these names
BLANKS = b" \t"
LINES_MAX = 64
COOKIE = b"branch=z9hG4bK"  # RFC 3261 8.1.1.7


class Quick:
    """method, uri: bytes of the start line; lines: by VIA to CSEQ, Vias as a list; all of them
    as received, without line ends. has_totag: bool."""

    def __init__(self, method, uri, lines):
        self.method = method
        self.uri = uri
        self.lines = lines

    @property
    def has_totag(self):
        return b";tag=" in self.lines[TO]

    @property
    def call_id(self):
        """-> str"""
        return self.lines[CALL_ID].partition(b":")[2].strip().decode()

    def key(self):
        """-> str: transaction.server_key() of the request, or None: it cannot be told."""
        sent_by, _, params = self._sent_by().partition(b";")
        start = params.find(COOKIE)
        if start < 0:
            return None
        branch = params[start + 7 :].partition(b";")[0].strip()
        marks = b"\n".join([self.method, sent_by.strip(), branch])
        method, _, rest = marks.decode().partition("\n")
        return method + "\n" + rest.lower()

    def _sent_by(self):
        """-> bytes of the top Via behind its transport."""
        words = self.lines[VIA][0].partition(b":")[2].split(None, 1)
        return words[1] if len(words) > 1 else b""

    def busy(self, peer, tag, lines=()):
        """-> (bytes, Peer): 503 with our To tag and further header lines (str), for `peer`."""
        via = self.lines[VIA][0]
        asked = b";rport" in via
        source = f";received={peer.host}"
        if asked:
            source += f";rport={peer.port}"
        pieces = [b"SIP/2.0 503 Service Unavailable"]
        pieces.append(via.replace(b";rport", b"", 1) + source.encode())
        pieces.extend(self.lines[VIA][1:])
        pieces.append(self.lines[FROM])
        to = self.lines[TO]
        pieces.append(to if self.has_totag else to + b";tag=" + tag)
        pieces.append(self.lines[CALL_ID])
        pieces.append(self.lines[CSEQ])
        pieces.extend([line.encode() for line in lines])
        pieces.append(b"Content-Length: 0\r\n\r\n")
        if not asked and not is_reliable(peer):
            peer = Peer(peer.transport, peer.host, self._port(), peer.flow)
        return b"\r\n".join(pieces), peer

    def _port(self):
        """RFC 3261 18.2.2: the port of sent-by."""
        sent_by = self._sent_by().partition(b";")[0].strip()
        port = sent_by[sent_by.rfind(b"]") + 1 :].partition(b":")[2]
        return int(port) if port.isdigit() and len(port) < 6 and 0 < int(port) < 65536 else 5060


def read(data):
    """-> Quick of a request, or None where that takes a closer look."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    raw = data[:end].split(b"\r\n", LINES_MAX)
    words = raw[0].split(b" ")
    if len(words) != 3 or words[2] != b"SIP/2.0" or len(raw) > LINES_MAX:
        return None
    if not words[0].isalpha() or not words[1] or not _is_ascii(words[1]):
        return None
    lines = [[], None, None, None, None]
    for line in raw[1:]:
        colon = line.find(b":")
        which = NAMES.get(line[:colon])
        if which is None:
            if _is_odd_name(line[: max(colon, 0)]):
                return None
        elif which == VIA:
            lines[VIA].append(line)
        elif lines[which] is None:
            lines[which] = line
        else:
            return None
    if None in lines or not lines[VIA] or _is_odd(lines):
        return None
    return Quick(words[0], words[1], lines)


def _is_odd_name(name):
    """-> bool: no name (a folded line), a blank behind it, or one of ours in another spelling."""
    if not name or name[0] in BLANKS or name[-1] in BLANKS:
        return True
    return len(name) <= LONGEST and name.lower() in NAMES


def _is_odd(lines):
    """-> bool: several values in the top Via, or our parameters in it; a quote where a tag is
    looked for; what is no ASCII."""
    via, to = lines[VIA][0], lines[TO]
    if b"," in via or b";received" in via or b";rport=" in via or b'"' in via or b" ;" in via:
        return True
    if b'"' in to or b";TAG" in to or b"; " in to or b"<" not in to:
        return True
    if not _is_ascii(via) or not _is_ascii(lines[CALL_ID]):
        return True
    for line in lines[VIA] + lines[1:]:
        if b"\n" in line or b"\r" in line:
            return True
    return False


def _is_ascii(line):
    return max(line) < 128
