"""Whole provisionings over a line that flips, drops, inserts, interrupts and breaks."""

import random

import pytest

from scripts import provision
from scripts.lib.box_console import NoAnswer, WrongPassword
from scripts.lib.serial_link import LinkLost
from scripts.lib.upload import Rejected
from tests.appliance.fakes import site_files
from tests.appliance.noisy_line import Box, MemoryLink, Noise


def rows(count, seed=0):
    draw = random.Random(seed)
    lines = [f"{200 + i}:example.org:{draw.getrandbits(64):x}x\n" for i in range(count)]
    return ("username(str) domain(str) password(str)\n" + "".join(lines)).encode()


SITE = site_files(subscriber=rows(120), domain=b"domain(str)\nexample.org\n")
OTHER = site_files(subscriber=rows(150, seed=1))


def send(link, files, password="opensesame", tries=3):
    left = [password] * tries
    return provision.provision(link, files, lambda: left.pop() if left else None)


def test_the_first_site_needs_no_password_and_the_second_does():
    box = Box()
    assert send(MemoryLink(box), SITE, tries=0).taken
    assert box.site() == SITE
    with pytest.raises(WrongPassword):
        send(MemoryLink(box), OTHER, tries=0)
    assert send(MemoryLink(box), OTHER).taken
    assert box.site() == OTHER
    assert box.services.phone.sites[-1].domains == ["example.org"]


def test_after_the_first_site_the_console_is_locked():
    box = Box()
    send(MemoryLink(box), SITE)
    box.console.feed(b"\rcalls\r", 1e6)
    assert b"no calls" not in box.console.output()


def test_only_what_changed_is_sent():
    box = Box()
    send(MemoryLink(box), SITE)
    changed = dict(SITE, domain=b"domain(str)\nexample.org\nexample.net\n")
    assert send(MemoryLink(box), changed).sent == len(changed["domain"])
    assert send(MemoryLink(box), changed).sent == 0


def test_a_wrong_site_is_refused_with_places_and_the_old_one_stays():
    box = Box()
    send(MemoryLink(box), SITE)
    wrong = dict(SITE, subscriber=SITE["subscriber"] + b"999:elsewhere.net:\n")
    outcome = send(MemoryLink(box), wrong)
    assert not outcome.taken
    assert outcome.lines[0].startswith("error: subscriber:122:")
    assert box.site() == SITE


def test_a_wrong_password_is_tried_again_and_then_given_up():
    box = Box()
    send(MemoryLink(box), SITE)
    with pytest.raises(WrongPassword):
        send(MemoryLink(box), OTHER, password="wrong")
    assert box.site() == SITE


def test_a_silent_line_is_given_up():
    box = Box()
    link = MemoryLink(box, to_box=Noise(drop=1.0))
    with pytest.raises(NoAnswer):
        send(link, SITE)


def test_a_box_that_speaks_another_version_says_so(monkeypatch):
    monkeypatch.setattr("scripts.lib.upload.VERSION", 9)
    with pytest.raises(Rejected, match="version 1"):
        send(MemoryLink(Box()), SITE)


@pytest.mark.parametrize("seed", range(12))
def test_noise_both_ways_does_not_change_a_byte(seed):
    box = Box()
    rates = {"flip": 0.0004, "drop": 0.0003, "insert": 0.0003, "message": 0.0003}
    link = MemoryLink(box, Noise(seed, **rates), Noise(seed + 1000, **rates))
    assert send(link, SITE).taken
    assert box.site() == SITE
    assert send(link, OTHER, tries=20).taken
    assert box.site() == OTHER


@pytest.mark.parametrize("seed", range(4))
def test_heavy_noise_from_the_box_alone(seed):
    box = Box()
    link = MemoryLink(box, from_box=Noise(seed, flip=0.004, drop=0.002, message=0.001))
    assert send(link, SITE).taken
    assert box.site() == SITE


LARGE = site_files(subscriber=rows(1500))


def test_a_line_that_breaks_is_taken_up_where_it_broke():
    box = Box()
    link = MemoryLink(box, break_every=9000)
    outcome = send(link, LARGE, tries=99)
    assert outcome.taken and link.breaks >= 10
    assert box.site() == LARGE
    # sent once, but for the piece that each break cost
    size = sum(len(data) for data in LARGE.values())
    assert size <= outcome.sent + 1024 and link.written < 2.2 * size


def test_a_box_that_loses_power_again_and_again_takes_the_site_in_the_end():
    box = Box()
    link = MemoryLink(box, break_every=20000, power_cycle=True)
    assert send(link, LARGE, tries=99).taken
    assert link.breaks >= 4
    assert box.site() == LARGE


def test_a_line_that_brings_nothing_more_is_given_up():
    link = MemoryLink(Box(), break_every=300)
    with pytest.raises(LinkLost):
        send(link, LARGE)
