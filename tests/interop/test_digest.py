"""The algorithms of a challenge against telephones and tools as they are out there.

What docs/routing.md says of them is held here, as the default of [sip] digest rests on it.
"""

import hashlib

import pytest

from tests.peers import sipsak, site
from tests.peers.address import free_ports
from tests.peers.baresip import Baresip
from tests.peers.kamailio import Kamailio
from tests.peers.linphone import Linphone
from tests.peers.phone import Phone
from tests.peers.process import wait_until
from tests.peers.sipp import Sipp

pytestmark = pytest.mark.interop

# What each of them uses of what is offered, None: it fails.
OFFERS = {
    "sha-256": {"linphone": "SHA-256", "sipsak": None, "sipp": None, "kamailio": None,
                "baresip": None},
    "sha-256 md5": {"linphone": "SHA-256", "sipsak": None, "sipp": None, "kamailio": None,
                    "baresip": None},
    "md5 sha-256": {"linphone": "MD5", "sipsak": "MD5", "sipp": "MD5", "kamailio": "MD5",
                    "baresip": None},
    "md5": {"linphone": "MD5", "sipsak": "MD5", "sipp": "MD5", "kamailio": "MD5", "baresip": "MD5"},
}  # fmt: skip

# Kamailio's table uacreg, the columns that its module uac reads
UACREG = (
    "l_uuid(str) l_username(str) l_domain(str) r_username(str) r_domain(str) realm(str) "
    "auth_username(str) auth_password(str) auth_ha1(str,null) auth_proxy(str) expires(int) "
    "flags(int) reg_delay(int) contact_addr(str,null) socket(str,null)"
)
UAC = """
modparam("uac", "reg_db_url", "@db@")
modparam("uac", "reg_timer_interval", 1)
modparam("uac", "reg_contact_addr", "127.0.0.1:5999")
modparam("uac", "restore_mode", "none")
"""
REGISTRAR = """
modparam("auth_db|usrloc", "db_url", "@db@")
modparam("auth_db", "calculate_ha1", 0)
modparam("auth_db", "password_column", "ha1")
modparam("auth", "algorithm", "SHA-256")
modparam("usrloc", "db_mode", 0)
"""
SAVING = """
route[MAIN] {
    if (!www_authenticate("example.org", "subscriber")) {
        www_challenge("example.org", "1");
        exit;
    }
    save("location");
}
"""


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


def _kamailio(folder, box):
    proxy = f"sip:{box.target.host}:{box.target.port}"
    row = ["a1", "200", "example.org", "200", "example.org", "example.org", "200",
           site.USERS["200"], "", proxy, 60, 0, 0, "", ""]  # fmt: skip
    tables = {
        "uacreg": site.table(UACREG, [row]).encode(),
        "version": b"table_name(str) table_version(int)\nuacreg:5\nversion:1\n",
    }
    with Kamailio(folder, "route[MAIN] { exit; }", ("db_text", "uac"), UAC, tables) as kamailio:
        wait_until(
            lambda: "registered 200 at sip:a1@" in box.program.output()
            or "unsupported algorithm" in kamailio.log(),
            lambda: kamailio.log() + box.log(),
        )
    return "MD5" if "registered 200 at sip:a1@" in box.program.output() else None


def test_a_table_of_sha_256_hashes_is_one_for_kamailio_and_us(own_box, tmp_path):
    """The same file, without any password, serves linphone at both."""
    word = f"203:example.org:{site.USERS['203']}"
    ha1 = hashlib.sha256(word.encode()).hexdigest()
    header = "id(int,auto) username(string) domain(string) password(string,null) ha1(string)"
    table = site.table(header, [[1, "203", "example.org", "", ha1]])
    made = site.write(tmp_path / "site", {
        "site.conf": site.conf({"sip": {"domains": "example.org", "digest": "sha-256"}}),
        "subscriber": table,
    })  # fmt: skip
    tables = {
        "subscriber": table.encode(),
        "version": b"table_name(str) table_version(int)\nsubscriber:7\nversion:1\n",
    }
    modules = ("db_text", "auth", "auth_db", "usrloc", "registrar")
    with Kamailio(tmp_path, SAVING, modules, REGISTRAR, tables) as kamailio:
        for target in (kamailio.target, own_box(made_site=made).target):
            with Linphone(tmp_path / str(target.port), target, "203") as phone:
                phone.register()
                phone.wait_for_registration()
                assert "algorithm=SHA-256, username" in phone.messages()


CLIENTS = {"linphone": _linphone, "sipsak": _sipsak, "sipp": _sipp, "kamailio": _kamailio,
           "baresip": _baresip}  # fmt: skip
