"""SIP over TLS: baresip and openssl against a box with certificates made for the test."""

import os
import re
import socket
import ssl
import subprocess

import pytest

from tests.certificates import RSA, Folder
from tests.peers import scenes, site
from tests.peers.address import LOOPBACK, Target, free_ports
from tests.peers.baresip import Baresip
from tests.peers.process import require, wait_until

pytestmark = pytest.mark.interop

TLS = {"certificate": "box.pem second.pem", "key": "box.key second.key"}


@pytest.fixture(scope="module")
def authority():
    """-> Folder with box (an address, P-256), second (a name, RSA) and telephone."""
    folder = Folder()
    folder.issue("box", (LOOPBACK, "box.example.org"))
    folder.issue("second", ("second.example.net", "*.second.example.net"), RSA)
    folder.issue("telephone", ("telephone.example.org",))
    yield folder
    folder.remove()


@pytest.fixture
def secure_box(own_box, tmp_path, authority):
    """Makes boxes that listen on TLS too: secure_box(key=value of [tls]) -> (Pbx, Target)."""

    def make(**settings):
        folder = site.demo(tmp_path / "site", tls={**TLS, **settings})
        for name in ("box.pem", "box.key", "second.pem", "second.key", "ca.pem"):
            (folder / name).write_bytes(authority.read(name))
        where = Target(LOOPBACK, free_ports())
        return own_box(folder, words=["--listen", f"tls:{LOOPBACK}:{where.port}"]), where

    return make


def handshake(where, authority, *words):
    """-> str: what openssl says of a connection with these words of s_client."""
    command = [require("openssl", "openssl"), "s_client", "-connect", f"{where.host}:{where.port}"]
    command += ["-CAfile", f"{authority.path}/ca.pem", "-verify_return_error", *words]
    done = subprocess.run(command, input="", capture_output=True, text=True, timeout=20)
    return done.stdout + done.stderr


def subject(text):
    found = re.search(r"subject=CN ?= ?(\S+)", text)
    return found and found.group(1)


def test_two_telephones_over_tls_hear_each_other(secure_box, tmp_path, authority):
    box, where = secure_box()
    ways = {"transport": "tls", "authority": f"{authority.path}/ca.pem"}
    with Baresip(tmp_path, where, "200", 440, **ways) as one:
        with Baresip(tmp_path, where, "201", 880, **ways) as other:
            scenes.connect(one, other)
            scenes.hear_each_other(one, other)
            scenes.hang_up(one, other)
    assert "fault" not in box.log()


def test_tls_calls_udp_and_tcp(secure_box, tmp_path, authority):
    box, where = secure_box()
    secure = Baresip(tmp_path, where, "200", 440, transport="tls",
                     authority=f"{authority.path}/ca.pem")  # fmt: skip
    with secure:
        for user, transport in (("201", "udp"), ("202", "tcp")):
            with Baresip(tmp_path, box.target, user, 880, transport=transport) as other:
                scenes.connect(secure, other)
                scenes.hear_each_other(secure, other)
                scenes.hang_up(other, secure)
                scenes.connect(other, secure)
                scenes.hang_up(secure, other)


@pytest.mark.parametrize("version", ["tls1_2", "tls1_3"])
def test_versions(secure_box, authority, version):
    _, where = secure_box()
    said = handshake(where, authority, "-" + version)
    assert "Verify return code: 0 (ok)" in said or "Verification: OK" in said, said
    assert ("TLSv1.3" if version == "tls1_3" else "TLSv1.2") in said


def test_older_versions_and_weak_suites_are_refused(secure_box, authority):
    _, where = secure_box()
    for words in (
        ("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"), ("-tls1_2", "-cipher", "AES128-SHA"),
        ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"),
    ):  # fmt: skip
        assert "Cipher is (NONE)" in handshake(where, authority, *words), words


def test_the_site_may_want_the_newest_alone(secure_box, authority):
    _, where = secure_box(min_version="1.3")
    assert "Cipher is (NONE)" in handshake(where, authority, "-tls1_2")
    assert subject(handshake(where, authority, "-tls1_3")) == "box"


def test_the_certificate_is_that_of_the_name(secure_box, authority):
    _, where = secure_box()
    for name, certificate in (
        ("second.example.net", "second"), ("pbx.second.example.net", "second"),
        ("box.example.org", "box"), ("elsewhere.example.com", "box"),
    ):  # fmt: skip
        assert subject(handshake(where, authority, "-servername", name)) == certificate, name
    assert subject(handshake(where, authority, "-noservername")) == "box"


def test_clients_may_have_to_show_a_certificate(secure_box, authority):
    _, where = secure_box(ca="ca.pem", verify_client="yes")
    own = ("-cert", f"{authority.path}/telephone.pem", "-key", f"{authority.path}/telephone.key")
    request = b"OPTIONS sip:127.0.0.1 SIP/2.0\r\n"
    assert b"200" in answer(where, authority, request, *own)
    assert b"200" not in answer(where, authority, request)
    other = Folder("stranger")
    other.issue("telephone", ("telephone.example.org",))
    foreign = ("-cert", f"{other.path}/telephone.pem", "-key", f"{other.path}/telephone.key")
    assert b"200" not in answer(where, authority, request, *foreign)
    other.remove()


def answer(where, authority, request, *words):
    """-> bytes that come back upon a request through openssl."""
    headers = (
        b"Via: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK1;rport\r\nMax-Forwards: 70\r\n"
        b"From: <sip:a@b.example>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: 1\r\n"
        b"CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
    command = [require("openssl", "openssl"), "s_client", "-quiet", "-no_ign_eof"]
    command += ["-connect", f"{where.host}:{where.port}", "-CAfile", f"{authority.path}/ca.pem"]
    process = subprocess.Popen(
        [*command, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        process.stdin.write(request + headers)
        process.stdin.flush()
        return process.stdout.readline()
    except BrokenPipeError:
        return b""
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_connections_good_and_bad_leave_no_memory_behind(secure_box, authority):
    """mbedTLS's memory is libc's: no collector finds what is forgotten."""
    box, where = secure_box()
    good = ssl.create_default_context(cafile=f"{authority.path}/ca.pem")
    bad = ssl.create_default_context()  # trusts nobody here, and says so in an alert

    def rounds(count):
        for _ in range(count):
            with socket.create_connection(where, timeout=10) as plain:
                with good.wrap_socket(plain, server_hostname=LOOPBACK) as secure:
                    secure.sendall(b"\r\n\r\n")
                    assert secure.recv(10) == b"\r\n"
            with socket.create_connection(where, timeout=10) as plain:
                with pytest.raises(ssl.SSLError):
                    bad.wrap_socket(plain, server_hostname=LOOPBACK)
            with socket.create_connection(where, timeout=10) as plain:
                plain.sendall(hello() + b"\x16\x03\x03\x00\x04rest")
                while plain.recv(4096):
                    pass
        wait_until(lambda: descriptors(box) < 40, "the connections are gone")
        return resident(box)

    before = rounds(40)
    assert rounds(120) < before + 1500, "KiB"


def hello():
    """-> bytes: the first that a client sends."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=LOOPBACK)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def resident(box):
    """-> int: KiB of memory that the box has."""
    with open(f"/proc/{box.program.pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


def descriptors(box):
    return len(os.listdir(f"/proc/{box.program.pid}/fd"))
