"""Several upstreams: failover, digest, registration, numbers, limits, and the owner's REFER."""

import contextlib
import time

import pytest

from tests.peers import sip, site
from tests.peers.call import Caller
from tests.peers.phone import Phone
from tests.peers.process import wait_until
from tests.peers.upstream import Upstream

pytestmark = pytest.mark.interop

ONE, TWO = "127.0.0.21", "127.0.0.22"
DISPATCHER = (
    "id(int,auto) setid(int) destination(string) flags(int) priority(int) attrs(string,null) "
    "description(string,null)"
)
UACREG = (
    "id(int,auto) l_uuid(string) l_username(string) l_domain(string) r_username(string) "
    "r_domain(string) realm(string) auth_username(string) auth_password(string) "
    "auth_ha1(string,null) auth_proxy(string) expires(int) flags(int) reg_delay(int) "
    "contact_addr(string,null) contact_user(string,null) socket(string,null)"
)
DIDS = {"5551200": "200", "5551201": "201"}
OFFER = sip.sdp("127.0.0.1", 41000)


def uri_of(upstream):
    return f"sip:{upstream.target.host}:{upstream.target.port}"


def dispatcher(*upstreams, flags=0):
    rows = [[n, 1, uri_of(each), flags, 100 - n, "", ""] for n, each in enumerate(upstreams, 1)]
    return site.table(DISPATCHER, rows)


def uacreg(upstream, realm="asterisk", user="box", password="sesame-box", expires=60):
    row = [1, "acc", "5551201", "example.org", user, "provider.example", realm, user, password,
           "", uri_of(upstream), expires, 0, 0, "", "", ""]  # fmt: skip
    return site.table(UACREG, [row])


@pytest.fixture
def scene(own_box):
    """scene(*upstreams, flags=, trunk=, **tables) -> Phone of 200, registered at its own box."""
    with contextlib.ExitStack() as stack:

        def make(*upstreams, flags=0, **options):
            box = own_box(
                dispatcher=dispatcher(*upstreams, flags=flags),
                dbaliases=site.dbaliases(DIDS), **options,
            )  # fmt: skip
            phone = stack.enter_context(Phone(box.target, "200"))
            assert phone.register().status == 200
            return phone

        yield make


def dial(phone, number):
    """-> Caller of `sip:number@` our domain, whose challenge has been answered."""
    return Caller(phone, f"sip:{number}@example.org", OFFER).authenticate()


def test_the_double_does_with_refer_what_the_owners_upstream_does():
    with Upstream(ONE) as trunk, Phone(trunk.target, "200") as phone:
        headers = [("From", "<sip:200@a>;tag=1"), ("To", "<sip:x@a>;tag=2"), ("Call-ID", "c")]
        headers += [("CSeq", "1 REFER"), ("Contact", f"<{phone.contact}>")]
        phone.request("REFER", "sip:x@a", headers + [("Refer-To", "<sip:201@a>")])
        assert phone.expect(202)
        told = [phone.expect("NOTIFY").body for _ in range(3)]
        assert told[-1].startswith(b"SIP/2.0 200") and trunk.of("INVITE") == []


def test_a_dialled_number_goes_out_as_the_extensions_number_and_back(scene):
    with Upstream(ONE) as one:
        phone = scene(one)
        call = dial(phone, "0301234567")
        call.expect(180)
        answer = call.answered()
        invite, ack = one.of("INVITE")[0], one.wait_for("ACK")
        place = f"{one.target.host}:{one.target.port}"
        assert invite.uri == f"sip:0301234567@{place}"
        for message in (invite, ack):
            assert sip.uri_of(message["from"]) == f"sip:5551200@{ONE}"
        assert sip.uri_of(answer["from"]) == phone.uri
        one.request("BYE", invite)
        bye = call.hung_up()
        assert sip.uri_of(bye["to"]) == phone.uri and bye.tag("to") == invite.tag("from")


def test_a_call_to_a_number_comes_in_from_either_upstream(scene):
    with Upstream(ONE) as one, Upstream(TWO) as two:
        phone = scene(one, two)
        for trunk in (one, two):
            with Phone(phone.target, "caller", host=trunk.target.host) as gateway:
                Caller(gateway, "sip:5551200@example.org", OFFER)
                invite = phone.expect("INVITE")
                phone.reply(invite, 486, "Busy Here", sip.token())
                phone.expect("ACK")


def test_after_503_the_next_upstream_has_it(scene):
    with Upstream(ONE, status=503) as one, Upstream(TWO) as two:
        phone = scene(one, two)
        call = dial(phone, "0301234567")
        call.expect(180)
        call.answered()
        assert len(one.of("INVITE")) == 1
        assert two.of("INVITE")[0].uri.endswith(f"@{TWO}:{two.target.port}")
        call.bye()
        two.wait_for("BYE")


def test_a_silent_upstream_is_given_up_after_five_seconds(scene):
    with Upstream(ONE) as one, Upstream(TWO) as two:
        one.alive = False
        phone = scene(one, two)
        begin = time.monotonic()
        call = dial(phone, "0301234567")
        call.expect(180)
        assert 4.5 < time.monotonic() - begin < 9
        call.answered()
        call.bye()
        # and known to be dead from then on
        begin = time.monotonic()
        dial(phone, "0301234567").expect(180)
        assert time.monotonic() - begin < 3


def test_an_upstream_whose_probe_fails_gets_no_calls_until_it_answers(scene):
    with Upstream(ONE) as one, Upstream(TWO) as two:
        one.probes = 503
        phone = scene(one, two, flags=8, trunk={"ping_interval": 1})
        one.wait_for("OPTIONS", 2)
        call = dial(phone, "0301")
        call.expect(180)
        call.answered()
        call.bye()
        assert one.of("INVITE") == [] and len(two.of("INVITE")) == 1
        one.probes = 200
        one.wait_for("OPTIONS", len(one.of("OPTIONS")) + 2)
        dial(phone, "0302").expect(180)
        assert len(one.of("INVITE")) == 1


def test_an_upstream_that_wants_digest_gets_it_with_the_next_cseq(scene):
    """It takes a second INVITE with the same CSeq for a retransmission, as Asterisk does."""
    with Upstream(ONE, users={"box": "sesame-box"}) as one:
        phone = scene(one, uacreg=uacreg(one))
        call = dial(phone, "0301234567")
        call.expect(180)
        answer = call.answered()
        first, second = one.of("INVITE")
        assert int(second["cseq"].split()[0]) == int(first["cseq"].split()[0]) + 1
        assert answer["cseq"] == f"{call.cseq} INVITE"
        ack = one.wait_for("ACK", 2)
        assert ack["cseq"].split()[0] == second["cseq"].split()[0]
        call.bye()
        assert int(one.wait_for("BYE")["cseq"].split()[0]) == int(second["cseq"].split()[0]) + 1


def test_no_digest_for_another_realm(scene):
    with Upstream(ONE, users={"box": "sesame-box"}, realm="example.org") as one:
        phone = scene(one, uacreg=uacreg(one, realm="asterisk"))
        call = dial(phone, "0301234567")
        answer = call.refused(503)
        assert answer["proxy-authenticate"] == ""
        assert [m for m in one.seen if "authorization" in dict(m.headers)] == []


def test_the_box_registers_refreshes_and_is_called_at_its_contact(scene):
    with Upstream(ONE, users={"box": "sesame-box"}, expires=6) as one:
        phone = scene(one, uacreg=uacreg(one))
        wait_until(lambda: "box" in one.bindings, "the box registers")
        contact = one.bindings["box"]
        assert contact == f"sip:acc@{phone.target.host}:{phone.target.port}"
        begin = len(one.of("REGISTER"))
        one.wait_for("REGISTER", begin + 1)  # the refresh, within the six seconds
        with Phone(phone.target, "201") as other, Phone(phone.target, "x", host=ONE) as gateway:
            other.register()
            Caller(gateway, contact, OFFER)
            assert other.expect("INVITE").uri == other.contact


def test_behind_a_nat_the_contact_is_the_outer_address(scene):
    with Upstream(ONE) as one:
        scene(one, uacreg=uacreg(one), sip={"advertise": "203.0.113.7:5090"})
        wait_until(lambda: "box" in one.bindings, "the box registers")
        assert one.bindings["box"] == "sip:acc@203.0.113.7:5090"


def test_limits_and_emergencies(scene):
    with Upstream(ONE) as one:
        phone = scene(one, trunk={"emergency": "112"}, limits={"calls": 1, "calls_per_hour": 2})
        call = dial(phone, "0301")
        call.expect(180)
        call.answered()
        assert "Too Many Calls" in dial(phone, "0302").refused(403).start
        emergency = dial(phone, "112")
        emergency.expect(180)
        emergency.answered()
        call.bye()
        second = dial(phone, "0303")
        second.expect(180)
        second.answered()
        second.bye()
        assert "This Hour" in dial(phone, "0304").refused(403).start
        dialled = [message.uri.partition("@")[0] for message in one.of("INVITE")]
        assert dialled == ["sip:0301", "sip:112", "sip:0303"]


def test_a_transfer_never_reaches_the_upstream(scene):
    with Upstream(ONE) as one:
        phone = scene(one)
        call = dial(phone, "0301234567")
        call.expect(180)
        call.answered()
        call.request("REFER", headers=[("Refer-To", "<sip:201@example.org>")])
        call.expect(603)
        invite = one.of("INVITE")[0]
        one.request("REFER", invite, [("Refer-To", "<sip:evil@example.com>")])
        wait_until(lambda: [m for m in one.seen if m.status == 603], "its REFER is declined")
        assert one.of("REFER") == []
        call.bye()
