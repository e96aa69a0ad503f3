"""SIP over WebSocket (RFC 7118) with a client library that others wrote, and raw HTTP."""

import socket

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect as websocket

from tests.certificates import Folder
from tests.peers import sip, site
from tests.peers.address import LOOPBACK, Target, free_ports
from tests.peers.call import Caller, connect
from tests.peers.phone import Phone
from tests.peers.stream_phone import StreamPhone

pytestmark = pytest.mark.interop

ORIGIN = "https://phone.example.org"


@pytest.fixture(scope="module")
def authority():
    folder = Folder()
    folder.issue("box", (LOOPBACK,))
    yield folder
    folder.remove()


@pytest.fixture
def places(own_box, tmp_path, authority):
    """-> (Pbx, {"ws": Target, "wss": Target}) of a box that lets in pages of ORIGIN alone."""
    tls = {"certificate": "box.pem", "key": "box.key"}
    made = site.demo(tmp_path / "site", tls=tls, tcp={"origins": ORIGIN})
    for name in ("box.pem", "box.key"):
        (made / name).write_bytes(authority.read(name))
    found = {kind: Target(LOOPBACK, free_ports()) for kind in ("ws", "wss")}
    words = []
    for kind, where in found.items():
        words += ["--listen", f"{kind}:{where.host}:{where.port}"]
    return own_box(made, words=words), found


def registered(target, user, transport, authority, **options):
    ca = f"{authority.path}/ca.pem"
    phone = StreamPhone(target, user, transport, authority=ca, **options)
    answer = phone.register()
    assert answer.status == 200, answer
    return phone


@pytest.mark.parametrize("transport", ["ws", "wss"])
def test_a_websocket_telephone_registers_calls_and_is_called(places, authority, transport):
    box, where = places
    one = registered(where[transport], "200", transport, authority, origin=ORIGIN)
    other = Phone(box.target, "201")
    assert other.register().status == 200
    assert list(one.bindings()) == [one.contact]
    for caller, callee in ((one, other), (other, one)):
        sdp = [sip.sdp(LOOPBACK, port) for port in (40000, 40010)]
        out, into = connect(caller, callee, *sdp)
        out.request("BYE")
        into.hung_up()
        out.expect(200)
    one.close()
    other.close()


def test_two_websocket_telephones_talk(places, authority):
    _, where = places
    one = registered(where["ws"], "200", "ws", authority)
    other = registered(where["wss"], "201", "wss", authority)
    out, into = connect(one, other, sip.sdp(LOOPBACK, 40000), sip.sdp(LOOPBACK, 40010))
    into.request("BYE")
    out.hung_up()
    into.expect(200)
    one.close()
    other.close()


def test_a_call_to_a_page_that_was_closed_is_no_hang(places, authority):
    box, where = places
    gone = registered(where["ws"], "200", "ws", authority)
    gone.close()
    with Phone(box.target, "201") as other:
        assert other.register().status == 200
        call = Caller(other, "sip:200@example.org", sip.sdp(LOOPBACK, 40000)).authenticate()
        call.refused((404, 408, 430, 480))


def test_pages_of_others_are_kept_out(places):
    _, where = places
    uri = f"ws://{where['ws'].host}:{where['ws'].port}/"
    for origin, subprotocols, status in (
        ("https://evil.example", ["sip"], 403), (ORIGIN, ["chat"], 400), (ORIGIN, None, 400),
    ):  # fmt: skip
        with pytest.raises(InvalidStatus) as caught:
            websocket(uri, origin=origin, subprotocols=subprotocols)
        assert caught.value.response.status_code == status


def test_pings_fragments_and_keepalives(places):
    _, where = places
    uri = f"ws://{where['ws'].host}:{where['ws'].port}/any/path?x=1"
    with websocket(uri, origin=ORIGIN, subprotocols=["sip"], compression="deflate") as page:
        assert page.ping().wait(10)
        page.send("\r\n\r\n")
        assert page.recv(timeout=10) == "\r\n"
        request = (
            "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/WS x.invalid;branch=z9hG4bK1\r\n"
            "From: <sip:a@b.example>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: 1\r\n"
            "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n\r\n"
        )
        for message in (request, [request[:20], request[20:90], request[90:]], request.encode()):
            page.send(message)
            assert page.recv(timeout=10).startswith("SIP/2.0 200 OK\r\n")


def test_a_message_that_is_too_big_ends_it(places):
    _, where = places
    uri = f"ws://{where['ws'].host}:{where['ws'].port}/"
    with websocket(uri, origin=ORIGIN, subprotocols=["sip"], compression=None) as page:
        with pytest.raises(ConnectionClosed) as caught:
            page.send("x" * 9000)
            page.recv(timeout=10)
        assert caught.value.rcvd.code == 1009


def test_a_browser_that_wants_a_page_is_told_what_this_is(places):
    _, where = places
    with socket.create_connection(where["ws"], timeout=10) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: pbx.example.org\r\n\r\n")
        answer = b""
        while piece := sock.recv(4096):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 426 Upgrade Required\r\n")
    assert b"\r\nUpgrade: websocket\r\n" in answer
