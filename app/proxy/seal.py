"""Seals: how a stateless proxy knows its own Record-Route again, and what it was written for.

loose_route() lets a request pass without credentials because it belongs to a dialog that
the script allowed. Whoever can make us believe so can use us as an open relay. So each
Record-Route of ours carries a keyed hash over

    Call-ID, the caller's tag, and the next hop that a request with this Route may go to.

The Record-Route that the callee sees is sealed for the way to the caller (its own
Record-Route or Contact), the one that the caller sees is sealed anew, in the response, for
the way to the callee (RFC 3261 16.7 step 8 allows a proxy to rewrite its own value). A
party can therefore reach its peer through us and nobody else, for as long as the dialog
lives, and we keep nothing. Where a way leads nowhere, the seal is made for the empty hop,
which no request matches.

The two ways are told apart, or who names its peer's address as its own Contact and moves on
from there would have a seal for the way to itself. A seal begins with the mark of the Call
(calls.py) that it was made in: only in that very call does it stay good for a party that has
moved, for Call-ID and tags are the caller's to choose again.
"""

import binascii

from app.sip.digest import same_secret

PARAM = "seal"
MARK = 8  # hex digits: 32 bits, drawn for each call
LENGTH = 24  # hex digits: 96 bits
NO_MARK = "0" * MARK

BACK = "back"  # to the party with this tag, which sent the request that the seal was made for
ON = "on"  # for the party with this tag, to whoever answered its request


class Seals:
    """Makes and verifies seals with `secret` (str), which should survive a restart."""

    def __init__(self, hashes, secret):
        self._hashes = hashes
        self._secret = secret

    def make(self, way, call_id, tag, hop, mark=NO_MARK, more=""):
        """-> str for a dialog of the party `tag`, towards `hop` ("": nowhere); way: BACK or ON.

        more: text that stands beside the seal and is covered by it (names.py).
        """
        # nested as HMAC is (RFC 2104), so that no hash can be extended
        inner = self._hash("\n".join((way, mark, call_id, tag or "", hop, more)))
        return mark + self._hash(inner)[:LENGTH]

    def holds(self, seal, way, call_id, tag, hop, more=""):
        """-> bool: the seal was made for this."""
        if not hop or len(seal) != MARK + LENGTH:
            return False
        return same_secret(self.make(way, call_id, tag, hop, seal[:MARK], more), seal)

    def stream(self, marks, length):
        """-> bytes that nobody else can tell, always the same for these marks (strings)."""
        made = b""
        while len(made) < length:
            text = "\n".join(("stream", str(len(made))) + marks)
            made += binascii.unhexlify(self._hash(self._hash(text)))
        return made[:length]

    def _hash(self, text):
        return self._hashes.sha256(f"{self._secret}\n{text}".encode())
