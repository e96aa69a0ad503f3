"""Who calls, as a trunk and as extensions are told: RFC 3323, RFC 3325."""

from tests.proxy.phone import SDP, Phone, status
from tests.proxy.trunks import ONE, TWO, Scene, asked

HEADERS = ("p-asserted-identity", "remote-party-id", "privacy", "p-preferred-identity")


def told(headers=(), scene=None, one="", number="0301234", **fields):
    """-> (From URI, {header: value} of HEADERS) that the trunk gets."""
    scene = scene or Scene(one=one, **fields.pop("settings", {}))
    assert scene.call(number, headers=headers, **fields) == [100]
    invite = asked(scene.one)
    found = {name: invite.header(name) for name in HEADERS if invite.header(name)}
    return str(invite.from_.uri), found


def test_the_trunk_is_told_in_the_way_that_it_wants():
    number, own = f"sip:5551200@{ONE}", "sip:200@example.org"
    for identity, sender, headers in (
        ("from", number, {}),
        ("pai", own, {"p-asserted-identity": f"<{number}>"}),
        ("rpid", own, {"remote-party-id": f"<{number}>;party=calling;screen=yes;privacy=off"}),
        ("from,pai", number, {"p-asserted-identity": f"<{number}>"}),
    ):
        assert told(settings={"identity": identity.split(",")}) == (sender, headers), identity
        assert told(one=f"identity={identity}") == (sender, headers), identity


def test_the_destination_may_want_another_domain_and_number():
    assert told(one="domain=sip.one.example")[0] == "sip:5551200@sip.one.example"
    scene = Scene(one="number=999")
    assert told(scene=scene, caller=third(scene))[0] == f"sip:999@{ONE}"


def third(scene):
    phone = Phone(scene.box, "202")
    phone.register()
    return phone


def test_who_has_no_number_calls_with_the_common_one_or_its_own_name():
    scene = Scene(number="5551000")
    assert told(scene=scene, caller=third(scene))[0] == f"sip:5551000@{ONE}"
    scene = Scene()
    assert told(scene=scene, caller=third(scene))[0] == "sip:202@example.org"


def test_of_several_numbers_the_preferred_one_is_told():
    assert told(["P-Preferred-Identity: <sip:5551299@example.org>"]) == (f"sip:5551299@{ONE}", {})
    scene = Scene()
    line = "P-Preferred-Identity: <sip:5551201@example.org>"
    assert scene.call(headers=[line]) == [403]  # which is another's


def test_nobody_asserts_an_identity_of_his_own():
    lines = ["P-Asserted-Identity: <sip:1@x.example>", "Remote-Party-ID: <sip:1@x.example>"]
    assert told(lines) == (f"sip:5551200@{ONE}", {})


def test_each_trunk_is_told_its_own_after_a_failure():
    scene = Scene(one="identity=pai", two="identity=from,rpid")
    scene.call()
    scene.one.reply(asked(scene.one), 503)
    invite = asked(scene.two)
    assert str(invite.from_.uri) == f"sip:5551200@{TWO}"
    assert invite.headers("p-asserted-identity") == []
    assert invite.header("remote-party-id").startswith(f"<sip:5551200@{TWO}>")


# Privacy of a caller

ANONYMOUS = "sip:anonymous@anonymous.invalid"


def test_who_asks_for_privacy_is_hidden_but_known_to_the_trunk():
    number = f"<sip:5551200@{ONE}>"
    for asks, left in (
        ("id", "id"), ("user", "id"), ("header;id", "id;header"), ("user;critical", "id;critical"),
    ):
        assert told([f"Privacy: {asks}"]) == (
            ANONYMOUS, {"p-asserted-identity": number, "privacy": left}
        ), asks  # fmt: skip


def test_a_trunk_that_knows_remote_party_id_alone_gets_that():
    sender, headers = told(["Privacy: id"], one="identity=rpid")
    assert sender == ANONYMOUS and "privacy=full" in headers["remote-party-id"]
    assert "p-asserted-identity" not in headers


def test_none_is_no_privacy():
    assert told(["Privacy: none"]) == (f"sip:5551200@{ONE}", {"privacy": "none"})


def test_who_insists_on_what_a_proxy_cannot_do_is_refused():
    scene = Scene()
    for asks in ("header;critical", "session;critical;id"):
        assert scene.call(headers=[f"Privacy: {asks}"]) == [500], asks
    assert scene.one.received() == []
    assert len(scene.box.proxy.modules.limits) == 0


def test_an_anonymous_from_proves_itself_and_is_known_to_the_trunk():
    scene = Scene()
    sender = '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=fx'
    unproved = scene.alice.make("INVITE", "sip:0301234@example.org", from_=sender)
    assert status(scene.alice.send(unproved)) == [407] and scene.one.received() == []
    assert told(scene=scene, from_=sender) == (
        ANONYMOUS, {"p-asserted-identity": f"<sip:5551200@{ONE}>", "privacy": "id"}
    )  # fmt: skip


def test_an_anonymous_stranger_learns_no_more_than_another():
    """An unknown number, an unregistered extension: the same answer."""
    scene = Scene()
    eve = Phone(scene.box, "anonymous", host="198.51.100.9", domain="anonymous.invalid")
    for number in ("0301234", "202", "777"):
        assert status(eve.send(eve.make("INVITE", f"sip:{number}@example.org"))) == [407], number


# What extensions are told


def from_trunk(headers, sender=None):
    scene = Scene()
    fields = {"from_": sender} if sender else {}
    scene.one.send(scene.one.make("INVITE", "sip:5551201@example.org", headers, SDP, **fields))
    invite = asked(scene.bob)
    return invite, {name: invite.header(name) for name in HEADERS if invite.header(name)}


def test_a_trunk_vouches_for_its_callers():
    line = "P-Asserted-Identity: <sip:0301234@one.example>"
    assert from_trunk([line])[1] == {"p-asserted-identity": "<sip:0301234@one.example>"}


def test_whose_privacy_is_asked_for_is_not_told_to_an_extension():
    lines = ["P-Asserted-Identity: <sip:0301234@one.example>", "Privacy: id",
             "Remote-Party-ID: <sip:0301234@one.example>;privacy=full"]  # fmt: skip
    invite, headers = from_trunk(lines)
    assert headers == {"privacy": "id"} and str(invite.from_.uri) == "sip:one@one.example"
    assert from_trunk(lines[2:])[1] == {}


def test_user_privacy_makes_from_anonymous_for_the_extension():
    invite, _ = from_trunk(["Privacy: user"])
    assert str(invite.from_.uri) == ANONYMOUS and invite.from_.tag == "fone"


def test_replies_tell_no_more():
    scene = Scene()
    scene.call()
    lines = ["P-Asserted-Identity: <sip:1@one.example>", "Privacy: id"]
    scene.one.reply(asked(scene.one), 180, headers=lines)
    [ringing] = scene.alice.received()
    assert ringing.headers("p-asserted-identity") == []
    scene.one.send(scene.one.make("INVITE", "sip:5551201@example.org", body=SDP))
    scene.bob.reply(asked(scene.bob), 180, headers=["P-Asserted-Identity: <sip:boss@x>"])
    assert [m for m in scene.one.received() if m.headers("p-asserted-identity")] == []
