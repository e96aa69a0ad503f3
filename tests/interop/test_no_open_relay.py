"""The box relays for nobody but its extensions: what a stranger on the network gets to hear."""

import pytest

from tests.peers import sip
from tests.peers.call import Callee, Caller, connect
from tests.peers.phone import Phone

pytestmark = pytest.mark.interop


@pytest.fixture
def outside(target):
    """A telephone that the box knows nothing of, with a number at its own address."""
    with Phone(target, "900", host="127.0.0.9", domain="127.0.0.9") as stranger:
        yield stranger


def foreign(phone):
    """-> str: a URI that leads out of the box's domain, to `phone`."""
    return f"sip:{phone.user}@{phone.host}:{phone.port}"


def test_an_extension_must_prove_itself_to_call_out(phone, outside):
    call = Caller(phone("200"), foreign(outside))
    call.refused(407)
    outside.silence()


def test_an_extension_that_proves_itself_calls_out(phone, outside):
    out = Caller(phone("200"), foreign(outside)).authenticate()
    into = Callee(outside)
    into.answer()
    out.answered()
    into.acknowledged()


def test_a_stranger_calls_nobody_outside(target, outside):
    with Phone(target, "901", host="127.0.0.8", domain="127.0.0.8") as caller:
        Caller(caller, foreign(outside)).refused(403)
    outside.silence()


def test_a_stranger_who_claims_to_be_an_extension_is_challenged(target, outside):
    with Phone(target, "200", host="127.0.0.8", password="guess") as caller:
        Caller(caller, foreign(outside)).authenticate().refused(407)
    outside.silence()


def test_a_stranger_may_call_an_extension(phone, outside):
    other = phone("201")
    Caller(outside, other.uri)
    Callee(other)


def test_nobody_calls_in_the_name_of_another(phone):
    other = phone("202")
    fields = {"From": f"<sip:201@example.org>;tag={sip.token()}"}
    call = Caller(phone("200"), other.uri, fields=fields)
    call.authenticate("200").refused(403)
    other.silence()


def test_a_preferred_identity_of_another_is_refused(phone):
    other = phone("202")
    headers = [("P-Preferred-Identity", "<sip:201@example.org>")]
    Caller(phone("200"), other.uri, headers=headers).authenticate().refused(403)
    other.silence()


def test_a_route_does_not_carry_a_stranger_out(target, outside):
    """A Route of the box, made up, as for an outbound proxy: RFC 3261 16.4 takes it off."""
    headers = [("Route", f"<sip:{target.host}:{target.port};lr>")]
    with Phone(target, "901", host="127.0.0.8", domain="127.0.0.8") as caller:
        Caller(caller, foreign(outside), headers=headers).refused(403)
    outside.silence()


def test_a_made_up_to_tag_does_not_carry_a_stranger_out(target, outside):
    """A request that looks like one within a dialog, but for the seal of the Record-Route."""
    with Phone(target, "901", host="127.0.0.8", domain="127.0.0.8") as caller:
        headers = [
            ("Route", f"<sip:{target.host}:{target.port};lr=on;seal={'0' * 24}>"),
            ("From", f"<{caller.uri}>;tag=1"),
            ("To", f"<{foreign(outside)}>;tag=2"),
            ("Call-ID", sip.token()),
            ("CSeq", "1 INVITE"),
            ("Contact", f"<{caller.contact}>"),
        ]
        caller.request("INVITE", foreign(outside), headers)
        caller.expect(403)
    outside.silence()


def test_the_route_of_a_call_leads_nowhere_else(phone, outside):
    """The seal is for the party of that call: it cannot be turned against a third one."""
    out, _ = connect(phone("200"), phone("201"))
    out.request("INFO", uri=foreign(outside))
    refused = out.phone.receive()
    assert refused.status in (403, 407)
    outside.silence()


def test_an_ack_of_no_call_is_dropped(target, outside, phone):
    headers = [
        ("From", f"<{outside.uri}>;tag=1"),
        ("To", "<sip:200@example.org>;tag=2"),
        ("Call-ID", sip.token()),
        ("CSeq", "1 ACK"),
    ]
    registered = phone("200")
    outside.request("ACK", "sip:200@example.org", headers)
    outside.silence()
    registered.silence()


def test_an_unknown_and_an_unregistered_number_look_alike_from_outside(outside):
    """Nobody finds out by calling which extensions there are."""
    statuses = [Caller(outside, f"sip:{user}@example.org").refused(404) for user in ("203", "777")]
    assert statuses[0].start == statuses[1].start
