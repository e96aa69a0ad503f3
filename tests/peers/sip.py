"""Just enough SIP for a test phone, written apart from app/sip, so that it can disagree with it."""

import hashlib
import os
import re

COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact",
           "l": "content-length", "c": "content-type"}  # fmt: skip
# Headers in which a comma separates values.
LISTS = ("via", "route", "record-route", "contact")


def token(octets=6):
    """-> str: random hex."""
    return os.urandom(octets).hex()


class Message:
    """A received message: start (its first line), headers [(lower-case name, value)], body.

    method: of a request, or of the request that a response answers; status: int, 0 of a request.
    """

    def __init__(self, data, source=None):
        self.data = data
        self.source = source
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = re.sub(r"\r\n[ \t]+", " ", head.decode()).split("\r\n")
        self.start = lines[0]
        self.headers = [_header(line) for line in lines[1:]]
        words = self.start.split(" ", 2)
        self.status = int(words[1]) if words[0] == "SIP/2.0" else 0
        self.method = self["cseq"].split()[1] if self.status else words[0]
        self.uri = "" if self.status else words[1]

    def __getitem__(self, name):
        """-> str: the first value of a header, "" without one."""
        found = self.all(name)
        return found[0] if found else ""

    def all(self, name):
        """-> [str]: every value, comma lists split."""
        values = [value for key, value in self.headers if key == name]
        if name in LISTS:
            values = [part for value in values for part in split_list(value)]
        return values

    def tag(self, name):
        """-> str: the tag of From or To, "" without one."""
        return parameter(self[name], "tag")

    @property
    def branch(self):
        return parameter(self["via"], "branch")

    @property
    def contact(self):
        """-> str: the URI of the first Contact."""
        return uri_of(self["contact"])

    def __str__(self):
        return self.data.decode(errors="replace")


def _header(line):
    name, _, value = line.partition(":")
    name = name.strip().lower()
    return COMPACT.get(name, name), value.strip()


def split_list(value):
    """-> [str]: the values between commas that are in neither quotes nor angle brackets."""
    return [part.strip() for part in re.findall(r'(?:"(?:\\.|[^"])*"|<[^>]*>|[^,"<])+', value)]


def uri_of(value):
    """-> str: the URI of a name-addr or addr-spec."""
    found = re.search(r"<([^>]*)>", value)
    return found.group(1) if found else value.partition(";")[0].strip()


def parameter(value, name):
    """-> str: a header parameter (behind the URI), "" without it."""
    plain = re.sub(r'="[^"]*"', "=", value)  # an instance in quotes has brackets as well
    found = re.search(rf";\s*{name}=([^;,\s]+)", plain.rpartition(">")[2], re.IGNORECASE)
    return found.group(1) if found else ""


def compose(start, headers, body=b""):
    """-> bytes of a message: headers [(name, value)]; Content-Length is added."""
    lines = [start] + [f"{name}: {value}" for name, value in headers]
    lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def challenge_of(value):
    """-> {name: value} of a WWW-Authenticate or Proxy-Authenticate header."""
    pairs = re.findall(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))', value)
    return {name.lower(): quoted or plain for name, quoted, plain in pairs}


def credentials(challenge, method, uri, user, password, count=1):
    """-> str: the Authorization value for a challenge with qop=auth (RFC 2617 3.2.2)."""
    fields = challenge_of(challenge)
    realm, nonce, cnonce, nc = fields["realm"], fields["nonce"], token(), f"{count:08x}"
    ha1, ha2 = md5(f"{user}:{realm}:{password}"), md5(f"{method}:{uri}")
    response = md5(f"{ha1}:{nonce}:{nc}:{cnonce}:auth:{ha2}")
    return (
        f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
        f'response="{response}", algorithm=MD5, cnonce="{cnonce}", qop=auth, nc={nc}'
    )


def sdp(host, port, formats=(0, 8), direction=None):
    """-> bytes: one audio line of G.711 (RFC 4566); direction: "sendonly"..."""
    kind = "IP6" if ":" in host else "IP4"
    lines = [
        "v=0",
        f"o=- {int(token(3), 16)} 1 IN {kind} {host}",
        "s=-",
        f"c=IN {kind} {host}",
        "t=0 0",
        "m=audio {} RTP/AVP {}".format(port, " ".join(str(number) for number in formats)),
    ]
    if direction:
        lines.append(f"a={direction}")
    return ("\r\n".join(lines) + "\r\n").encode()


def media_of(body):
    """-> (host, port) that the first m= line of an SDP wants its packets at."""
    text = body.decode()
    hosts = re.findall(r"^c=IN IP[46] (\S+)", text, re.MULTILINE)
    port = re.search(r"^m=audio (\d+)", text, re.MULTILINE)
    return hosts[0], int(port.group(1))
