"""Everything that this folder does with received bytes, for tests that feed it bad ones."""

from app.sip.build import ack_for, cancel_for, response
from app.sip.check import check
from app.sip.digest import parse_challenge, parse_credentials
from app.sip.edits import Edits
from app.sip.errors import ParseError
from app.sip.headers import parse_contact, parse_name_addr, parse_via
from app.sip.message import parse
from app.sip.sdp import parse_sdp, sdp_body
from app.sip.uri import parse_uri, same_uri

PARSERS = (parse_via, parse_name_addr, parse_contact, parse_uri, parse_credentials,
           parse_challenge)


def attempt(function, *arguments):
    """-> what the function returns, or None when it raises ParseError. Nothing else passes."""
    try:
        return function(*arguments)
    except ParseError as error:
        assert 400 <= error.code <= 699 and error.reason
        return None


def exercise(data):
    """Reads, checks, edits and answers `data`; asserts what must hold of any message."""
    try:
        message = parse(data)
    except ParseError as error:
        if error.message is not None:
            attempt(response, error.message, error.code, error.reason, "tag")
        return None
    verdict = check(message, supported=("100rel",))
    for name in ("via", "from_", "to", "cseq", "call_id", "max_forwards", "body"):
        if verdict is None:
            getattr(message, name)  # the promise of check()
        else:
            attempt(getattr, message, name)
    read_values(message)
    read_body(message)
    attempt(change, message)
    if verdict is None:
        answer(message)
    return verdict


def read_values(message):
    for name in sorted(message.spans):
        message_header = attempt(message.header, name)
        for value in attempt(message.headers, name) or []:
            for parser in PARSERS:
                attempt(parser, value)
        if name == "contact" and message_header:
            attempt(same_contact, message_header)


def same_contact(value):
    contact = parse_contact(value)
    if contact.uri:
        again = parse_contact(str(contact))
        assert same_uri(contact.uri, again.uri), value
        assert str(again) == str(contact), value


def read_body(message):
    span = attempt(sdp_body, message)
    sdp = attempt(parse_sdp, message.body[span[0] : span[1]] if span else message.body)
    if sdp is None:
        return
    before = sdp.to_bytes()
    assert before == (message.body[span[0] : span[1]] if span else message.body)
    sdp.set_connection("192.0.2.99")
    for media in sdp.media:
        sdp.set_connection("192.0.2.98", media)
        sdp.set_port(media, 40000)
        sdp.set_rtcp(media, 40001)
    again = parse_sdp(sdp.to_bytes())
    assert len(again.media) == len(sdp.media)
    for media in again.media:
        assert (media.connection, media.port, media.rtcp) == ("192.0.2.98", 40000, 40001)


def names_of(message):
    return sorted([(name, len(message.spans[name])) for name in message.spans])


def change(message):
    """Forwards the message as a proxy does; what comes out has the headers that we meant."""
    edits = Edits(message)
    again = parse(edits.to_bytes())
    assert names_of(again) == names_of(message) and again.body == message.body
    vias = message.headers("via")
    edits.push("Via", "SIP/2.0/UDP proxy;branch=z9hG4bKx")
    assert parse(edits.to_bytes()).headers("via") == ["SIP/2.0/UDP proxy;branch=z9hG4bKx"] + vias
    edits.pop("via")
    assert parse(edits.to_bytes()).headers("via") == vias
    if "via" in message.spans:
        message.mark_received("192.0.2.44", 5099)
        assert parse(Edits(message).to_bytes()).via.received == "192.0.2.44"


def answer(message):
    """An accepted request, forwarded, gets responses, ACK and CANCEL that are accepted too."""
    if not message.is_request:
        return
    edits = Edits(message)
    edits.push("Via", "SIP/2.0/UDP proxy;branch=z9hG4bKx")
    sent = edits.to_bytes()
    made = parse(response(parse(sent), 486, "Busy Here", "tag"))
    for data in (made.raw, ack_for(sent, made), cancel_for(sent)):
        assert check(parse(data)) is None, (data, check(parse(data)))
