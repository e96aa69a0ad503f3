"""The console's password: PBKDF2 (RFC 8018 5.2) with HMAC-SHA-256, in slices.

Checking one takes most of a second on the smallest box. `Verifier.step` does it in
slices of milliseconds, so that calls are set up meanwhile. Hashes are arguments
(app/port/hashes.py).
"""

import binascii

from app.appliance.values import DIGITS, HEX, BadValue, only

SCHEME = "pbkdf2-sha256"
MIN_ITERATIONS = 1000
MAX_ITERATIONS = 100000  # bounds the work that a site file can ask for
ITERATIONS = 8000  # what scripts/provision.py writes: most of a second on a 500 MHz Geode
SLICE = 250  # iterations a step
BLOCK = 64  # bytes of a SHA-256 block
HASH_HEX = 64
REMEDY = "let scripts/provision.py write it: provision.py --new-password-file FILE PORT SITE"


class PasswordHash:
    """`pbkdf2-sha256:ITERATIONS:SALT:HASH`, salt and hash in lower-case hex."""

    def __init__(self, iterations, salt, expected):
        self.iterations = iterations
        self.salt = salt
        self.expected = expected


def password_hash(text):
    """A kind of site.conf's values: PasswordHash; raises BadValue."""
    parts = text.split(":")
    if len(parts) != 4 or parts[0] != SCHEME:
        problem = "it is no hash of the form pbkdf2-sha256:ITERATIONS:SALT:HASH"
        raise BadValue(problem, REMEDY)
    if not only(parts[1], DIGITS) or len(parts[1]) > 9:
        raise BadValue(f"{parts[1] or 'nothing'} is no number of iterations", REMEDY)
    if not MIN_ITERATIONS <= int(parts[1]) <= MAX_ITERATIONS:
        bounds = f"{MIN_ITERATIONS} to {MAX_ITERATIONS}"
        raise BadValue(f"{parts[1]} iterations, not {bounds}", REMEDY)
    if not only(parts[2], HEX) or not 16 <= len(parts[2]) <= 64 or len(parts[2]) % 2:
        raise BadValue("the salt is not 16 to 64 hex digits", REMEDY)
    if not only(parts[3], HEX) or len(parts[3]) != HASH_HEX:
        raise BadValue("the hash is not 64 hex digits", REMEDY)
    unhex = binascii.unhexlify
    return PasswordHash(int(parts[1]), unhex(parts[2]), unhex(parts[3]))


class Verifier:
    """Checks one password against one hash, a slice at a time."""

    def __init__(self, sha256_digest, stored, password):
        self._hash = sha256_digest
        self._expected = stored.expected
        self._left = stored.iterations - 1
        key = password if len(password) <= BLOCK else sha256_digest(password)
        key = key + bytes(BLOCK - len(key))
        # RFC 2104: the two pads are the first block of the two hashes
        self._inner = bytes([byte ^ 0x36 for byte in key])
        self._outer = bytes([byte ^ 0x5C for byte in key])
        self._last = self._hmac(stored.salt + b"\0\0\0\1")
        self._sum = int.from_bytes(self._last, "big")

    def step(self, iterations=SLICE):
        """Work one slice; return True (right), False (wrong) or None (not done yet)."""
        todo = min(iterations, self._left)
        last, total = self._last, self._sum
        for _ in range(todo):
            last = self._hmac(last)
            total ^= int.from_bytes(last, "big")
        self._last, self._sum = last, total
        self._left -= todo
        if self._left:
            return None
        return equal(total.to_bytes(32, "big"), self._expected)

    def _hmac(self, message):
        return self._hash(self._outer + self._hash(self._inner + message))


def equal(a, b):
    """Compare bytes in a time that does not tell where they differ."""
    if len(a) != len(b):
        return False
    difference = 0
    for index in range(len(a)):
        difference |= a[index] ^ b[index]
    return difference == 0
