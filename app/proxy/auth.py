"""Digest authentication against the subscriber table: what SER's auth and auth_db decide."""

from app.proxy.aor import rows_of
from app.sip.digest import ha1, is_right, is_sha256, parse_credentials
from app.sip.errors import ParseError
from app.sip.uri import parse_uri

# Outcomes of verify(), with the return codes of Kamailio's verbs.
OK = 1
WRONG_PASSWORD = -2
NO_SUCH_USER = -3
STALE_NONCE = -4
NO_CREDENTIALS = -5
USER_MISMATCH = -8  # of auth_check: the right password, for somebody else's name
WRONG_URI = -9  # of our own: the credentials are of another Request-URI

HEX = "0123456789abcdef"


class Authenticator:
    """Verifies credentials; `nonces` is an app.sip.digest.Nonces."""

    def __init__(self, hashes, nonces):
        self._hashes = hashes
        self._nonces = nonces

    def challenge_nonce(self, now):
        return self._nonces.issue(now)

    def verify(self, request, header, realm, find, algorithms, config, now):
        """-> (outcome, Credentials | None): the first credentials of that realm decide.

        find(Credentials) -> a row of subscriber, or a dict with its columns; None: no such
        user. algorithms: those that are offered, in lower case; no others count.
        """
        credentials = credentials_for(request, header, realm, algorithms)
        if credentials is None:
            return NO_CREDENTIALS, None
        row = find(credentials)
        right = self._is_right(request, credentials, row)
        if not is_same_request(credentials.uri, request, config):
            return WRONG_URI, credentials
        if not right:
            return (NO_SUCH_USER if row is None else WRONG_PASSWORD), credentials
        use = (credentials.nonce, credentials.nc)
        if request.proven_with == use:  # looked at before: it is no replay of itself
            return OK, credentials
        verdict = self._nonces.check(credentials.nonce, credentials.nc, now)
        if verdict != "ok":
            # the password is right, so only a new nonce is needed: RFC 2617 3.2.1 stale
            return STALE_NONCE, credentials
        self._nonces.used(credentials.nonce, credentials.nc, now)
        request.proven_with = use
        return OK, credentials

    def _is_right(self, request, credentials, row):
        """Password first, as with calculate_ha1; else the ready-made hashes.

        Everybody costs the same hashes, whether he exists and whatever his row has: how
        long an answer takes tells nobody which extensions there are.
        """
        password = None if row is None else row.get("password")
        made = ha1(
            self._hashes, credentials.username, credentials.realm, password or "",
            credentials.algorithm,
        )  # fmt: skip
        known = made if password else stored_ha1(row, credentials)
        right = is_right(
            self._hashes, request.method, credentials, ha1=known or made, body=request.body
        )
        return right and known is not None


def stored_ha1(row, credentials):
    """-> str | None: the ready-made hash of a subscriber row that such credentials go with.

    ha1b is the one for a username that has its domain in it. The length tells MD5 (32 hex
    digits) from SHA-256 (64), as in Kamailio; ha1_sha256, which OpenSIPS has, stands beside
    an ha1 of MD5. A row with none of them, or "-" in them, authenticates nobody.
    """
    if row is None:
        return None
    sha256 = is_sha256(credentials.algorithm)
    if "@" in credentials.username:
        names = ("ha1b",)
    else:
        names = ("ha1_sha256", "ha1") if sha256 else ("ha1",)
    for name in names:
        text = (row.get(name) or "").lower()
        if len(text) == (64 if sha256 else 32) and not text.strip(HEX):
            return text
    return None


def user_of(credentials):
    """-> str: the username without a domain that it may carry."""
    return credentials.username.partition("@")[0]


def credentials_for(request, header, realm, algorithms):
    """-> Credentials of that realm | None. Other schemes and broken ones count as none.

    A client that has been offered several algorithms may answer each: the first that is one
    of `algorithms` is taken.
    """
    for value in request.headers(header):
        try:
            credentials = parse_credentials(value)
        except ParseError:
            continue
        if credentials is None or credentials.realm != realm:
            continue
        if (credentials.algorithm or "md5") in algorithms:
            return credentials
    return None


def subscriber(table, credentials, use_domain):
    """-> Row | None of the user that credentials name; their realm is his domain."""
    user, _, domain = credentials.username.partition("@")
    rows = rows_of(table, user, (domain or credentials.realm).lower(), use_domain)
    return rows[0] if rows else None


def is_same_request(text, request, config):
    """-> bool: the `uri` of credentials is the Request-URI (RFC 2617 3.2.2.5).

    What somebody proved for one call then opens no other one. The same user and the same
    host, or two hosts that are both ours; ports and parameters do not count, as telephones
    leave them out of the one or the other, and nor does the user in a REGISTER, where some
    write their own. A host of ours alone means the server, whatever is asked of it: so sipp has it.
    """
    if text == request.uri:
        return True
    try:
        said, meant = parse_uri(text), parse_uri(request.uri)
    except ParseError:
        return False
    if not said.is_sip or not meant.is_sip:
        return False
    (said_user, said_host), (meant_user, meant_host) = said.aor, meant.aor
    if said_user is None and config.is_our_host(said_host):
        return True
    if request.method != "REGISTER" and (said_user or "") != (meant_user or ""):
        return False
    if said_host == meant_host:
        return True
    return config.is_our_host(said_host) and config.is_our_host(meant_host)
