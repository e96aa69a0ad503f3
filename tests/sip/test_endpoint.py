"""The endpoint: matching, Via and rport, stateless answers, limits, CANCEL and ACK."""

from app.sip import events, message
from app.sip.edits import Edits
from app.sip.endpoint import LimitReached
from app.sip.transport import Peer
from tests.sip.elements import (
    ALICE,
    BOB,
    datagrams,
    endpoint,
    first_line,
    is_empty,
    lines,
    names,
    received,
    request,
    response,
    run_timers,
    sent,
    told,
)
from tests.support import raises

parse = message.parse
TCP = Peer("tcp", "192.0.2.1", 40000, 3)
OLD = "SIP/2.0/UDP 192.0.2.1:5060"  # a Via of RFC 2543: no branch


def accepted(element, data, peer=ALICE, now=0.0):
    element.receive(data, peer, now)
    (event,) = told(element)
    return element.accept(event.message, event.peer, now)


# Requests that arrive


def test_a_request_leaves_no_state_until_it_is_accepted():
    element = endpoint()
    for number in range(50):
        element.receive(received("REGISTER", call=str(number)), ALICE, 0.0)
    assert names(element) == ["Request"] * 50
    assert is_empty(element)


def test_an_accepted_invite_is_answered_with_100_at_once():
    element = endpoint()
    accepted(element, received())
    (data, peer) = datagrams(element)[0]
    trying = parse(data)
    assert (trying.status, peer) == (100, ALICE)
    assert trying.to.tag is None and trying.via.branch == "z9hG4bKx1"


def test_other_requests_are_not_answered_with_100():
    element = endpoint()
    accepted(element, received("OPTIONS"))
    assert sent(element) == []


def test_retransmissions_are_absorbed_and_answered_with_the_last_response():
    element = endpoint()
    transaction = accepted(element, received())
    element.respond(transaction, response(transaction, 180), 0.1)
    element.receive(received(), ALICE, 0.5)
    assert lines(element) == ["SIP/2.0 100 Trying", "SIP/2.0 180 Whatever", "SIP/2.0 180 Whatever"]
    element.respond(transaction, response(transaction, 486), 1.0)
    element.receive(received(), ALICE, 1.5)
    assert lines(element) == ["SIP/2.0 486 Whatever"] * 2
    assert names(element) == []


def test_a_non_invite_retransmission_waits_for_a_response():
    element = endpoint()
    transaction = accepted(element, received("OPTIONS"))
    element.receive(received("OPTIONS"), ALICE, 0.5)
    assert sent(element) == []
    element.respond(transaction, response(transaction, 200), 1.0)
    element.receive(received("OPTIONS"), ALICE, 1.5)
    assert lines(element) == ["SIP/2.0 200 Whatever"] * 2


def test_every_class_of_final_response_ends_the_transactions():
    for code in (200, 302, 404, 503, 603):
        for method in ("INVITE", "OPTIONS"):
            element = endpoint()
            transaction = accepted(element, received(method))
            element.respond(transaction, response(transaction, code), 1.0)
            element.handle_timers(99.0)
            run_timers(element, 999.0)
            found = names(element)
            assert found[-1] == "Ended" and transaction.state == "terminated"
            lines(element)
            assert is_empty(element)


def test_two_branches_from_one_sender_are_two_transactions():
    element = endpoint()
    accepted(element, received())
    other = received(via="SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx2")
    element.receive(other, ALICE, 0.0)
    assert names(element) == ["Request"]


def test_one_branch_from_two_senders_is_two_transactions():
    element = endpoint()
    accepted(element, received())
    element.receive(received(via="SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKx1"), BOB, 0.0)
    assert names(element) == ["Request"]


def test_accepting_twice_is_an_error_of_the_caller():
    element = endpoint()
    transaction = accepted(element, received())
    with raises(ValueError):
        element.accept(transaction.request, ALICE, 0.0)
    with raises(ValueError):
        element.accept(parse(received("ACK")), ALICE, 0.0)


def test_a_lower_via_that_cannot_be_read_is_returned_as_it_came():
    element = endpoint()
    broken = 'Via: SIP/2.0/UDP h;x="open, y'
    element.receive(received(lines=[broken]), ALICE, 0.0)
    (event,) = told(element)
    element.reply(event.message, ALICE, 400, "Bad Request")
    ((data, peer),) = datagrams(element)
    assert peer == ALICE and ("\r\n" + broken + "\r\n").encode() in data
    assert is_empty(element)


# The ACK


def test_the_ack_of_a_failure_is_absorbed():
    element = endpoint()
    transaction = accepted(element, received())
    element.respond(transaction, response(transaction, 486), 0.0)
    for now in (0.1, 0.2):
        element.receive(received("ACK", to_tag="b1"), ALICE, now)
    assert transaction.state == "confirmed"
    assert names(element) == []
    datagrams(element)
    assert run_timers(element, 99.0) == [] and names(element) == ["Ended"]
    assert is_empty(element)


def test_the_ack_of_a_2xx_is_passed_up():
    element = endpoint()
    transaction = accepted(element, received())
    element.respond(transaction, response(transaction, 200), 0.0)
    own_branch = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKack"
    element.receive(received("ACK", to_tag="b1", via=own_branch), ALICE, 0.1)
    same_branch = received("ACK", to_tag="b1")  # as some telephones do
    element.receive(same_branch, ALICE, 0.1)
    assert names(element) == ["Ack", "Ack"]


def test_repeated_2xx_from_the_user_go_out():
    element = endpoint()
    transaction = accepted(element, received())
    for now in (0.0, 0.5, 1.5):
        element.respond(transaction, response(transaction, 200), now)
    element.receive(received(), ALICE, 2.0)
    assert lines(element) == ["SIP/2.0 100 Trying"] + ["SIP/2.0 200 Whatever"] * 3


def test_an_unacknowledged_failure_times_out():
    element = endpoint()
    transaction = accepted(element, received())
    element.respond(transaction, response(transaction, 486), 0.0)
    datagrams(element)
    times = [when for when, _ in run_timers(element, 99.0)]
    assert times == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert names(element) == ["Timeout", "Ended"]


# RFC 2543 senders


def test_an_rfc_2543_call_is_matched_by_its_headers():
    element = endpoint()
    transaction = accepted(element, received(via=OLD))
    element.receive(received(via=OLD), ALICE, 0.5)
    element.respond(transaction, response(transaction, 486), 1.0)
    element.receive(received("ACK", via=OLD, to_tag="b1"), ALICE, 1.1)
    assert names(element) == [] and transaction.state == "confirmed"


def test_an_rfc_2543_ack_with_another_tag_is_not_its_ack():
    element = endpoint()
    transaction = accepted(element, received(via=OLD))
    element.respond(transaction, response(transaction, 486), 1.0)
    element.receive(received("ACK", via=OLD, to_tag="other"), ALICE, 1.1)
    assert names(element) == ["Ack"] and transaction.state == "completed"


def test_an_rfc_2543_cancel_finds_its_invite():
    element = endpoint()
    transaction = accepted(element, received(via=OLD))
    element.receive(received("CANCEL", via=OLD), ALICE, 0.5)
    (event,) = told(element)
    assert isinstance(event, events.Cancel) and event.transaction is transaction


def test_the_cookie_alone_is_no_branch():
    element = endpoint()
    via = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK"
    accepted(element, received(via=via))
    element.receive(received(via=via, call="another"), ALICE, 0.0)
    assert names(element) == ["Request"]


# CANCEL that arrives


def test_a_cancel_is_answered_and_told():
    element = endpoint()
    transaction = accepted(element, received())
    datagrams(element)
    element.receive(received("CANCEL"), ALICE, 1.0)
    (event,) = told(element)
    assert isinstance(event, events.Cancel) and event.transaction is transaction
    answer = parse(datagrams(element)[0][0])
    assert (answer.status, answer.cseq.method) == (200, "CANCEL") and answer.to.tag
    element.receive(received("CANCEL"), ALICE, 1.5)
    assert lines(element) == ["SIP/2.0 200 OK"] and names(element) == []


def test_a_cancel_after_the_final_response_has_no_effect():
    for code in (200, 486):
        element = endpoint()
        transaction = accepted(element, received())
        element.respond(transaction, response(transaction, code), 0.5)
        datagrams(element)
        element.receive(received("CANCEL"), ALICE, 1.0)
        assert lines(element) == ["SIP/2.0 200 OK"] and names(element) == []


def test_a_cancelled_call_ends_without_a_trace():
    element = endpoint()
    transaction = accepted(element, received())
    element.receive(received("CANCEL"), ALICE, 1.0)
    element.respond(transaction, response(transaction, 487), 1.0)
    element.receive(received("ACK", to_tag="b1"), ALICE, 1.1)
    run_timers(element, 99.0)
    datagrams(element)
    assert names(element) == ["Cancel", "Ended"]
    assert is_empty(element)


def test_a_cancel_of_nothing_is_the_users_to_decide():
    element = endpoint()
    element.receive(received("CANCEL"), ALICE, 0.0)
    (event,) = told(element)
    assert isinstance(event, events.Request)
    element.reply(event.message, event.peer, 481, "Call/Transaction Does Not Exist")
    assert lines(element) == ["SIP/2.0 481 Call/Transaction Does Not Exist"]
    assert is_empty(element)


def test_a_cancel_does_not_touch_a_non_invite():
    element = endpoint()
    transaction = accepted(element, received("OPTIONS"))
    element.receive(received("CANCEL"), ALICE, 0.5)
    assert names(element) == ["Request"] and transaction.state == "trying"


# RFC 3581, 18.2.1 and 18.2.2


def answer_of(via, peer):
    element = endpoint()
    element.receive(received("OPTIONS", via=via), peer, 0.0)
    (event,) = told(element)
    element.reply(event.message, event.peer, 200, "OK")
    ((data, target),) = datagrams(element)
    return parse(data).via, target


def test_rport_and_received_are_filled_and_the_response_goes_to_the_source():
    source = Peer("udp", "198.51.100.7", 61234, 0)
    via, target = answer_of("SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bKx", source)
    assert target == source
    assert (via.received, via.rport) == ("198.51.100.7", 61234)


def test_without_rport_the_port_is_the_sent_bys():
    source = Peer("udp", "198.51.100.7", 61234, 0)
    via, target = answer_of("SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKx", source)
    assert target == Peer("udp", "198.51.100.7", 5070, 0)
    assert (via.received, via.rport) == ("198.51.100.7", None)
    assert answer_of("SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx", source)[1].port == 5060


def test_a_name_in_the_via_gets_received():
    via, target = answer_of("SIP/2.0/UDP pc.example.org;branch=z9hG4bKx", ALICE)
    assert (via.received, target) == ("192.0.2.1", ALICE)


def test_a_via_that_tells_the_truth_is_left_alone():
    text = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx"
    assert str(answer_of(text, ALICE)[0]) == text


def test_nobody_aims_our_responses_at_others():
    for lie in ("received=203.0.113.9", "maddr=203.0.113.9", "rport=9;received=203.0.113.9"):
        text = f"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx;{lie}"
        assert answer_of(text, ALICE)[1].host == "192.0.2.1"


def test_over_tcp_the_response_goes_back_on_the_connection():
    assert answer_of("SIP/2.0/TCP 10.0.0.1:5060;branch=z9hG4bKx", TCP)[1] == TCP


def test_an_ipv6_source_stands_in_received_without_brackets():
    source = Peer("udp", "2001:db8::9", 5062, 0)
    via, target = answer_of("SIP/2.0/UDP [2001:db8::1]:5060;rport;branch=z9hG4bKx", source)
    assert target == source and "received=2001:db8::9" in str(via)


def test_forwarded_copies_carry_received_and_rport():
    element = endpoint(sent_by="192.0.2.100:5060")
    source = Peer("udp", "198.51.100.7", 61234, 0)
    element.receive(received(via="SIP/2.0/UDP 10.0.0.1;rport;branch=z9hG4bKx"), source, 0.0)
    (event,) = told(element)
    element.request(Edits(event.message), BOB, 0.0)
    ours, theirs = parse(datagrams(element)[0][0]).headers("via")
    assert ours.startswith("SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bK")
    assert ";rport=61234" in theirs and ";received=198.51.100.7" in theirs


# Answers without state


def replied(element, method="INVITE", code=404, **how):
    element.receive(received(method, **how), ALICE, 0.0)
    event = told(element)[0]
    element.reply(event.message, event.peer, code, "Whatever")
    return parse(datagrams(element)[0][0])


def test_a_stateless_answer_has_the_same_tag_each_time():
    element = endpoint()
    first, second = replied(element), replied(element)
    assert first.to.tag == second.to.tag and len(first.to.tag) == 20
    assert replied(element, call="another").to.tag != first.to.tag
    assert replied(element, number=2).to.tag != first.to.tag
    assert replied(endpoint(seed=2)).to.tag != first.to.tag
    assert is_empty(element)


def test_the_ack_of_a_stateless_answer_is_absorbed():
    for via in ("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx1", OLD):
        element = endpoint()
        tag = replied(element, via=via).to.tag
        element.receive(received("ACK", via=via, to_tag=tag), ALICE, 0.0)
        element.receive(received("ACK", via=via, to_tag="theirs"), ALICE, 0.0)
        assert names(element) == ["Ack"]


def test_a_tag_in_the_request_is_kept():
    assert replied(endpoint(), "BYE", 481, to_tag="theirs").to.tag == "theirs"


def test_an_ack_is_never_answered():
    element = endpoint()
    element.reply(parse(received("ACK")), ALICE, 404, "Not Found")
    assert sent(element) == []


def test_headers_of_a_stateless_answer():
    element = endpoint()
    element.reply(parse(received()), ALICE, 503, "Busy", headers=["Retry-After: 5"])
    assert parse(datagrams(element)[0][0]).header("retry-after") == "5"


# Requests that are sent


def test_a_request_carries_our_via():
    element = endpoint(sent_by="PBX.Example.org:5070")
    element.request(request(), BOB, 0.0)
    ((data, peer),) = datagrams(element)
    via = parse(data).via
    assert peer == BOB and via.sent_by == "pbx.example.org:5070"
    assert via.is_unique and len(via.branch) == 27 and via.wants_rport


def test_each_branch_of_a_fork_is_its_own():
    element = endpoint()
    edits = Edits(parse(received()))
    first = element.request(edits, BOB, 0.0)
    second = element.request(edits, ALICE, 0.0, suffix=".loop1")
    found = [parse(data).headers("via") for data, _ in datagrams(element)]
    assert [len(vias) for vias in found] == [2, 2] and found[0][0] != found[1][0]
    assert ".loop1;" in found[1][0] and first.key != second.key
    assert len(parse(edits.to_bytes()).headers("via")) == 1


def test_the_via_names_the_transport():
    element = endpoint()
    element.request(request(), TCP, 0.0)
    assert parse(datagrams(element)[0][0]).headers("via")[0].startswith("SIP/2.0/TCP ")


def inviting(element, method="INVITE"):
    transaction = element.request(request(method), BOB, 0.0)
    datagrams(element)
    return transaction


def answer(element, transaction, code, now=1.0, **how):
    element.receive(response(transaction, code, **how), BOB, now)


def test_responses_are_passed_up_with_their_transaction():
    element = endpoint()
    transaction = inviting(element)
    for code in (100, 183, 200, 200):
        answer(element, transaction, code)
    found = told(element)
    assert [event.message.status for event in found] == [100, 183, 200, 200]
    assert all(event.transaction is transaction and event.peer == BOB for event in found)
    assert sent(element) == []


def test_a_2xx_of_each_fork_is_passed_up():
    element = endpoint()
    transaction = inviting(element)
    for tag in ("one", "two"):
        answer(element, transaction, 200, to_tag=tag)
    assert [event.message.to.tag for event in told(element)] == ["one", "two"]


def test_a_failure_is_acknowledged_and_told_once():
    element = endpoint()
    transaction = inviting(element)
    for now in (1.0, 1.5):
        answer(element, transaction, 486, now)
    found = datagrams(element)
    assert [first_line(data) for data, _ in found] == ["ACK sip:bob@example.org SIP/2.0"] * 2
    assert names(element) == ["486"]
    ack = parse(found[0][0])
    assert found[0][1] == BOB and ack.to.tag == "b1" and ack.cseq == (1, "ACK")
    assert ack.via.branch == parse(transaction.request).via.branch


def test_the_response_to_another_method_does_not_match():
    element = endpoint()
    transaction = inviting(element, "OPTIONS")
    other = transaction.request.replace(b"1 OPTIONS", b"1 INFO")
    element.receive(response(other, 200), BOB, 1.0)
    assert names(element) == ["StrayResponse"]


def test_a_response_that_is_not_to_us_is_dropped():
    element = endpoint()
    transaction = inviting(element)
    other = transaction.request.replace(b"UDP 192.0.2.1:5060", b"UDP 192.0.2.3:5060")
    element.receive(response(other, 200), BOB, 1.0)
    assert names(element) == [] and element.counters["dropped"] == 1


def test_a_stray_response_is_told():
    element = endpoint()
    transaction = inviting(endpoint(seed=9))
    element.receive(response(transaction, 200), BOB, 1.0)
    assert names(element) == ["StrayResponse"]


def test_a_silent_peer_times_out():
    for method in ("INVITE", "OPTIONS"):
        element = endpoint()
        inviting(element, method)
        run_timers(element, 99.0)
        assert names(element) == ["Timeout", "Ended"] and is_empty(element)


def test_time_that_has_jumped_sends_once_and_times_out():
    element = endpoint()
    inviting(element)
    element.handle_timers(500.0)
    assert len(sent(element)) <= 1 and names(element) == ["Timeout", "Ended"]
    assert is_empty(element)


def test_a_transport_error_is_told_as_such():
    element = endpoint()
    element.request(request(), BOB, 0.0)
    element.to_send()
    element.transport_error(0.0)
    element.transport_error(0.0)
    assert names(element) == ["TransportError", "Ended"] and is_empty(element)


def test_a_transport_error_of_a_response_leaves_the_call_alone():
    element = endpoint()
    transaction = accepted(element, received())
    element.to_send()
    element.transport_error(0.0)
    assert names(element) == ["TransportError"] and transaction.state == "proceeding"


def test_a_transport_error_without_a_transaction_is_nobodys():
    element = endpoint()
    element.reply(parse(received()), ALICE, 404, "Not Found")
    element.to_send()
    element.transport_error(0.0)
    assert names(element) == []


# CANCEL that is sent


def test_a_cancel_waits_for_a_provisional_response():
    element = endpoint()
    transaction = inviting(element)
    element.cancel(transaction, 0.1)
    assert sent(element) == []
    answer(element, transaction, 100, 0.2)
    ((data, peer),) = datagrams(element)
    cancel = parse(data)
    assert (cancel.method, peer, cancel.cseq) == ("CANCEL", BOB, (1, "CANCEL"))
    assert cancel.headers("via") == [str(parse(transaction.request).via)]


def test_a_cancel_is_sent_once_and_its_answer_is_not_told():
    element = endpoint()
    transaction = inviting(element)
    answer(element, transaction, 180, 0.2)
    for _ in range(3):
        element.cancel(transaction, 0.3)
    ((data, _),) = datagrams(element)
    element.receive(response(data, 200), BOB, 0.4)
    answer(element, transaction, 487, 0.5)
    run_timers(element, 99.0)
    datagrams(element)
    assert names(element) == ["180", "487", "Ended"] and is_empty(element)


def test_a_cancel_is_retransmitted():
    element = endpoint()
    transaction = inviting(element)
    answer(element, transaction, 180, 0.0)
    element.cancel(transaction, 0.0)
    datagrams(element)
    assert [when for when, _ in run_timers(element, 4.0)] == [0.5, 1.5, 3.5]


def test_a_cancelled_invite_without_a_final_response_is_given_up():
    element = endpoint()
    transaction = inviting(element)
    answer(element, transaction, 180, 0.0)
    element.cancel(transaction, 0.0)
    run_timers(element, 31.9)
    assert names(element) == ["180"]
    run_timers(element, 32.0)
    assert names(element) == ["Timeout", "Ended"]
    datagrams(element)
    assert is_empty(element)


def test_a_cancel_crossing_the_200_loses():
    element = endpoint()
    transaction = inviting(element)
    answer(element, transaction, 180, 0.1)
    element.cancel(transaction, 0.2)
    answer(element, transaction, 200, 0.3)
    assert names(element) == ["180", "200"] and transaction.state == "accepted"


def test_no_cancel_after_a_final_response_nor_for_other_methods():
    for method, code in (("INVITE", 200), ("INVITE", 486), ("OPTIONS", 100)):
        element = endpoint()
        transaction = inviting(element, method)
        answer(element, transaction, code)
        datagrams(element)
        element.cancel(transaction, 2.0)
        assert sent(element) == []


# Forwarding without state


def test_bytes_are_forwarded_as_they_are():
    element = endpoint()
    element.forward(b"SIP/2.0 200 OK\r\n\r\n", BOB)
    assert datagrams(element) == [(b"SIP/2.0 200 OK\r\n\r\n", BOB)] and is_empty(element)


def forwarded(element, method, **how):
    element.forward(Edits(parse(received(method, **how))), BOB)
    return parse(datagrams(element)[0][0])


def test_a_stateless_branch_is_the_same_for_a_retransmission_and_the_cancel():
    for via in ("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx1", OLD):
        element = endpoint(sent_by="192.0.2.100")
        first = forwarded(element, "INVITE", via=via)
        assert len(first.headers("via")) == 2 and first.via.is_unique
        assert forwarded(element, "INVITE", via=via).via.branch == first.via.branch
        assert forwarded(element, "CANCEL", via=via).via.branch == first.via.branch
        other = forwarded(element, "INVITE", via=via + "0", call="c2")
        assert other.via.branch != first.via.branch


# What is no SIP


def test_keepalives_are_ignored_over_udp():
    element = endpoint()
    stun = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)
    for data in (b"", b"\r\n", b"\r\n\r\n", b"\0", b"\0\0\0\0", b" \r\n", stun):
        element.receive(data, ALICE, 0.0)
    assert is_empty(element) and element.counters["received"] == 0


def test_a_double_crlf_is_answered_on_a_stream():
    element = endpoint()
    element.receive(b"\r\n\r\n", TCP, 0.0)
    element.receive(b"\r\n", TCP, 0.0)
    assert datagrams(element) == [(b"\r\n", TCP)]


def test_garbage_is_dropped():
    element = endpoint()
    for data in (b"x", b"\x80\x00" * 80, b"GET / HTTP/1.1\r\n\r\n", bytes(range(255, 0, -1)) * 9):
        element.receive(data, ALICE, 0.0)
    assert is_empty(element) and element.counters["dropped"] == 4


def test_a_malformed_request_is_told_and_can_be_answered():
    element = endpoint()
    data = received("OPTIONS").replace(b"Content-Length: 0", b"Content-Length: 99")
    element.receive(data, ALICE, 0.0)
    (event,) = told(element)
    assert isinstance(event, events.Malformed) and event.code == 400
    element.reply(event.message, event.peer, event.code, event.reason)
    ((data, peer),) = datagrams(element)
    assert data.startswith(b"SIP/2.0 400 Bad Request") and peer == ALICE
    assert parse(data).via.rport == 5060
    assert is_empty(element)


def test_a_malformed_message_that_cannot_be_answered_is_dropped():
    element = endpoint()
    no_via = request("OPTIONS")
    bad_ack = received("ACK").replace(b"Content-Length: 0", b"Content-Length: 99")
    bad_answer = response(received("OPTIONS"), 200).replace(b"CSeq: 1", b"CSeq: x")
    for data in (no_via, bad_ack, bad_answer):
        element.receive(data, ALICE, 0.0)
    assert is_empty(element) and element.counters["dropped"] == 3


def test_a_via_that_cannot_be_read_is_answered_to_the_source():
    """RFC 4475 3.1.2.1 (badinv01), 3.1.2.16 (badvers): the Via goes back as it came."""
    for before, after, status in (
        (b"SIP/2.0/UDP 192", b"SIP/2.0/UDP;192", 400), (b"SIP/2.0", b"SIP/7.0", 505),
    ):
        element = endpoint()
        data = received("OPTIONS").replace(before, after)
        element.receive(data, ALICE, 0.0)
        element.reply(*element.next_event())
        answer, peer = element.to_send()
        assert peer == ALICE and answer.startswith(f"SIP/2.0 {status} ".encode())
        via = [line for line in data.split(b"\r\n") if line.startswith(b"Via")][0]
        assert via in answer


def test_a_response_without_the_headers_of_every_response_changes_nothing():
    element = endpoint()
    transaction = inviting(element)
    for name in (b"To:", b"From:", b"Call-ID:"):
        data = response(transaction, 486).replace(name, b"X-Gone:")
        element.receive(data, BOB, 1.0)
    assert names(element) == [] and transaction.state == "calling"


# The limit


def test_the_limit_refuses_and_recovers():
    element = endpoint(limit=2)
    accepted(element, received())
    element.request(request(), BOB, 0.0)
    with raises(LimitReached):
        element.request(request(), BOB, 0.0)
    element.receive(received("OPTIONS"), ALICE, 0.0)
    with raises(LimitReached):
        element.accept(told(element)[0].message, ALICE, 0.0)
    assert len(element) == 2
    run_timers(element, 99.0)
    names(element)
    accepted(element, received("OPTIONS"), now=100.0)


def test_at_the_limit_calls_can_still_be_cancelled():
    element = endpoint(limit=2)
    server = accepted(element, received())
    client = element.request(request(), BOB, 0.0)
    answer(element, client, 180)
    element.receive(received("CANCEL"), ALICE, 1.0)
    element.cancel(client, 1.0)
    assert names(element) == ["180", "Cancel"] and server.state == "proceeding"
    assert [line[:7] for line in lines(element)][-2:] == ["SIP/2.0", "CANCEL "]
    assert len(element) == 4


def test_a_storm_of_retransmissions_takes_no_memory():
    element = endpoint()
    transaction = accepted(element, received())
    element.respond(transaction, response(transaction, 486), 0.0)
    held = (len(element), element.deadlines.held)
    for count in range(500):
        element.receive(received(), ALICE, 0.1)
        element.receive(received("OPTIONS", call=str(count)), ALICE, 0.1)
        assert names(element) == ["Request"] and len(lines(element)) <= 3
    assert (len(element), element.deadlines.held) == held


def test_thousands_of_calls_leave_nothing():
    element = endpoint(limit=64)
    for count in range(400):
        now = count * 40.0
        via = f"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{count}"
        server = accepted(element, received(via=via, call=str(count)), now=now)
        client = element.request(Edits(server.request), BOB, now)
        answer(element, client, 180, now)
        answer(element, client, 200, now)
        element.respond(server, response(server, 200), now)
        datagrams(element)
        run_timers(element, now + 39.0)
        told(element)
        assert is_empty(element)
