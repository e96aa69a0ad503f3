"""Sanity of a whole message once it is parsed: RFC 3261 8.1.1, 8.2.2 and 16.3.

Only what can be decided without configuration: the proxy answers 483, 404, 401 and the like.
"""

from app.sip.errors import ParseError, bad
from app.sip.grammar import LIST_LIMIT, PRINTABLE
from app.sip.headers import parse_contact, parse_name_addr, parse_via
from app.sip.message import HEAD_LIMIT
from app.sip.scan import HEADER_LIMIT
from app.sip.uri import parse_uri

REQUIRED = ("via", "from", "to", "call-id", "cseq")  # RFC 3261 8.1.1; RFC 2543 had no Max-Forwards
# RFC 3261 7.3.1: a second line of these makes two readers of one message disagree.
SINGLE = ("from", "to", "call-id", "cseq", "max-forwards", "content-type", "content-length",
          "expires", "min-expires", "date", "event", "refer-to", "session-expires", "replaces")
# Nobody is there to whom a response could be forwarded (RFC 4475 3.3.10).
NOT_UNICAST = ("255.255.255.255", "0.0.0.0", "::")

# What a proxy may add to a request on its way: lines, and octets. With them it must still be
# one that parse() takes, for its ACK and CANCEL are made from what was sent.
ADDED_LINES = 16
ADDED_OCTETS = 2048
ADDED_VALUES = 2  # to Via and Record-Route


def check(message, supported=None, schemes=("sip", "sips")):
    """-> None | (code, reason, [extra header lines]).

    Of a request: what to answer (nothing, when it is an ACK). Of a response: to be dropped.
    supported: option tags that a proxy knows, when it wants Proxy-Require checked
        (RFC 3261 16.3 step 5). schemes: of Request-URIs that can be routed (step 2).
    None promises that via, from_, to, cseq, call_id and max_forwards of the message, its
    Route and Contact values and a request's URI parse, and that Record-Route is a list.
    """
    try:
        if not message.is_request:
            _check_common(message)
            _check_next_hop(message)
            return None
        if message.version != "SIP/2.0":
            return 505, "Version Not Supported", []
        _check_common(message)
        _check_request(message)
        return _check_scheme(message, schemes) or _check_proxy_require(message, supported)
    except ParseError as error:
        return error.code, error.reason, []


def _check_common(message):
    for name in REQUIRED:
        if name not in message.spans:
            raise bad(f"no {name} header")
    for name in SINGLE:
        if len(message.spans.get(name, ())) > 1:
            raise bad(f"more than one {name} header")
    _check_vias(message)
    message.from_  # noqa: B018  parsed for its errors, as the next ones
    message.to  # noqa: B018
    message.cseq  # noqa: B018
    message.max_forwards  # noqa: B018
    if not message.call_id or message.call_id.strip(PRINTABLE):
        raise bad("malformed Call-ID")
    if message.from_.params.is_repeated("tag") or message.to.params.is_repeated("tag"):
        raise bad("two tags in one header")
    for value in message.headers("contact"):
        parse_contact(value)
    message.headers("record-route")


def _check_vias(message):
    message.headers("via")
    if message.via.params.is_repeated("branch"):
        raise bad("two branches in one Via")
    if message.via.branch == "z9hG4bK":
        # RFC 4475 3.2.1: says that it is unique and is not; no transaction may be named so.
        raise bad("the branch of Via has only its prefix")


def _check_request(message):
    if message.cseq.method != message.method:
        raise bad("CSeq names another method")
    for value in message.headers("route"):
        parse_name_addr(value)
    if sum([len(message.spans[name]) for name in message.spans]) > HEADER_LIMIT - ADDED_LINES:
        raise bad("too many header lines")
    for name in ("via", "record-route"):
        if len(message.headers(name)) > LIST_LIMIT - ADDED_VALUES:
            raise bad(f"too many {name} values")
    if message.body_start > HEAD_LIMIT - ADDED_OCTETS:
        raise ParseError(513, "Message Too Large")


def _check_next_hop(message):
    vias = message.headers("via")
    if len(vias) > 1 and parse_via(vias[1]).host in NOT_UNICAST:
        raise bad("the next Via is no unicast address")


def _check_scheme(message, schemes):
    """RFC 3261 16.3 step 2, 21.4.14; a URI in <> or with headers is refused (19.1.1)."""
    uri = parse_uri(message.uri)
    if uri.scheme not in schemes:
        return 416, "Unsupported URI Scheme", []
    if uri.headers:
        raise bad("the Request-URI has headers")
    return None


def _check_proxy_require(message, supported):
    """RFC 3261 16.3 step 5, 20.40; neither ACK nor CANCEL is refused for it."""
    if supported is None or message.method in ("ACK", "CANCEL"):
        return None
    unknown = [tag for tag in message.headers("proxy-require") if tag not in supported]
    if not unknown:
        return None
    return 420, "Bad Extension", ["Unsupported: " + ", ".join(unknown)]
