"""TCP and TLS on the emulated box: a 586 without a random number instruction, 64 MB."""

import re
import subprocess

import pytest

from tests.certificates import RSA, Folder
from tests.device.conftest import provisioned
from tests.peers import scenes
from tests.peers.process import require, wait_until
from tests.peers.stream_phone import StreamPhone


@pytest.fixture(scope="module")
def authority():
    folder = Folder()
    folder.issue("box", ("127.0.0.1",))
    folder.issue("rsa", ("rsa.example.org",), RSA)
    yield folder
    folder.remove()


@pytest.fixture
def secure_box(new_box, authority):
    """-> Box that listens on TLS too, with two certificates."""
    box = new_box()
    listen = f"udp:0.0.0.0:{box.target.port} tcp:0.0.0.0:{box.target.port}"
    listen += f" tls:0.0.0.0:{box.secure.port} advertise 127.0.0.1:{box.secure.port}"
    tls = {"certificate": "box.pem rsa.pem", "key": "box.key rsa.key"}
    box.site = box.make_site("secure", more={"sip": {"listen": listen}, "tls": tls})
    for name in ("box.pem", "box.key", "rsa.pem", "rsa.key"):
        (box.site / name).write_bytes(authority.read(name))
    return provisioned(box)


def handshake(box, authority, *words):
    command = [require("openssl", "openssl"), "s_client", *words, "-verify_return_error"]
    command += ["-connect", f"127.0.0.1:{box.secure.port}", "-CAfile", f"{authority.path}/ca.pem"]
    done = subprocess.run(command, input="", capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def test_tls_and_what_it_leaves_of_the_memory(secure_box, authority, tmp_path):
    for words, version in (("-tls1_2",), "TLSv1.2"), (("-tls1_3",), "TLSv1.3"):
        assert version in handshake(secure_box, authority, *words)
    said = handshake(secure_box, authority, "-servername", "rsa.example.org")
    assert re.search(r"subject=CN ?= ?rsa", said), said
    held = []
    ca = f"{authority.path}/ca.pem"
    for user in ("200", "201"):
        telephone = StreamPhone(secure_box.secure, user, "tls", ca)
        assert telephone.register().status == 200
        held.append(telephone)
    held += [StreamPhone(secure_box.secure, "202", "tls", ca) for _ in range(30)]
    said = secure_box.command("connections")
    assert len(re.findall(r"^tls:", said, re.MULTILINE)) == len(held), said
    assert re.search(r"^tls:\S+ .* 200\s*$", said, re.MULTILINE), said
    for telephone in held:
        telephone.close()
    wait_until(lambda: "no connections" in secure_box.command("connections"), "all are gone")
    used = re.search(r"memory +([\d.]+) MiB of", secure_box.command("status"))
    assert float(used.group(1)) < 24, used.group(0)


def test_telephones_over_tcp_hear_each_other(secure_box, tmp_path):
    scenes.tones_both_ways(tmp_path, secure_box.target, transport="tcp")


def test_telephones_over_tls_hear_each_other(secure_box, authority, tmp_path):
    scenes.tones_both_ways(
        tmp_path, secure_box.secure, transport="tls", authority=f"{authority.path}/ca.pem"
    )
