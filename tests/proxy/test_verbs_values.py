"""Pseudo-variables, flags, the log, and verbs about addresses."""

from tests.proxy.box import BOX, Box
from tests.proxy.phone import Phone, last
from tests.proxy.probe import Probe, passed, probe


def test_what_a_message_says():
    found, _ = probe(
        lambda r: (
            r.fU, r.fd, r.fn, r.tU, r.td, r.tn, r.cs, r.pr, r.proto(), r.src_port(), r.Ri, r.Rp,
            r.dst_ip(), r.dst_port(), r.rb, r.hdr("subject"), r.hdr("none"), r.is_request(),
        ),  # fmt: skip
        headers=["s: x"], from_='"Alice B" <sip:al%69ce@example.org>;tag=1',
        to="<sip:b%20b@example.net>", cseq=7, body=b"text",
    )  # fmt: skip
    assert found == (
        "alice", "example.org", found[2], "b b", "example.net", "", 7, "udp", "udp", 5060, BOX,
        5060, BOX, 5060, b"text", "x", "", True,
    )  # fmt: skip
    assert "Alice B" in found[2]


def test_header_lists():
    found, _ = probe(lambda r: (r.hdrs("Supported"), r.hdrs("none"), r.hdrs("Allow")),
                     headers=["Supported: a, b", "k: c", "Allow: " + ", ".join(["x"] * 200)])
    assert found == (["a", "b", "c"], [], [])


def test_flags_and_values_stay_with_the_transaction():
    seen = []

    def stage(r):
        r.setflag(3)
        r.setflag(4)
        r.resetflag(4)
        r.avp["who"] = "alice"
        r.setbflag(6)
        r.setbflag(7)
        r.resetbflag(7)
        r.t_relay()

    def reply(r):
        seen.append((r.isflagset(3), r.isflagset(4), r.avp["who"], r.isbflagset(6),
                     r.isbflagset(7)))
        r.setflag(5)

    box = Box(Probe(stage, reply))
    alice, bob = Phone(box, "200"), Phone(box, "201")
    alice.send(alice.make("INVITE", "sip:201@192.0.2.201"))
    invite = last(bob.received())
    bob.reply(invite, 180)
    bob.reply(invite, 200)
    assert seen == [(True, False, "alice", True, False)] * 2


def test_lines_in_the_log():
    def write(r):
        r.xlog("L_ERR", "one\x07\nFri: forged\n")
        r.xlog("L_WARN", "two")
        r.xlog("L_NOTICE", "three")
        r.xlog("four")
        r.log("L_DBG", "five")
        r.xlog("L_INFO", "x" * 5000)

    box = Box(Probe(write))
    phone = Phone(box, "200")
    phone.send(phone.make("OPTIONS", "sip:x@example.org"))
    assert box.log.lines[:5] == [
        ("error", "one??Fri: forged"), ("warning", "two"), ("notice", "three"), ("info", "four"),
        ("info", "five"),
    ]  # fmt: skip
    assert len(box.log.lines[5][1]) == 400


def test_routes_by_name():
    class Script(Probe):
        def extra(self, r):
            return "ran"

    script = Script(lambda r: (
        r.check_route_exists("extra"), r.check_route_exists("none"), r.route_if_exists("extra"),
        r.route_if_exists("none"), r.check_route_exists("found"),
    ))  # fmt: skip
    box = Box(script)
    phone = Phone(box, "200")
    phone.send(phone.make("OPTIONS", "sip:x@example.org"))
    assert script.found == (True, False, "ran", False, False)


def test_addresses():
    found, _ = probe(lambda r: (
        r.is_in_subnet("192.0.2.9", "198.51.100.0/24, 192.0.2.0/24"),
        r.is_in_subnet("192.0.3.9", "192.0.2.0/24"), r.is_in_subnet("2001:db8::9", "2001:db8::/32"),
        r.is_in_subnet("x", "0.0.0.0/0"), r.is_in_subnet(r.src_ip(), "192.0.2.200"),
        r.is_ip("192.0.2.1"), r.is_ip("[2001:db8::1]"), r.is_ip("x.example"),
        r.is_ipv4("192.0.2.1"), r.is_ipv4("::1"), r.is_ipv6("::1"), r.is_ipv6("192.0.2.1"),
        r.is_ip_rfc1918("10.1.2.3"), r.is_ip_rfc1918("192.0.2.1"), r.is_ip_rfc1918("10.x"),
        r.compare_ips("[2001:DB8:0::1]", "2001:db8::1"), r.compare_ips("192.0.2.1", "x"),
        r.compare_ips("x", "x"),
    ))  # fmt: skip
    assert found == (True, False, True, False, True, True, True, False, True, False, True, False,
                     True, False, False, True, False, False)  # fmt: skip


def test_a_contact_is_given_the_source_address():
    request = passed(lambda r: r.fix_nated_contact(), "INVITE", ["Contact: <sip:a@10.0.0.1:9>;x=1"],
                     contact=None)
    assert request.header("contact") == "<sip:a@192.0.2.200:5060>;x=1"
    found, _ = probe(lambda r: r.fix_nated_contact(), "MESSAGE")
    assert found is False


def test_answers_go_to_the_port_that_a_request_came_from():
    def stage(r):
        r.force_rport()
        r.add_local_rport()
        r.sl_send_reply(404, "Not Found")

    box = Box(Probe(stage))
    phone = Phone(box, "200", port=40000)
    via = "SIP/2.0/UDP 192.0.2.200:5060;branch=z9hG4bKx"
    (reply,) = phone.send(phone.make("OPTIONS", "sip:x@example.org", via=via))
    assert reply.status == 404 and reply.via.rport == 40000


def test_our_own_via_always_asks_for_rport():
    assert "rport" in passed(lambda r: r.add_local_rport()).via.params
