"""Messages that this element makes itself: responses, and the ACK and CANCEL of a transaction.

Header lines are copied as octets from the message that they answer.
"""

from app.sip.edits import changed_line
from app.sip.errors import ParseError
from app.sip.message import parse

# RFC 3261 12.1.1 and RFC 6665 4.4.1: requests whose 101 to 299 responses make a dialog.
DIALOG_METHODS = ("INVITE", "SUBSCRIBE", "REFER")


def response(request, code, reason, to_tag=None, headers=(), body=b""):
    """-> bytes: the response to a request (RFC 3261 8.2.6, 12.1.1).

    to_tag: put into To when it has none; 100 takes none. headers: complete lines,
    "Name: value". Works on the request of a ParseError too: what is missing is left out.
    """
    pieces = [f"SIP/2.0 {code} {reason}\r\n".encode()]
    pieces.append(_vias(request))
    if code > 100 and code < 300 and request.method in DIALOG_METHODS:
        pieces.append(_copied(request, "record-route"))
    pieces.append(_copied(request, "from"))
    pieces.append(_to(request, None if code == 100 else to_tag))
    pieces.append(_copied(request, "call-id"))
    pieces.append(_copied(request, "cseq"))
    if code == 100:
        pieces.append(_copied(request, "timestamp"))
    pieces.extend([_added(line) for line in headers])
    pieces.append(f"Content-Length: {len(body)}\r\n\r\n".encode())
    pieces.append(body)
    return b"".join(pieces)


def _added(line):
    if "\r" in line or "\n" in line:
        raise ParseError(500, "Server Internal Error: a line break in a header")
    return line.encode() + b"\r\n"


def _copied(message, name):
    """-> bytes: every line of a header as received."""
    raw = message.raw
    return b"".join([raw[span[0] : span[2]] for span in message.spans.get(name, ())])


def _vias(request):
    if not request.stamped:
        return _copied(request, "via")
    lines = [request.raw[span[0] : span[2]] for span in request.spans["via"]]
    lines[0] = changed_line("via", lines[0], 0, str(request.via))
    return b"".join(lines)


def _to(request, tag):
    line = _copied(request, "to")
    if not tag or not line or _has_tag(request, line):
        return line
    return line[:-2] + f";tag={tag}\r\n".encode()


def _has_tag(request, line):
    try:
        return request.to.tag is not None
    except ParseError:
        return b"tag=" in line.lower()


def ack_for(request, response):
    """-> bytes: the ACK of a final response other than 2xx (RFC 3261 17.1.1.3).

    request: the INVITE as sent, bytes or Request; response: a Response. A To that nobody could
    read is not repeated: the request's own stands in, so that the response does not come again.
    """
    return _same_hop(request, "ACK", _copied(response, "to") if _has_to(response) else None)


def _has_to(message):
    try:
        tags = message.to.params
    except ParseError:
        return False
    return len(message.spans["to"]) == 1 and not tags.is_repeated("tag")


def cancel_for(request, headers=()):
    """-> bytes: the CANCEL of a request as sent, bytes or Request (RFC 3261 9.1).

    headers: more lines, "Name: value": a Reason.
    """
    return _same_hop(request, "CANCEL", None, headers)


def _same_hop(request, method, to, headers=()):
    """-> bytes: a request that takes the way of another, in its transaction's name."""
    if isinstance(request, (bytes, bytearray)):
        request = parse(request)
    lines = [
        f"{method} {request.uri} SIP/2.0\r\nVia: {request.via}\r\n".encode(),
        _copied(request, "route"),
        b"Max-Forwards: 70\r\n",
        _copied(request, "from"),
        _copied(request, "to") if to is None else to,
        _copied(request, "call-id"),
        f"CSeq: {request.cseq.number} {method}\r\n".encode(),
    ]
    lines.extend([_added(line) for line in headers])
    lines.append(b"Content-Length: 0\r\n\r\n")
    return b"".join(lines)

