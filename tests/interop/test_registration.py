"""REGISTER as sipp, sipsak and a phone of our own send it."""

import re

import pytest

from tests.peers import sip, sipp, sipsak
from tests.peers.address import free_ports
from tests.peers.sipp import Sipp
from tests.peers.site import USERS

pytestmark = pytest.mark.interop


@pytest.mark.parametrize("user", sorted(USERS))
def test_sipp_registers(target, tmp_path, user):
    sipp.register(tmp_path, target, user, free_ports())


@pytest.mark.parametrize("user", sorted(USERS))
def test_sipsak_registers(target, phone, user):
    status, output = sipsak.register(target, user)
    assert status == 0, output
    assert len(phone(user, registered=False).bindings()) == 1


def test_sipp_with_a_wrong_password_is_challenged_again_and_not_bound(target, tmp_path, phone):
    with Sipp(tmp_path, target, "register-refused", "203", password="wrong", expires=60) as run:
        run.succeeded()
    assert phone("203", registered=False).bindings() == {}


def test_sipsak_with_a_wrong_password_fails(target):
    status, output = sipsak.register(target, "200", "wrong")
    assert status != 0
    assert "401" in output


def test_an_unknown_user_looks_like_a_wrong_password(phone):
    stranger = phone("299", registered=False).register(password="guess")
    known = phone("200", registered=False).register(password="guess")
    assert stranger.status == known.status == 401
    assert _shape(stranger) == _shape(known)


def _shape(message):
    """-> the response without what differs from one request to the next."""
    text = re.sub(r"sip:2\d\d@", "sip:NNN@", str(message))
    text = re.sub(r"127\.0\.0\.1:\d+|rport=\d+", "PORT", text)
    text = re.sub(r"(?i)call-id: \S+|tag=\w+|branch=\w+", "", text)
    return re.sub(r'nonce="\w+"', "", text)


def test_a_challenge_has_what_rfc_2617_asks_for(phone):
    refused = phone(registered=False).send_register()
    assert refused.status == 401
    challenge = refused["www-authenticate"]
    assert challenge.startswith("Digest ")
    assert 'realm="example.org"' in challenge
    assert 'qop="auth"' in challenge
    assert re.search(r'nonce="[^"]{16,}"', challenge)


def test_a_nonce_counts_once(phone):
    """A REGISTER that is heard by a third party cannot be replayed: RFC 2617 3.2.2, nc."""
    honest = phone(registered=False)
    first = honest.send_register([("Contact", f"<{honest.contact}>")])
    proof = _proof(honest, first)
    accepted = honest.send_register([("Contact", f"<{honest.contact}>"), proof])
    replayed = honest.send_register([("Contact", "<sip:thief@127.0.0.1:9>"), proof])
    assert (accepted.status, replayed.status) == (200, 401)
    assert "stale=true" in replayed["www-authenticate"]


def _proof(phone, challenge):
    value = sip.credentials(
        challenge["www-authenticate"], "REGISTER", f"sip:{phone.domain}", phone.user, phone.password
    )
    return "Authorization", value


def test_a_binding_is_listed_with_what_it_has_left(phone):
    registered = phone()
    answer = registered.register(expires=600)
    assert registered.contact in answer["contact"]
    assert 590 <= registered.bindings()[registered.contact] <= 600


def test_registering_again_renews_the_one_binding(phone):
    registered = phone()
    registered.register(expires=100)
    registered.register(expires=900)
    assert len(registered.bindings()) == 1
    assert registered.bindings()[registered.contact] > 800


def test_two_phones_of_a_user_are_two_bindings(phone):
    one, two = phone("200"), phone("200")
    assert sorted(one.bindings()) == sorted([one.contact, two.contact])


def test_expires_0_ends_one_binding(phone):
    one, two = phone("200"), phone("200")
    one.register(expires=0)
    assert list(two.bindings()) == [two.contact]


def test_star_ends_all_bindings(phone):
    one, two = phone("200"), phone("200")
    assert one.unregister().status == 200
    assert two.bindings() == {}


def test_star_with_another_expiry_is_refused(phone):
    registered = phone()
    answer = registered.register(contact="*", headers=[("Expires", "60")])
    assert answer.status == 400
    assert registered.contact in registered.bindings()


def test_too_short_is_423_with_the_minimum(phone):
    answer = phone(registered=False).register(expires=3)
    assert answer.status == 423
    assert answer["min-expires"] == "10"


def test_too_long_is_shortened(phone):
    registered = phone()
    registered.register(expires=1000000)
    assert registered.bindings()[registered.contact] == 7200


def test_nobody_registers_for_another(phone):
    """Who knows the password of 200 is 200, and may not say where 201 is: RFC 3261 10.3 step 4."""
    thief = phone("200", registered=False)
    thief.uri = "sip:201@example.org"
    assert thief.register().status == 403
    assert phone("201", registered=False).bindings() == {}


def test_another_realm_is_not_accepted(phone):
    stranger = phone("200", registered=False, domain="example.net")
    assert stranger.send_register().status in (403, 404)


def test_sipsak_finds_the_box_alive(target):
    status, output = sipsak.ping(target)
    assert status == 0, output
