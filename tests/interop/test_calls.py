"""Calls message by message: what the two parties see of the box between them."""

import pytest

from tests.peers import sip
from tests.peers.call import Callee, Caller, connect

pytestmark = pytest.mark.interop


def offer(phone, port=40000, direction=None):
    return sip.sdp(phone.host, port, direction=direction)


def talking(one, other):
    """-> (Caller, Callee) of a call with audio."""
    return connect(one, other, offer(one), offer(other))


def test_an_invite_without_credentials_is_407(phone):
    call = Caller(phone("200"), "sip:201@example.org")
    refused = call.refused(407)
    assert refused["proxy-authenticate"].startswith('Digest realm="example.org"')


def test_the_callee_sees_the_call_but_not_the_password(phone):
    one, other = phone("200"), phone("201")
    Caller(one, other.uri, offer(one)).authenticate()
    invite = Callee(other).invite
    assert invite["proxy-authorization"] == ""
    assert invite["max-forwards"] == "69"
    assert invite.uri == other.contact
    assert sip.uri_of(invite["from"]) == one.uri
    assert len(invite.all("via")) == 2


def test_both_parties_get_the_box_as_route(phone, target):
    out, into = connect(phone("200"), phone("201"))
    for leg in (out, into):
        assert len(leg.routes) == 1
        assert f"{target.host}:{target.port};lr=on" in leg.routes[0]


def test_the_caller_hangs_up(phone):
    out, into = connect(phone("200"), phone("201"))
    out.request("BYE")
    into.hung_up()
    out.expect(200)


def test_the_callee_hangs_up(phone):
    out, into = connect(phone("200"), phone("201"))
    into.request("BYE")
    out.hung_up()
    into.expect(200)


def test_each_response_comes_back(phone):
    """180 and 183 in between, then the final one; the callee's tag in all of them."""
    one, other = phone("200"), phone("201")
    out = Caller(one, other.uri).authenticate()
    into = Callee(other)
    into.ring(180, "Ringing")
    into.ring(183, "Session Progress")
    tags = [out.expect(180).tag("to"), out.expect(183).tag("to")]
    into.phone.reply(into.invite, 486, "Busy Here", into.tag)
    tags.append(out.refused(486).tag("to"))
    into.expect("ACK")
    assert tags == [into.tag] * 3


def test_the_box_acknowledges_a_refusal_itself(phone):
    one, other = phone("200"), phone("201")
    out = Caller(one, other.uri).authenticate()
    Callee(other).refuse(486, "Busy Here")  # waits for the ACK
    out.refused(486)


def test_cancel_reaches_the_callee(phone):
    one, other = phone("200"), phone("201")
    out = Caller(one, other.uri).authenticate()
    into = Callee(other)
    into.ring()
    out.expect(180)
    out.cancel()
    into.cancelled()
    out.refused(487)


def test_an_early_cancel_waits_for_the_first_response(phone):
    """RFC 3261 9.1: no CANCEL to a callee that has not answered the INVITE in any way."""
    one, other = phone("200"), phone("201")
    out = Caller(one, other.uri).authenticate()
    into = Callee(other)
    out.cancel()
    other.silence()
    into.ring()
    into.cancelled()
    out.expect((180, 487))


def test_a_reinvite_goes_through_and_so_does_its_ack(phone):
    out, into = talking(phone("200"), phone("201"))
    out.reinvite(offer(out.phone, direction="sendonly"))
    seen = into.reaccept(offer(into.phone, direction="recvonly"))
    assert b"a=sendonly" in seen.body
    assert b"a=recvonly" in out.expect(200).body
    out.request("ACK")
    into.expect("ACK")


def test_the_callee_can_hold_too(phone):
    out, into = talking(phone("200"), phone("201"))
    into.reinvite(offer(into.phone, direction="sendonly"))
    assert b"a=sendonly" in out.reaccept(offer(out.phone, direction="recvonly")).body
    into.expect(200)
    into.request("ACK")
    out.expect("ACK")


def test_the_rest_of_a_dialog_needs_no_password(phone):
    """INFO, UPDATE and the like follow the route that the INVITE has laid."""
    out, into = connect(phone("200"), phone("201"))
    out.request("INFO")
    into.phone.reply(into.expect("INFO"), 200, "OK")
    out.expect(200)


def test_an_alias_of_ser_leads_to_the_extension(phone):
    one, other = phone("200"), phone("201")
    Caller(one, "sip:1002@example.org").authenticate()
    assert Callee(other).invite.uri == other.contact


def test_a_number_of_dbaliases_leads_to_the_extension(phone):
    one, other = phone("200"), phone("202")
    Caller(one, "sip:5550202@example.org").authenticate()
    assert Callee(other).invite.uri == other.contact


def test_both_phones_of_a_user_ring_and_the_second_is_cancelled(phone):
    caller = phone("200")
    ringing = [phone("201"), phone("201")]
    out = Caller(caller, "sip:201@example.org").authenticate()
    first, second = [Callee(each) for each in ringing]
    first.ring()
    second.ring()
    first.answer()
    second.cancelled()
    assert [out.expect(180).status, out.expect(180).status] == [180, 180]
    assert out.answered().tag("to") == first.tag
    first.acknowledged()


def test_one_busy_phone_does_not_end_the_call(phone):
    caller = phone("200")
    ringing = [phone("201"), phone("201")]
    out = Caller(caller, "sip:201@example.org").authenticate()
    first, second = [Callee(each) for each in ringing]
    first.refuse(486, "Busy Here")
    second.answer()
    assert out.answered().tag("to") == second.tag


def test_a_decline_ends_the_ringing_everywhere(phone):
    """RFC 3261 16.7 step 5: a 6xx of one phone cancels the others."""
    caller = phone("200")
    ringing = [phone("201"), phone("201")]
    out = Caller(caller, "sip:201@example.org").authenticate()
    first, second = [Callee(each) for each in ringing]
    second.ring()
    out.expect(180)
    first.refuse(603, "Decline")
    second.cancelled()
    out.refused(603)


def test_the_preferred_phone_rings_first(phone):
    caller, desk, cell = (
        phone("200"),
        phone("201", registered=False),
        phone("201", registered=False),
    )
    desk.register(contact=f"<{desk.contact}>;q=0.9")
    cell.register(contact=f"<{cell.contact}>;q=0.2")
    out = Caller(caller, "sip:201@example.org").authenticate()
    first = Callee(desk)
    cell.silence()
    first.refuse(486, "Busy Here")
    Callee(cell).answer()
    out.answered()


def test_a_repeated_invite_is_not_a_second_call(phone):
    one, other = phone("200"), phone("201")
    out = Caller(one, other.uri).authenticate()
    last = one.sent[-1]
    for _ in range(3):
        one.send(last)
    into = Callee(other)
    into.answer()
    out.answered()
    into.acknowledged()
    other.silence()


def test_a_repeated_answer_is_passed_on_each_time(phone):
    """RFC 6026: the 2xx of an INVITE is the callee's to repeat, and the caller's to acknowledge."""
    one, other = phone("200"), phone("201")
    out = Caller(one, other.uri).authenticate()
    into = Callee(other)
    into.answer()
    out.answered()
    into.acknowledged()
    into.answer()
    one.silence()  # the test phone counts it instead of showing it
    assert one.repeated == 1


def test_options_to_an_extension_goes_through(phone):
    one, other = phone("200"), phone("201")
    answer = _options(one, other)
    assert answer.status == 200


def _options(one, other):
    headers = [
        ("From", f"<{one.uri}>;tag={sip.token()}"),
        ("To", f"<{other.uri}>"),
        ("Call-ID", sip.token()),
        ("CSeq", "1 OPTIONS"),
    ]
    one.request("OPTIONS", other.uri, headers)
    challenge = one.expect(407)["proxy-authenticate"]
    proof = sip.credentials(challenge, "OPTIONS", other.uri, one.user, one.password)
    headers[-1] = ("CSeq", "2 OPTIONS")
    one.request("OPTIONS", other.uri, [*headers, ("Proxy-Authorization", proof)])
    other.reply(other.expect("OPTIONS"), 200, "OK", sip.token())
    return one.expect(200)


def test_max_forwards_0_is_483(phone):
    one = phone("200")
    data = _bare(one, "INVITE", "sip:201@example.org", max_forwards=0)
    one.send(data)
    assert one.expect(483)


def test_a_message_too_long_is_513(phone):
    one = phone("200")
    one.send(_bare(one, "OPTIONS", "sip:201@example.org", more=[("X-Long", "x" * 9000)]))
    assert one.expect(513)


def _bare(phone, method, uri, max_forwards=70, more=()):
    headers = [
        ("Via", phone.via()),
        ("Max-Forwards", max_forwards),
        ("From", f"<{phone.uri}>;tag={sip.token()}"),
        ("To", f"<{uri}>"),
        ("Call-ID", sip.token()),
        ("CSeq", f"1 {method}"),
    ]
    return sip.compose(f"{method} {uri} SIP/2.0", headers + list(more))
