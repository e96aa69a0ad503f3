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
"""

PARAM = "seal"
LENGTH = 24  # hex digits: 96 bits


class Seals:
    """Makes and verifies seals with `secret` (str), which should survive a restart."""

    def __init__(self, hashes, secret):
        self._hashes = hashes
        self._secret = secret

    def make(self, call_id, tag, hop):
        """-> str for a dialog that the party `tag` began, towards `hop` ("": nowhere)."""
        # nested as HMAC is (RFC 2104), so that no hash can be extended
        inner = self._hash("\n".join((call_id, tag or "", hop)))
        return self._hash(inner)[:LENGTH]

    def holds(self, seal, call_id, tags, hop):
        """-> bool: the seal was made for one of the tags (either party may be sending)."""
        if not hop or len(seal) != LENGTH:
            return False
        for tag in tags:
            if self.make(call_id, tag, hop) == seal:
                return True
        return False

    def _hash(self, text):
        return self._hashes.sha256(f"{self._secret}\n{text}".encode())
