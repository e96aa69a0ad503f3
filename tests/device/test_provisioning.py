"""A site over the serial line: all of it or nothing, whatever happens on the way."""

import random
import subprocess
import time

import pytest

from tests.device.box import ROOT
from tests.device.noise import NoisyLine
from tests.peers.call import connect
from tests.peers.phone import Phone
from tests.peers.site import USERS

NEW_USERS = {**USERS, "210": "sesame-210-open"}


def registers(box, user="200", password=None):
    """Whether `user` may register now."""
    with Phone(box.target, user, password or NEW_USERS[user]) as phone:
        return phone.register().status == 200


def test_a_site_comes_through_a_noisy_line(running_box):
    site = running_box.make_site("new", NEW_USERS)
    with NoisyLine(("127.0.0.1", running_box.machine.console_port)) as line:
        done = running_box.provision(site, line.url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert line.damaged > 0
    assert registers(running_box, "210")


def test_a_bad_site_is_refused_with_its_place_and_the_old_one_stays(running_box):
    site = running_box.make_site("bad", NEW_USERS)
    (site / "aliases").write_text("username(str) contact(str)\n1002:sip\\\\:1009@example.org\n")
    done = running_box.provision(site)
    assert done.returncode != 0
    assert "aliases:2:" in done.stdout + done.stderr
    assert registers(running_box)
    assert not registers(running_box, "210")


def test_a_call_goes_on_while_a_new_site_is_taken(running_box):
    with Phone(running_box.target, "200") as one, Phone(running_box.target, "201") as other:
        assert one.register().status == other.register().status == 200
        out, into = connect(one, other)
        done = running_box.provision(running_box.make_site("new", NEW_USERS))
        assert done.returncode == 0, done.stdout + done.stderr
        out.request("BYE")
        into.hung_up()
        out.expect(200)


@pytest.mark.parametrize("seed", range(4))
def test_a_power_cut_during_provisioning_leaves_a_whole_site(running_box, seed):
    chance = random.Random(seed)
    site = running_box.make_site("new", NEW_USERS)
    sender = subprocess.Popen(
        running_box.provision_command(site),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
    )
    time.sleep(chance.uniform(0.5, 3.0))
    running_box.cut_power()
    sender.kill()
    sender.wait()
    running_box.power_on().wait_for_sip()
    assert registers(running_box)  # in the old site and in the new one
    done = running_box.provision(site)
    assert done.returncode == 0, done.stdout + done.stderr
    assert registers(running_box, "210")


def test_an_operator_can_roll_back(running_box):
    assert running_box.provision(running_box.make_site("new", NEW_USERS)).returncode == 0
    assert registers(running_box, "210")
    running_box.command("site rollback")
    assert not registers(running_box, "210")
    assert registers(running_box)
