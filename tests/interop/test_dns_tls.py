"""Calls to a name over TLS: SRV leads to the server, whose certificate must have the name."""

import pytest

from tests.certificates import Folder
from tests.peers import site
from tests.peers.address import LOOPBACK, free_ports
from tests.peers.call import Callee, Caller
from tests.peers.names import NameServer
from tests.peers.pbx import Pbx
from tests.peers.phone import Phone

pytestmark = pytest.mark.interop

DOMAIN = "callee.example"
HOST = "127.0.0.31"


@pytest.fixture(scope="module")
def authority():
    folder = Folder()
    folder.issue("box", (LOOPBACK,))
    folder.issue("right", (DOMAIN,))
    folder.issue("wrong", (f"b.{DOMAIN}",))  # what SRV says is not who is meant
    yield folder
    folder.remove()


def tables(folder, authority, name, **options):
    """-> Path of a site that listens on TLS with the certificate of that name."""
    tls = {"certificate": f"{name}.pem", "key": f"{name}.key", "ca": "ca.pem"}
    made = site.demo(folder, tls={**tls, "verify_server": "yes"}, **options)
    for each in (f"{name}.pem", f"{name}.key", "ca.pem"):
        (made / each).write_bytes(authority.read(each))
    return made


class Scene:
    """A box with dns = yes, and another one, of DOMAIN, that has this certificate."""

    def __init__(self, tmp_path, own_box, authority, name):
        port = free_ports(1, HOST)
        self.names = NameServer(
            tmp_path, DOMAIN, hosts={f"b.{DOMAIN}": HOST},
            srv=[(f"_sips._tcp.{DOMAIN}", f"b.{DOMAIN}", port, 1, 0)],
        )  # fmt: skip
        self.names.__enter__()
        there = tables(tmp_path / "there", authority, name, domain=DOMAIN)
        self.there = Pbx(there, tmp_path / "b", HOST, words=["--listen", f"tls:{HOST}:{port}"])
        self.there.start()
        here = tables(tmp_path / "here", authority, "box", sip={"dns": "yes"})
        words = ["--dns", self.names.place, "--listen", f"tls:{LOOPBACK}:{free_ports()}"]
        self.here = own_box(here, words=words)
        self.caller = Phone(self.here.target, "200")
        self.callee = Phone(self.there.target, "201", domain=DOMAIN, host=HOST)

    def close(self):
        for each in (self.caller, self.callee):
            each.close()
        self.there.stop()
        self.names.__exit__()


@pytest.fixture
def scene(tmp_path, own_box, authority):
    made = []

    def make(name):
        made.append(Scene(tmp_path, own_box, authority, name))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_a_call_over_tls_to_a_name(scene):
    it = scene("right")
    assert it.callee.register().status == 200
    out = Caller(it.caller, f"sip:201@{DOMAIN};transport=tls").authenticate()
    into = Callee(it.callee)
    assert "SIP/2.0/TLS" in " ".join(into.invite.all("via"))
    into.answer()
    out.answered()
    into.acknowledged()
    into.request("BYE")
    out.hung_up()
    into.expect(200)


def test_a_certificate_of_another_name_is_refused(scene):
    it = scene("wrong")
    assert it.callee.register().status == 200
    out = Caller(it.caller, f"sip:201@{DOMAIN};transport=tls").authenticate()
    out.refused(500)
    it.callee.silence()
