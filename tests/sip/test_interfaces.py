"""app/sip/interfaces.py: which of our addresses a message leaves from, and what it says of us."""

from app.sip.interfaces import Interfaces, interface, known_as, places_of
from app.sip.transport import Peer

HOUSE, STREET = "192.168.1.10", "10.9.0.1"


def many(**settings):
    return Interfaces(
        [
            interface(1, "udp", HOUSE, 5060),
            interface(2, "udp", STREET, 5060, ("203.0.113.7", 15060)),
            interface(3, "udp", "2001:db8::1", 5060),
            interface(4, "tcp", "0.0.0.0", 5060, (HOUSE, None)),
            interface(5, "wss", "::", 443, ("2001:db8::1", None)),
        ],
        **settings,
    )


def source(host):
    """As the kernel would: the house by its network, everybody else by the street."""
    if ":" in host:
        return "2001:db8::1"
    return HOUSE if host.startswith("192.168.1.") else STREET


def leaves(interfaces, transport, host, flow=0):
    found = interfaces.for_peer(Peer(transport, host, 5060, flow))
    return None if found is None else found.number


def test_the_transport_and_the_family_decide():
    interfaces = many()
    for transport, host, number in (
        ("udp", "192.0.2.1", 1), ("udp", "2001:db8::9", 3), ("tcp", "192.0.2.1", 4),
        ("tcp", "2001:db8::9", None), ("wss", "2001:db8::9", 5), ("wss", "192.0.2.1", None),
        ("tls", "192.0.2.1", None),
    ):  # fmt: skip
        assert leaves(interfaces, transport, host) == number, (transport, host)


def test_between_two_the_machines_routes_decide():
    interfaces = many(source=source)
    assert leaves(interfaces, "udp", "192.168.1.77") == 1
    assert leaves(interfaces, "udp", "198.51.100.1") == 2
    either = Interfaces(
        [interface(1, "tcp", "192.0.2.1", 5060), interface(2, "tcp", "0.0.0.0", 5070)],
        source=source,
    )
    assert leaves(either, "tcp", "198.51.100.1") == 2


def test_a_flow_says_its_interface():
    interfaces = many(source=source)
    assert leaves(interfaces, "udp", "192.168.1.77", 2) == 2
    assert leaves(interfaces, "tcp", "192.168.1.77", 16 * 7 + 4) == 4
    assert leaves(interfaces, "tcp", "192.168.1.77", 16 * 7 + 5) is None


def test_a_flow_of_an_earlier_site_finds_its_transport():
    """Flow tokens and bindings outlive a change of `listen`."""
    interfaces = many(source=source)
    for flow in (4, 9):  # TCP's, and nobody's
        assert leaves(interfaces, "udp", "192.168.1.77", flow) == 1
    assert leaves(interfaces, "udp", "2001:db8::9", 1) == 3


def test_a_peer_is_told_the_advertised_address():
    interfaces = many(source=source)
    assert interfaces.sent_by(Peer("udp", "198.51.100.1", 5060, 0)) == "203.0.113.7:15060"
    assert interfaces.sent_by(Peer("udp", "192.168.1.77", 5060, 0)) == "192.168.1.10:5060"
    assert interfaces.sent_by(Peer("udp", "2001:db8::9", 5060, 0)) == "[2001:db8::1]:5060"


def test_local_networks_are_told_the_address_itself():
    nets = ("192.168.0.0/16", "10.0.0.0/8")
    one = [interface(1, "udp", "0.0.0.0", 5060, ("203.0.113.7", 15060))]
    interfaces = Interfaces(one, nets, source)
    assert interfaces.sent_by(Peer("udp", "192.168.1.77", 5060, 0)) == "192.168.1.10:5060"
    assert interfaces.sent_by(Peer("udp", "10.0.0.5", 5060, 0)) == "10.9.0.1:5060"
    assert interfaces.sent_by(Peer("udp", "198.51.100.1", 5060, 0)) == "203.0.113.7:15060"
    blind = Interfaces(one, nets)
    assert blind.told(Peer("udp", "10.0.0.5", 5060, 0)) == ("203.0.113.7", 5060)


def test_whatever_we_said_is_ours():
    nets = ("192.168.0.0/16",)
    one = [interface(1, "udp", "0.0.0.0", 5060, ("PBX.example.org", 15060))]
    interfaces = Interfaces(one, nets, source)
    assert interfaces.is_own("pbx.example.org:15060")
    assert not interfaces.is_own("192.168.1.10:5060")
    interfaces.sent_by(Peer("udp", "192.168.1.77", 5060, 0))
    assert interfaces.is_own("192.168.1.10:5060")
    for other in ("pbx.example.org", "pbx.example.org:5060", "192.168.1.11:5060"):
        assert not interfaces.is_own(other), other


def test_places_and_what_they_are_known_as():
    four = [("udp", "0.0.0.0", 5070, None), ("tcp", "0.0.0.0", 5070, None)]
    assert places_of((), 5070) == four
    assert places_of((), 5070, ("tls",)) == [("tls", "0.0.0.0", 5061, None)]
    assert places_of((), 5070, ipv6=True) == four + [
        ("udp", "::", 5070, None), ("tcp", "::", 5070, None),
    ]  # fmt: skip
    places = places_of(
        (("udp", "0.0.0.0", None, None), ("tcp", "192.168.1.10", 5080, None),
         ("tls", "::", None, None), ("wss", "10.9.0.1", None, ("203.0.113.9", 8443))),
        5070,
    )  # fmt: skip
    known = known_as(places, 5070, ("203.0.113.7", 15060), lambda host: "2001:db8::1")
    assert [each.number for each in known] == [1, 2, 3, 4]
    assert [(each.name, each.advertised_host, each.advertised_port) for each in known] == [
        ("udp:0.0.0.0:5070", "203.0.113.7", 15060),
        ("tcp:192.168.1.10:5080", "203.0.113.7", 5080),
        ("tls:[::]:5061", "2001:db8::1", 5061),
        ("wss:10.9.0.1:443", "203.0.113.9", 8443),
    ]
    known = known_as(places[:2], 5070, (None, None), lambda host: "192.168.1.10")
    assert [each.advertised_host for each in known] == ["192.168.1.10", "192.168.1.10"]


def test_ports_and_names():
    interfaces = many()
    assert interfaces.ports() == (5060, 15060, 443)
    assert interfaces.named("udp:[2001:db8::1]:5060").number == 3
    assert interfaces.named("tls:192.0.2.1:5061") is None
    assert interfaces.has("wss") and not interfaces.has("tls")
    assert interfaces.same_as(many(source=source)) and not interfaces.same_as(Interfaces([]))
