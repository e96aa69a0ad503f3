"""The box behind a NAT, in network namespaces: inside and outside are told what each can reach."""

from contextlib import ExitStack

import pytest

from tests.peers import rtp, sip, site
from tests.peers.address import Target
from tests.peers.call import connect
from tests.peers.nets import House
from tests.peers.pbx import Pbx
from tests.peers.phone import Phone

pytestmark = pytest.mark.interop

SIP_PORT = 5060


@pytest.fixture
def house(tmp_path):
    """-> House with the box in it, as site.conf has it for such a place."""
    keys = {"advertise": House.OUTER, "local_net": "192.168.77.0/24"}
    made = site.demo(tmp_path / "site", sip=keys)
    with House() as net:
        with net.inside("box"):
            address = net.address("box")
            box = Pbx(made, tmp_path, host=address, port=SIP_PORT, net=net.host("box"))
        net.forward(SIP_PORT, SIP_PORT)
        net.forward(*box.rtp)
        with box:
            yield net


@pytest.fixture
def inhabit(house):
    """Makes registered telephones with media: inhabit("phone", "200") -> (Phone, RtpPort)."""
    with ExitStack() as stack:

        def make(place, user):
            server = House.OUTER if place == "street" else house.address("box")
            with house.inside(place):
                phone = stack.enter_context(
                    Phone(Target(server, SIP_PORT), user, host=house.address(place))
                )
                port = stack.enter_context(rtp.RtpPort(house.address(place)))
            assert phone.register().status == 200
            return phone, port

        yield make


def talk(caller, callee):
    """A call with media both ways. -> (Caller, Callee, their views of where media goes)."""
    (one, out_rtp), (other, in_rtp) = caller, callee
    offer, answer = sip.sdp(one.host, out_rtp.port), sip.sdp(other.host, in_rtp.port)
    out, into = connect(one, other, offer, answer)
    near, far = sip.media_of(out.body), sip.media_of(into.body)
    in_rtp.send(rtp.pack(rtp.stream(1, 7)[0]), far)  # the relay learns where each one is
    out_rtp.send(rtp.pack(rtp.stream(1, 8)[0]), near)
    in_rtp.receive(0.5)
    out_rtp.receive(0.5)
    for sender, to, receiver in ((out_rtp, near, in_rtp), (in_rtp, far, out_rtp)):
        packets = rtp.stream(5, 99)
        arrived, _ = rtp.exchange(sender, to, receiver, packets)
        assert arrived == packets
    return out, into, near, far


def places(message):
    """-> [host:port] of the Record-Route values."""
    uris = [sip.uri_of(value) for value in message.all("record-route")]
    return [uri.partition(":")[2].partition(";")[0] for uri in uris]


def test_in_the_house_nobody_is_told_the_outer_address(inhabit):
    out, into, near, far = talk(inhabit("phone", "200"), inhabit("desk", "201"))
    assert near[0] == far[0] == House.INNER["box"]
    assert places(into.invite) == [f"{House.INNER['box']}:{SIP_PORT}"]
    out.request("BYE")
    into.hung_up()
    out.expect(200)


def test_from_the_house_to_the_street(inhabit):
    out, into, near, far = talk(inhabit("phone", "200"), inhabit("street", "201"))
    assert (near[0], far[0]) == (House.INNER["box"], House.OUTER)
    assert into.invite["via"].startswith(f"SIP/2.0/UDP {House.OUTER}:{SIP_PORT};")
    assert places(into.invite) == [
        f"{House.OUTER}:{SIP_PORT}", f"{House.INNER['box']}:{SIP_PORT}",
    ]  # fmt: skip
    into.request("BYE")
    out.hung_up()
    into.expect(200)


def test_from_the_street_to_the_house(inhabit):
    out, into, near, far = talk(inhabit("street", "201"), inhabit("phone", "200"))
    assert (near[0], far[0]) == (House.OUTER, House.INNER["box"])
    assert into.invite["via"].startswith(f"SIP/2.0/UDP {House.INNER['box']}:{SIP_PORT};")
    into.request("BYE")
    out.hung_up()
    into.expect(200)
