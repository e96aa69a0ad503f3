"""Calls between transports and address families: Via, double Record-Route, seals, aliases.

Every pair of telephones that reach the box differently has a whole call, with each party's
requests in it: RFC 5658 (double Record-Routing), Kamailio's enable_double_rr.
"""

from app.proxy.seal import PARAM
from app.sip.edits import Edits
from app.sip.headers import parse_name_addr
from app.sip.interfaces import Interfaces, interface
from app.sip.message import parse
from app.sip.transport import DEFAULT_PORTS, TRANSPORTS
from app.sip.uri import parse_uri
from tests.proxy.box import BOX, Box
from tests.proxy.phone import SDP, Phone, last, status

BOX6 = "2001:db8::10"
HOSTS = {4: BOX, 6: BOX6}


def every_interface():
    """One of each transport and family: odd numbers are IPv4's."""
    found = []
    for transport in TRANSPORTS:
        for family in (4, 6):
            number = len(found) + 1
            found.append(interface(number, transport, HOSTS[family], DEFAULT_PORTS[transport]))
    return Interfaces(found)


def house(**settings):
    return Box(interfaces=every_interface(), domains=("example.org", BOX, BOX6), **settings)


def phone(box, user, transport, family):
    """A telephone as they are: WebSocket clients have no address that anybody could call."""
    host = {4: f"192.0.2.{user}", 6: f"2001:db8::{user}"}[family]
    if transport == "udp":
        return Phone(box, user, host=host)
    flow = 16 * int(user) + TRANSPORTS.index(transport) * 2 + (1 if family == 4 else 2)
    address = f"{user}x.invalid" if transport in ("ws", "wss") else None
    return Phone(
        box, user, host=host, port=40000 + int(user), address=address, transport=transport,
        flow=flow,
    )  # fmt: skip


def reached_at(transport, family):
    """-> what our Via says on that side."""
    host = f"[{BOX6}]" if family == 6 else BOX
    return f"SIP/2.0/{transport.upper()} {host}:{DEFAULT_PORTS[transport]}"


def routes_of(message):
    return [parse_name_addr(value).uri for value in message.headers("record-route")]


def side(uri):
    """-> (transport, family) that a Record-Route value of ours is for; wss looks like ws."""
    return uri.params.get("transport", "udp"), 6 if ":" in uri.host else 4


def whole_call(box, alice, bob):
    """-> (bob's INVITE, alice's 200): answered, acknowledged."""
    for who in (alice, bob):
        assert status(who.register()) == [200]
    assert status(alice.request("INVITE", "sip:201@example.org", body=SDP)) == [100]
    invite = last(bob.received())
    bob.reply(invite, 200)
    answer = last(alice.received())
    assert answer.status == 200
    alice.send(alice.within("ACK", answer, answer, cseq=answer.cseq.number))
    ack = last(bob.received())
    assert ack.method == "ACK" and ack.headers("route") == []
    return invite, answer


def seen(transport):
    return "ws" if transport == "wss" else transport


def each_pair():
    kinds = [(transport, family) for transport in TRANSPORTS for family in (4, 6)]
    for near in kinds:
        for far in kinds:
            yield near, far


def test_a_call_between_every_two_ways_to_reach_us():
    for near, far in each_pair():
        box = house()
        alice, bob = phone(box, "200", *near), phone(box, "201", *far)
        invite, answer = whole_call(box, alice, bob)
        assert str(invite.via).startswith(reached_at(*far) + ";branch="), (near, far)
        check_routes(routes_of(invite), near, far)
        check_routes(routes_of(answer), near, far)
        bye = bob.within("BYE", invite, answer, is_caller=False)
        assert bob.send(bye) == []
        ended = last(alice.received())
        assert ended.method == "BYE" and ended.headers("route") == [], (near, far)
        assert str(ended.via).startswith(reached_at(*near) + ";branch="), (near, far)
        assert len(box.proxy.calls) == 0


def check_routes(routes, near, far):
    """The callee's side is uppermost; one value is enough for two of the same side."""
    if near == far:
        assert len(routes) == 1 and "r2" not in routes[0].params
        return
    assert [side(uri) for uri in routes] == [(seen(far[0]), far[1]), (seen(near[0]), near[1])]
    for uri in routes:
        assert (uri.params.get("r2"), uri.params.get("lr")) == ("on", "on")
    assert routes[0].params.get(PARAM) == routes[1].params.get(PARAM)


def test_the_caller_ends_it_too():
    for near, far in ((("udp", 4), ("tcp", 6)), (("wss", 6), ("udp", 4)), (("tls", 4), ("ws", 4))):
        box = house()
        alice, bob = phone(box, "200", *near), phone(box, "201", *far)
        invite, answer = whole_call(box, alice, bob)
        assert alice.send(alice.within("BYE", answer, answer)) == []
        ended = last(bob.received())
        assert ended.method == "BYE" and ended.headers("route") == []
        assert [value for value in ended.headers("p-hint")] == ["rr-enforced"]


def test_neither_of_the_two_opens_another_way():
    """Each half of a double Record-Route has the seal; both are of this dialog alone."""
    box = house()
    alice, bob = phone(box, "200", "udp", 4), phone(box, "201", "tcp", 4)
    invite, answer = whole_call(box, alice, bob)
    for drop in (0, 1):
        bye = Edits(parse(alice.within("BYE", answer, answer, uri="sip:900@203.0.113.9")))
        routes = parse(bye.to_bytes()).headers("route")
        bye.set("Route", routes[drop])
        assert status(alice.send(bye.to_bytes())) == [407]
    assert len(box.proxy.calls) == 1


def test_a_strict_router_before_a_double_record_route():
    """RFC 3261 16.4: the first value is the Request-URI, the second still a Route."""
    box = house()
    alice, bob = phone(box, "200", "udp", 4), phone(box, "201", "tcp", 4)
    invite, answer = whole_call(box, alice, bob)
    bye = Edits(parse(alice.within("BYE", answer, answer)))
    first, second = parse(bye.to_bytes()).headers("route")
    target = parse(bye.to_bytes()).uri
    bye.set_uri(str(parse_name_addr(first).uri))
    bye.set("Route", f"{second}, <{target}>")
    assert alice.send(bye.to_bytes()) == []
    ended = last(bob.received())
    assert ended.uri.startswith("sip:201@192.0.2.201:40201") and ended.headers("route") == []


def test_a_websocket_client_is_always_given_an_alias():
    box = house()
    alice, bob = phone(box, "200", "wss", 4), phone(box, "201", "udp", 4)
    invite, answer = whole_call(box, alice, bob)
    contact = parse_name_addr(invite.header("contact")).uri
    assert contact.params.get("alias").endswith("~6") and contact.host == "200x.invalid"
    binding = box.location.bindings("200", box.now)[0]
    assert binding.received.endswith(";transport=wss")


def test_a_secure_request_is_record_routed_securely():
    box = house()
    alice, bob = phone(box, "200", "tls", 4), phone(box, "201", "wss", 4)
    alice.register()
    bob.contact = "<sips:201@201x.invalid;transport=ws>"
    bob.register()
    alice.request("INVITE", "sips:201@example.org", body=SDP)
    assert [str(uri).partition(";lr")[0] for uri in routes_of(last(bob.received()))] == [
        f"sips:{BOX}:443;transport=ws", f"sips:{BOX}:5061",
    ]  # fmt: skip


def behind_nat():
    """One address behind a router that forwards its ports: inside is not outside."""
    known = [interface(1, "udp", "192.168.1.10", 5060, ("203.0.113.7", 15060))]
    interfaces = Interfaces(known, ("192.168.1.0/24",))
    return Box(
        interfaces=interfaces, domains=("example.org", "192.168.1.10", "203.0.113.7"),
        trunks=("198.51.100.1",),
    )  # fmt: skip


def test_a_box_behind_nat_tells_each_side_its_address():
    box = behind_nat()
    bob = Phone(box, "201", host="192.168.1.21")
    bob.register()
    trunk = Phone(box, "trunk", host="198.51.100.1", domain="far.example")
    trunk.send(trunk.make("INVITE", "sip:201@203.0.113.7:15060", body=SDP))
    invite = last(bob.received())
    assert str(invite.via).startswith("SIP/2.0/UDP 192.168.1.10:5060;")
    bob.reply(invite, 200)
    answer = last(trunk.received())
    places = [(uri.host, uri.port) for uri in routes_of(answer)]
    assert places == [("192.168.1.10", 5060), ("203.0.113.7", 15060)]
    assert bob.send(bob.within("BYE", invite, answer, is_caller=False)) == []
    ended = last(trunk.received())
    assert str(ended.via).startswith("SIP/2.0/UDP 203.0.113.7:15060;")
    trunk.reply(ended, 200)
    assert status(bob.received()) == [200]


def test_two_in_the_house_never_see_the_outer_address():
    box = behind_nat()
    alice, bob = Phone(box, "200", host="192.168.1.20"), Phone(box, "201", host="192.168.1.21")
    for who in (alice, bob):
        who.domain, who.uri = "203.0.113.7:15060", f"sip:{who.user}@203.0.113.7:15060"
        who.register()
    alice.request("INVITE", "sip:201@203.0.113.7:15060", body=SDP)
    invite = last(bob.received())
    assert [(uri.host, uri.port) for uri in routes_of(invite)] == [("192.168.1.10", 5060)]


def test_two_branches_that_leave_by_two_interfaces():
    """Each branch of a fork has the Record-Route of its own side."""
    box = house()
    alice = phone(box, "200", "udp", 4)
    desk, screen = phone(box, "201", "udp", 4), phone(box, "201", "wss", 6)
    alice.register()
    desk.register(call_id="desk")
    screen.register(call_id="screen")
    alice.request("INVITE", "sip:201@example.org", body=SDP)
    assert len(routes_of(last(desk.received()))) == 1
    assert [side(uri) for uri in routes_of(last(screen.received()))] == [("ws", 6), ("udp", 4)]


def test_our_own_record_route_is_found_in_any_spelling():
    assert parse_uri("sip:[2001:DB8::10]:5060;lr").host.lower() == BOX6
    box = house()
    alice, bob = phone(box, "200", "udp", 6), phone(box, "201", "tcp", 6)
    invite, answer = whole_call(box, alice, bob)
    bye = alice.within("BYE", answer, answer).replace(b"[2001:db8::10]", b"[2001:DB8::10]")
    assert alice.send(bye) == [] and last(bob.received()).method == "BYE"


# Two addresses of one transport on one host: a NAT lets in what comes from the right one


def two_doors():
    known = [interface(1, "udp", BOX, 5060), interface(2, "udp", BOX, 5070)]
    return Box(interfaces=Interfaces(known), domains=("example.org", BOX))


def by_the_other_door(box, user, port):
    """A telephone behind a NAT that talks to port 5070."""
    return Phone(
        box, user, host="198.51.100.7", port=port, address="10.0.0.5:5060", flow=2
    )  # fmt: skip


def test_requests_leave_by_the_door_that_a_telephone_has_come_by():
    box = two_doors()
    alice, bob = Phone(box, "200", flow=1), by_the_other_door(box, "201", 61000)
    invite, answer = whole_call(box, alice, bob)
    assert str(invite.via).startswith(f"SIP/2.0/UDP {BOX}:5070;")
    assert [uri.port for uri in routes_of(invite)] == [5070, 5060]
    box.sent.clear()
    alice.send(alice.within("BYE", answer, answer))
    ((data, peer),) = [item for item in box.sent if item[1].host == bob.peer.host]
    assert peer.flow == 2 and str(parse(data).via).startswith(f"SIP/2.0/UDP {BOX}:5070;")


def test_after_a_restart_too():
    box = two_doors()
    bob = by_the_other_door(box, "201", 61000)
    bob.register()
    (binding,) = box.location.bindings("201", box.now)
    assert binding.socket == f"udp:{BOX}:5070"
    again = Box(files=box.files, interfaces=box.config.interfaces)
    alice = Phone(again, "200", flow=1)
    alice.register()
    again.sent.clear()
    alice.request("MESSAGE", "sip:201@example.org")
    assert [peer.flow for data, peer in again.sent if parse(data).is_request] == [2]


def test_a_script_may_choose_the_door():
    class Script:
        found = []

        @staticmethod
        def request_route(r):
            Script.found.append(r.force_send_socket("udp:192.0.2.99:5060"))
            Script.found.append(r.force_send_socket(f"udp:{BOX}:5070"))
            r.t_relay()

        @staticmethod
        def onreply_route(r):
            pass

    box = Box(Script, interfaces=two_doors().config.interfaces)
    alice = Phone(box, "200", flow=1)
    alice.send(alice.make("MESSAGE", "sip:x@203.0.113.9"))
    ((data, peer),) = box.sent
    assert Script.found == [False, True] and peer.flow == 2
    assert str(parse(data).via).startswith(f"SIP/2.0/UDP {BOX}:5070;")
