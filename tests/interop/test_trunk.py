"""A trunk: its provider calls in without a password, and extensions call out through it."""

import pytest

from tests.peers import site
from tests.peers.call import Callee, Caller
from tests.peers.phone import Phone

pytestmark = pytest.mark.interop

PROVIDER = "127.0.0.20"
DID = "5550202"


@pytest.fixture
def provider(own_box):
    """-> (Pbx, Phone that is the provider's gateway)."""
    with Phone(None, "gateway", host=PROVIDER, domain="provider.example") as gateway:
        trunk = {"address": f"{PROVIDER}:{gateway.port}", "domain": "provider.example"}
        box = own_box(trunk=trunk, dbaliases=site.dbaliases({DID: "202"}))
        gateway.target = box.target
        yield box, gateway


def test_a_call_from_the_trunk_rings_the_extension_of_its_number(provider):
    box, gateway = provider
    with Phone(box.target, "202") as other:
        other.register()
        out = Caller(gateway, f"sip:{DID}@{box.target.host}:{box.target.port}")
        into = Callee(other)
        into.answer()
        out.answered()
        into.acknowledged()


def test_the_trunk_is_let_in_whatever_name_it_gives(provider):
    """A provider may send our own domain in From: its address is what it is known by."""
    box, gateway = provider
    with Phone(box.target, "202") as other:
        other.register()
        fields = {"From": "<sip:202@example.org>;tag=1"}
        Caller(gateway, f"sip:{DID}@example.org", fields=fields)
        Callee(other)


def test_the_trunk_is_not_relayed_to_the_world(provider):
    box, gateway = provider
    with Phone(box.target, "900", host="127.0.0.9") as elsewhere:
        uri = f"sip:900@{elsewhere.host}:{elsewhere.port}"
        Caller(gateway, uri).refused(403)
        elsewhere.silence()


def test_an_extension_calls_out_through_the_trunk(provider):
    box, gateway = provider
    with Phone(box.target, "200") as one:
        one.register()
        out = Caller(one, "sip:0301234567@provider.example").authenticate()
        into = Callee(gateway)
        assert into.invite.uri == "sip:0301234567@provider.example"
        into.answer()
        out.answered()
        into.acknowledged()
        into.request("BYE")
        out.hung_up()
        into.expect(200)


def test_nobody_calls_out_through_the_trunk_without_a_password(provider):
    box, gateway = provider
    with Phone(box.target, "200", host="127.0.0.9") as stranger:
        Caller(stranger, "sip:0301234567@provider.example").refused(407)
    gateway.silence()
