"""What the user gives up: a CANCEL with its Reason, a request that stays without an answer."""

from app.sip.errors import ParseError
from app.sip.message import parse
from tests.sip.elements import (
    ALICE,
    BOB,
    datagrams,
    endpoint,
    is_empty,
    received,
    request,
    response,
    run_timers,
    sent,
    told,
)
from tests.support import raises

REASON = 'Reason: SIP;cause=200;text="Call completed elsewhere"'


def test_a_cancel_says_why():
    """RFC 3326; also when it has to wait for the first provisional response."""
    for early in (True, False):
        element = endpoint()
        transaction = element.request(request(), BOB, 0.0)
        if early:
            element.receive(response(transaction, 180), BOB, 0.1)
        datagrams(element)
        element.cancel(transaction, 0.2, [REASON])
        element.cancel(transaction, 0.2, ["Reason: SIP;cause=600"])
        if not early:
            assert sent(element) == []
            element.receive(response(transaction, 180), BOB, 0.3)
        ((data, _),) = datagrams(element)
        cancel = parse(data)
        assert cancel.method == "CANCEL" and cancel.headers("reason") == [REASON[8:]]


def test_a_reason_cannot_add_lines():
    element = endpoint()
    transaction = element.request(request(), BOB, 0.0)
    element.receive(response(transaction, 180), BOB, 0.1)
    with raises(ParseError):
        element.cancel(transaction, 0.2, ["Reason: SIP\r\nRoute: <sip:x>"])


def test_what_is_abandoned_is_never_answered_and_absorbs_retransmissions():
    """RFC 4320 4.2: no 408; without the transaction each retransmission were a new request."""
    for provisional in (True, False):
        element = endpoint()
        element.receive(received("MESSAGE"), ALICE, 0.0)
        (event,) = told(element)
        transaction = element.accept(event.message, event.peer, 0.0)
        if provisional:
            element.respond(transaction, response(event.message, 100, to_tag=None), 3.5)
            datagrams(element)
        element.abandon(transaction, 5.0)
        element.receive(received("MESSAGE"), ALICE, 6.0)
        again = [first[:11] for first, _ in sent(element)]
        assert told(element) == [] and again == (["SIP/2.0 100"] if provisional else [])
        element.respond(transaction, response(event.message, 200), 7.0)
        assert sent(element) == []
        run_timers(element, 5.0 + 32.0)
        assert len(told(element)) == 1 and is_empty(element)


def test_an_invite_is_not_abandoned():
    element = endpoint()
    element.receive(received(), ALICE, 0.0)
    (event,) = told(element)
    transaction = element.accept(event.message, event.peer, 0.0)
    element.abandon(transaction, 1.0)
    assert transaction.state == "proceeding"
