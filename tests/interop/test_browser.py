"""A telephone in a browser: SIP.js in headless Chromium, over WebSocket and secure WebSocket."""

from contextlib import contextmanager

import pytest

from tests.certificates import Folder
from tests.peers import sip, site
from tests.peers.address import LOOPBACK, free_ports
from tests.peers.browser import Browser
from tests.peers.call import Callee, Caller
from tests.peers.phone import Phone

pytestmark = pytest.mark.interop

BROWSER, DESK = "203", "201"  # the extension in the browser, and one on a desk


@pytest.fixture(params=["ws", "wss"])
def box(request, own_box, tmp_path):
    """-> (Pbx, URI of its WebSocket); the browser takes the certificate of `wss` unseen."""
    authority = Folder()
    authority.issue("box", (LOOPBACK,))
    made = site.demo(tmp_path / "site", tls={"certificate": "box.pem", "key": "box.key"})
    for name in ("box.pem", "box.key"):
        (made / name).write_bytes(authority.read(name))
    authority.remove()
    place = f"{LOOPBACK}:{free_ports(1)}"
    running = own_box(made, words=["--listen", f"{request.param}:{place}"])
    return running, f"{request.param}://{place}"


@contextmanager
def lab(box, tmp_path, callee=None):
    """-> (Browser, Phone): both registered at one box, the browser by WebSocket."""
    pbx, server = box
    with Phone(pbx.target, DESK) as phone:
        assert phone.register().status == 200
        with Browser(tmp_path, server, BROWSER, callee) as browser:
            browser.hears("registered")
            yield browser, phone


def test_a_browser_calls_a_telephone(box, tmp_path):
    with lab(box, tmp_path, callee=DESK) as (browser, phone):
        into = Callee(phone)
        assert b"m=audio" in into.body
        into.ring()
        assert browser.hears("progress") == "180"
        into.answer(sip.sdp(phone.host, 41000))
        browser.hears("established")
        assert "m=audio" in browser.hears("sdp")
        into.acknowledged()
        into.hung_up()  # by the browser, after a moment
        browser.hears("terminated")


def test_a_telephone_calls_a_browser(box, tmp_path):
    with lab(box, tmp_path) as (browser, phone):
        out = Caller(phone, f"sip:{BROWSER}@example.org", sip.sdp(phone.host, 41000)).authenticate()
        assert browser.hears("ringing") == f"sip:{DESK}@example.org"
        out.expect(180)
        out.answered()
        browser.hears("established")
        out.bye()
        browser.hears("terminated")


def test_a_wrong_password_is_refused(box, tmp_path):
    with Browser(tmp_path, box[1], BROWSER, password="wrong") as browser:
        assert browser.hears("refused") == "401"
