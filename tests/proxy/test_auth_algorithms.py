"""Which hash proves a user: RFC 8760's several challenges, ha1 of MD5 and SHA-256, qop."""

from app.proxy import auth
from app.sip.digest import parse_challenge
from app.sip.message import parse
from tests.proxy.box import SUBSCRIBER, Box, Hashes, table
from tests.proxy.phone import Phone, last, status

BOTH = ("sha-256", "md5")


def challenged(box, user="200", method="REGISTER", uri="sip:example.org"):
    """-> (Phone, request bytes, its 401 or 407)."""
    phone = Phone(box, user)
    agent = "User-Agent: as long as a telephone's is"  # what is short gets no long answer
    data = phone.make(method, uri, [agent], to=f"<{phone.uri}>")
    return phone, data, last(phone.send(data))


def rows(*lines):
    """-> tables with these rows of username:domain:password:ha1:ha1b, the header checked apart."""
    text = SUBSCRIBER + "".join([line + "\n" for line in lines]).encode()
    return {"subscriber": table("subscriber", text)}


def kept(hasher, user="200", name=None):
    return hasher(f"{name or user}:example.org:secret{user}".encode())


def test_one_line_an_algorithm_the_preferred_first_and_one_nonce():
    _, _, reply = challenged(Box(digest=BOTH))
    lines = [line for line in reply.raw.split(b"\r\n") if line.startswith(b"WWW-Authenticate")]
    assert len(lines) == 2
    offers = [parse_challenge(value) for value in reply.headers("www-authenticate")]
    assert [offer.algorithm for offer in offers] == ["sha-256", "md5"]
    assert offers[0].nonce == offers[1].nonce
    assert b"algorithm=SHA-256" in lines[0] and b"algorithm=MD5" in lines[1]


def test_each_of_the_offered_algorithms_lets_in():
    offered = ("sha-256", "md5", "sha-256-sess", "md5-sess")
    for choice in range(len(offered)):
        box = Box(digest=offered)
        phone, data, reply = challenged(box)
        answered = phone.authenticated(data, reply, choice=choice)
        assert parse(answered).header("authorization").find("algorithm=") > 0
        assert status(phone.send(answered)) == [200], offered[choice]
        phone, data, reply = challenged(box, method="OPTIONS", uri="sip:201@example.org")
        assert reply.status == 407
        answered = phone.authenticated(data, reply, choice=choice)
        assert status(phone.send(answered)) == [404], offered[choice]  # let in: nobody is there


def test_what_is_not_offered_does_not_count():
    """Nobody talks the box into a weaker hash than the site wants."""
    weak = Box(digest=("md5",))
    phone, data, reply = challenged(weak)
    answered = phone.authenticated(data, reply)
    box = Box(digest=("sha-256",))
    phone, data, reply = challenged(box)
    assert "MD5" in parse(answered).header("authorization")
    swapped = parse(reply.raw.replace(b"algorithm=SHA-256", b"algorithm=MD5"))
    assert status(phone.send(phone.authenticated(data, swapped))) == [401]
    assert status(phone.send(phone.authenticated(data, reply))) == [200]


def test_credentials_for_both_challenges_are_one_proof():
    box = Box(digest=BOTH)
    phone, data, reply = challenged(box)
    second = parse(phone.authenticated(data, reply, choice=1)).header("authorization")
    first = phone.authenticated(data, reply, choice=0)
    line = f"\r\nAuthorization: {second}\r\n".encode()
    both = first.replace(b"\r\nAuthorization:", line + b"Authorization:")
    assert len(parse(both).headers("authorization")) == 2
    assert status(phone.send(both)) == [200]


def test_an_ha1_of_sha_256():
    """64 digits in ha1, as Kamailio has them with auth.algorithm = SHA-256."""
    ha1 = kept(Hashes.sha256)
    ha1b = kept(Hashes.sha256, name="200@example.org")
    box = Box(digest=("sha-256",), tables=rows(f"200:example.org::{ha1.upper()}:{ha1b}"))
    phone, data, reply = challenged(box)
    assert status(phone.send(phone.authenticated(data, reply))) == [200]
    phone, data, reply = challenged(box)
    assert status(phone.send(phone.authenticated(data, reply, username="200@example.org"))) == [200]
    phone, data, reply = challenged(box)
    assert status(phone.send(phone.authenticated(data, reply, password="guess"))) == [401]


def test_an_ha1_of_the_other_hash_proves_nothing():
    for digest, hasher in ((("sha-256",), Hashes.md5), (("md5",), Hashes.sha256)):
        box = Box(digest=digest, tables=rows(f"200:example.org::{kept(hasher)}:"))
        phone, data, reply = challenged(box)
        assert reply.status == 401
        assert status(phone.send(phone.authenticated(data, reply))) == [401]


def test_both_hashes_side_by_side():
    """OpenSIPS's column ha1_sha256 beside an ha1 of MD5: the telephone has the choice."""
    header = "username(str) domain(str) ha1(str) ha1_sha256(str)\n"
    text = f"{header}200:example.org:{kept(Hashes.md5)}:{kept(Hashes.sha256)}\n"
    for choice in (0, 1):
        box = Box(digest=BOTH, tables={"subscriber": table("subscriber", text)})
        phone, data, reply = challenged(box)
        assert status(phone.send(phone.authenticated(data, reply, choice=choice))) == [200]


def test_who_exists_is_not_told_by_the_challenge():
    """A user with an ha1 of MD5 alone, one with a password and nobody at all: one challenge."""
    lines = (f"200:example.org::{kept(Hashes.md5)}:", "201:example.org:secret201::")
    shapes = []
    for user in ("200", "201", "299"):
        box = Box(digest=BOTH, tables=rows(*lines))
        _, _, reply = challenged(box, user)
        shapes.append([parse_challenge(value).algorithm
                       for value in reply.headers("www-authenticate")])  # fmt: skip
    assert shapes == [list(BOTH)] * 3


class Counting:
    """hashes that count what is asked of them."""

    def __init__(self):
        self.count = 0

    def md5(self, data):
        self.count += 1
        return Hashes.md5(data)

    def sha256(self, data):
        self.count += 1
        return Hashes.sha256(data)


def test_known_and_unknown_users_cost_the_same_hashes():
    lines = (f"200:example.org::{kept(Hashes.md5)}:", "201:example.org:secret201::",
             "202:example.org::-:-")  # fmt: skip
    counts = []
    for user in ("200", "201", "202", "299", "200@example.org"):
        box = Box(tables=rows(*lines))
        phone, data, reply = challenged(box, user[:3])
        answered = phone.authenticated(data, reply, password="guess", username=user)
        counting = Counting()
        box.proxy.authenticator._hashes = counting
        assert status(phone.send(answered)) == [401]
        counts.append(counting.count)
    assert len(set(counts)) == 1 and counts[0] >= 3, counts


def test_the_uri_of_the_credentials_is_that_of_the_request():
    """RFC 2617 3.2.2.5: what proves one call does not open another."""
    box = Box(domains=("example.org", "example.net", "192.0.2.10"))
    other = Phone(box, "201")
    other.register()
    for uri, expected in (
        ("sip:201@example.org", None), ("sip:201@EXAMPLE.org", None),
        ("sips:201@example.org", None),
        ("sip:201@example.org:5060;user=phone", None), ("sip:%32%30%31@example.org", None),
        ("sip:201@192.0.2.10", None), ("sip:201@example.net;transport=udp", None),
        ("sip:example.org", None), ("sip:192.0.2.10:5060", None),
        ("sip:202@example.org", 407), ("sip:201@elsewhere.example", 407),
        ("sip:elsewhere.example", 407),
        ("tel:201", 407), ("*", 407),
    ):  # fmt: skip
        phone, data, reply = challenged(box, method="MESSAGE", uri="sip:201@example.org")
        answer = phone.send(phone.authenticated(data, reply, uri=uri))
        assert status(answer) == ([] if expected is None else [expected]), uri
        assert len(other.received()) == (1 if expected is None else 0), uri
    assert box.log.has("digest uri is not the Request-URI")


def test_a_register_may_name_its_user_in_the_uri():
    """Asterisk's chan_sip does: sip:200@example.org for a Request-URI of sip:example.org."""
    for uri, expected in (("sip:200@example.org", 200), ("sip:200@192.0.2.10:5060", 200),
                          ("sip:elsewhere.example", 401)):  # fmt: skip
        phone, data, reply = challenged(Box())
        assert status(phone.send(phone.authenticated(data, reply, uri=uri))) == [expected], uri


def test_a_wrong_uri_does_not_use_the_nonce_up():
    box = Box()
    phone, data, reply = challenged(box)
    assert status(phone.send(phone.authenticated(data, reply, uri="sip:h.example"))) == [401]
    assert status(phone.send(phone.authenticated(data, reply))) == [200]


class Script:
    """A routing script of one function; `seen` is what it returned."""

    def __init__(self, function):
        self.function = function
        self.seen = []

    def request_route(self, r):
        self.seen.append(self.function(r))
        if not r.done:
            r.sl_send_reply(200, "OK")

    def onreply_route(self, r):
        pass


def test_auth_check_as_in_kamailio():
    def route(r):
        if not r.auth_check("", "subscriber", 1):
            r.auth_challenge("", 1)
        return r.auth_result

    for method, fields, answer, result in (
        ("REGISTER", {}, 401, 1),
        ("REGISTER", {"to": "<sip:201@example.org>"}, 401, auth.USER_MISMATCH),
        ("INVITE", {"to": "<sip:201@example.org>"}, 407, 1),
        ("INVITE", {"from_": "<sip:201@example.org>;tag=1"}, 407, auth.USER_MISMATCH),
        ("PUBLISH", {"uri": "sip:200@example.org"}, 407, 1),
        ("PUBLISH", {"uri": "sip:201@example.org"}, 407, auth.USER_MISMATCH),
    ):
        script = Script(route)
        box = Box(script)
        phone = Phone(box, "200")
        uri = fields.get("uri") or "sip:example.org"
        made = {name: fields[name] for name in fields if name != "uri"}
        made.setdefault("to", "<sip:200@example.org>")
        data = phone.make(method, uri, **made)
        reply = last(phone.send(data))
        assert reply.status == answer and script.seen == [auth.NO_CREDENTIALS], method
        again = last(phone.send(phone.authenticated(data, reply)))
        assert script.seen[-1] == result, (method, fields)
        assert again.status == (200 if result == 1 else answer), (method, fields)


def test_auth_check_lets_an_anonymous_caller_by_with_flag_3():
    script = Script(lambda r: r.auth_check("example.org", "subscriber", 3))
    box = Box(script)
    phone = Phone(box, "200")
    nobody = "<sip:anonymous@anonymous.invalid>;tag=1"
    for method, expected in (("INVITE", True), ("MESSAGE", True), ("SUBSCRIBE", False)):
        challenge = Script(lambda r: r.proxy_challenge("example.org", 1))
        box.proxy.routes = challenge
        data = phone.make(method, "sip:201@example.org", from_=nobody)
        reply = last(phone.send(data))
        box.proxy.routes = script
        phone.send(phone.authenticated(data, reply))
        assert script.seen[-1] is expected, method


def test_acks_cannot_be_challenged():
    script = Script(lambda r: r.auth_check("", "subscriber", 1))
    box = Box(script)
    phone = Phone(box, "200")
    phone.send(phone.make("ACK", "sip:201@example.org"))
    assert script.seen == [True]


def test_a_password_of_the_script():
    for secret, flags in (("123abc", 0), (Hashes.md5(b"200:example.org:123abc"), 1)):

        def route(r, secret=secret, flags=flags):
            if not r.pv_auth_check("", secret, flags, 1):
                r.auth_challenge("", 1)
            return r.auth_result

        for method in ("REGISTER", "INVITE"):
            script = Script(route)
            phone = Phone(Box(script), "200")
            data = phone.make(method, "sip:example.org", to="<sip:200@example.org>")
            reply = last(phone.send(data))
            assert status(phone.send(phone.authenticated(data, reply))) != [200]
            assert script.seen[-1] == auth.WRONG_PASSWORD
            right = phone.authenticated(data, reply, password="123abc")
            assert status(phone.send(right)) == [200], (method, flags)


def test_flags_and_algorithms_of_a_challenge():
    def route(r):
        return r.www_challenge("pbx", 1 + 2 + 16, "SHA-256, MD5-sess")

    box = Box(Script(route))
    phone = Phone(box, "200")
    reply = last(phone.send(phone.make("INVITE", "sip:201@example.org")))
    offers = [parse_challenge(value) for value in reply.headers("www-authenticate")]
    assert [offer.algorithm for offer in offers] == ["sha-256", "md5-sess"]
    assert [offer.qop for offer in offers] == [["auth", "auth-int"]] * 2
    assert offers[0].stale and offers[0].realm == "pbx"


def test_an_unknown_algorithm_in_the_script_is_a_fault_and_no_open_door():
    box = Box(Script(lambda r: r.www_challenge("", 1, "SHA-512")))
    phone = Phone(box, "200")
    try:
        box.receive(phone.make("INVITE", "sip:201@example.org"), phone.peer)
    except ValueError as error:
        assert "sha-512" in str(error)
    box.settle()
    assert status(phone.received()) == [500]


def test_auth_int_needs_the_body_as_it_was():
    def route(r):
        if not r.www_authenticate("", "subscriber"):
            r.www_challenge("", 2)

    box = Box(Script(route))
    phone = Phone(box, "200")
    data = phone.make("MESSAGE", "sip:201@example.org", body=b"v=0\r\n")
    reply = last(phone.send(data))
    right = phone.authenticated(data, reply)
    assert "qop=auth-int" in parse(right).header("authorization")
    assert status(phone.send(right.replace(b"v=0", b"v=1"))) == [401]
    assert status(phone.send(right)) == [200]


def test_auth_algorithm_overrides_the_site():
    def route(r):
        r.auth_algorithm("SHA-256")
        if not r.www_authenticate("", "subscriber"):
            r.www_challenge("", 1)

    phone, data, reply = challenged(Box(Script(route)))
    assert parse_challenge(reply.header("www-authenticate")).algorithm == "sha-256"
    assert status(phone.send(phone.authenticated(data, reply))) == [200]


def test_is_subscriber_does_uri_exist_and_has_credentials():
    def route(r):
        return (
            r.is_subscriber(r.ru, "subscriber", 1), r.is_subscriber(r.ru, "subscriber", 0),
            r.does_uri_exist(), r.has_credentials("example.org"),
        )  # fmt: skip

    script = Script(route)
    box = Box(script, tables=rows("200:example.org:secret200::"))
    phone = Phone(box, "200")
    for uri, expected in (
        ("sip:200@example.org", (True, True, True, False)),
        ("sip:%32%30%30@EXAMPLE.org", (True, True, True, False)),
        ("sip:200@elsewhere.example", (False, True, False, False)),
        ("sip:299@example.org", (False, False, False, False)),
        ("sip:example.org", (False, False, False, False)),
        ("tel:200", (False, False, False, False)),
    ):
        phone.send(phone.make("OPTIONS", uri))
        assert script.seen[-1] == expected, uri
    line = 'username="a", realm="example.org", nonce="n", uri="u", response="r"'
    phone.send(phone.make("OPTIONS", "sip:200@example.org", ["Authorization: Digest " + line]))
    assert script.seen[-1][3]
