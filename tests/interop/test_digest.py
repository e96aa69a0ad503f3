"""The algorithms of a challenge against telephones and tools as they are out there.

What docs/routing.md says of them is held here, as the default of [sip] digest rests on it.
"""

import pytest

from tests.peers import sipsak
from tests.peers.address import free_ports
from tests.peers.baresip import Baresip
from tests.peers.linphone import Linphone
from tests.peers.phone import Phone
from tests.peers.process import wait_until
from tests.peers.sipp import Sipp

pytestmark = pytest.mark.interop

# What each of them uses of what is offered, None: it fails.
OFFERS = {
    "sha-256": {"linphone": "SHA-256", "sipsak": None, "sipp": None, "baresip": None},
    "sha-256 md5": {"linphone": "SHA-256", "sipsak": None, "sipp": None, "baresip": None},
    "md5 sha-256": {"linphone": "MD5", "sipsak": "MD5", "sipp": "MD5", "baresip": None},
    "md5": {"linphone": "MD5", "sipsak": "MD5", "sipp": "MD5", "baresip": "MD5"},
}


@pytest.mark.parametrize("offer", sorted(OFFERS))
def test_what_is_registered_with_which_algorithm(own_box, tmp_path, offer):
    box = own_box(sip={"digest": offer})
    for name, expected in OFFERS[offer].items():
        used = CLIENTS[name](tmp_path, box)
        assert used == expected, f"{name} with {offer}: {used}\n{box.log()}"


def test_linphone_registers_with_sha_256(own_box, tmp_path):
    box = own_box(sip={"digest": "sha-256"})
    with Linphone(tmp_path, box.target, "203") as phone:
        phone.register()
        phone.wait_for_registration()
        with Phone(box.target, "203") as other:  # which knows MD5 alone
            assert other.register().status == 401
    assert "algorithm=SHA-256, username" in phone.messages()


def _linphone(folder, box):
    with Linphone(folder, box.target, "203") as phone:
        phone.register()
        wait_until(lambda: phone.registration() in ("ok", "failed"), "linphone has its answer")
        if phone.registration() == "failed":
            return None
        return "SHA-256" if "algorithm=SHA-256, username" in phone.messages() else "MD5"


def _sipsak(folder, box):
    return "MD5" if sipsak.register(box.target, "200")[0] == 0 else None


def _sipp(folder, box):
    with Sipp(folder, box.target, "register", "201", port=free_ports(), expires=600) as run:
        status = run.program.wait(30)
    return "MD5" if status == 0 and "algorithm=MD5" in run.messages() else None


def _baresip(folder, box):
    phone = Baresip(folder, box.target, "202")
    try:
        return "MD5" if phone.try_to_register() else None
    finally:
        phone.stop()


CLIENTS = {"linphone": _linphone, "sipsak": _sipsak, "sipp": _sipp, "baresip": _baresip}
