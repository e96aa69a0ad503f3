"""A real Kamailio as the provider: it wants digest for calls, and has the box register."""

import pytest

from tests.peers import sip, site
from tests.peers.call import Callee, Caller
from tests.peers.kamailio import Kamailio
from tests.peers.phone import Phone
from tests.peers.process import wait_until

pytestmark = pytest.mark.interop

PROVIDER = "127.0.0.31"
DOMAIN = "provider.example"
PASSWORD = "sesame-provider"
MODULES = ("db_text", "auth", "auth_db", "usrloc", "registrar")
PARAMS = """
alias=provider.example
modparam("auth_db", "db_url", "@db@")
modparam("auth_db", "calculate_ha1", 1)
modparam("auth_db", "password_column", "password")
modparam("usrloc", "db_mode", 0)
modparam("rr", "append_fromtag", 1)
"""
# Kamailio's idiom: 401 for REGISTER, 407 for calls; numbers of the world ring at a telephone that
# has registered as `world`, and those of the customer at the customer's contact.
SCRIPT = """
route[MAIN] {{
    if (has_totag()) {{
        loose_route();
        t_relay();
        exit;
    }}
    if (is_method("REGISTER")) {{
        if ($tU == "box" && !www_authenticate("{domain}", "subscriber")) {{
            www_challenge("{domain}", "0");
            exit;
        }}
        save("location");
        exit;
    }}
    if (is_method("CANCEL")) {{
        t_relay();
        exit;
    }}
    if ($si == "{box}") {{
        if (!proxy_authenticate("{domain}", "subscriber")) {{
            proxy_challenge("{domain}", "0");
            exit;
        }}
        consume_credentials();
        $rU = "world";
    }} else {{
        $rU = "box";
    }}
    record_route();
    if (!lookup("location")) {{
        sl_send_reply("404", "Not Found");
        exit;
    }}
    t_relay();
}}
"""
DISPATCHER = "id(int,auto) setid(int) destination(string) flags(int) priority(int)"
UACREG = (
    "id(int,auto) l_uuid(string) l_username(string) l_domain(string) r_username(string) "
    "r_domain(string) realm(string) auth_username(string) auth_password(string) "
    "auth_proxy(string) expires(int)"
)
OFFER = sip.sdp("127.0.0.1", 41000)


@pytest.fixture
def provider(own_box, tmp_path):
    """-> (Kamailio, Phone of extension 200, Phone out in the world)."""
    subscribers = site.subscriber({"box": PASSWORD}, DOMAIN).encode()
    tables = {"subscriber": subscribers, "version": b"table_name(string) table_version(int)\n"
              b"subscriber:7\nlocation:9\n"}  # fmt: skip
    script = SCRIPT.format(domain=DOMAIN, box="127.0.0.1")
    with Kamailio(tmp_path, script, MODULES, PARAMS, tables, host=PROVIDER) as running:
        uri = f"sip:{PROVIDER}:{running.target.port}"
        row = [1, "acc", "5551200", "example.org", "box", DOMAIN, DOMAIN, "box", PASSWORD, uri, 60]
        box = own_box(
            dispatcher=site.table(DISPATCHER, [[1, 1, uri, 8, 0]]),
            uacreg=site.table(UACREG, [row]), dbaliases=site.dbaliases({"5551200": "200"}),
        )  # fmt: skip
        with (
            Phone(box.target, "200") as phone,
            Phone(running.target, "world", domain=DOMAIN, host="127.0.0.32") as world,
        ):
            assert phone.register().status == 200 and world.register().status == 200
            wait_until(lambda: "registered as" in box.log(), lambda: "registered\n" + box.log())
            yield running, phone, world


def test_a_call_goes_out_with_digest_and_both_may_hang_up(provider):
    _, phone, world = provider
    for ends in ("caller", "callee"):
        call = Caller(phone, "sip:0301234567@example.org", OFFER).authenticate()
        into = Callee(world)
        assert sip.uri_of(into.invite["from"]) == f"sip:5551200@{PROVIDER}"
        into.ring()
        call.expect(180)
        into.answer(sip.sdp("127.0.0.1", 42000))
        answer = call.answered()
        assert sip.uri_of(answer["from"]) == phone.uri and answer["cseq"] == f"{call.cseq} INVITE"
        into.acknowledged()
        if ends == "caller":
            call.request("BYE")
            bye = into.hung_up()
            assert sip.uri_of(bye["from"]) == f"sip:5551200@{PROVIDER}"
            call.expect(200)
        else:
            into.request("BYE")
            assert sip.uri_of(call.hung_up()["to"]) == phone.uri
            into.expect(200)


def test_a_call_that_is_given_up_while_it_rings(provider):
    _, phone, world = provider
    call = Caller(phone, "sip:0301234567@example.org", OFFER).authenticate()
    into = Callee(world)
    into.ring()
    call.expect(180)
    call.cancel()
    into.cancelled()
    call.refused(487)


def test_a_call_comes_in_at_the_registered_contact(provider):
    _, phone, world = provider
    call = Caller(world, f"sip:whoever@{DOMAIN}", OFFER)
    into = Callee(phone)
    assert into.invite.uri == phone.contact
    into.answer(sip.sdp("127.0.0.1", 43000))
    call.answered()
    into.acknowledged()
    into.request("BYE")
    call.hung_up()
    into.expect(200)
