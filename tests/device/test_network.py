"""The network as the site says: an address of its own choice, the time from a server."""

from scripts.lib import qemu

STATIC = {"mode": "static", "address": "10.0.2.77/24", "gateway": "10.0.2.2", "dns": "10.0.2.3"}


def test_a_static_address_replaces_the_one_from_dhcp(running_box):
    site = running_box.make_site("static", network=STATIC)
    assert running_box.provision(site).returncode == 0
    said = running_box.command("network")
    assert "10.0.2.77" in said and "static" in said
    assert qemu.GUEST not in said


def test_a_static_address_is_there_after_power_on(running_box):
    assert running_box.provision(running_box.make_site("static", network=STATIC)).returncode == 0
    running_box.cut_power()
    running_box.power_on()
    assert "10.0.2.77" in running_box.command("network")
