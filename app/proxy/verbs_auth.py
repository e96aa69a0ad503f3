"""Verbs of digest authentication: SER's auth, auth_db and uri modules."""

from app.proxy import auth
from app.sip.digest import challenge, parse_credentials
from app.sip.errors import ParseError
from app.sip.headers import parse_name_addr


class AuthVerbs:
    """Needs: msg, edits, config, proxy, now; credentials, stale."""

    def www_authorize(self, realm, table):
        """-> bool: the Authorization header proves a user of this table.

        `realm` "" is the domain of To in a REGISTER, of From else. The outcome for the log
        and www_challenge is kept.
        `if not r.www_authorize("", "subscriber"): return r.www_challenge("", 1)`
        """
        return self._authorize("authorization", realm, table)

    def proxy_authorize(self, realm, table):
        """-> bool: the same with Proxy-Authorization, for requests that are passed on.

        `if not r.proxy_authorize("", "subscriber"): return r.proxy_challenge("", 1)`
        """
        return self._authorize("proxy-authorization", realm, table)

    def www_challenge(self, realm, qop):
        """Answers 401 with a new nonce. `qop` is 1 (qop="auth") or 0 (SER's old way, none).

        `return r.www_challenge("", 1)`
        """
        line = "WWW-Authenticate: " + self._challenge(realm, qop)
        return self.sl_send_reply(401, "Unauthorized", [line])

    def proxy_challenge(self, realm, qop):
        """Answers 407 with a new nonce. `return r.proxy_challenge("", 1)`"""
        line = "Proxy-Authenticate: " + self._challenge(realm, qop)
        return self.sl_send_reply(407, "Proxy Authentication Required", [line])

    def check_to(self):
        """-> bool: the authenticated user is the one in To: registers itself, nobody else.

        `if not r.check_to(): return r.sl_send_reply(403, "Forbidden")`
        """
        return self._is_authenticated_as(self.tu)

    def check_from(self):
        """-> bool: the authenticated user is the one in From, and in P-Preferred-Identity.

        `if not r.check_from(): return r.sl_send_reply(403, "Forbidden")`
        """
        for value in self.msg.headers("p-preferred-identity"):
            uri = parse_name_addr(value).uri
            if uri.is_sip and not self._is_authenticated_as(uri):
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

    def _authorize(self, header, realm, table):
        outcome, credentials = self.proxy.authenticator.verify(
            self.msg, header, realm or self._default_realm(), self.proxy.tables.get(table),
            self.config.use_domain, self.now,
        )  # fmt: skip
        self.stale = outcome == auth.STALE_NONCE
        if outcome == auth.OK:
            self.credentials = credentials
            return True
        if outcome in (auth.WRONG_PASSWORD, auth.NO_SUCH_USER):
            # to the peer both look the same, or it could find out who exists
            what = "wrong password for" if outcome == auth.WRONG_PASSWORD else "no such user"
            self.refused(f"{what} {credentials.username}")
        return False

    def _default_realm(self):
        """Kamailio's get_realm: where the user belongs that the request speaks for."""
        uri = self.tu if self.is_method("REGISTER") else self.fu
        return uri.host.lower() if uri.is_sip else self.config.advertise[0]

    def _challenge(self, realm, qop):
        nonce = self.proxy.authenticator.challenge_nonce(self.now)
        text = challenge(realm or self._default_realm(), nonce, stale=self.stale)
        return text if int(qop) else text.partition(", qop=")[0]

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
