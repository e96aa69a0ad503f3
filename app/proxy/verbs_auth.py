"""Verbs of digest authentication: SER's auth, auth_db and uri, Kamailio's uri_db modules."""

from app.proxy import auth
from app.proxy.aor import rows_of
from app.sip.digest import ALGORITHMS, PRINTED, challenge, parse_credentials
from app.sip.errors import ParseError
from app.sip.headers import parse_name_addr

# Flags of www_challenge, proxy_challenge and auth_challenge.
QOP_AUTH = 1
QOP_AUTH_INT = 2
STALE = 16
# Flags of auth_check, and of is_subscriber.
CHECK_ID = 1
SKIP_FORWARD = 2
WITH_DOMAIN = 1
# Flag of the pv_ verbs.
IS_HA1 = 1

FORWARDED = "INVITE|BYE|PRACK|UPDATE|MESSAGE"  # may come under an anonymous From
REASONS = {
    auth.WRONG_PASSWORD: "wrong password for",
    auth.NO_SUCH_USER: "no such user",
    auth.WRONG_URI: "digest uri is not the Request-URI, of user",
}


class AuthVerbs:
    """Needs: msg, edits, config, proxy, now; credentials, stale, algorithms, auth_result."""

    def www_authorize(self, realm, table):
        """-> bool: the Authorization header proves a user of this table.

        `realm` "" is the domain of To in a REGISTER, of From else. The outcome is kept for
        the log, for www_challenge and, as Kamailio's return code, in `r.auth_result`.
        `if not r.www_authorize("", "subscriber"): return r.www_challenge("", 1)`
        """
        return self._authorize("authorization", realm, self._in_table(table))

    def www_authenticate(self, realm, table):
        """Kamailio's name of www_authorize.

        `if not r.www_authenticate("", "subscriber"): return r.www_challenge("", 1)`
        """
        return self.www_authorize(realm, table)

    def proxy_authorize(self, realm, table):
        """-> bool: the same with Proxy-Authorization, for requests that are passed on.

        `if not r.proxy_authorize("", "subscriber"): return r.proxy_challenge("", 1)`
        """
        return self._authorize("proxy-authorization", realm, self._in_table(table))

    def proxy_authenticate(self, realm, table):
        """Kamailio's name of proxy_authorize.

        `if not r.proxy_authenticate("", "subscriber"): return r.proxy_challenge("", 1)`
        """
        return self.proxy_authorize(realm, table)

    def auth_check(self, realm, table, flags):
        """-> bool: www_authenticate for a REGISTER, proxy_authenticate for the rest, and more.

        `flags` 1: the user must be the one in From; in From and To of a REGISTER or PUBLISH,
        and in the Request-URI of a PUBLISH. 3: not for INVITE, BYE, PRACK, UPDATE and MESSAGE.
        True for an ACK and a CANCEL, which cannot be challenged.
        `if not r.auth_check("", "subscriber", 1): return r.auth_challenge("", 1)`
        """
        if self.is_method("ACK|CANCEL"):
            return True
        verify = self.www_authorize if self.is_method("REGISTER") else self.proxy_authorize
        return verify(realm, table) and self._passes(int(flags))

    def pv_www_authenticate(self, realm, password, flags):
        """-> bool: the Authorization header proves this password, whoever the user is.

        `flags` 1: it is an HA1, 32 hexadecimal digits for MD5, 64 for SHA-256.
        `if not r.pv_www_authenticate("", "123abc", 0): return r.www_challenge("", 1)`
        """
        return self._authorize("authorization", realm, _given(password, flags))

    def pv_proxy_authenticate(self, realm, password, flags):
        """-> bool: the same with Proxy-Authorization.

        `if not r.pv_proxy_authenticate("", "123abc", 0): return r.proxy_challenge("", 1)`
        """
        return self._authorize("proxy-authorization", realm, _given(password, flags))

    def pv_auth_check(self, realm, password, flags, checks):
        """-> bool: the one of the two that the method wants; `checks` as auth_check's flags.

        `if not r.pv_auth_check("", "123abc", 0, 1): return r.auth_challenge("", 1)`
        """
        www = self.is_method("REGISTER")
        verify = self.pv_www_authenticate if www else self.pv_proxy_authenticate
        return verify(realm, password, flags) and self._passes(int(checks))

    def has_credentials(self, realm):
        """-> bool: there are credentials for this realm, right or not.

        `if not r.has_credentials("example.org"): return r.proxy_challenge("", 1)`
        """
        for header in ("authorization", "proxy-authorization"):
            if auth.credentials_for(self.msg, header, realm, ALGORITHMS):
                return True
        return False

    def auth_algorithm(self, algorithms):
        """Has this request's verification and challenge use these instead of [sip] digest.

        `r.auth_algorithm("SHA-256,MD5")`
        """
        self.algorithms = _names(algorithms)
        return True

    def www_challenge(self, realm, flags, algorithms=""):
        """Answers 401 with a new nonce, one header line an algorithm, the preferred one first.

        `flags`, added up: 1 qop="auth", 2 qop="auth-int", 0 neither (SER's old way), 16
        stale=true. `algorithms`, such as "SHA-256,MD5", instead of those of the site; have
        auth_algorithm say them before the verification, or they do not count there.
        `return r.www_challenge("", 1)`
        """
        lines = self._challenges("WWW-Authenticate", realm, flags, algorithms)
        return self.sl_send_reply(401, "Unauthorized", lines)

    def proxy_challenge(self, realm, flags, algorithms=""):
        """Answers 407 in the same way. `return r.proxy_challenge("", 1)`"""
        lines = self._challenges("Proxy-Authenticate", realm, flags, algorithms)
        return self.sl_send_reply(407, "Proxy Authentication Required", lines)

    def auth_challenge(self, realm, flags, algorithms=""):
        """Answers 401 to a REGISTER, 407 to the rest. `return r.auth_challenge("", 1)`"""
        www = self.is_method("REGISTER")
        answer = self.www_challenge if www else self.proxy_challenge
        return answer(realm, flags, algorithms)

    def check_to(self):
        """-> bool: the authenticated user is the one in To: registers itself, nobody else.

        `if not r.check_to(): return r.sl_send_reply(403, "Forbidden")`
        """
        return self._is_authenticated_as(self.tu)

    def check_from(self):
        """-> bool: the authenticated user is the one in From, and in P-Preferred-Identity,
        which may also be one of its numbers (`dbaliases`).

        `if not r.check_from(): return r.sl_send_reply(403, "Forbidden")`
        """
        for value in self.msg.headers("p-preferred-identity"):
            uri = parse_name_addr(value).uri
            if not uri.is_sip or uri.aor[0] in self.own_numbers():
                continue
            if not self._is_authenticated_as(uri):
                return False
        return self._is_authenticated_as(self.fu)

    def consume_credentials(self):
        """Takes the verified credentials out of what is sent on: they are for us alone.

        `r.consume_credentials()`
        """
        for name in ("Authorization", "Proxy-Authorization"):
            values = self.msg.headers(name)
            others = [value for value in values if not self._is_consumed(value)]
            if len(others) == len(values):
                continue
            self.edits.remove(name.lower())
            for value in others:
                self.edits.append(name, value)
        return True

    @property
    def au(self):
        """The authenticated user, "" before www_authorize or proxy_authorize were true."""
        return auth.user_of(self.credentials) if self.credentials else ""

    def is_subscriber(self, uri, table, flags):
        """-> bool: the URI (a Uri such as `r.ru`) names a user of this table.

        `flags` 1: in that very domain; 0: in any. Password and registration do not matter.
        `if r.is_subscriber(r.ru, "subscriber", 1): ...`
        """
        if not uri.is_sip or not uri.user:
            return False
        user, host = uri.aor
        strict = bool(int(flags) & WITH_DOMAIN)
        return bool(rows_of(self.proxy.tables.get(table), user, host, strict))

    def does_uri_exist(self):
        """-> bool: the Request-URI names a user of the table subscriber, in our domain.

        `if not r.does_uri_exist(): return r.sl_send_reply(404, "Not Found")`
        """
        uri = self.ru
        if not self.config.is_myself(uri):
            return False
        return self.is_subscriber(uri, "subscriber", 1 if self.config.use_domain else 0)

    def _in_table(self, name):
        table = self.proxy.tables.get(name)
        return lambda credentials: auth.subscriber(table, credentials, self.config.use_domain)

    def _authorize(self, header, realm, find):
        outcome, credentials = self.proxy.authenticator.verify(
            self.msg, header, realm or self._default_realm(), find,
            self.algorithms or self.config.digest, self.config, self.now,
        )  # fmt: skip
        self.auth_result = outcome
        self.stale = outcome == auth.STALE_NONCE
        if outcome == auth.OK:
            self.credentials = credentials if self._note_proof(credentials) else None
            return self.credentials is not None
        if outcome in REASONS:
            # to the peer all of them look the same, or it could find out who exists
            self.refused(f"{REASONS[outcome]} {credentials.username}")
            if outcome != auth.WRONG_URI:  # of which no guesser learns anything
                self._note_failure(credentials)
        return False

    def _passes(self, flags):
        """-> bool: auth_check's look at who the request says that it is from."""
        if not flags & CHECK_ID or (flags & SKIP_FORWARD and self.is_method(FORWARDED)):
            return True
        uris = [self.fu]
        if self.is_method("REGISTER|PUBLISH"):
            uris.append(self.tu)
        if self.is_method("PUBLISH"):
            uris.append(self.ru)
        for uri in uris:
            if not self._is_authenticated_as(uri):
                self.refused(f"{self.au} is not {uri}")
                self.auth_result = auth.USER_MISMATCH
                self.credentials = None
                return False
        return True

    def _default_realm(self):
        """Kamailio's get_realm: where the user belongs that the request speaks for."""
        uri = self.tu if self.is_method("REGISTER") else self.fu
        return uri.host.lower() if uri.is_sip else self.config.advertise[0]

    def _challenges(self, header, realm, flags, algorithms):
        """-> [header line]: one nonce for all, so that who ignores algorithm= gets in as well."""
        flags = int(flags)
        qop = ",".join(
            [name for bit, name in ((QOP_AUTH, "auth"), (QOP_AUTH_INT, "auth-int")) if flags & bit]
        )
        realm = realm or self._default_realm()
        nonce = self.proxy.authenticator.challenge_nonce(self.now)
        stale = self.stale or bool(flags & STALE)
        lines = []
        for name in _names(algorithms) or self.algorithms or self.config.digest:
            value = challenge(realm, nonce, stale, PRINTED[name], qop=qop)
            lines.append(f"{header}: {value}")
        return lines

    def _is_authenticated_as(self, uri):
        if self.credentials is None or not uri.is_sip or uri.user is None:
            return False
        user, host = uri.aor
        _, at, domain = self.credentials.username.partition("@")
        if self.config.use_domain and host != (domain if at else self.credentials.realm).lower():
            return False
        return user.lower() == self.au.lower()

    def _is_consumed(self, value):
        try:
            credentials = parse_credentials(value)
        except ParseError:
            return False
        return (
            credentials is not None
            and self.credentials is not None
            and credentials.realm == self.credentials.realm
        )


def _given(password, flags):
    """-> find() of Authenticator.verify for a password that the script knows."""
    row = {"password": password}
    if int(flags) & IS_HA1:
        row = {"ha1": password, "ha1b": password}
    return lambda credentials: row


def _names(text):
    """-> [algorithm in lower case] of "SHA-256,MD5". ValueError for one that we do not know."""
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in ALGORITHMS:
            raise ValueError(f"the algorithm {name} is not known here")
    return names
