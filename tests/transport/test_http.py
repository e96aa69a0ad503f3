from hashlib import sha1 as _sha1

from app.transport import http

GOOD = (
    "GET /sip HTTP/1.1", "Host: pbx.example.org", "Upgrade: websocket", "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Protocol: sip", "Origin: https://phone.example.org",
)  # fmt: skip


def sha1(data):
    return _sha1(data).digest()


def shake(*lines, origins=()):
    """-> status line and header lines of the answer to a request of these lines."""
    head = "\r\n".join(lines + ("",)).encode()
    try:
        answer = http.upgrade(head, sha1, origins)
    except http.Refused as refused:
        answer = refused.response()
    assert answer.endswith(b"\r\n\r\n")
    return answer.decode().split("\r\n")


def changed(name, *instead):
    """GOOD with other lines instead of the one that begins with name."""
    kept = [line for line in GOOD if not line.startswith(name)]
    return kept[:1] + list(instead) + kept[1:] if name != "GET" else list(instead) + kept


def status(*lines, **options):
    return int(shake(*lines, **options)[0].split(" ")[1])


def test_the_handshake_of_the_rfc():
    lines = shake(*GOOD)
    assert lines[0] == "HTTP/1.1 101 Switching Protocols"
    assert "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in lines  # RFC 6455 1.3
    assert "Sec-WebSocket-Protocol: sip" in lines
    assert "Upgrade: websocket" in lines
    assert "Connection: Upgrade" in lines


def test_lists_and_case():
    lines = changed("Connection", "CONNECTION: keep-alive, upgrade")
    lines = [line.replace("websocket", "WebSocket") for line in lines]
    assert status(*lines) == 101
    assert status(*changed("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: chat, sip")) == 101


def test_what_is_no_websocket_is_told_what_this_is():
    for name in ("Upgrade", "Connection", "Sec-WebSocket-Version"):
        lines = shake(*changed(name))
        assert lines[0] == "HTTP/1.1 426 Upgrade Required", name
        assert "Upgrade: websocket" in lines
        assert "Connection: Upgrade, close" in lines
        assert "Sec-WebSocket-Version: 13" in lines
    assert status("GET / HTTP/1.1", "Host: pbx.example.org") == 426
    assert status(*changed("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8")) == 426


def test_other_methods_and_versions():
    assert status(*changed("GET", "POST / HTTP/1.1")) == 405
    assert status(*changed("GET", "GET / HTTP/1.0")) == 505
    assert status(*changed("GET", "GET / HTTP/2.0")) == 505


def test_a_body_is_not_waited_for():
    assert status(*changed("x", "Content-Length: 5")) == 413
    assert status(*changed("x", "Transfer-Encoding: chunked")) == 413


def test_the_subprotocol_is_sip():
    assert status(*changed("Sec-WebSocket-Protocol")) == 400
    assert status(*changed("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: chat")) == 400


def test_malformed_requests():
    for line in ("Host", "Sec-WebSocket-Key"):
        assert status(*changed(line)) == 400, line
    good = "dGhlIHNhbXBsZSBub25jZQ=="
    for key in ("", good[:-2], good + ", x", "?" + good[1:]):
        assert status(*changed("Sec-WebSocket-Key", "Sec-WebSocket-Key: " + key)) == 400, key
    for line in ("X", "X : 1", " X: 1", ": 1", "X: 1\rY: 2", "X: 1\nY: 2"):
        assert status(*GOOD, line) == 400, line
    for line in ("GET /", "GET", "", "GET / HTTP/1.1 x", "GE(T / HTTP/1.1", "A sip:x SIP/2.0"):
        assert status(*changed("GET", line)) == 400, line
    try:
        http.upgrade(b"GET / HTTP/1.1\r\nX: \xff\r\n", sha1)
        raise AssertionError("it was taken")
    except http.Refused as refused:
        assert refused.code == 400


def test_too_many_lines():
    assert status(*(GOOD + ("X: 1",) * 64)) == 431


def test_pages_of_others_can_be_kept_out():
    own = ("https://phone.example.org", "https://other.example.org")
    assert status(*GOOD, origins=own) == 101
    assert status(*changed("Origin", "Origin: HTTPS://PHONE.example.org"), origins=own) == 101
    assert status(*changed("Origin"), origins=own) == 101  # a program, no page
    for origin in ("https://evil.example", "null", "https://phone.example.org.evil.example"):
        assert status(*changed("Origin", "Origin: " + origin), origins=own) == 403, origin
    assert status(*GOOD, "Origin: https://evil.example", origins=own) == 403
