"""A real Kamailio as the edge before the box: Path (RFC 3327), and the Record-Route of both."""

import pytest

from tests.peers import sip
from tests.peers.call import Callee, Caller, connect
from tests.peers.kamailio import Kamailio
from tests.peers.phone import Phone

pytestmark = pytest.mark.interop

# Kamailio's own idiom of path and rr; every telephone behind it believes that it is the server.
EDGE = """
route[MAIN] {{
    if (has_totag()) {{
        loose_route();
        t_relay();
        exit;
    }}
    if (is_method("REGISTER")) {{
        add_path();
        $du = "sip:{host}:{port}";
        t_relay();
        exit;
    }}
    record_route();
    if (is_present_hf("Route")) {{  # by the Path; for a preloaded Route loose_route() is false
        loose_route();
        t_relay();
        exit;
    }}
    $du = "sip:{host}:{port}";
    t_relay();
}}
"""
PATH = ("Supported", "path")


@pytest.fixture
def edge(box, tmp_path):
    """-> Kamailio that has the box be registrar and proxy for whoever talks to it."""
    script = EDGE.format(host=box.target.host, port=box.target.port)
    with Kamailio(tmp_path, script, modules=("path",)) as running:
        yield running


def test_the_box_keeps_and_follows_kamailios_path(edge, box):
    with Phone(edge.target, "200") as inner, Phone(box.target, "201") as outer:
        answer = inner.register(headers=[PATH])
        assert answer.status == 200
        place = f"{edge.target.host}:{edge.target.port}"
        assert sip.uri_of(answer["path"]) == f"sip:{place};lr"
        assert outer.register().status == 200
        out, into = connect(outer, inner)
        vias = into.invite.all("via")
        assert len(vias) == 3 and place in vias[0]
        routes = into.invite.all("record-route")
        assert len(routes) == 2 and place in routes[0] and "seal=" in routes[1]
        into.request("BYE")
        out.hung_up()
        into.expect(200)


def test_a_call_from_behind_kamailio(edge, box):
    with Phone(edge.target, "200") as inner, Phone(box.target, "201") as outer:
        assert inner.register(headers=[PATH]).status == 200
        assert outer.register().status == 200
        out, into = connect(inner, outer)
        out.request("INFO")
        info = into.expect("INFO")
        assert info.all("route") == []
        outer.reply(info, 200, "OK")
        out.expect(200)
        into.request("BYE")
        out.hung_up()
        into.expect(200)


def test_two_behind_the_same_edge(edge, box):
    """The call passes Kamailio, the box, and Kamailio again: a spiral, with both's Record-Route."""
    with Phone(edge.target, "200") as one, Phone(edge.target, "201") as other:
        assert one.register(headers=[PATH]).status == 200
        assert other.register(headers=[PATH]).status == 200
        out, into = connect(one, other)
        assert len(into.invite.all("record-route")) == 3
        out.request("BYE")
        into.hung_up()
        out.expect(200)


def test_who_does_not_know_path_is_not_registered_by_way_of_it(edge, box):
    with Phone(edge.target, "200") as inner:
        answer = inner.register()
        assert answer.status == 420 and answer["unsupported"] == "path"


def test_busy_and_cancelled_by_way_of_the_path(edge, box):
    with Phone(edge.target, "200") as inner, Phone(box.target, "201") as outer:
        assert inner.register(headers=[PATH]).status == 200
        out = Caller(outer, inner.uri).authenticate()
        Callee(inner).refuse(486, "Busy Here")
        out.refused(486)
        out = Caller(outer, inner.uri).authenticate()
        into = Callee(inner)
        into.ring()
        out.expect(180)
        out.cancel()
        into.cancelled()
        out.refused(487)
