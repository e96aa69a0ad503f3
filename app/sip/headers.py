"""Header values that routing looks at. All parse_* take one unfolded str and raise ParseError."""

from collections import namedtuple

from app.sip.errors import bad
from app.sip.grammar import (
    BLANKS,
    TOKEN,
    Params,
    is_token,
    number,
    parse_params,
    quote_end,
    seconds,
    split_list,
    unquote,
    words,
)
from app.sip.uri import host_port, parse_host_port, parse_port, parse_uri

__all__ = ["CSeq", "Contact", "NameAddr", "Via", "parse_contact", "parse_cseq",
           "parse_max_forwards", "parse_name_addr", "parse_via", "split_list"]

COOKIE = "z9hG4bK"  # RFC 3261 8.1.1.7
CSEQ_LIMIT = 2147483647  # RFC 3261 8.1.1.5: less than 2^31
# Not tokens, yet harmless in a display name without quotation marks.
DISPLAY = TOKEN + " \t()[]/&#@?:={}|$^"

CSeq = namedtuple("CSeq", ("number", "method"))


class Via:
    """One Via value (RFC 3261 20.42). str(via) prints it.

    transport: upper case; host (IPv6 without brackets), port (int | None): the sent-by;
    params: Params.
    """

    def __init__(self, transport, host, port=None, params=None):
        self.transport = transport
        self.host = host
        self.port = port
        self.params = Params() if params is None else params

    @property
    def sent_by(self):
        """-> str: "host" or "host:port" in lower case, for matching (RFC 3261 17.2.3)."""
        return host_port(self.host.lower(), self.port)

    @property
    def branch(self):
        """-> str | None."""
        return self.params.get("branch")

    @property
    def is_unique(self):
        """-> bool: the branch is RFC 3261's, not RFC 2543's."""
        branch = self.params.get("branch", "")
        return branch.startswith(COOKIE) and len(branch) > len(COOKIE)

    @property
    def received(self):
        """-> str | None: address; brackets of IPv6, legal or not, taken off (RFC 5118 4.5)."""
        value = self.params.get("received")
        return value.strip("[]") if value else None

    @property
    def wants_rport(self):
        """-> bool: the client asks for RFC 3581."""
        return "rport" in self.params

    @property
    def rport(self):
        """-> int | None."""
        value = self.params.get("rport")
        return parse_port(value) if value else None

    def mark_received(self, host, port):
        """Notes the source of a request: RFC 3261 18.2.1, RFC 3581 4. -> bool: changed.

        A `received` that the client wrote itself never survives: it would aim our responses.
        """
        asks = "rport" in self.params
        if not asks and "received" not in self.params and _same_host(self.host, host):
            return False
        if asks:
            self.params.set("rport", str(port))
        self.params.set("received", host)
        return True

    def reply_to(self):
        """-> (host, port): where a response goes over an unreliable transport.

        RFC 3261 18.2.2 and RFC 3581 4; host may be a name. A maddr is not followed: it is for
        multicast, and would let anybody aim our responses at a third party.
        """
        host = self.received or self.host
        return host, self.rport or self.port or (5061 if self.transport == "TLS" else 5060)

    def __str__(self):
        return f"SIP/2.0/{self.transport} {host_port(self.host, self.port)}{self.params}"


def _same_host(sent_by, source):
    return sent_by == source or sent_by.lower() == source.lower()


def parse_via(text):
    """-> Via."""
    head, semicolon, tail = text.partition(";")
    if head.startswith("SIP/2.0/"):
        protocol = words(head[8:])
    else:
        protocol = _loose_protocol(head)
    if len(protocol) < 2 or not is_token(protocol[0]):
        raise bad("malformed Via")
    host, port = parse_host_port(_dense(protocol[1:]))
    via = Via(protocol[0].upper(), host, port, parse_params(tail) if semicolon else None)
    via.rport  # noqa: B018  a malformed port is found here, not at its first use
    return via


def _dense(pieces):
    """-> str: sent-by, whose colon may have blanks round it (RFC 3261 25.1 COLON)."""
    if len(pieces) == 1:
        return pieces[0]
    return " ".join(pieces).replace(" :", ":").replace(": ", ":")


def _loose_protocol(head):
    """-> words of "SIP / 2.0 / UDP host" behind the second slash: blanks round the slashes."""
    pieces = head.split("/", 2)
    if len(pieces) != 3 or pieces[1].strip(BLANKS) != "2.0":
        raise bad("malformed Via")
    if pieces[0].strip(BLANKS).lower() != "sip":
        raise bad("malformed Via")
    return words(pieces[2])


class NameAddr:
    """One From, To, Route, Record-Route, ... value (RFC 3261 20.10). str() prints it.

    display: str without its marks, "" when absent; uri: Uri; params: Params of the header
    (those behind ">"; all of them when there are no <>).
    """

    def __init__(self, uri, display="", params=None):
        self.display = display
        self.uri = uri
        self.params = Params() if params is None else params

    @property
    def tag(self):
        """-> str | None."""
        return self.params.get("tag")

    def __str__(self):
        display = self.display.replace("\\", "\\\\").replace('"', '\\"')
        name = f'"{display}" ' if display else ""
        return f"{name}<{self.uri}>{self.params}"


class Contact(NameAddr):
    """One Contact value. `star`: it is "*", which has no URI (RFC 3261 10.2.2)."""

    star = False

    @property
    def expires(self):
        """-> int | None: seconds, at most 2^32-1; a malformed one counts as 3600 (10.2.1.1)."""
        value = self.params.get("expires")
        return None if value is None else seconds(value, 3600)

    @property
    def q(self):
        """-> float in 0..1 | None when absent."""
        value = self.params.get("q")
        return None if value is None else parse_q(value)


def parse_q(text):
    """-> float of a qvalue (RFC 3261 25.1)."""
    whole, _, digits = text.partition(".")
    if whole not in ("0", "1") or len(digits) > 3 or digits.strip("0123456789"):
        raise bad("malformed q")
    value = float(int(whole)) + (int(digits) / 10 ** len(digits) if digits else 0.0)
    if value > 1:
        raise bad("malformed q")
    return value


def _parse_into(kind, text):
    text = text.strip(BLANKS)
    if "<" in text:
        display, address, tail = _split_name_addr(text)
    else:
        display = ""
        address, semicolon, tail = text.partition(";")
        address, tail = address.strip(BLANKS), semicolon + tail
        if "?" in address or "," in address:
            # RFC 3261 20.10: such a URI must stand in <>; guessing would move parameters.
            raise bad("a URI with , or ? needs <>")
    params = parse_params(tail[1:]) if tail else None
    return kind(parse_uri(address), display, params)


def _split_name_addr(text):
    """-> (display, URI text, tail: "" or ";...")."""
    display = ""
    if text[0] == '"':
        data = text.encode()
        end = quote_end(data, 0)
        display = unquote(data[:end].decode())
        text = data[end:].decode().lstrip(BLANKS)
        if text[:1] != "<":
            raise bad("malformed name in front of <")
    else:
        name, _, rest = text.partition("<")
        display = name.strip(BLANKS)
        if _odd_display(display):
            raise bad("a display name needs quotation marks")
        text = "<" + rest
    address, closed, tail = text[1:].partition(">")
    tail = tail.strip(BLANKS)
    if not closed or (tail and tail[0] != ";"):
        raise bad("malformed address")
    return display, address, tail


def _odd_display(display):
    """-> bool: would end the value early for another reader, as a comma (RFC 4475 3.1.2.15)."""
    if not display.strip(DISPLAY):
        return False
    for delimiter in ',;"\\>':
        if delimiter in display:
            return True
    return False


def parse_name_addr(text):
    """-> NameAddr of a name-addr or addr-spec with parameters."""
    return _parse_into(NameAddr, text)


def parse_contact(text):
    """-> Contact; of "*" one with .star True and uri None."""
    if text.strip(BLANKS) == "*":
        contact = Contact(None)
        contact.star = True
        return contact
    contact = _parse_into(Contact, text)
    contact.q  # noqa: B018  a malformed q is found here, not at its first use
    return contact


def parse_cseq(text):
    """-> CSeq(number, method)."""
    pieces = words(text)
    if len(pieces) != 2 or not is_token(pieces[1]):
        raise bad("malformed CSeq")
    return CSeq(number(pieces[0], CSEQ_LIMIT, "CSeq"), pieces[1])


def parse_max_forwards(text):
    """-> int in 0..255 (RFC 3261 20.22)."""
    return number(text, 255, "Max-Forwards")
