"""app/proxy/target.py: next hops over every transport, and the texts that lead back to them."""

from app.proxy.config import Config
from app.proxy.target import alias_for, alias_of, hop, next_hop, received_peer, uri_for
from app.sip.interfaces import Interfaces, interface
from app.sip.transport import DEFAULT_PORTS, TRANSPORTS, Peer, same_place
from app.sip.uri import parse_uri

ALL = [
    interface(1 + place, transport, "0.0.0.0", DEFAULT_PORTS[transport], ("192.0.2.10", None))
    for place, transport in enumerate(TRANSPORTS)
]


def config(*transports):
    chosen = [each for each in ALL if not transports or each.transport in transports]
    return Config(interfaces=Interfaces(chosen), hosts={"trunk.example": ("192.0.2.7", None)})


def where(text, *transports):
    peer = next_hop(parse_uri(text), config(*transports))
    return None if peer is None else peer[:3]


def test_transports_and_their_ports():
    for text, peer in (
        ("sip:a@192.0.2.1", ("udp", "192.0.2.1", 5060)),
        ("sip:a@192.0.2.1;transport=UDP", ("udp", "192.0.2.1", 5060)),
        ("sip:a@192.0.2.1;transport=tcp", ("tcp", "192.0.2.1", 5060)),
        ("sip:a@192.0.2.1;transport=tls", ("tls", "192.0.2.1", 5061)),
        ("sip:a@192.0.2.1:5071;transport=tls", ("tls", "192.0.2.1", 5071)),
        ("sip:a@192.0.2.1;transport=ws", ("ws", "192.0.2.1", 80)),
        ("sip:a@192.0.2.1;transport=wss", ("wss", "192.0.2.1", 443)),
        ("sips:a@192.0.2.1", ("tls", "192.0.2.1", 5061)),
        ("sips:a@192.0.2.1;transport=tcp", ("tls", "192.0.2.1", 5061)),
        ("sips:a@192.0.2.1;transport=ws", ("wss", "192.0.2.1", 443)),
        ("sips:a@192.0.2.1;transport=udp", None),
        ("sip:a@192.0.2.1;transport=sctp", None),
        ("sip:a@[2001:db8::1];transport=tcp", ("tcp", "2001:db8::1", 5060)),
        ("sip:a@192.0.2.1:5070;maddr=192.0.2.2", ("udp", "192.0.2.2", 5070)),
        ("sip:a@trunk.example;transport=tls", ("tls", "192.0.2.7", 5061)),
        ("tel:+491234", None),
    ):  # fmt: skip
        assert where(text) == peer, text


def test_without_an_interface_there_is_no_way():
    assert where("sip:a@192.0.2.1;transport=tcp", "udp") is None
    assert where("sips:a@192.0.2.1", "udp", "tcp") is None
    assert where("sip:a@192.0.2.1;alias=192.0.2.9~5060~2", "udp") is None
    assert where("sip:a@192.0.2.1", "tcp") == ("tcp", "192.0.2.1", 5060)


def test_an_alias_leads_back_over_its_transport():
    for number, transport in (("1", "udp"), ("2", "tcp"), ("3", "tls"), ("5", "ws"), ("6", "wss")):
        for host in ("192.0.2.9", "2001:db8::9"):
            peer = Peer(transport, host, 50001, 0)
            assert alias_for(peer).endswith("~50001~" + number)
            uri = parse_uri(f"sip:a@x.invalid;alias={alias_for(peer)}")
            for found in (alias_of(uri, config()), next_hop(uri, config())):
                assert same_place(found, peer)
    for value in ("192.0.2.9~5060~4", "192.0.2.9~5060~7", "192.0.2.9~5060", "a~5060~1",
                  "192.0.2.9~0~1", "0.0.0.0~5060~1"):
        assert alias_of(parse_uri(f"sip:a@x.invalid;alias={value}"), config()) is None, value


def test_received_leads_back_over_its_transport():
    assert uri_for(Peer("udp", "192.0.2.9", 5060, 3)) == "sip:192.0.2.9:5060"
    assert uri_for(Peer("ws", "2001:db8::9", 80, 3)) == "sip:[2001:db8::9]:80;transport=ws"
    for transport in TRANSPORTS:
        peer = Peer(transport, "192.0.2.9", 50001, 0)
        assert same_place(received_peer(uri_for(peer), config()), peer)


def test_a_hop_of_a_seal_names_the_transport_and_no_flow():
    assert hop(Peer("tls", "2001:DB8::1", 5061, 33)) == "tls:2001:db8::1:5061"
    assert hop(None) == ""
