"""Which connection a message takes: long requests, reuse (RFC 5923), connections that are gone."""

from app.sip.connections import LONGEST_DATAGRAM, MAX_REFUSALS, REFUSAL, Connections
from app.sip.edits import Edits
from app.sip.headers import parse_via
from app.sip.interfaces import Interfaces, interface
from app.sip.message import parse
from app.sip.transport import Peer
from tests.sip.elements import (
    ALICE,
    BOB,
    datagrams,
    endpoint,
    first_line,
    is_empty,
    names,
    received,
    request,
    response,
    run_timers,
    told,
)

BOB_TCP = Peer("tcp", BOB.host, BOB.port, 0)
US = "192.0.2.100"


def element(*transports):
    """An endpoint that listens on these (default: UDP and TCP)."""
    chosen = transports or ("udp", "tcp")
    found = [interface(at + 1, name, US, 5060 + at) for at, name in enumerate(chosen)]
    return endpoint(sent_by=Interfaces(found))


def long_request(method="INVITE", length=LONGEST_DATAGRAM):
    """-> bytes of a request without our Via that is too long for a datagram."""
    return request(method, lines=["X-Long: " + "x" * length])


def refuse(layer, now=0.0):
    """The message that was given last cannot be sent."""
    layer.transport_error(now)


# RFC 3261 18.1.1


def test_a_long_request_goes_over_tcp():
    layer = element()
    transaction = layer.request(long_request(), BOB, 0.0)
    ((data, peer),) = datagrams(layer)
    via = parse(data).via
    assert peer == BOB_TCP and (via.transport, via.sent_by) == ("TCP", US + ":5061")
    layer.receive(response(transaction, 486), peer, 0.1)
    ((ack, there),) = datagrams(layer)
    assert there == peer and str(parse(ack).via) == str(via)


def test_a_short_one_goes_over_udp():
    layer = element()
    bare = len(request(lines=["X-Long: "])) + 70  # and our Via, of 81 octets at the most
    layer.request(request(lines=["X-Long: " + "x" * (LONGEST_DATAGRAM - bare - 40)]), BOB, 0.0)
    ((data, peer),) = datagrams(layer)
    assert peer == BOB and LONGEST_DATAGRAM - 60 < len(data) <= LONGEST_DATAGRAM


def test_without_tcp_it_is_a_long_datagram():
    layer = element("udp")
    layer.request(long_request(), BOB, 0.0)
    assert [peer for _, peer in datagrams(layer)] == [BOB]


def test_a_flow_that_is_said_is_kept():
    """Behind a NAT nobody listens for connections."""
    layer = element()
    natted = Peer("udp", "198.51.100.7", 61234, 1)
    layer.request(long_request(), natted, 0.0)
    assert [peer for _, peer in datagrams(layer)] == [natted]


def test_who_refuses_tcp_gets_a_long_datagram():
    for method in ("INVITE", "MESSAGE"):
        layer = element()
        transaction = layer.request(long_request(method), BOB, 0.0)
        ((first, _),) = datagrams(layer)
        refuse(layer, 0.2)
        ((again, peer),) = datagrams(layer)
        assert peer == BOB and names(layer) == []
        via = parse(again).via
        assert (via.transport, via.sent_by) == ("UDP", US + ":5060")
        assert via.branch == parse(first).via.branch
        assert len(parse(again).headers("via")) == 1
        # from here on it is a transaction over UDP: it retransmits, and has its 64*T1
        assert [at for at, _ in run_timers(layer, 1.0)] == [0.7]
        layer.receive(response(transaction, 200), BOB, 1.0)
        assert names(layer)[0] == "200"


def test_a_refusal_is_remembered_for_a_while():
    layer = element()
    layer.request(long_request(), BOB, 0.0)
    datagrams(layer)
    refuse(layer)
    datagrams(layer)
    layer.request(long_request(), BOB, REFUSAL - 1)
    assert [peer for _, peer in datagrams(layer)] == [BOB]
    layer.request(long_request(), BOB, REFUSAL + 1)
    assert [peer for _, peer in datagrams(layer)] == [BOB_TCP]


def test_refusals_are_bounded():
    known = Connections()
    for port in range(1, MAX_REFUSALS + 50):
        known.refused(Peer("udp", BOB.host, port, 0), 0.0)
    assert len(known._refusals) == MAX_REFUSALS
    known.refused(Peer("udp", BOB.host, 9999, 0), REFUSAL + 1)
    assert len(known._refusals) == 1


def test_where_udp_fails_as_well_the_user_is_told():
    layer = element()
    layer.request(long_request(), BOB, 0.0)
    for _ in range(2):
        datagrams(layer)
        refuse(layer)
    assert names(layer) == ["TransportError", "Ended"]
    assert len(layer) == 0


def test_a_long_ack_without_a_transaction():
    layer = element()
    ack = received("ACK", to_tag="b1", lines=["X-Long: " + "x" * LONGEST_DATAGRAM])
    for expected in (BOB_TCP, BOB):
        layer.receive(ack, ALICE, 0.0)
        (event,) = told(layer)
        layer.forward(Edits(event.message), BOB, 0.0)
        ((data, peer),) = datagrams(layer)
        assert peer == expected and parse(data).via.transport == peer.transport.upper()
        if peer == BOB_TCP:
            refuse(layer)
            ((data, peer),) = datagrams(layer)
            assert peer == BOB and parse(data).via.transport == "UDP"
    assert is_empty(layer)


# Connections that are gone


def test_requests_on_a_connection_that_breaks_fail_at_once():
    layer = element()
    there = Peer("tcp", "198.51.100.7", 40000, 16 * 5 + 2)
    waiting = layer.request(request(), there, 0.0)
    ringing = layer.request(request(call="c2"), there, 0.0)
    elsewhere = layer.request(request(call="c3"), Peer("tcp", "198.51.100.8", 40000, 34), 0.0)
    datagrams(layer)
    layer.receive(response(ringing, 180), there, 0.1)
    names(layer)
    layer.connection_lost(there, 1.0)
    events = told(layer)
    assert [type(event).__name__ for event in events] == ["TransportError", "Ended"]
    assert events[0].transaction is waiting
    assert ringing.state == "proceeding" and elsewhere.state == "calling"


def test_another_connection_to_the_same_address_is_another_matter():
    layer = element()
    here = Peer("tcp", "198.51.100.7", 40000, 16 * 5 + 2)
    layer.request(request(), here, 0.0)
    layer.connection_lost(Peer("tcp", "198.51.100.7", 40000, 16 * 6 + 2), 1.0)
    assert names(layer) == []
    layer.request(request(call="c2"), Peer("tcp", "198.51.100.7", 40000, 0), 0.0)
    layer.connection_lost(Peer("tcp", "198.51.100.7", 40000, 16 * 6 + 2), 1.0)
    assert names(layer) == ["TransportError", "Ended"]


def test_a_long_request_whose_connection_never_came_about():
    layer = element()
    layer.request(long_request(), BOB, 0.0)
    datagrams(layer)
    layer.connection_lost(Peer("tcp", BOB.host, BOB.port, 16 + 2), 1.0)
    assert [peer for _, peer in datagrams(layer)] == [BOB]


def test_a_message_that_waited_fails_by_its_mark():
    layer = element()
    marks = []
    for call in ("c1", "c2"):
        layer.request(request(call=call), BOB_TCP, 0.0)
        layer.to_send()
        marks.append(layer.sent())
    layer.transport_error(0.5, marks[0])
    (failed, _) = told(layer)
    assert b"Call-ID: c1" in failed.transaction.request


def test_a_message_that_nobody_misses_fails_for_nobody_else():
    """A stateless answer that waited: its mark is not that of what was given meanwhile."""
    layer = element()
    layer.receive(received(via="SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx1"), ALICE, 0.0)
    (event,) = told(layer)
    layer.reply(event.message, event.peer, 404, "Not Found")
    layer.to_send()
    mark = layer.sent()
    layer.request(request(call="c2"), BOB_TCP, 0.0)
    layer.to_send()
    layer.transport_error(0.1, mark)
    assert names(layer) == [] and mark is not None


def test_nothing_of_streams_is_left_behind():
    layer = element()
    there = Peer("tcp", "198.51.100.7", 40000, 34)
    for call in ("c1", "c2"):
        layer.request(request(call=call), there, 0.0)
    layer.request(long_request(), BOB, 0.0)
    run_timers(layer, 100.0)
    datagrams(layer)
    told(layer)
    assert is_empty(layer) and layer._streams == {}


def accepted(layer, peer, method="INVITE", via=None):
    text = via or f"SIP/2.0/{peer.transport.upper()} 192.0.2.1:5070;branch=z9hG4bKx1"
    layer.receive(received(method, via=text), peer, 0.0)
    (event,) = told(layer)
    transaction = layer.accept(event.message, event.peer, 0.0)
    datagrams(layer)
    return transaction


def test_a_response_takes_the_connection_of_its_request():
    layer = element()
    there = Peer("tcp", "198.51.100.7", 40000, 34)
    transaction = accepted(layer, there)
    layer.respond(transaction, response(transaction, 200), 0.1)
    assert [peer for _, peer in datagrams(layer)] == [there]


def test_a_response_whose_connection_is_gone_takes_a_new_one():
    """RFC 3261 18.2.2: to the address in received, at the sent-by's port."""
    for via, port in (("192.0.2.1:5070", 5070), ("192.0.2.1", 5060), ("x.invalid", 5060)):
        for method, code in (("INVITE", 180), ("INVITE", 200), ("INVITE", 486), ("INFO", 200)):
            layer = element()
            there = Peer("tcp", "198.51.100.7", 40000, 34)
            text = f"SIP/2.0/TCP {via};branch=z9hG4bKx1"
            transaction = accepted(layer, there, method, text)
            layer.respond(transaction, response(transaction, code), 0.1)
            datagrams(layer)
            refuse(layer, 0.1)
            ((data, peer),) = datagrams(layer)
            assert peer == Peer("tcp", "198.51.100.7", port, 0)
            assert first_line(data) == f"SIP/2.0 {code} Whatever"
            assert names(layer) == []
            refuse(layer, 0.2)  # and that is all
            assert datagrams(layer) == [] and names(layer)[:1] == ["TransportError"]


def test_nobody_connects_to_a_browser():
    for transport in ("ws", "wss"):
        layer = element("udp", transport)
        there = Peer(transport, "198.51.100.7", 40000, 34)
        transaction = accepted(layer, there)
        layer.respond(transaction, response(transaction, 200), 0.1)
        datagrams(layer)
        refuse(layer, 0.1)
        assert datagrams(layer) == [] and names(layer) == ["TransportError"]


def test_a_stateless_answer_takes_a_new_connection_too():
    layer = element()
    there = Peer("tcp", "198.51.100.7", 40000, 34)
    layer.receive(received(via="SIP/2.0/TCP 192.0.2.1:5070;branch=z9hG4bKx1"), there, 0.0)
    (event,) = told(layer)
    layer.reply(event.message, event.peer, 404, "Not Found")
    assert [peer for _, peer in datagrams(layer)] == [there]
    refuse(layer)
    assert [peer for _, peer in datagrams(layer)] == [Peer("tcp", "198.51.100.7", 5070, 0)]
    refuse(layer)
    assert is_empty(layer)


# RFC 5923


def claimed(via, peer):
    """-> Connections in which a request with this Via has come from `peer`."""
    known = Connections()
    known.claim(parse_via(via), peer)
    return known


def test_an_alias_is_for_the_address_that_it_comes_from():
    there = Peer("tls", "198.51.100.7", 40000, 34)
    for sent_by, port in (("198.51.100.7:5071", 5071), ("198.51.100.7", 5061)):
        known = claimed(f"SIP/2.0/TLS {sent_by};alias;branch=z9hG4bKx", there)
        assert known.chosen(Peer("tls", "198.51.100.7", port, 0)) == there
        for other in (Peer("tls", "198.51.100.7", 5072, 0), Peer("tcp", "198.51.100.7", port, 0),
                      Peer("tls", "198.51.100.8", port, 0)):
            assert known.chosen(other) == other


def test_nobody_takes_what_is_for_another_address():
    there = Peer("tls", "203.0.113.66", 40000, 34)
    victim = Peer("tls", "198.51.100.7", 5061, 0)
    for sent_by in ("198.51.100.7", "198.51.100.7:5061", "proxy.example.org"):
        known = claimed(f"SIP/2.0/TLS {sent_by};alias;branch=z9hG4bKx", there)
        assert known.chosen(victim) == victim


def test_no_alias_without_the_parameter_over_udp_or_of_a_browser():
    for transport, flow, params in (
        ("tls", 34, ""), ("udp", 1, ";alias"), ("wss", 34, ";alias"), ("tls", 2, ";alias"),
    ):  # fmt: skip
        there = Peer(transport, "198.51.100.7", 40000, flow)
        via = f"SIP/2.0/{transport.upper()} 198.51.100.7:5061;branch=z9hG4bKx{params}"
        plain = Peer(transport, "198.51.100.7", 5061, 0)
        assert claimed(via, there).chosen(plain) == plain


def test_who_came_first_keeps_the_address_as_long_as_its_connection():
    via = parse_via("SIP/2.0/TLS 198.51.100.7:5061;alias;branch=z9hG4bKx")
    first = Peer("tls", "198.51.100.7", 40000, 34)
    second = Peer("tls", "198.51.100.7", 40001, 50)
    plain = Peer("tls", "198.51.100.7", 5061, 0)
    known = Connections()
    known.claim(via, first)
    known.claim(via, second)
    assert known.chosen(plain) == first
    known.lost(second)
    assert known.chosen(plain) == first
    known.lost(first)
    assert known.chosen(plain) == plain
    known.claim(via, second)
    assert known.chosen(plain) == second


def test_a_connection_has_one_alias():
    """Whoever sends a thousand sent-bys on one connection fills no table."""
    known = Connections()
    there = Peer("tls", "198.51.100.7", 40000, 34)
    for port in range(5061, 5161):
        known.claim(parse_via(f"SIP/2.0/TLS 198.51.100.7:{port};alias"), there)
    assert len(known._aliases) == len(known._claims) == 1


def test_requests_go_back_on_the_connection_that_was_offered():
    layer = element("udp", "tls")
    there = Peer("tls", "198.51.100.7", 40000, 34)
    via = "SIP/2.0/TLS 198.51.100.7:5061;branch=z9hG4bKx1;alias"
    layer.receive(received(via=via), there, 0.0)
    (event,) = told(layer)
    plain = Peer("tls", "198.51.100.7", 5061, 0)
    layer.request(request(call="c2"), plain, 0.0)
    assert [peer for _, peer in datagrams(layer)] == [plain]  # it has proved nothing yet
    layer.accept(event.message, event.peer, 0.0)
    datagrams(layer)
    layer.request(request(call="c3"), plain, 0.0)
    ((data, peer),) = datagrams(layer)
    assert peer == there and parse(data).via.sent_by == US + ":5061"
    layer.connection_lost(there, 1.0)
    layer.request(request(call="c4"), plain, 1.0)
    assert [peer for _, peer in datagrams(layer)] == [plain]


def test_we_offer_our_own_connections_over_tls():
    layer = element("udp", "tcp", "tls")
    for transport in ("udp", "tcp", "tls"):
        layer.request(request(call=transport), Peer(transport, BOB.host, 5061, 0), 0.0)
        ((data, _),) = datagrams(layer)
        assert ("alias" in parse(data).via.params) == (transport == "tls")
