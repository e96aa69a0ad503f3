"""RFC 3263 5: where a response goes when its connection is gone, and nobody listens there."""

from app.sip import build
from app.sip.interfaces import Interfaces, interface
from app.sip.message import parse
from app.sip.transport import Peer
from tests.dns import answers
from tests.proxy.named import NamedBox
from tests.proxy.phone import Phone, last

PROVIDER = "198.51.100.1"
NAME = "out.provider.example"
ELSEWHERE = "198.51.100.9"
FLOW = 2 + 16 * 7  # the seventh connection, at the second interface
RECORDS = (
    answers.srv(f"_sip._tcp.{NAME}", 0, 0, 5070, f"a.{NAME}"), answers.a(f"a.{NAME}", ELSEWHERE),
)  # fmt: skip


class Scene:
    """A provider that has called 200 over TCP, with this Via; 200 has the INVITE."""

    def __init__(self, sent_by=NAME, records=RECORDS, trunks=(PROVIDER,)):
        found = [
            interface(1, "udp", "192.0.2.10", 5060), interface(2, "tcp", "192.0.2.10", 5060),
        ]  # fmt: skip
        self.box = NamedBox(*records, interfaces=Interfaces(found), trunks=trunks)
        self.desk = Phone(self.box, "200")
        self.desk.register()
        self.provider = Phone(
            self.box, "1", host=PROVIDER, port=40000, domain="provider.example",
            transport="tcp", flow=FLOW,
        )  # fmt: skip
        via = f"SIP/2.0/TCP {sent_by};branch=z9hG4bKone"
        data = self.provider.make("INVITE", "sip:200@example.org", via=via)
        self.provider.send(data)
        self.invite = last(self.desk.received())

    def answer(self):
        """200 answers; the connection turns out to be gone, and so does each new one.

        -> [Peer] that the answer has been sent to.
        """
        data = build.response(self.invite, 200, "OK", to_tag="t", headers=["Contact: <sip:200@x>"])
        self.box.endpoint.receive(data, self.desk.peer, self.box.now)
        tried = []
        for _ in range(8):
            self.box.proxy.run(self.box.now, self.box.wall)
            self.box.zone.serve(self.box.resolver, self.box.now)
            item = self.box.endpoint.to_send()
            if item is not None:
                assert parse(item[0]).status == 200
                tried.append(item[1])
                self.box.endpoint.transport_error(self.box.now)
        return tried


def test_the_sent_by_is_looked_up_when_all_else_has_failed():
    assert Scene().answer() == [
        Peer("tcp", PROVIDER, 40000, FLOW),  # the connection of the request
        Peer("tcp", PROVIDER, 5060, 0),  # a new one to where it came from: RFC 3261 18.2.2
        Peer("tcp", ELSEWHERE, 5070, 0),
    ]


def test_a_port_in_the_sent_by_leaves_out_srv():
    found = Scene(f"{NAME}:5090", [answers.a(NAME, ELSEWHERE)]).answer()
    assert found[2:] == [Peer("tcp", ELSEWHERE, 5090, 0)]


def test_an_address_has_nothing_to_be_looked_up():
    scene = Scene("198.51.100.77:5060")
    assert len(scene.answer()) == 2 and scene.box.zone.asked == []


def test_nothing_is_looked_up_for_a_stranger():
    scene = Scene(trunks=())
    assert len(scene.answer()) == 2 and scene.box.zone.asked == []


def test_a_name_that_leads_nowhere_is_asked_for_once():
    scene = Scene(records=())
    assert len(scene.answer()) == 2
    asked = len(scene.box.zone.asked)
    assert asked > 0
    scene.box.wait(3)
    assert len(scene.box.zone.asked) == asked
