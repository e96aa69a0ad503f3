"""The demo site of `make run`: four extensions with random passwords behind QEMU's network."""

import re
import secrets
from collections import namedtuple
from pathlib import Path

from scripts.lib.qemu import GUEST
from scripts.lib.site_folder import CONF, hash_password, set_password, write_private

EXTENSIONS = ("200", "201", "202", "203")
PASSWORD_FILE = ".console-password"  # hidden, so provision.py does not send it
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike
HEADER = "username(str) domain(str) password(str)"

DemoSite = namedtuple("DemoSite", ("domain", "extensions", "console_password"))

CONF_TEXT = """\
# The demo site of `make run`. docs/site.md explains every key.

[system]
hostname = waferpbx-demo

[network]
mode = dhcp

[sip]
domains = {domains}
port = {port}
# QEMU's user network forwards the host's ports: telephones see the box at this address.
advertise = {advertise}

[media]
ports = {ports}

[console]
password = {password}
"""


def make_demo_site(folder, *, advertise, sip_port, rtp_ports):
    """Make the site in `folder`, or take up the one that is there; returns a DemoSite.

    `advertise` is the address that telephones reach the box at; `sip_port` and
    `rtp_ports` (first, last) are forwarded to the same ports of the box. Passwords are
    drawn once. In a site.conf that is there only those three settings follow the
    arguments; whatever else was changed in the folder stays.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    console_password = _console_password(folder)
    settings = {
        "port": str(sip_port),
        "advertise": f"{advertise}:{sip_port}",
        "ports": f"{rtp_ports[0]}-{rtp_ports[1]}",
    }
    _write_conf(folder / CONF, settings, advertise, console_password)
    subscriber = folder / "subscriber"
    if not subscriber.exists():
        rows = [f"{name}:{advertise}:{_draw(12)}" for name in EXTENSIONS]
        write_private(subscriber, "\n".join([HEADER, *rows]) + "\n")
    return DemoSite(advertise, _read_passwords(subscriber), console_password)


def _write_conf(path, settings, advertise, console_password):
    if not path.exists():
        domains = " ".join(dict.fromkeys((advertise, GUEST)))
        password = hash_password(console_password)
        write_private(path, CONF_TEXT.format(domains=domains, password=password, **settings))
        return
    before = text = path.read_text()
    for key, value in settings.items():
        text = re.sub(rf"^{key}[ \t]*=.*$", f"{key} = {value}", text, flags=re.MULTILINE)
    if text != before:
        write_private(path, text)


def _console_password(folder):
    """Return the password that was drawn, drawing it and setting it anew where it is gone."""
    path = folder / PASSWORD_FILE
    if not path.exists():
        write_private(path, _draw(12) + "\n")
        if (folder / CONF).exists():
            set_password(folder, path.read_text().strip())
    return path.read_text().strip()


def _read_passwords(path):
    """Return {extension: password} of a table subscriber."""
    header, *rows = path.read_text().splitlines()
    names = [column.partition("(")[0] for column in header.split()]
    user, password = names.index("username"), names.index("password")
    return {row.split(":")[user]: row.split(":")[password] for row in rows if row}


def _draw(length):
    return "".join(secrets.choice(LETTERS) for _ in range(length))

