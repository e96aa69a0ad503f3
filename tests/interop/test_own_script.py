"""A site's own routes.py under the program that we ship: failure routes over real sockets."""

import pytest

from tests.peers import sip, site
from tests.peers.call import Callee, Caller
from tests.peers.phone import Phone

pytestmark = pytest.mark.interop

SCRIPT = """
from app.routes import *

shipped_incoming = incoming


def incoming(r):
    if r.hdr("X-Fail"):
        return {{}}["nothing"]
    if r.is_method("INVITE"):
        r.t_set_fr(1500)
        r.t_on_failure("unanswered")
    return shipped_incoming(r)


def unanswered(r):
    if r.t_is_canceled() or not r.t_check_status("408|486"):
        return None
    r.seturi("sip:vm@{host}:{port}")
    r.append_hf(f"X-Why: {{r.t_get_status_code()}}")
    return relay(r)
"""


@pytest.fixture
def voicemail():
    """A server that never registers: only the script knows of it."""
    with Phone(None, "vm") as server:
        yield server


@pytest.fixture
def box(own_box, voicemail):
    script = SCRIPT.format(host=voicemail.host, port=voicemail.port)
    made = own_box(**{"routes.py": script})
    voicemail.target = made.target
    return made


@pytest.mark.parametrize("code", [486, None])
def test_who_is_busy_or_does_not_answer_has_a_voicemail(box, phone, voicemail, code):
    one, other = phone("200", target=box.target), phone("201", target=box.target)
    out = Caller(one, other.uri, sip.sdp(one.host, 40000)).authenticate()
    into = Callee(other)
    if code:
        into.refuse(code, "Busy Here")
    else:
        into.ring()
        out.expect(180)
        into.cancelled()
    message = Callee(voicemail)
    assert message.invite["x-why"] == str(code or 408)
    message.answer(sip.sdp(voicemail.host, 40002))
    out.answered()
    message.acknowledged()
    out.request("BYE")
    message.hung_up()
    out.expect(200)


def test_a_script_that_fails_costs_no_call(box, phone):
    one, other = phone("200", target=box.target), phone("201", target=box.target)
    out = Caller(one, other.uri, headers=[("X-Fail", "1")]).authenticate()
    into = Callee(other)
    into.answer()
    out.answered()
    into.acknowledged()
    out.request("BYE")
    into.hung_up()
    out.expect(200)
    assert "routes.py:9: KeyError('nothing'" in box.program.output()


def test_a_site_with_a_wrong_script_is_refused(tmp_path, own_box):
    made = site.demo(tmp_path / "site", **{"routes.py": "def incoming(r):\n    r.lokup('x')\n"})
    with pytest.raises(Exception, match="r.lokup: no such verb; did you mean lookup"):
        own_box(made_site=made)
