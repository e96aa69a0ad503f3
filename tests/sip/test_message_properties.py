"""Hypothesis: bytes of any kind, and messages put together from odd parts."""

from hypothesis import given, settings
from hypothesis import strategies as st

from app.sip.digest import parse_challenge, parse_credentials
from app.sip.errors import ParseError
from app.sip.grammar import parse_params, quote, split_list, unquote
from app.sip.headers import (
    parse_contact,
    parse_cseq,
    parse_max_forwards,
    parse_name_addr,
    parse_via,
)
from app.sip.message import parse
from app.sip.sdp import parse_sdp
from app.sip.uri import escape, parse_uri, same_uri, unescape
from tests.sip.corpus import answers, torture
from tests.sip.exercise import attempt, exercise
from tests.sip.test_mutations import SPLINTERS

FEW = settings(max_examples=150, deadline=None)
ODD = st.text(alphabet=st.sampled_from(list(' \t";,<>@:?=%[]\\*()/.-aZ09\x00\u00e9\u0416')),
              max_size=40)
MESSAGES = [torture(name) for name, _ in answers()]


@FEW
@given(st.binary(max_size=300))
def test_any_bytes(data):
    exercise(data)


@FEW
@given(st.sampled_from(MESSAGES), st.lists(
    st.tuples(st.integers(0, 4000), st.integers(0, 12), st.sampled_from(SPLINTERS)), max_size=5))
def test_damaged_messages(data, wounds):
    for at, width, splinter in wounds:
        data = data[:at] + splinter + data[at + width :]
    exercise(data)


NAMES = st.sampled_from(["Via", "v", "To", "f", "CSeq", "Contact", "m", "Route", "Call-ID", "X",
                         "Content-Length", "l ", "Content-Type", "Max-Forwards", "Proxy-Require"])
PARTS = st.sampled_from([
    "SIP/2.0/UDP h;branch=z9hG4bK1", "<sip:a@b>", "sip:a@b;tag=1", '"x, y" <sip:a@b;lr>;q=0.1',
    "1 INVITE", "id", "*", "70", "0", "application/sdp", "a,b", ",", '"', "<", ""])


@FEW
@given(st.lists(st.tuples(NAMES, st.lists(PARTS, max_size=3)), max_size=12), st.binary(max_size=20))
def test_messages_of_odd_parts(fields, body):
    lines = [f"{name}: {', '.join(parts)}\r\n" for name, parts in fields]
    exercise(("INVITE sip:a@b SIP/2.0\r\n" + "".join(lines) + "\r\n").encode() + body)


@FEW
@given(ODD)
def test_values_of_any_text(text):
    for parser in (parse_via, parse_name_addr, parse_contact, parse_cseq, parse_max_forwards,
                   parse_uri, parse_params, split_list, parse_credentials, parse_challenge):
        attempt(parser, text)
        attempt(parser, "Digest " + text)
        attempt(parser, "<sip:a@" + text)
        attempt(parser, "sip:" + text)


@FEW
@given(ODD)
def test_quote_and_escape_are_undone(text):
    assert unquote(quote(text)) == text
    assert unescape(escape(text)) == text
    assert escape(text).isascii()


@FEW
@given(st.lists(st.sampled_from(["a", '"b, c"', "<sip:d,e>", '"\\"," <f>;g="h,"', "i"]),
                min_size=1, max_size=8))
def test_lists_split_where_they_were_joined(values):
    assert split_list(" , ".join(values)) == values


USERS = st.text(alphabet=st.sampled_from(list("ab0;?/&=+$,-_.!~*'()#")), min_size=1, max_size=8)


@FEW
@given(USERS, st.sampled_from(["h.example", "192.0.2.1", "[2001:db8::1]"]),
       st.one_of(st.none(), st.integers(1, 65535)),
       st.lists(st.sampled_from([";lr", ";a=b", ";transport=UDP"]), unique=True))
def test_uris_print_as_they_were_read(user, host, port, params):
    text = f"sip:{user}@{host}" + (f":{port}" if port else "") + "".join(params)
    uri = parse_uri(text)
    assert str(uri) == text and uri.user == user and uri.port == port
    tail = "".join(params).replace("a=b", "A=B")
    assert same_uri(uri, parse_uri(text[: len(text) - len(tail)] + tail))
    assert unescape(escape(user)) == uri.aor[0]


@FEW
@given(st.lists(st.sampled_from([b"v=0", b"c=IN IP4 1.2.3.4", b"c=IN", b"m=audio 4 RTP/AVP 0",
                                 b"m=audio 0 RTP/AVP", b"a=rtcp:7", b"a=sendonly",
                                 b"o=- 1 1 IN IP6 ::", b"a=rtcp", b"", b"i=x",
                                 b"m=video 65535/2 X Y"]), max_size=12),
       st.sampled_from([b"\r\n", b"\n"]))
def test_sdp_of_odd_lines(lines, ending):
    data = b"v=0" + ending + ending.join(lines)
    try:
        sdp = parse_sdp(data)
    except ParseError:
        return
    assert sdp.to_bytes() == data
    for media in sdp.media:
        sdp.set_connection("::1", media)
        sdp.set_port(media, 9)
        sdp.set_rtcp(media, None)
    for media in parse_sdp(sdp.to_bytes()).media:
        assert (media.connection, media.port, media.rtcp) == ("::1", 9, 10)


@FEW
@given(st.integers(0, 70000), st.integers(0, 300))
def test_content_length_is_exact(length, size):
    data = f"OPTIONS sip:a SIP/2.0\r\nl: {length}\r\n\r\n".encode() + b"x" * size
    try:
        assert len(parse(data).body) == length <= size
    except ParseError as error:
        assert length > size and error.message is not None
