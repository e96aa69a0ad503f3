"""The owner's own tables of SER 0.9.6, as they were found, with subscribers added."""

import shutil
from pathlib import Path

import pytest

from tests.peers.call import Callee, Caller
from tests.peers.phone import Phone

pytestmark = pytest.mark.interop

FOUND = Path(__file__).resolve().parents[1] / "data" / "site-as-found" / "serdb"
# columns of the table as found: username password ha1 domain ha1b rpid
ROWS = "1009:a-secret-of-1009:-:example.org:-:-\n200:a-secret-of-200:-:example.org:-:-\n"


@pytest.fixture
def owners(own_box, tmp_path):
    """-> Pbx with the tables as found and subscribers 1009 and 200; there is no site.conf."""
    folder = tmp_path / "serdb"
    shutil.copytree(FOUND, folder)
    with open(folder / "subscriber", "a") as table:
        table.write(ROWS)
    return own_box(folder)


@pytest.fixture
def phones(owners):
    """-> (Phone 200, Phone 1009), registered."""
    with (
        Phone(owners.target, "200", "a-secret-of-200") as one,
        Phone(owners.target, "1009", "a-secret-of-1009") as other,
    ):
        assert one.register().status == other.register().status == 200
        yield one, other


@pytest.mark.parametrize("alias", ["1002", "1003", "1004"])
def test_an_alias_leads_to_1009(phones, alias):
    one, other = phones
    out = Caller(one, f"sip:{alias}@example.org").authenticate()
    into = Callee(other)
    assert into.invite.uri == other.contact
    into.answer()
    out.answered()
    into.acknowledged()


def test_the_extension_itself_can_be_called(phones):
    one, other = phones
    Caller(one, "sip:1009@example.org").authenticate()
    Callee(other)


def test_an_alias_is_nobody_who_could_register(owners):
    with Phone(owners.target, "1002", "a-secret-of-1009") as phone:
        assert phone.register().status == 401


def test_the_branch_that_a_call_took_is_marked(phones):
    """P-hint, as in the owner's ser.cfg."""
    one, other = phones
    Caller(one, "sip:1002@example.org").authenticate()
    assert Callee(other).invite["p-hint"] == "usrloc applied"
