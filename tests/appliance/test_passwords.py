import binascii

from app.appliance import passwords
from app.appliance.values import BadValue
from app.port import hashes
from tests.appliance.fakes import HASH
from tests.support import raises


def verify(stored, password, slice=passwords.SLICE):
    verifier = passwords.Verifier(hashes.sha256_digest, stored, password)
    steps = 0
    while True:
        steps += 1
        found = verifier.step(slice)
        if found is not None:
            return found, steps


def stored(iterations, salt, expected):
    return passwords.PasswordHash(iterations, salt, binascii.unhexlify(expected))


def test_the_vectors_of_rfc_7914_section_11():
    first = "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
    assert verify(stored(1, b"salt", first), b"passwd") == (True, 1)
    second = "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"
    assert verify(stored(80000, b"NaCl", second), b"Password", 80000) == (True, 1)


def test_a_stored_hash_is_read_and_checked_in_slices():
    read = passwords.password_hash(HASH)
    assert read.iterations == 1000
    assert verify(read, b"opensesame") == (True, 4)
    assert verify(read, b"opensesamf")[0] is False
    assert verify(read, b"")[0] is False
    assert verify(read, b"x" * 200)[0] is False


def test_what_is_no_hash_is_refused_with_a_way_out():
    scheme, rounds, salt, digest = HASH.split(":")
    for text in (
        "",
        "opensesame",
        ":".join(("md5", rounds, salt, digest)),
        ":".join((scheme, "999", salt, digest)),
        ":".join((scheme, "99999999999", salt, digest)),
        ":".join((scheme, "-5", salt, digest)),
        ":".join((scheme, rounds, "00", digest)),
        ":".join((scheme, rounds, salt + "0", digest)),
        ":".join((scheme, rounds, salt, digest[:-2])),
        ":".join((scheme, rounds, salt, "g" * 64)),
    ):
        with raises(BadValue) as caught:
            passwords.password_hash(text)
        assert "provision.py" in caught.error.remedy


def test_equal_compares_whole_strings():
    assert passwords.equal(b"ab", b"ab") and passwords.equal(b"", b"")
    assert not passwords.equal(b"ab", b"ac") and not passwords.equal(b"ab", b"abc")
