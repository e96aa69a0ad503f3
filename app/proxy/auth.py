"""Digest authentication against the subscriber table: what SER's auth and auth_db decide."""

from app.proxy.aor import rows_of
from app.sip.digest import is_right, parse_credentials
from app.sip.errors import ParseError

# Outcomes of verify(), with the return codes of Kamailio's verbs.
OK = 1
WRONG_PASSWORD = -2
NO_SUCH_USER = -3
STALE_NONCE = -4
NO_CREDENTIALS = -5

MD5 = (None, "md5", "md5-sess")  # the algorithms that a stored ha1 can answer


class Authenticator:
    """Verifies credentials; `nonces` is an app.sip.digest.Nonces."""

    def __init__(self, hashes, nonces):
        self._hashes = hashes
        self._nonces = nonces

    def challenge_nonce(self, now):
        return self._nonces.issue(now)

    def verify(self, request, header, realm, table, use_domain, now):
        """-> (outcome, Credentials | None): the first credentials of that realm decide."""
        credentials = _credentials_for(request, header, realm)
        if credentials is None:
            return NO_CREDENTIALS, None
        row = _subscriber(table, credentials, realm, use_domain)
        if row is None:
            return NO_SUCH_USER, credentials
        if not self._is_right(request.method, credentials, row):
            return WRONG_PASSWORD, credentials
        verdict = self._nonces.check(credentials.nonce, credentials.nc, now)
        if verdict != "ok":
            # the password is right, so only a new nonce is needed: RFC 2617 3.2.1 stale
            return STALE_NONCE, credentials
        self._nonces.used(credentials.nonce, credentials.nc, now)
        return OK, credentials

    def _is_right(self, method, credentials, row):
        """Password first, as with calculate_ha1; else the ready-made hashes.

        ha1b is the hash for a username that has its domain in it. A row with neither
        authenticates nobody.
        """
        password = row.get("password")
        if password:
            return is_right(self._hashes, method, credentials, password=password)
        ha1 = row.get("ha1b" if "@" in credentials.username else "ha1")
        if not ha1 or credentials.algorithm not in MD5:
            return False
        return is_right(self._hashes, method, credentials, ha1=ha1.lower())


def user_of(credentials):
    """-> str: the username without a domain that it may carry."""
    return credentials.username.partition("@")[0]


def _credentials_for(request, header, realm):
    """-> Credentials of that realm | None. Other schemes and broken ones count as none."""
    for value in request.headers(header):
        try:
            credentials = parse_credentials(value)
        except ParseError:
            continue
        if credentials is not None and credentials.realm == realm:
            return credentials
    return None


def _subscriber(table, credentials, realm, use_domain):
    user, _, domain = credentials.username.partition("@")
    rows = rows_of(table, user, (domain or realm).lower(), use_domain)
    return rows[0] if rows else None
