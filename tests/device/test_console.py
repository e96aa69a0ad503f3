"""The operator at the serial port."""

from tests.device.box import BOOT_SECONDS
from tests.peers.phone import Phone
from tests.peers.process import wait_until


def test_a_wrong_password_is_refused(box):
    console, said = box.login("wrong")
    console.close()
    assert "incorrect" in said


def test_status_names_version_slot_and_counts(box):
    status = box.status()
    assert status["slot"] == "A"
    assert status["calls"] == "0"
    assert {"version", "site", "uptime", "memory", "registrations"} <= set(status)


def test_registrations_show_who_is_there(box):
    with Phone(box.target, "202") as phone:
        assert phone.register().status == 200
        assert "202" in box.command("registrations")


def test_the_network_command_shows_the_address_from_dhcp(box):
    assert "10.0.2.15" in box.command("network")


def test_reboot_restarts_the_box_and_keeps_the_registrations(running_box):
    with Phone(running_box.target, "200") as phone:
        assert phone.register().status == 200
        before = running_box.machine.boots()
        running_box.command("reboot now")
        wait_until(lambda: running_box.machine.boots() > before, "it starts anew", BOOT_SECONDS)
        running_box.wait_for_sip()
        assert phone.contact in phone.bindings()
