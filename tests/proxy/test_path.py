"""Path and Service-Route: RFC 3327, RFC 3608. The box as registrar, and as the edge before one."""

from app.proxy.way import MAX_PATH
from app.sip.headers import parse_name_addr
from app.sip.transport import Peer
from tests.proxy.box import BOX, Box, table
from tests.proxy.phone import Phone, last, status

EDGE = "<sip:192.0.2.60;lr>"
CORE = "<sip:192.0.2.61:5070;lr>"


def register_by(phone, *paths, supported="path", source=None, **settings):
    """-> the answer to a REGISTER that came by way of proxies with these Paths.

    source: (host, port) of the one next to us; else where the first Path leads.
    """
    lines = ["Path: " + path for path in paths]
    if supported:
        lines.append("Supported: " + supported)
    kept = phone.peer
    if source is None:
        place = paths[0][5:].partition(";")[0].partition(">")[0] if paths else kept.host
        host, _, port = place.partition(":")
        source = (host, int(port or 5060))
    phone.peer = Peer("udp", source[0], source[1], 0)
    try:
        return last(phone.register(headers=lines, **settings))
    finally:
        phone.peer = kept


def test_a_path_is_kept_listed_and_followed():
    box = Box()
    alice, bob = Phone(box, "200"), Phone(box, "201")
    reply = register_by(bob, CORE, EDGE)
    assert reply.status == 200 and reply.headers("path") == [CORE, EDGE]
    assert "path" in reply.headers("supported")
    assert box.location.bindings("201", box.now)[0].path == f"{CORE},{EDGE}"
    alice.request("MESSAGE", "sip:201@example.org")
    message = last(box.to(Peer("udp", "192.0.2.61", 5070, 0)))
    assert message.uri == "sip:201@192.0.2.201:5060"
    assert message.headers("route") == [CORE, EDGE] and bob.received() == []


def test_it_outlives_a_restart():
    box = Box()
    register_by(Phone(box, "201"), CORE, EDGE)
    again = box.restart()
    assert again.location.bindings("201", again.now)[0].path == f"{CORE},{EDGE}"


def test_each_contact_has_its_own():
    box = Box()
    alice, bob, other = Phone(box, "200"), Phone(box, "201"), Phone(box, "201", host="192.0.2.77")
    register_by(bob, EDGE, call_id="one")
    other.register(call_id="two")
    alice.request("MESSAGE", "sip:201@example.org")
    direct = last(other.received())
    assert direct.headers("route") == []
    assert last(box.to(Peer("udp", "192.0.2.60", 5060, 0))).headers("route") == [EDGE]


def test_a_strict_router_on_the_path():
    """RFC 3261 16.6 step 6 holds for a preloaded Route set as well."""
    box = Box()
    alice, bob = Phone(box, "200"), Phone(box, "201")
    register_by(bob, "<sip:192.0.2.60>", CORE)
    alice.request("MESSAGE", "sip:201@example.org")
    message = last(box.to(Peer("udp", "192.0.2.60", 5060, 0)))
    assert message.uri == "sip:192.0.2.60"
    assert message.headers("route") == [CORE, "<sip:201@192.0.2.201:5060>"]


def test_a_path_that_changes_moves_the_binding():
    box = Box()
    bob = Phone(box, "201")
    register_by(bob, EDGE)
    writes = box.files.appends
    register_by(bob, CORE)
    assert box.files.appends == writes + 1
    assert box.location.bindings("201", box.now)[0].path == CORE
    register_by(bob)
    assert box.location.bindings("201", box.now)[0].path is None


def test_a_path_leads_to_who_sends_it():
    """Or a stolen password would reach the trunk past all limits, or flood somebody else."""
    trunk, away = ("203.0.113.1", 5060), "<sip:203.0.113.1;lr>"
    for path in (away, "<sip:edge.example;lr>", "<sip:192.0.2.201;maddr=203.0.113.1;lr>",
                 "<sip:192.0.2.201;alias=203.0.113.1~5060~1;lr>"):  # fmt: skip
        box = Box(dns=True)
        bob = Phone(box, "201")
        reply = register_by(bob, path, source=("192.0.2.201", 5060))
        assert (reply.status, reply.reason) == (403, "Forbidden: Path leads elsewhere"), path
        assert box.location.bindings("201", box.now) == []
        assert register_by(bob, "<sip:192.0.2.201;lr>", away).status == 200
    rows = "grp(int) ip_addr(str)\n7:203.0.113.1\n"
    box = Box(allow_group=7, tables={"address": table("address", rows)})
    assert register_by(Phone(box, "201"), EDGE, source=trunk).status == 200


def test_who_does_not_know_path_is_told():
    """RFC 3327 5.3, as Kamailio's path_mode 2: the telephone cannot see who is on the way."""
    box = Box()
    for supported in (None, "100rel, timer"):
        reply = register_by(Phone(box, "201"), EDGE, supported=supported)
        assert reply.status == 420 and reply.headers("unsupported") == ["path"]
        assert reply.headers("path") == [EDGE]
    assert box.location.bindings("201", box.now) == []


def test_a_path_that_cannot_be_kept():
    box = Box()
    bob = Phone(box, "201")
    for path in ("<sip:192.0.2.60;lr", "<sip:192.0.2.60;lr;x=" + "y" * MAX_PATH + ">"):
        assert register_by(bob, path).status == 400, path
    assert box.location.bindings("201", box.now) == []


def test_service_route():
    box = Box(service_route=("sip:192.0.2.10;lr", "sip:192.0.2.11:5070;lr"))
    reply = last(Phone(box, "200").register())
    assert reply.headers("service-route") == ["<sip:192.0.2.10;lr>", "<sip:192.0.2.11:5070;lr>"]
    assert "service-route" not in last(Phone(Box(), "200").register()).spans


def test_a_request_by_our_own_service_route_is_as_one_without():
    box = Box(service_route=(f"sip:{BOX};lr",))
    alice, bob = Phone(box, "200"), Phone(box, "201")
    route = last(alice.register()).header("service-route")
    bob.register()
    assert alice.request("MESSAGE", "sip:201@example.org", ["Route: " + route]) == []
    assert last(bob.received()).headers("route") == []


# As the edge: a script that has somebody else be the registrar


class Edge:
    """Every REGISTER goes to 192.0.2.61 with our Path; within dialogs and flows as shipped."""

    @staticmethod
    def request_route(r):
        if r.is_method("REGISTER"):
            if not r.add_path() or not r.t_relay():
                r.sl_reply_error()
            return None
        r.record_route()
        if r.loose_route():
            if not r.t_relay():
                r.sl_reply_error()
            return None
        return r.sl_send_reply(403, "Forbidden")

    @staticmethod
    def onreply_route(r):
        pass


HOME = Peer("udp", "192.0.2.61", 5060, 0)


def edge_with(phone_of, supported="path, outbound"):
    """-> (box, the registrar, the telephone, Path value) once its REGISTER has passed."""
    box = Box(Edge)
    phone = phone_of(box)
    lines = ["Supported: " + supported] if supported else []
    data = phone.make("REGISTER", "sip:192.0.2.61", lines, to="<sip:200@home.example>")
    replies = phone.send(data)
    passed = box.to(HOME)
    if not passed:
        return box, None, phone, last(replies)
    return box, Phone(box, "home", host=HOME.host), phone, passed[-1].header("path")


def test_the_edge_writes_its_path():
    box, home, phone, path = edge_with(lambda box: Phone(box, "200", host="198.51.100.7"))
    uri = parse_name_addr(path).uri
    assert (uri.host, uri.port) == (BOX, 5060)
    assert "lr" in uri.params and "ob" in uri.params and uri.user.startswith("ob~")
    uri = parse_name_addr(edge_with(lambda box: Phone(box, "200"), "path")[3]).uri
    assert uri.user.startswith("ob~") and "ob" not in uri.params


def test_the_edge_asks_for_support_of_path():
    refused = edge_with(lambda box: Phone(box, "200"), "outbound")[3]
    assert refused.status == 421 and refused.headers("require") == ["path"]


def test_behind_another_proxy_the_path_names_no_flow():
    box = Box(Edge)
    phone = Phone(box, "200")
    via = "SIP/2.0/UDP 192.0.2.200;branch=z9hG4bKa, SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKb"
    phone.send(phone.make("REGISTER", "sip:192.0.2.61", ["Supported: path, outbound"], via=via))
    assert last(box.to(HOME)).header("path") == f"<sip:{BOX}:5060;lr>"


def test_the_registrar_reaches_the_telephone_by_its_path():
    box, home, phone, path = edge_with(lambda box: Phone(box, "200", host="198.51.100.7", port=7))
    invite = home.make("INVITE", "sip:200@10.0.0.5:5060", ["Route: " + path])
    home.send(invite)
    arrived = last(phone.received())
    assert arrived.uri == "sip:200@10.0.0.5:5060" and arrived.headers("route") == []


def test_nobody_else_reaches_anybody_by_a_path_of_its_making():
    box, home, phone, path = edge_with(lambda box: Phone(box, "200", host="198.51.100.7"))
    for old, new in (("198.51.100.7", "203.0.113.9"), ("~5060~", "~25~"), ("ob~", "ob~0"),
                     ("~p~", "~r~"), ("~udp~", "~tcp~")):  # fmt: skip
        assert old in path
        forged = home.make("INVITE", "sip:200@10.0.0.5", ["Route: " + path.replace(old, new, 1)])
        assert status(home.send(forged)) == [403], new
    assert phone.received() == []


def test_the_telephone_itself_is_not_sent_back_to_itself():
    """RFC 5626 5.3: on its way out, by the flow that the token names, the token says nothing."""
    box, home, phone, path = edge_with(lambda box: Phone(box, "200", host="198.51.100.7"))
    out = phone.make("INVITE", "sip:900@example.net", ["Route: " + path])
    assert status(phone.send(out)) == [403]  # this script has no way out
    assert phone.received() == []
