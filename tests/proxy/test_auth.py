"""Digest authentication at the registrar and the proxy: who gets in, who does not, and how."""

from app.sip.digest import parse_challenge, response_for
from app.sip.message import parse
from tests.proxy.box import Box, Hashes, table
from tests.proxy.phone import Phone, last, status


def challenge(phone, method="REGISTER", uri="sip:example.org"):
    """-> (request bytes, its 401 or 407)."""
    data = phone.make(method, uri, to=f"<{phone.uri}>")
    return data, last(phone.send(data))


def test_register_is_challenged_and_let_in():
    box = Box()
    phone = Phone(box, "200")
    data, reply = challenge(phone)
    assert reply.status == 401
    offered = parse_challenge(reply.header("www-authenticate"))
    assert (offered.realm, offered.algorithm, offered.qop) == ("example.org", "md5", ["auth"])
    assert not offered.stale
    assert status(phone.send(phone.authenticated(data, reply))) == [200]


def test_wrong_password_and_unknown_user_look_the_same():
    box = Box()
    known, stranger = Phone(box, "200"), Phone(box, "299")
    for phone in (known, stranger):
        data, reply = challenge(phone)
        again = last(phone.send(phone.authenticated(data, reply, password="guess")))
        assert again.status == 401
        assert not parse_challenge(again.header("www-authenticate")).stale
    assert box.log.has("wrong password for 200") and box.log.has("no such user 299")
    assert box.location.all(box.now) == []


def test_nothing_is_kept_for_who_has_not_authenticated():
    box = Box()
    phone = Phone(box, "200")
    for _ in range(50):
        challenge(phone)
        challenge(phone, "INVITE", "sip:201@example.org")
    assert len(box.endpoint) == 0 and len(box.proxy.calls) == 0


def test_an_old_nonce_is_stale_if_the_password_is_right():
    box = Box(nonce_expire=30)
    phone = Phone(box, "200")
    data, reply = challenge(phone)
    box.wait(31)
    again = last(phone.send(phone.authenticated(data, reply)))
    assert again.status == 401 and parse_challenge(again.header("www-authenticate")).stale
    assert status(phone.send(phone.authenticated(data, again))) == [200]


def test_an_old_nonce_with_a_wrong_password_is_not_stale():
    box = Box(nonce_expire=30)
    phone = Phone(box, "200")
    data, reply = challenge(phone)
    box.wait(31)
    again = last(phone.send(phone.authenticated(data, reply, password="guess")))
    assert not parse_challenge(again.header("www-authenticate")).stale


def test_a_nonce_counts_up():
    box = Box()
    phone = Phone(box, "200")
    data, reply = challenge(phone)
    assert status(phone.send(phone.authenticated(data, reply, nc=1))) == [200]
    assert status(phone.send(phone.authenticated(data, reply, nc=2))) == [200]
    replayed = last(phone.send(phone.authenticated(data, reply, nc=2)))
    assert parse_challenge(replayed.header("www-authenticate")).stale


def test_a_nonce_of_somebody_else_is_refused():
    box, other = Box(), Box()
    other.proxy.authenticator = Box(nonce_expire=300).proxy.authenticator
    other.proxy.token(8)
    phone = Phone(box, "200")
    data, reply = challenge(phone)
    forged = parse(data)
    text = reply.header("www-authenticate")
    nonce = parse_challenge(text).nonce
    reply = parse(reply.raw.replace(nonce.encode(), (nonce[:-1] + "x").encode()))
    assert status(phone.send(phone.authenticated(forged.raw, reply))) == [401]


def test_a_retransmitted_register_gets_the_same_answer():
    box = Box()
    phone = Phone(box, "200")
    data, reply = challenge(phone)
    final = phone.authenticated(data, reply)
    first, second = last(phone.send(final)), last(phone.send(final))
    assert first.raw == second.raw and first.status == 200


def test_nobody_registers_for_somebody_else():
    box = Box()
    phone = Phone(box, "200")
    replies = phone.register(to="<sip:201@example.org>")
    assert status(replies) == [403]
    assert box.location.all(box.now) == []
    assert box.log.has("200 may not register sip:201@example.org")


def test_nobody_calls_as_somebody_else():
    box = Box()
    phone, other = Phone(box, "200"), Phone(box, "201")
    other.register()
    forged = "<sip:202@example.org>;tag=x"
    assert status(phone.request("INVITE", "sip:201@example.org", from_=forged)) == [403]
    asserted = ["P-Preferred-Identity: <sip:202@example.org>"]
    assert status(phone.request("INVITE", "sip:201@example.org", asserted)) == [403]
    assert other.received() == []


def test_every_method_of_our_users_is_challenged():
    box = Box()
    phone, other = Phone(box, "200"), Phone(box, "201")
    other.register()
    for method in ("INVITE", "MESSAGE", "SUBSCRIBE", "PUBLISH", "REFER", "INFO", "BYE", "FOO"):
        assert status(phone.send(phone.make(method, "sip:201@example.org"))) == [407], method
    assert other.received() == []


def test_ready_made_hashes_authenticate():
    ha1 = Hashes.md5(b"200:example.org:secret200")
    ha1b = Hashes.md5(b"200@example.org:example.org:secret200")
    header = "username(str) domain(str) password(str,null) ha1(str) ha1b(str)\n"
    text = f"{header}200:example.org::{ha1}:{ha1b}\n"
    box = Box(tables={"subscriber": table("subscriber", text)})
    phone = Phone(box, "200")
    assert status(phone.register()) == [200]
    data, reply = challenge(phone)
    named = phone.authenticated(data, reply, username="200@example.org")
    assert status(phone.send(named)) == [200]
    assert status(phone.register(password="guess")) == [401]


def test_a_subscriber_without_any_secret_authenticates_nobody():
    text = "username(str) domain(str,null) password(str,null) ha1(str,null)\n200:::\n"
    box = Box(tables={"subscriber": table("unchecked", text)})
    phone = Phone(box, "200")
    assert status(phone.register(password="")) == [401]
    assert status(phone.register(password="None")) == [401]


def test_without_a_subscriber_table_nobody_gets_in():
    box = Box(tables={"subscriber": None})
    assert status(Phone(box, "200").register()) == [401]


def test_credentials_of_rfc2069_without_qop():
    box = Box()
    phone = Phone(box, "200")
    data, reply = challenge(phone)
    offered = parse_challenge(reply.header("www-authenticate"))

    class Old:
        username, realm, nonce, uri = "200", "example.org", offered.nonce, "sip:example.org"
        qop = algorithm = cnonce = nc_text = None

    proof = response_for(Hashes, "REGISTER", Old, password="secret200")
    line = (
        f'Authorization: Digest username="200", realm="example.org", nonce="{offered.nonce}", '
        f'uri="sip:example.org", response="{proof}"'
    )
    again = phone.make("REGISTER", "sip:example.org", [line], to=f"<{phone.uri}>")
    assert status(phone.send(again)) == [200]
    thief = Phone(box, "200", host="203.0.113.66")  # who has seen it sends it with his Contact
    replayed = thief.make("REGISTER", "sip:example.org", [line], to=f"<{phone.uri}>")
    refusal = last(thief.send(replayed))
    assert refusal.status == 401 and "stale=true" in refusal.header("www-authenticate")
    assert len(box.location.bindings("200", box.now)) == 1


def test_credentials_of_another_proxy_are_passed_on():
    box = Box()
    phone, other = Phone(box, "200"), Phone(box, "201")
    other.register()
    foreign = 'Digest username="x", realm="provider.example", nonce="n", uri="sip:x", response="r"'
    data = phone.make("MESSAGE", "sip:201@example.org")
    reply = last(phone.send(data))
    answered = phone.authenticated(data, reply).replace(
        b"Content-Length", b"Proxy-Authorization: " + foreign.encode() + b"\r\nContent-Length"
    )
    phone.send(answered)
    got = last(other.received())
    assert got.headers("proxy-authorization") == [foreign]


def test_the_realm_is_the_domain_of_to():
    box = Box(domains=("example.org", "example.net", "192.0.2.10"))
    phone = Phone(box, "200", domain="example.net")
    _, reply = challenge(phone, uri="sip:example.net")
    assert parse_challenge(reply.header("www-authenticate")).realm == "example.net"
    assert status(phone.register()) == [200]
