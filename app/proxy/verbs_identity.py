"""Who calls, as others are told: RFC 3323 and RFC 3325 at the border to a trunk.

Inside, an extension is known by its own address. A trunk, which trusts us and is trusted by us
(RFC 3325 2.4), is told the number that leads to it, in the way that it wants; nobody else is.
"""

from app.proxy.aor import rows_of
from app.sip.errors import ParseError
from app.sip.headers import parse_name_addr
from app.sip.uri import escape, host_port

ANONYMOUS = "sip:anonymous@anonymous.invalid"  # RFC 3323 4.1.1.3
NOBODY = "anonymous.invalid"
HIDING = ("id", "user", "header")  # kinds of privacy that hide a number (RFC 3323 4.2, 3325 9.3)
OUT_OF_REACH = ("header", "session")  # what only the end of both legs could hide (RFC 3323 5.1)
ASSERTED, PARTY = "P-Asserted-Identity", "Remote-Party-ID"
PREFERRED = "P-Preferred-Identity"


class PrivacyVerbs:
    """For requests and replies alike. Needs: msg, edits, fu, is_reply."""

    def has_privacy(self, kind):
        """-> bool: the Privacy header asks for this: "id", "user", "header", "session",
        "critical", "none". `if r.has_privacy("id"): ...`
        """
        return kind in self._privacy()

    def withhold_identity(self):
        """Takes out what a trunk has told us, but is not for an extension: the identity of who
        asked for privacy (RFC 3325 7). Who asked for "user" is anonymous in From, too.

        For requests, and in onreply_route for replies. `r.withhold_identity()`
        """
        asked = self._privacy()
        if [kind for kind in HIDING if kind in asked]:
            self.edits.remove(ASSERTED.lower())
        for value in self.msg.headers("remote-party-id"):
            if "privacy=full" in value.lower().replace(" ", "") or "id" in asked:
                self.edits.remove(PARTY.lower())
        if "user" in asked and not self.is_reply and self.fu.host != NOBODY:
            self.uac_replace_from("Anonymous", ANONYMOUS)
        return True

    def _privacy(self):
        """-> [str]: what the Privacy header asks for, in lower case."""
        found = []
        for value in self.msg.headers("privacy"):
            for kind in value.split(";"):
                kind = kind.strip().lower()
                if kind and kind not in found:
                    found.append(kind)
        return found


class IdentityVerbs:
    """Needs: proxy, config, msg, edits, fu, ru, au, credentials, gateway, names. Sets presented:
    From says what present_identity() has it say."""

    presented = False

    def is_anonymous(self):
        """-> bool: the caller wants not to be shown: by Privacy, or by an anonymous From.

        `if r.is_anonymous(): ...`
        """
        asked = self._privacy()
        if "none" in asked:
            return False
        hidden = self.fu.is_sip and self.fu.host.lower() == NOBODY
        return hidden or [kind for kind in HIDING if kind in asked] != []

    def alias_db_find(self, table, uri, flags=""):
        """-> str: the URI that an alias stands for, "" when it is none; with the flag "r" the
        other way round: the first alias of a user.
        `number = r.alias_db_find("dbaliases", r.fu, "r")`
        """
        user, host = uri.aor if uri.is_sip else (None, "")
        key, key_domain, value, domain = ("alias_username", "alias_domain", "username", "domain")
        if "r" in flags:
            key, key_domain, value, domain = value, domain, key, key_domain
        use_domain = self.config.use_domain
        for row in rows_of(self.proxy.tables.get(table), user, host, use_domain, key, key_domain):
            if row.get(value):
                return f"sip:{escape(row.get(value))}@{row.get(domain) or host}"
        return ""

    def outward_number(self):
        """-> str: the number that the authenticated extension calls with: the one of its own
        that P-Preferred-Identity names, else the first row of `dbaliases` that leads to it, else
        site.conf's `number`, or that of the destination's attributes; "" for none.

        `number = r.outward_number()`
        """
        own = self.own_numbers()
        for value in self.msg.headers("p-preferred-identity"):
            try:
                uri = parse_name_addr(value).uri
            except ParseError:
                continue
            if uri.is_sip and (uri.aor[0] or "").lower() in [each.lower() for each in own]:
                return uri.aor[0]
        return own[0] if own else self._wanted("number", self.config.number)

    def present_identity(self):
        """Tells a trunk who calls, in the way that it wants (`identity` of site.conf, or of the
        destination's attributes), and as far as the caller lets it be known.

        From, P-Asserted-Identity or Remote-Party-ID get the extension's number in the domain of
        the Request-URI (or the attribute `domain`). Who asks for privacy is anonymous in From;
        the trunk, which is trusted, gets the number with Privacy: id all the same, as it has to
        know whom to charge. -> bool: False when the caller insists ("critical") on what a
        proxy cannot do. `if not r.present_identity(): return r.sl_reply_error()`
        """
        asked = self._privacy()
        if "critical" in asked and [kind for kind in OUT_OF_REACH if kind in asked]:
            self.error = (500, "Privacy Unavailable", ())
            return False
        for name in (ASSERTED, PARTY, PREFERRED):
            self.edits.remove(name.lower())
        number = self.outward_number()
        uri = self._identity_uri(number) if number else ""
        self._unsay()
        if self.is_anonymous():
            self._hide(asked, uri)
        elif uri:
            self._show(uri)
        return True

    def _unsay(self):
        """What the trunk before was told in From is not for the next one."""
        if self.presented:
            self._rename().from_ = ""
            self.presented = False

    def _show(self, uri):
        modes = self._modes()
        if "from" in modes:
            self.presented = self.uac_replace_from("", uri)
        if "pai" in modes:
            self.edits.append(ASSERTED, f"<{uri}>")
        if "rpid" in modes:
            self.edits.append(PARTY, f"<{uri}>;party=calling;screen=yes;privacy=off")

    def _hide(self, asked, uri):
        self.presented = self.uac_replace_from("Anonymous", ANONYMOUS)
        if not uri:
            return
        modes = self._modes()
        if "rpid" in modes:
            self.edits.append(PARTY, f"<{uri}>;party=calling;screen=yes;privacy=full")
        if "rpid" not in modes or "pai" in modes:
            self.edits.append(ASSERTED, f"<{uri}>")
            # "user" has been done here (RFC 3323 5.3), the rest is for the trunk to do
            left = [kind for kind in asked if kind not in ("user", "id", "none")]
            self.edits.set("Privacy", ";".join(["id"] + left))

    def own_numbers(self):
        """-> [str]: the aliases in `dbaliases` of the authenticated extension that are numbers.

        `if r.rU in r.own_numbers(): ...`
        """
        realm = self.credentials.realm.lower() if self.credentials is not None else ""
        rows = rows_of(
            self.proxy.tables.get("dbaliases"), self.au, realm, self.config.use_domain
        )
        found = [row.get("alias_username", "") for row in rows]
        return [each for each in found if each and not each.strip("+0123456789")]

    def _identity_uri(self, number):
        host = self.ru.host if self.ru.is_sip else self.config.advertise[0]
        domain = self._wanted("domain", host_port(host))
        return f"sip:{escape(number)}@{domain}"

    def _modes(self):
        text = self._wanted("identity", "")
        return text.lower().replace(",", " ").split() if text else self.config.identity

    def _wanted(self, name, otherwise):
        """-> str: an attribute of the destination, else `otherwise`."""
        return self.gateway.attrs.get(name, otherwise) if self.gateway is not None else otherwise
