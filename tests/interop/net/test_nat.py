"""Telephones behind a NAT, and on a line that loses packets: signalling and sound both ways."""

import time

import pytest

from tests.interop.net.conftest import BOX, SIP_PORT
from tests.peers import scenes, sipp
from tests.peers.address import Target, free_ports
from tests.peers.baresip import Baresip
from tests.peers.call import connect
from tests.peers.linphone import Linphone
from tests.peers.phone import Phone
from tests.peers.sipp import Sipp

pytestmark = pytest.mark.interop

TARGET = Target(BOX, SIP_PORT)
INSIDE, OUTSIDE, TRUNK = "192.168.7.2", "203.0.113.30", "203.0.113.40"
TIMEOUT = 6  # seconds, of the NAT


def test_baresip_behind_the_nat_and_on_a_bad_line_hear_each_other(world):
    world.start_box()
    one = world.start("inside", Baresip, world.folder, TARGET, "200", 440, host=INSIDE)
    other = world.start("outside", Baresip, world.folder, TARGET, "201", 880, host=OUTSIDE)
    for caller, callee in ((one, other), (other, one)):
        scenes.connect(caller, callee)
        scenes.hear_each_other(caller, callee)
        scenes.hang_up(caller, callee)


def test_sipp_behind_the_nat_calls_out_and_is_called(world):
    world.start_box()
    places = (("inside", INSIDE, "200"), ("outside", OUTSIDE, "201"))
    for here, there in (places, places[::-1]):
        space, host, callee = there
        with world.lab.inside(space):
            port = free_ports(1, host)
            sipp.register(world.folder, TARGET, callee, port, host=host)
            answering = Sipp(world.folder, TARGET, "answer-bad-line", callee, port=port, calls=0,
                             seconds=60, host=host, linger=3000)  # fmt: skip
        with answering:
            with world.lab.inside(here[0]):
                calling = Sipp(world.folder, TARGET, "call", here[2], callee, calls=5, rate=5,
                               at_once=5, seconds=50, host=here[1], hold=4000)  # fmt: skip
            with calling:
                calling.succeeded()
            assert answering.stop()["IncomingCall"] == 5


def test_the_box_keeps_the_way_in_open(world):
    """The NAT forgets in 6 s, and nothing but the box's pings passes it in twice that time."""
    world.start_box(sip={"keepalive": 5})
    one = world.start("inside", Phone, TARGET, "200", host=INSIDE)
    other = world.start("trunk", Phone, TARGET, "201", host=TRUNK)
    for phone in (one, other):
        assert phone.register().status == 200
    end = time.monotonic() + 2 * TIMEOUT
    pings = 0
    while time.monotonic() < end:
        request = one.receive(1)
        if request is not None:
            assert request.method == "OPTIONS"
            one.reply(request, 200, "OK", "here")
            pings += 1
    assert pings >= 2
    out, into = connect(other, one)
    out.request("BYE")
    into.hung_up()
    out.expect(200)


def test_without_pings_the_way_in_is_shut(world):
    """That the NAT is one: what comes when it has forgotten reaches nobody."""
    world.start_box(sip={"keepalive": 0})
    one = world.start("inside", Phone, TARGET, "200", host=INSIDE)
    other = world.start("trunk", Phone, TARGET, "201", host=TRUNK)
    for phone in (one, other):
        assert phone.register().status == 200
    time.sleep(TIMEOUT + 2)
    with pytest.raises(AssertionError, match="200 waited 3 s"):
        connect(other, one, patience=3)


def test_linphone_behind_the_nat_calls_out_and_is_called(world):
    """Its INVITE with our headers is longer than 1,300 bytes: it goes on by TCP."""
    world.start_box()
    one = world.start("inside", Linphone, world.folder, TARGET, "200", domain=BOX, host=INSIDE)
    other = world.start("outside", Baresip, world.folder, TARGET, "201", 880, host=OUTSIDE)
    one.register()
    one.wait_for_registration()
    one.dial("201")
    other.wait_for("CALL_INCOMING")
    other.accept()
    other.wait_for("CALL_ESTABLISHED")
    one.wait_for_call("streamsrunning")
    other.wait_to_hear(one.frequency)
    other.hang_up()
    one.wait_for_call("")
    other.dial("200")
    one.wait_for_call("incomingreceived")
    one.accept()
    other.wait_for("CALL_ESTABLISHED")
    other.wait_to_hear(one.frequency)
    one.hang_up()
    other.wait_for("CALL_CLOSED")
    one.wait_for_call("")
