"""Calls to names: NAPTR, SRV and A of a real name server, which may be slow, or dead."""

import pytest

from tests.peers import site
from tests.peers.address import free_ports
from tests.peers.call import Callee, Caller
from tests.peers.names import NameServer
from tests.peers.phone import Phone

pytestmark = pytest.mark.interop

DOMAIN = "callee.example"
ELSEWHERE = "127.0.0.30"


class Scene:
    """A box with dns = yes, its name server, 200 on it, and two phones of another domain."""

    def __init__(self, tmp_path, own_box, phone):
        self.one = Phone(None, "bob", host=ELSEWHERE, domain=DOMAIN)
        self.two = Phone(None, "bob", host=ELSEWHERE, domain=DOMAIN)
        self.names = NameServer(
            tmp_path, DOMAIN,
            hosts={f"a.{DOMAIN}": ELSEWHERE, f"b.{DOMAIN}": ELSEWHERE},
            srv=[(f"_sip._udp.{DOMAIN}", f"a.{DOMAIN}", self.one.port, 10, 0),
                 (f"_sip._udp.{DOMAIN}", f"b.{DOMAIN}", self.two.port, 20, 0)]
            + [(f"_sip._udp.many.{DOMAIN}", f"b.{DOMAIN}", self.two.port, 10 + number, 0)
               for number in range(60)],
            naptr=[(DOMAIN, 10, 10, "SIPS+D2T", f"_sips._tcp.{DOMAIN}"),
                   (DOMAIN, 20, 10, "SIP+D2U", f"_sip._udp.{DOMAIN}")],
            aliases={f"www.{DOMAIN}": f"b.{DOMAIN}"},
        )  # fmt: skip
        self.own_box, self.phone = own_box, phone
        self.box = self.caller = None

    def __enter__(self):
        self.names.__enter__()
        self.start(self.names.place)
        return self

    def start(self, place):
        self.box = self.own_box(sip={"dns": "yes"}, words=["--dns", place])
        self.caller = self.phone("200", target=self.box.target)
        self.one.target = self.two.target = self.box.target

    def __exit__(self, *_):
        self.names.__exit__()
        self.one.close()
        self.two.close()


@pytest.fixture
def scene(tmp_path, own_box, phone):
    with Scene(tmp_path, own_box, phone) as made:
        yield made


def talk(out, into):
    """From ringing to the end, hung up by the callee."""
    into.answer()
    out.answered()
    into.acknowledged()
    into.request("BYE")
    out.hung_up()
    into.expect(200)


def test_a_call_goes_where_naptr_and_srv_lead(scene):
    out = Caller(scene.caller, f"sip:bob@{DOMAIN}").authenticate()
    into = Callee(scene.one)
    assert into.invite.uri == f"sip:bob@{DOMAIN}"
    talk(out, into)
    asked = scene.names.questions()
    assert asked == [("NAPTR", DOMAIN), ("SRV", f"_sip._udp.{DOMAIN}"), ("A", f"a.{DOMAIN}")]
    talk(Caller(scene.caller, f"sip:bob@{DOMAIN}").authenticate(), Callee(scene.one))
    assert scene.names.questions() == asked  # known by now


def test_who_is_not_available_is_passed_over(scene):
    out = Caller(scene.caller, f"sip:bob@{DOMAIN}").authenticate()
    Callee(scene.one).refuse(503, "Service Unavailable")
    talk(out, Callee(scene.two))


def test_a_port_leaves_out_srv_and_a_cname_is_followed(scene):
    uri = f"sip:bob@www.{DOMAIN}:{scene.two.port}"
    talk(Caller(scene.caller, uri).authenticate(), Callee(scene.two))
    assert scene.names.questions() == [("A", f"www.{DOMAIN}")]


def test_an_answer_that_is_too_long_for_a_datagram(scene):
    """60 SRV records: dnsmasq truncates them, and gives them over TCP."""
    uri = f"sip:bob@many.{DOMAIN};transport=udp"
    talk(Caller(scene.caller, uri).authenticate(), Callee(scene.two))
    assert scene.names.questions().count(("SRV", f"_sip._udp.many.{DOMAIN}")) == 2


def test_a_contact_that_is_a_name_is_reached_within_the_dialog(scene):
    scene.one.contact = f"sip:bob@a.{DOMAIN}:{scene.one.port}"
    out = Caller(scene.caller, f"sip:bob@{DOMAIN}").authenticate()
    into = Callee(scene.one)
    into.answer()
    out.answered()
    into.acknowledged()
    out.request("BYE")
    into.hung_up()
    out.expect(200)


def test_a_trunk_that_is_a_name(scene, own_box, phone):
    """[trunk] without an address: calls go out by the DNS, and come in from `sources`."""
    aliases = site.dbaliases({"5550202": "201"})
    box = own_box(
        sip={"dns": "yes"}, trunk={"domain": DOMAIN, "sources": ELSEWHERE, "ping_interval": 0},
        dbaliases=aliases, words=["--dns", scene.names.place],
    )  # fmt: skip
    scene.one.target = scene.two.target = box.target
    caller, called = phone("200", target=box.target), phone("201", target=box.target)
    out = Caller(caller, f"sip:0301234567@{DOMAIN}").authenticate()
    Callee(scene.one).refuse(503, "Service Unavailable")
    talk(out, Callee(scene.two))
    talk(Caller(scene.two, f"sip:5550202@{box.target.host}:{box.target.port}"), Callee(called))


def test_a_name_that_is_not_there(scene):
    out = Caller(scene.caller, f"sip:bob@nobody.{DOMAIN}").authenticate()
    out.refused(478)


def test_calls_go_on_while_the_name_server_hangs(scene):
    with Phone(scene.box.target, "201") as other, Phone(scene.box.target, "202") as third:
        other.register()
        third.register()
        scene.names.hang()
        out = Caller(third, f"sip:bob@{DOMAIN}").authenticate()
        talk(Caller(scene.caller, "sip:201@example.org").authenticate(), Callee(other))
        assert scene.names.questions() == []
        scene.names.go_on()
        talk(out, Callee(scene.one))


def test_a_call_that_is_given_up_while_its_name_is_looked_up(scene):
    scene.names.hang()
    out = Caller(scene.caller, f"sip:bob@{DOMAIN}").authenticate()
    out.cancel()
    out.refused(487)
    scene.names.go_on()
    scene.one.silence(1)


def test_a_name_server_that_is_dead(tmp_path, own_box, phone):
    box = own_box(sip={"dns": "yes"}, words=["--dns", f"127.0.0.1:{free_ports()}"])
    caller = phone("200", target=box.target)
    out = Caller(caller, f"sip:bob@{DOMAIN}").authenticate()
    out.expect(500, patience=30)
