"""A provider that is known by its name: registered at, probed, called through, with a digest."""

from app.sip import build
from app.sip.digest import challenge, is_right, parse_credentials
from app.sip.interfaces import Interfaces, interface
from app.sip.transport import Peer
from tests.dns import answers
from tests.proxy.box import Hashes, table
from tests.proxy.named import NamedBox
from tests.proxy.phone import Phone, last, status
from tests.proxy.test_dispatcher import HEADER as DISPATCHER
from tests.proxy.test_dispatcher import INTERVAL
from tests.proxy.test_uacreg import row, uacreg

NAME = "sip.provider.example"
ONE, TWO = Peer("udp", "203.0.113.1", 5060, 0), Peer("udp", "203.0.113.2", 5060, 0)
RECORDS = (
    answers.srv(f"_sip._udp.{NAME}", 1, 0, 5060, f"a.{NAME}"),
    answers.srv(f"_sip._udp.{NAME}", 2, 0, 5060, f"b.{NAME}"),
    answers.a(f"a.{NAME}", ONE.host), answers.a(f"b.{NAME}", TWO.host),
)  # fmt: skip


def box(tables, **settings):
    made = NamedBox(*RECORDS, tables=tables, **settings)
    made.proxy.modules.start(made.now)
    made.settle()
    made.wait(0.2)
    return made


def registering(uri=f"sip\\:{NAME}", **settings):
    return box(uacreg(row(auth_proxy=uri)), **settings)


def answer(made, peer, code, lines=()):
    request = last(made.to(peer))
    made.receive(build.response(request, code, "Whatever", to_tag="t", headers=lines), peer)
    return request


def test_the_box_registers_at_a_name():
    made = registering()
    request = answer(made, ONE, 401, ["WWW-Authenticate: " + challenge("trunk", "n1")])
    assert request.method == "REGISTER"
    request = answer(made, ONE, 200)
    credentials = parse_credentials(request.header("authorization"))
    assert is_right(Hashes, "REGISTER", credentials, password="secret")
    assert made.proxy.modules.accounts.rows(made.now)[0][2] == "registered"


def test_the_second_server_of_a_name_takes_over():
    made = registering()
    answer(made, ONE, 503)
    answer(made, TWO, 200)
    assert made.proxy.modules.accounts.rows(made.now)[0][2] == "registered"


def test_a_name_server_that_is_late_delays_no_more_than_the_registration():
    made = NamedBox(*RECORDS, tables=uacreg(row(auth_proxy=f"sip\\:{NAME}")))
    made.zone.silent = True
    made.proxy.modules.start(made.now)
    made.wait(60)  # it gave up, and comes again
    made.zone.silent = False
    made.wait(120)
    assert last(made.to(ONE)).method == "REGISTER"


def test_a_secure_registrar_by_name():
    found = [interface(1, "udp", "192.0.2.10", 5060), interface(2, "tls", "192.0.2.10", 5061)]
    made = NamedBox(
        answers.srv(f"_sips._tcp.{NAME}", 1, 0, 5061, f"a.{NAME}"), *RECORDS[2:],
        tables=uacreg(row(auth_proxy=f"sips\\:{NAME}")), interfaces=Interfaces(found),
    )  # fmt: skip
    made.proxy.modules.start(made.now)
    made.settle()
    made.wait(0.2)
    request = last(made.to(Peer("tls", ONE.host, 5061, 0)))
    assert ";transport=tls>" in request.header("contact")


def test_a_gateway_that_is_a_name_is_probed_and_called():
    row = f"1:1:sip\\:{NAME}:8:10::\n"  # 8: probed
    made = box({"dispatcher": table("dispatcher", DISPATCHER + row)})
    made.wait(INTERVAL)
    assert answer(made, ONE, 200).method == "OPTIONS"
    state = made.proxy.modules.dispatcher.all()[0]
    assert state.state_name().startswith("active")
    made.proxy.routes = Script()
    alice = Phone(made, "200")
    alice.send(alice.make("INVITE", "sip:0049@example.org"))
    answer(made, ONE, 503)
    invite = answer(made, TWO, 200, ["Contact: <sip:0049@203.0.113.2>"])
    assert invite.method == "INVITE" and status(alice.received()) == [200]


class Script:
    """Everything goes to the trunk, with the account of `uacreg`."""

    def request_route(self, r):
        r.ds_select_dst(1, 8)
        r.t_on_failure("failed")
        r.t_relay()

    def onreply_route(self, r):
        pass

    def failed(self, r):
        if r.t_check_status("401|407") and r.uac_auth():
            r.t_relay()


def test_a_challenge_of_a_named_trunk_is_answered():
    tables = uacreg(row(auth_proxy=f"sip\\:{NAME}", flags="1"))
    tables["dispatcher"] = table("dispatcher", DISPATCHER + f"1:1:sip\\:{NAME}:32:10::\n")
    made = box(tables, script=Script())
    alice = Phone(made, "200")
    alice.send(alice.make("INVITE", "sip:0049@example.org"))
    line = "Proxy-Authenticate: " + challenge("trunk", "n1")
    answer(made, ONE, 407, [line])
    invite = answer(made, ONE, 200, ["Contact: <sip:0049@203.0.113.1>"])
    credentials = parse_credentials(invite.header("proxy-authorization"))
    assert is_right(Hashes, "INVITE", credentials, password="secret")


def test_a_challenge_of_another_name_is_not():
    tables = uacreg(row(auth_proxy=f"sip\\:{NAME}", flags="1"))
    tables["dispatcher"] = table("dispatcher", DISPATCHER + f"1:1:sip\\:a.{NAME}:32:10::\n")
    made = box(tables, script=Script())
    alice = Phone(made, "200")
    alice.send(alice.make("INVITE", "sip:0049@example.org"))
    answer(made, ONE, 407, ["Proxy-Authenticate: " + challenge("trunk", "n1")])
    assert status(alice.received())[-1] == 407
