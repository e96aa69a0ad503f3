from app.port import hashes


def test_known_hashes():
    # RFC 1321 A.5 and FIPS 180-2 B.1
    assert hashes.md5(b"abc") == "900150983cd24fb0d6963f7d28e17f72"
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert hashes.sha256(b"abc") == expected
    assert hashes.sha256_digest(b"abc")[:2] == b"\xba\x78"


def test_token_has_the_length_asked_for_and_differs():
    for length in (0, 1, 7, 32):
        token = hashes.token(length)
        assert len(token) == length
        assert all(c in "0123456789abcdef" for c in token)
    assert len({hashes.token(16) for _ in range(50)}) == 50
