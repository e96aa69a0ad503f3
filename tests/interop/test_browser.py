"""A telephone in a browser: SIP.js in headless Chromium, over WebSocket."""

from contextlib import contextmanager

import pytest

from tests.peers import sip
from tests.peers.address import LOOPBACK, free_ports
from tests.peers.browser import Browser
from tests.peers.call import Callee, Caller
from tests.peers.phone import Phone

pytestmark = pytest.mark.interop

BROWSER, DESK = "203", "201"  # the extension in the browser, and one on a desk


@contextmanager
def lab(own_box, tmp_path, callee=None):
    """-> (Browser, Phone): both registered at one box, the browser by WebSocket."""
    port = free_ports(1)
    box = own_box(words=["--listen", f"ws:{LOOPBACK}:{port}"])
    with Phone(box.target, DESK) as phone:
        assert phone.register().status == 200
        server = f"ws://{LOOPBACK}:{port}"
        with Browser(tmp_path, server, BROWSER, callee) as browser:
            browser.hears("registered")
            yield browser, phone


def test_a_browser_calls_a_telephone(own_box, tmp_path):
    with lab(own_box, tmp_path, callee=DESK) as (browser, phone):
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


def test_a_telephone_calls_a_browser(own_box, tmp_path):
    with lab(own_box, tmp_path) as (browser, phone):
        out = Caller(phone, f"sip:{BROWSER}@example.org", sip.sdp(phone.host, 41000)).authenticate()
        assert browser.hears("ringing") == f"sip:{DESK}@example.org"
        out.expect(180)
        out.answered()
        browser.hears("established")
        out.bye()
        browser.hears("terminated")


def test_a_wrong_password_is_refused(own_box, tmp_path):
    port = free_ports(1)
    own_box(words=["--listen", f"ws:{LOOPBACK}:{port}"])
    with Browser(tmp_path, f"ws://{LOOPBACK}:{port}", BROWSER, password="wrong") as browser:
        assert browser.hears("refused") == "401"
