"""Strangers hold thousands of connections; calls go on, and new users still get in."""

import os
import socket

import pytest

from tests.certificates import Folder
from tests.peers import scenes, site
from tests.peers.address import LOOPBACK, Target, free_ports
from tests.peers.baresip import Baresip
from tests.peers.crowd import Crowd

pytestmark = pytest.mark.interop

HEAD = (
    b"INVITE sip:200@example.org SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK1\r\n"
    b"%s\r\n"
)


@pytest.mark.slow
def test_calls_go_on_and_new_users_get_in_beside_2048_idle_or_dripping_connections(
    own_box, tmp_path
):
    box = own_box(sip={"min_expires": 10})
    with Baresip(tmp_path, box.target, "202", 440, transport="tcp") as before:
        with Crowd(box.target, 2048) as crowd:
            with Baresip(tmp_path, box.target, "203", 880, transport="tcp") as newcomer:
                for one, other in ((before, newcomer), (newcomer, before)):
                    scenes.connect(one, other)
                    scenes.hear_each_other(one, other)
                    scenes.hang_up(one, other)
            scenes.sipp_pair(tmp_path, box.target, "call", "answer", calls=10, ways=("t1", "t1"))
            scenes.sipp_pair(tmp_path, box.target, "call", "answer", calls=10)
            assert crowd.closed > 2048 - 256
    assert descriptors(box) < 300


@pytest.mark.slow
def test_slow_handshakes_keep_nobody_out(own_box, tmp_path):
    authority = Folder()
    authority.issue("box", (LOOPBACK,))
    made = site.demo(
        tmp_path / "site", tls={"certificate": "box.pem", "key": "box.key"}, security={"ban": 0}
    )
    for name in ("box.pem", "box.key"):
        (made / name).write_bytes(authority.read(name))
    where = Target(LOOPBACK, free_ports())
    box = own_box(made, words=["--listen", f"tls:{LOOPBACK}:{where.port}"])
    ways = {"transport": "tls", "authority": f"{authority.path}/ca.pem"}
    with Baresip(tmp_path, where, "202", 440, **ways) as before:
        with Crowd(where, 512, hosts=32, first=b"\x16\3\1\1\0\1\0\0\xfc\3\3"):
            with Baresip(tmp_path, where, "203", 880, **ways) as newcomer:
                scenes.connect(before, newcomer)
                scenes.hear_each_other(before, newcomer)
                scenes.hang_up(before, newcomer)
    authority.remove()
    assert descriptors(box) < 300


def descriptors(box):
    """-> int: how many the box has open."""
    return len(os.listdir(f"/proc/{box.program.pid}/fd"))


def end_of(target, data):
    """-> bytes that come back until the box ends the connection."""
    with socket.create_connection(target, timeout=10) as sock:
        sock.sendall(data)
        found = b""
        while True:
            try:
                piece = sock.recv(4096)
            except ConnectionResetError:
                return found
            if not piece:
                return found
            found += piece


def test_what_is_broken_gets_its_answer_and_the_connection_ends(target):
    for length, status in (
        (b"", b"400 "), (b"Content-Length: -1\r\n", b"400 "),
        (b"Content-Length: 4294967296\r\n", b"513 "), (b"Content-Length: 99999999\r\n", b"513 "),
        (b"Content-Length: 0\r\nl: 1\r\n", b"400 "),
    ):  # fmt: skip
        rest = b"From: <sip:a@b.example>;tag=1\r\nTo: <sip:b@c.example>\r\nCall-ID: 1\r\n"
        data = HEAD % (rest + b"CSeq: 1 INVITE\r\n" + length)
        assert end_of(target, data).startswith(b"SIP/2.0 " + status), length


def test_what_is_no_sip_ends_at_once(target):
    for data in (b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\n\n\n\n"):
        assert end_of(target, data) == b"", data


def test_keepalives(target):
    ask = b"\0\1\0\0\x21\x12\xa4\x42" + b"t" * 12
    with socket.create_connection(target, timeout=10) as sock:
        sock.sendall(b"\r\n\r\n" + ask)
        found = b""
        while len(found) < 34:
            found += sock.recv(4096)
    assert found[:4] == b"\r\n\1\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.sendto(ask, target)
        answer = sock.recv(4096)
    assert answer[:2] == b"\1\1"
    assert answer[8:20] == b"t" * 12
