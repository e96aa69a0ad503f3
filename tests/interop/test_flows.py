"""Connections of telephones as the box uses them: over real sockets, and when they break."""

import socket

import pytest

from tests.peers import sip
from tests.peers.call import Callee, Caller, connect
from tests.peers.kamailio import Kamailio
from tests.peers.phone import Phone
from tests.peers.process import wait_until
from tests.peers.site import DOMAIN
from tests.peers.tcp_phone import TcpPhone

pytestmark = pytest.mark.interop

NOWHERE = "10.99.99.99:5060"  # what a telephone behind a NAT believes its own address to be
INSTANCE = "<urn:uuid:00000000-0000-1000-8000-aabbccddeeff>"
LONG = ("X-Long", "x" * 1400)

# Kamailio's usrloc says what it has found: the contact, and where it would send to.
USRLOC = """
modparam("usrloc", "db_url", "@db@")
modparam("usrloc", "db_mode", 1)
modparam("usrloc", "use_domain", 0)
"""
LOOKUP = """
route[MAIN] {
    if (lookup("location")) {
        append_to_reply("X-DU: $du\\r\\n");
        sl_send_reply("302", "$ru");
    } else {
        sl_send_reply("404", "Not Found");
    }
}
"""
VERSION = b"id(int,auto) table_name(string) table_version(int)\n0:location:9\n"


def sign_on(phone, reg_id, expires=600):
    """REGISTER for a flow of Outbound (RFC 5626). -> the answer."""
    contact = f'<{phone.contact}>;expires={expires};+sip.instance="{INSTANCE}";reg-id={reg_id}'
    return phone.register(contact=contact, headers=[("Supported", "path, outbound")])


def gone(phone, user):
    """Waits until nobody is registered for `user`."""
    wait_until(lambda: not phone(user, registered=False).bindings(), "the binding is gone")


def test_a_telephone_behind_nat_is_called_on_its_connection(target, phone):
    caller = phone("200")
    with TcpPhone(target, "201", address=NOWHERE) as callee:
        assert callee.register().status == 200
        out, into = connect(caller, callee)
        assert into.invite["via"].startswith("SIP/2.0/TCP ")
        routes = into.invite.all("record-route")
        assert ";transport=tcp" in routes[0] and all(";r2=on" in route for route in routes)
        into.request("BYE")
        out.hung_up()
        into.expect(200)


def test_with_the_connection_the_binding_ends(target, phone):
    caller = phone("200")
    callee = TcpPhone(target, "201", address=NOWHERE)
    assert callee.register().status == 200
    callee.close()
    gone(phone, "201")
    Caller(caller, callee.uri).authenticate().refused(404)
    callee.connect(address=NOWHERE)
    assert callee.register().status == 200
    connect(caller, callee)
    callee.close()
    gone(phone, "201")


def test_outbound_has_a_second_way_to_the_same_telephone(target, phone):
    caller = phone("200")
    with TcpPhone(target, "201", address=NOWHERE, ob=True) as first:
        second = TcpPhone(target, "201", address=NOWHERE, ob=True)
        assert sign_on(first, 1)["require"] == "outbound"
        answer = sign_on(second, 2)
        assert answer["flow-timer"] and len(answer.all("contact")) == 2
        out = Caller(caller, first.uri).authenticate()
        ringing = Callee(second)  # the latest flow, and that one alone
        ringing.ring()
        out.expect(180)
        first.silence()
        out.cancel()
        ringing.cancelled()
        out.refused(487)
        second.close()
        wait_until(lambda: len(first.register(contact="").all("contact")) == 1, "one is left")
        out, into = connect(caller, first)
        assert into.invite["contact"] == f"<{caller.contact}>"
        out.request("BYE")
        into.hung_up()
        out.expect(200)


def test_a_call_while_the_connection_breaks_takes_the_other_one(target, phone):
    caller = phone("200")
    with TcpPhone(target, "201", address=NOWHERE, ob=True) as first:
        second = TcpPhone(target, "201", address=NOWHERE, ob=True)
        sign_on(first, 1)
        sign_on(second, 2)
        out = Caller(caller, first.uri).authenticate()
        second.expect("INVITE")
        second.close()  # before it has said anything
        into = Callee(first)
        into.answer()
        out.answered()
        into.acknowledged()


def test_the_record_route_of_outbound_leads_down_the_flow(target, phone):
    callee = phone("201")
    with TcpPhone(target, "200", address=NOWHERE, ob=True) as caller:
        assert sign_on(caller, 1).status == 200
        out, into = connect(caller, callee)
        assert sip.uri_of(into.invite["contact"]) == caller.contact
        assert "sip:ob~" in into.invite.all("record-route")[1]
        into.request("BYE")
        out.hung_up()
        into.expect(200)


def test_a_real_kamailio_reads_what_is_written_of_a_flow(own_box, tmp_path):
    box = own_box()
    with TcpPhone(box.target, "201", address=NOWHERE, ob=True) as callee:
        assert sign_on(callee, 1).status == 200
        tables = {"location": (box.state / "location.journal").read_bytes(), "version": VERSION}
        loads = ("db_text", "usrloc", "registrar")
        with Kamailio(tmp_path, LOOKUP, loads, USRLOC, tables, tcp=True) as kamailio:
            with Phone(kamailio.target, "200") as caller:
                Caller(caller, f"sip:201@{DOMAIN}")
                answer = caller.expect(302)
            assert answer["x-du"] == f"sip:{callee.place};transport=tcp"
            assert answer.start == f"SIP/2.0 302 {callee.contact}"
            assert "bad socket" not in kamailio.log()


def test_a_long_invite_to_a_telephone_without_tcp(target, phone):
    """RFC 3261 18.1.1: TCP is refused there (a reset), so a long datagram it is."""
    caller, callee = phone("200"), phone("201")
    out = Caller(caller, callee.uri, headers=[LONG]).authenticate()
    into = Callee(callee)
    assert into.invite["via"].startswith("SIP/2.0/UDP ") and len(into.invite.data) > 1300
    into.answer()
    out.answered()
    into.acknowledged()
    out.request("BYE")
    into.hung_up()
    out.expect(200)


def test_a_long_invite_to_a_telephone_with_tcp(target, phone):
    caller, callee = phone("200"), phone("201")
    with socket.create_server((callee.host, callee.port)) as server:
        server.settimeout(10)
        out = Caller(caller, callee.uri, headers=[LONG]).authenticate()
        connection, _ = server.accept()
        with connection:
            connection.settimeout(10)
            data = b""
            while not data.endswith(b"\r\n\r\n"):
                data += connection.recv(65536)
            invite = sip.Message(data)
            assert invite.method == "INVITE" and invite["via"].startswith("SIP/2.0/TCP ")
            out.cancel()
            out.phone.waiting.clear()


def test_an_answer_whose_connection_is_gone_comes_on_a_new_one(target, phone):
    """RFC 3261 18.2.2: to the address it came from, at the port that its Via names."""
    callee = phone("201")
    with socket.create_server(("127.0.0.1", 0)) as server, Phone(target, "200") as idle:
        server.settimeout(10)
        caller = TcpPhone(target, "200")
        caller.via = lambda: (
            f"SIP/2.0/TCP 127.0.0.1:{server.getsockname()[1]};branch=z9hG4bK{sip.token()}"
        )
        Caller(caller, callee.uri).authenticate()
        into = Callee(callee)
        caller.close()
        assert idle.register().status == 200  # the box has seen the end of the connection by then
        callee.reply(into.invite, 486, "Busy Here", into.tag)
        connection, _ = server.accept()
        with connection:
            connection.settimeout(10)
            assert connection.recv(65536).startswith(b"SIP/2.0 486 Busy Here")
