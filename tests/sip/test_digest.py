"""Digest: the examples of RFC 2617, RFC 2069 and RFC 7616; nonces that prove themselves."""

from app.port import hashes
from app.sip.digest import (
    Nonces,
    answer,
    challenge,
    ha1,
    is_right,
    parse_challenge,
    parse_credentials,
    preferred,
    response_for,
    same_secret,
)
from app.sip.errors import ParseError
from tests.support import raises

RFC2617 = (
    'Digest username="Mufasa", realm="testrealm@host.com", '
    'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", qop=auth, nc=00000001, '
    'cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1", '
    'opaque="5ccc069c403ebaf9f0171e9517f40e41"'
)
# RFC 2617 3.5 without qop, as RFC 2069 clients answer (computed by its errata's formula).
RFC2069 = (
    'Digest username="Mufasa",realm="testrealm@host.com",'
    'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",uri="/dir/index.html",'
    'response="670fd8c2df070c60b045671b8b24ff02"'
)
RFC7616 = (
    'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", '
    'algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, '
    'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, '
    'response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1", '
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
SECRET = "0123456789abcdef"


def test_rfc2617_example():
    found = parse_credentials(RFC2617)
    assert found.username == "Mufasa" and found.nc == 1 and found.qop == "auth"
    assert is_right(hashes, "GET", found, password="Circle Of Life")
    known = ha1(hashes, "Mufasa", "testrealm@host.com", "Circle Of Life")
    assert known == "939e7578ed9e3c518a452acee763bce9"
    assert is_right(hashes, "GET", found, ha1=known)


def test_wrong_in_any_part_is_wrong():
    assert not is_right(hashes, "GET", parse_credentials(RFC2617), password="Circle of Life")
    assert not is_right(hashes, "POST", parse_credentials(RFC2617), password="Circle Of Life")
    for old, new in (("Mufasa", "Mufasb"), ("testrealm", "testrealn"), ("dcd9", "dcd8"),
                     ("/dir", "/dis"), ("00000001", "00000002"), ("0a4f", "0a4e"),
                     ("6629", "6628")):
        found = parse_credentials(RFC2617.replace(old, new))
        assert not is_right(hashes, "GET", found, password="Circle Of Life"), old


def test_legacy_without_qop():
    found = parse_credentials(RFC2069)
    assert found.qop is None and found.nc == 0
    assert is_right(hashes, "GET", found, password="Circle Of Life")


def test_rfc7616_sha256_example():
    found = parse_credentials(RFC7616)
    assert found.algorithm == "sha-256"
    assert is_right(hashes, "GET", found, password="Circle of Life")


def test_unknown_algorithm_or_qop_is_never_right():
    for old, new in (("algorithm=SHA-256", "algorithm=SHA-512"), ("qop=auth", "qop=auth-conf")):
        found = parse_credentials(RFC7616.replace(old, new))
        assert response_for(hashes, "GET", found, password="x") is None
        assert not is_right(hashes, "GET", found, password="Circle of Life")


def test_other_schemes_are_nobody():
    for text in ("NoOneKnowsThisScheme opaque-data=here", "Basic QWxhZGRpbg==", ""):
        assert parse_credentials(text) is None


def test_malformed_credentials():
    for text in ("Digest", "Digest username", 'Digest username="a', RFC2617 + ', nc="x"',
                 RFC2617.replace("nc=00000001", "nc=1"), RFC2617.replace("nc=00000001,", ""),
                 RFC2617.replace('cnonce="0a4f113b",', ""), RFC2617 + ', username="other"',
                 RFC2617.replace("uri=", "url="), RFC2617.replace("nc=00000001", "nc=0000000g"),
                 "Digest " + ",".join([f"a{n}=1" for n in range(40)])):
        with raises(ParseError) as caught:
            parse_credentials(text)
        assert caught.error.code == 400, text


def test_repeated_parameters_in_any_case_are_refused():
    with raises(ParseError):
        parse_credentials(RFC2617 + ', USERNAME="200"')


def test_quoted_values():
    found = parse_credentials(RFC2617.replace("Mufasa", 'a\\"b, c='))
    assert found.username == 'a"b, c='


def test_challenge_and_answer():
    for algorithm in ("MD5", "SHA-256"):
        text = challenge('re"alm', "n0nce", stale=True, algorithm=algorithm, opaque="o")
        offered = parse_challenge(text)
        assert offered.stale and offered.realm == 're"alm' and offered.qop == ["auth"]
        made = answer(hashes, offered, "REGISTER", "sip:h", "200", "secret", "c0", nc=10)
        found = parse_credentials(made)
        assert found.nc == 10 and found.opaque == "o" and found.algorithm == algorithm.lower()
        assert is_right(hashes, "REGISTER", found, password="secret")
        assert not is_right(hashes, "INVITE", found, password="secret")


def test_answer_to_a_legacy_challenge():
    offered = parse_challenge('Digest realm="asterisk", nonce="4f1c"')
    assert offered.algorithm == "md5" and offered.qop == [] and not offered.stale
    made = answer(hashes, offered, "INVITE", "sip:h", "200", "secret", "unused")
    assert "qop" not in made and "cnonce" not in made
    assert is_right(hashes, "INVITE", parse_credentials(made), password="secret")


def test_answer_with_session_algorithm():
    offered = parse_challenge(
        'Digest realm="r", nonce="n", algorithm=MD5-sess, qop="auth-int,auth"')
    made = answer(hashes, offered, "INVITE", "sip:h", "200", "secret", "cn")
    assert is_right(hashes, "INVITE", parse_credentials(made), password="secret")
    plain = ha1(hashes, "200", "r", "secret")
    assert is_right(hashes, "INVITE", parse_credentials(made), ha1=plain)


def test_no_answer_to_what_is_not_known():
    for extra in (', algorithm=SHA-512', ', qop="auth-conf"'):
        offered = parse_challenge('Digest realm="r", nonce="n"' + extra)
        assert answer(hashes, offered, "INVITE", "sip:h", "u", "p", "c") is None
    assert parse_challenge("Basic realm=x") is None
    with raises(ParseError):
        parse_challenge("Digest realm=x")


def test_auth_int_covers_the_body():
    offered = parse_challenge('Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth-int"')
    made = answer(hashes, offered, "INVITE", "sip:h", "200", "secret", "c0", body=b"v=0\r\n")
    found = parse_credentials(made)
    assert found.qop == "auth-int"
    assert is_right(hashes, "INVITE", found, password="secret", body=b"v=0\r\n")
    assert not is_right(hashes, "INVITE", found, password="secret", body=b"v=1\r\n")
    assert not is_right(hashes, "INVITE", found, password="secret")


def test_auth_int_as_rfc_2617_computes_it():
    """A2 is method:uri:H(entity-body), computed here by hand (RFC 2617 3.2.2.3)."""
    found = parse_credentials(RFC2617.replace("qop=auth", "qop=auth-int"))
    a2 = "POST:/dir/index.html:" + hashes.md5(b"body")
    text = "939e7578ed9e3c518a452acee763bce9:dcd98b7102dd2f0e8b11d0f600bfb0c093:00000001:"
    text += "0a4f113b:auth-int:" + hashes.md5(a2.encode())
    assert response_for(
        hashes, "POST", found, password="Circle Of Life", body=b"body"
    ) == hashes.md5(text.encode())


def test_qop_of_a_challenge():
    for qop, offered in (("auth", ["auth"]), ("auth,auth-int", ["auth", "auth-int"]), ("", [])):
        assert parse_challenge(challenge("r", "n", qop=qop)).qop == offered
    assert "qop" not in challenge("r", "n", qop="")


def test_the_first_challenge_that_is_known_is_answered():
    sha, md5 = challenge("r", "n", algorithm="SHA-256"), challenge("r", "n")
    other = challenge("r", "n", algorithm="SHA-512-256")
    assert preferred([sha, md5]).algorithm == "sha-256"
    assert preferred([md5, sha]).algorithm == "md5"
    assert preferred([other, "Basic realm=x", "Digest realm=x", md5]).algorithm == "md5"
    assert preferred([challenge("r", "n", qop="auth-conf"), sha]).algorithm == "sha-256"
    assert preferred([other]) is None and preferred([]) is None


def test_an_answer_from_the_ha1_alone():
    for algorithm in ("MD5", "SHA-256", "MD5-sess", "SHA-256-sess"):
        offered = parse_challenge(challenge("r", "n", algorithm=algorithm))
        kept = ha1(hashes, "200", "r", "secret", algorithm.lower())
        made = answer(hashes, offered, "INVITE", "sip:h", "200", None, "c0", ha1=kept)
        assert is_right(hashes, "INVITE", parse_credentials(made), password="secret")


def test_same_secret():
    assert same_secret("abc", "abc") and not same_secret("abc", "abd")
    assert not same_secret("abc", "ab") and not same_secret("", "a")


def test_nonce_lives_and_dies():
    nonces = Nonces(hashes, SECRET, lifetime=300)
    nonce = nonces.issue(1000.9)
    assert nonces.check(nonce, 1, 1000.9) == "ok" and nonces.check(nonce, 1, 1300) == "ok"
    assert nonces.check(nonce, 1, 1301) == "stale"
    assert nonces.check(nonce, 1, 999) == "stale"


def test_nonces_differ_within_a_second():
    nonces = Nonces(hashes, SECRET)
    assert len({nonces.issue(5.0) for _ in range(100)}) == 100


def test_foreign_nonces_are_bad():
    nonces = Nonces(hashes, SECRET)
    nonce = nonces.issue(1000)
    other = Nonces(hashes, "another secret!!").issue(1000)
    for text in (other, "", "x", nonce[:-1], nonce + "0", "ffffffff" + nonce[8:],
                 nonce[:8] + "00000009" + nonce[16:], nonce.upper() + " ", "\u00e9" * 48):
        assert nonces.check(text, 1, 1000) == "bad", text


def test_count_is_kept_only_of_used_nonces():
    nonces = Nonces(hashes, SECRET)
    nonce = nonces.issue(0)
    assert nonces.check(nonce, 1, 0) == nonces.check(nonce, 1, 0) == "ok"
    nonces.used(nonce, 1, 0)
    assert nonces.check(nonce, 1, 0) == "stale" and nonces.check(nonce, 2, 0) == "ok"
    nonces.used(nonce, 5, 0)
    assert nonces.check(nonce, 4, 0) == "stale" and nonces.check(nonce, 6, 0) == "ok"


def test_without_qop_a_nonce_is_good_once():
    """There is no count, so whoever has recorded the answer could send it again."""
    nonces = Nonces(hashes, SECRET)
    nonce = nonces.issue(0)
    assert nonces.check(nonce, 0, 0) == "ok"
    nonces.used(nonce, 0, 0)
    assert nonces.check(nonce, 0, 1) == "stale" and nonces.check(nonces.issue(1), 0, 1) == "ok"


def test_count_cannot_be_evaded_by_leaving_qop_out():
    """A replay without its qop (and so without its count) does not have the right response."""
    text = RFC2617.replace(" qop=auth,", "").replace(" nc=00000001,", "")
    found = parse_credentials(text)
    assert found.nc == 0 and not is_right(hashes, "GET", found, password="Circle Of Life")


def test_table_is_bounded_and_a_forgotten_nonce_is_stale():
    nonces = Nonces(hashes, SECRET, lifetime=300, limit=8)
    issued = [nonces.issue(second) for second in range(40)]
    for nonce in issued:
        nonces.used(nonce, 1, 40)
        assert len(nonces._counts) <= 8
    assert [nonces.check(nonce, 1, 40) for nonce in issued] == ["stale"] * 40
    fresh = nonces.issue(41)
    assert nonces.check(fresh, 1, 41) == "ok"


def test_old_nonces_make_room_first():
    nonces = Nonces(hashes, SECRET, lifetime=10, limit=4)
    for second in (0, 1, 2, 100):
        nonces.used(nonces.issue(second), 1, second)
    kept = nonces.issue(100)
    nonces.used(kept, 1, 101)
    assert len(nonces._counts) == 2 and nonces.check(kept, 2, 101) == "ok"


def test_weak_secret_is_refused():
    for secret in ("", "short", "x" * 65):
        with raises(ValueError):
            Nonces(hashes, secret)
