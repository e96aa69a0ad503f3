"""SDP: reading where media goes, and changing that and nothing else."""

from app.sip.edits import Edits
from app.sip.errors import ParseError
from app.sip.message import parse
from app.sip.sdp import parse_sdp, sdp_body
from tests.sip.corpus import torture
from tests.support import raises

OFFER = (
    b"v=0\r\n"
    b"o=- 20518 0 IN IP4 203.0.113.1\r\n"
    b"s= \r\n"
    b"c=IN IP4 203.0.113.1\r\n"
    b"t=0 0\r\n"
    b"a=sendonly\r\n"
    b"m=audio 54400 RTP/AVP 0 96\r\n"
    b"i=voice\r\n"
    b"a=rtpmap:96 opus/48000\r\n"
    b"a=rtcp:54500 IN IP4 203.0.113.9\r\n"
    b"m=video 55400/2 RTP/SAVPF 97\r\n"
    b"c=IN IP4 224.2.1.1/127/3\r\n"
    b"a=inactive\r\n"
    b"a=candidate:1 1 UDP 1 192.0.2.1 9 typ host\r\n"
    b"m=image 0 udptl t38\r\n"
    b"a=recvonly\r\n"
)


def changed(sdp, before=OFFER):
    """-> [(old, new)] of the lines that differ (same number of lines)."""
    old, new = before.split(b"\r\n"), sdp.to_bytes().split(b"\r\n")
    assert len(old) == len(new)
    return [(old[i], new[i]) for i in range(len(old)) if old[i] != new[i]]


def test_nothing_changed():
    assert parse_sdp(OFFER).to_bytes() == OFFER
    assert parse_sdp(OFFER[:-2]).to_bytes() == OFFER[:-2]
    assert parse_sdp(OFFER.replace(b"\r\n", b"\n")).to_bytes() == OFFER.replace(b"\r\n", b"\n")


def test_a_content_length_one_short_is_forgiven():
    raw = b"v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4 RTP/AVP 0\r"
    sdp = parse_sdp(raw)
    assert sdp.to_bytes() == raw
    sdp.set_rtcp(sdp.media[0], 9)
    assert sdp.to_bytes() == raw[:-1] + b"\r\na=rtcp:9\r\n"


def test_reading():
    sdp = parse_sdp(OFFER)
    audio, video, image = sdp.media
    assert sdp.connection == sdp.origin == "203.0.113.1" and sdp.direction == "sendonly"
    assert sdp.connections() == ["203.0.113.1", "224.2.1.1"]
    assert (audio.kind, audio.port, audio.count, audio.proto) == ("audio", 54400, 1, "RTP/AVP")
    assert audio.formats == ["0", "96"] and audio.is_rtp and not audio.has_connection
    assert audio.rtcp == 54500 and audio.rtcp_address == "203.0.113.9"
    assert (video.port, video.count, video.connection) == (55400, 2, "224.2.1.1")
    assert video.rtcp == 55401 and video.has_connection and video.is_rtp
    assert image.port == 0 and image.rtcp is None and not image.is_rtp


def test_direction_and_hold():
    audio, video, image = parse_sdp(OFFER).media
    assert [m.direction for m in (audio, video, image)] == ["sendonly", "inactive", "recvonly"]
    assert audio.is_held and video.is_held and not image.is_held


def test_old_hold():
    sdp = parse_sdp(b"v=0\r\nc=IN IP4 0.0.0.0\r\nm=audio 9 RTP/AVP 0\r\n")
    assert sdp.media[0].is_held and sdp.media[0].direction == "sendrecv"


def test_session_connection():
    sdp = parse_sdp(OFFER)
    sdp.set_connection("198.51.100.1")
    assert changed(sdp) == [(b"c=IN IP4 203.0.113.1", b"c=IN IP4 198.51.100.1")]
    assert [m.connection for m in sdp.media] == ["198.51.100.1", "224.2.1.1", "198.51.100.1"]


def test_media_connection_of_its_own():
    sdp = parse_sdp(OFFER)
    sdp.set_connection("2001:db8::1", sdp.media[1])
    assert changed(sdp) == [(b"c=IN IP4 224.2.1.1/127/3", b"c=IN IP6 2001:db8::1")]


def test_media_connection_that_was_the_sessions():
    sdp = parse_sdp(OFFER)
    sdp.set_connection("198.51.100.1", sdp.media[0])
    sdp.set_connection("203.0.113.1", sdp.media[2])
    lines = sdp.to_bytes().split(b"\r\n")
    assert lines[6:9] == [b"m=audio 54400 RTP/AVP 0 96", b"i=voice", b"c=IN IP4 198.51.100.1"]
    assert len(lines) == len(OFFER.split(b"\r\n")) + 1
    again = parse_sdp(sdp.to_bytes())
    assert [m.connection for m in again.media] == ["198.51.100.1", "224.2.1.1", "203.0.113.1"]


def test_no_session_connection_is_made_up():
    raw = b"v=0\r\nt=0 0\r\nm=audio 9 RTP/AVP 0"
    sdp = parse_sdp(raw)
    sdp.set_connection("192.0.2.1")
    assert sdp.to_bytes() == raw and sdp.media[0].connection is None
    sdp.set_connection("192.0.2.1", sdp.media[0])
    assert sdp.to_bytes() == raw + b"\r\nc=IN IP4 192.0.2.1\r\n"


def test_origin_is_touched_only_when_asked():
    sdp = parse_sdp(OFFER)
    sdp.set_origin("2001:db8::7")
    assert changed(sdp) == [(b"o=- 20518 0 IN IP4 203.0.113.1", b"o=- 20518 0 IN IP6 2001:db8::7")]


def test_port():
    sdp = parse_sdp(OFFER)
    sdp.set_port(sdp.media[0], 40000)
    sdp.set_port(sdp.media[1], 0)
    assert changed(sdp) == [
        (b"m=audio 54400 RTP/AVP 0 96", b"m=audio 40000 RTP/AVP 0 96"),
        (b"m=video 55400/2 RTP/SAVPF 97", b"m=video 0 RTP/SAVPF 97")]
    assert sdp.media[0].port == 40000 and sdp.media[1].count == 1


def test_rtcp_line_is_rewritten():
    sdp = parse_sdp(OFFER)
    sdp.set_port(sdp.media[0], 40000)
    sdp.set_rtcp(sdp.media[0], 40001)
    assert b"a=rtcp:40001\r\n" in sdp.to_bytes() and b"203.0.113.9" not in sdp.to_bytes()
    assert sdp.media[0].rtcp == 40001 and sdp.media[0].rtcp_address is None


def test_rtcp_line_is_added_only_when_needed():
    sdp = parse_sdp(OFFER)
    sdp.set_rtcp(sdp.media[1], 55401)
    assert sdp.to_bytes() == OFFER
    sdp.set_rtcp(sdp.media[1], 60000)
    assert b"typ host\r\na=rtcp:60000\r\nm=image" in sdp.to_bytes()
    assert parse_sdp(sdp.to_bytes()).media[1].rtcp == 60000


def test_rtcp_line_is_removed():
    sdp = parse_sdp(OFFER)
    sdp.set_rtcp(sdp.media[0], None)
    assert b"a=rtcp" not in sdp.to_bytes()


def test_edits_after_lines_moved():
    sdp = parse_sdp(OFFER)
    sdp.set_connection("192.0.2.77", sdp.media[0])
    sdp.remove("candidate", sdp.media[1])
    sdp.set_rtcp(sdp.media[0], None)
    sdp.set_port(sdp.media[2], 5)
    sdp.set_port(sdp.media[1], 6)
    again = parse_sdp(sdp.to_bytes())
    assert [m.port for m in again.media] == [54400, 6, 5] and b"candidate" not in sdp.to_bytes()


def test_remove_takes_the_whole_name_only():
    sdp = parse_sdp(b"v=0\nm=audio 9 RTP/AVP 0\na=rtcp-mux\na=rtcp:9")
    assert sdp.media[0].rtcp_mux
    sdp.remove("rtcp", sdp.media[0])
    assert sdp.to_bytes() == b"v=0\nm=audio 9 RTP/AVP 0\na=rtcp-mux\n"


def test_port_at_the_end_of_the_range():
    assert parse_sdp(b"v=0\r\nm=audio 65535 RTP/AVP 0\r\n").media[0].rtcp is None


def test_refused():
    for data in (b"", b"o=x\r\n", b"\r\n", b"v=0\r\nm=audio\r\n", b"v=0\r\nm=audio x RTP/AVP 0\r\n",
                 b"v=0\r\nm=audio 65536 RTP/AVP 0\r\n", b"v=0\r\nm=audio 1/x RTP/AVP 0\r\n",
                 b"v=0\r\nm=audio -1 RTP/AVP 0\r\n", b"v=0\r\nc=IN IP4\r\n",
                 b"v=0\r\no=- 1 1 IN\r\n", b"v=0\r\nm=audio 1 RTP/AVP 0\r\na=rtcp:\r\n",
                 b"v=0\r\nm= audio 9 RTP/AVP 0\r\n", b"v=0\r\nm=audio  9 RTP/AVP 0\r\n",
                 b"v=0\r\n" + b"c=IN IP4 1.1.1.1\r\n" * 2,
                 b"v=0\r\nm=audio 9 RTP/AVP 0\r\n" + b"c=IN IP4 1.1.1.1\r\n" * 2,
                 b"v=0\rc=IN IP4 1.1.1.1\r\n", b"v=0\n" * 2000,
                 b"v=0\r\n" + b"m=audio 9 RTP/AVP 0\r\n" * 17):
        with raises(ParseError):
            parse_sdp(data)


def request(kind, body, extra=""):
    head = f"INVITE sip:a@b SIP/2.0\r\nContent-Type: {kind}\r\n{extra}\r\n"
    return parse(head.encode() + body)


def test_body_of_its_own():
    assert sdp_body(request("application/sdp", OFFER)) == (0, len(OFFER))
    assert sdp_body(request("Application/SDP ; charset=utf-8", OFFER)) == (0, len(OFFER))


def test_no_description():
    assert sdp_body(request("text/plain", OFFER)) is None
    assert sdp_body(request("application/sdp", b"")) is None
    assert sdp_body(request("application/sdp", OFFER, "Content-Encoding: gzip\r\n")) is None
    assert sdp_body(parse(b"INVITE sip:a@b SIP/2.0\r\n\r\n" + OFFER)) is None
    assert sdp_body(parse(torture("rfc4475/mpart01"))) is None


MULTIPART = (
    b"preamble --b1\r\n"
    b"--b1x\r\n\r\nnot a delimiter\r\n"
    b"--b1\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
    b"--b1 \r\nC: application/sdp;x=y\r\nContent-Disposition: session\r\n\r\n" + OFFER +
    b"\r\n--b1\r\n\r\nlast\r\n--b1--\r\nepilogue"
)


def test_description_in_a_multipart_body():
    for boundary in ("b1", '"b1"'):
        message = request(f"multipart/mixed;boundary={boundary}", MULTIPART)
        start, end = sdp_body(message)
        assert MULTIPART[start:end] == OFFER


def test_multipart_body_is_edited_in_place():
    message = request("multipart/mixed;boundary=b1", MULTIPART, "Content-Length: 0\r\n")
    assert message.body == b"" and sdp_body(message) is None
    message = request("multipart/mixed;boundary=b1", MULTIPART)
    start, end = sdp_body(message)
    edits = Edits(message)
    edits.set_body(MULTIPART[:start] + b"v=0\r\n" + MULTIPART[end:])
    body = parse(edits.to_bytes()).body
    assert body == MULTIPART.replace(OFFER, b"v=0\r\n")


def test_multipart_that_is_broken():
    for body in (b"", b"--b1", b"--b1\r\n", b"--b1--", b"--b1\r\n\r\n--b1--",
                 b"x\r\n--b1\r\n--b1\r\n",
                 b"--b1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n"):
        assert sdp_body(request("multipart/mixed;boundary=b1", body)) is None
    with raises(ParseError):
        sdp_body(request("multipart/mixed", MULTIPART))


def test_base64_part_is_left_alone():
    body = MULTIPART.replace(b"Content-Disposition: session",
                             b"Content-Transfer-Encoding: base64")
    assert sdp_body(request("multipart/mixed;boundary=b1", body)) is None


def test_two_ip_versions_in_one_description():
    sdp = parse_sdp(parse(torture("rfc5118/mult-ip-in-sdp")).body)
    assert sdp.connection is None and sdp.connections() == ["192.0.2.1", "2001:db8::1"]
