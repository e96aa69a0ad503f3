"""Credentials that we have elsewhere, and challenges answered with them: RFC 3261 22.2."""

from app.sip.digest import ALGORITHMS, answer, parse_challenge
from app.sip.errors import ParseError

CNONCE = 16  # hex digits
MAX_ANSWERED = 4  # realms that one request proves itself to, proxies and server together

# status: (the header that challenges, the header that answers)
HEADERS = {401: ("www-authenticate", "Authorization"),
           407: ("proxy-authenticate", "Proxy-Authorization")}  # fmt: skip


class Credential:
    """A user name and its secret at a realm: the password, or its MD5 ha1 as Kamailio keeps it.

    Realms are compared as they are written (RFC 3261 22.1).
    """

    def __init__(self, realm, username, password="", ha1=""):
        self.realm = realm
        self.username = username
        self.password = password
        self.ha1 = ha1.lower()

    def can_answer(self, challenge):
        """-> bool: the challenge is of our realm, and of a kind that our secret is good for."""
        if challenge.realm != self.realm or challenge.algorithm not in ALGORITHMS:
            return False
        if challenge.qop and "auth" not in challenge.qop:
            return False
        # an ha1 is MD5's; SHA-256 needs the password
        return not self.ha1 or challenge.algorithm in ("md5", "md5-sess")


class Answers:
    """What one request has been asked for so far, by whom, and how it answers."""

    def __init__(self, credentials, hashes, token):
        self._credentials = credentials
        self._hashes = hashes
        self._token = token
        self._asked = {}  # (answering header, realm) -> [Challenge, Credential, uses of the nonce]

    def take(self, response):
        """Notes the challenges of a 401 or 407. -> bool: there is one to answer anew.

        Of several for a realm the first that we can answer counts (RFC 8760 2.4). One that
        was answered already says that the secret is wrong, unless its nonce had gone stale.
        """
        header, printed = HEADERS[response.status]
        taken = []
        for challenge in _challenges(response, header):
            key = (printed, challenge.realm)
            credential = self._credential_for(challenge)
            if credential is None or key in taken or self._is_full(key):
                continue
            if key in self._asked and not challenge.stale:
                continue
            self._asked[key] = [challenge, credential, 0]
            taken.append(key)
        return bool(taken)

    def lines(self, method, uri):
        """-> [header line]: an answer to each challenge taken so far, its nonce count going up."""
        lines = []
        for key in self._asked:
            entry = self._asked[key]
            entry[2] += 1
            challenge, credential, count = entry
            value = answer(
                self._hashes, challenge, method, uri, credential.username, credential.password,
                self._token(CNONCE), count, credential.ha1 or None,
            )  # fmt: skip
            lines.append(f"{key[0]}: {value}")
        return lines

    def _credential_for(self, challenge):
        for credential in self._credentials:
            if credential.can_answer(challenge):
                return credential
        return None

    def _is_full(self, key):
        return key not in self._asked and len(self._asked) >= MAX_ANSWERED


def _challenges(response, header):
    """-> [Challenge] of a header; other schemes and broken ones are left out."""
    found = []
    for value in response.headers(header):
        try:
            challenge = parse_challenge(value)
        except ParseError:
            continue
        if challenge is not None:
            found.append(challenge)
    return found
