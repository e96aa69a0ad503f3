"""Verbs of the registrar and of look-ups: SER's registrar and usrloc, Kamailio's alias_db."""

from collections import namedtuple

from app.proxy.aor import aor_of, rows_of
from app.proxy.registrar import Refused, Registration, contact_line
from app.proxy.store import is_permanent
from app.proxy.text import printable
from app.sip.errors import ParseError
from app.sip.uri import parse_uri

# Where a request may go: uri (Uri), q (float | None), received (URI as str | None).
Target = namedtuple("Target", ("uri", "q", "received"))


class RegistrarVerbs:
    """Needs: msg, config, proxy, now, wall; ru, received, targets."""

    def save(self, table):
        """Does what a REGISTER asks for and answers it: 200 with all contacts, or the error.

        `table` is "location". -> bool: the answer was 200. Behind www_authorize and check_to
        only. `return r.save("location")`
        """
        unknown = self.msg.headers("require")
        if unknown:  # RFC 3261 10.3 step 2: no extension of the registrar is known
            self.t_reply(420, "Bad Extension", ["Unsupported: " + ", ".join(unknown)])
            return False
        aor = self._aor_to_register()
        if not aor:
            return False
        bindings = self.proxy.location.bindings(aor, self.now)
        registration = Registration(
            self.msg, aor, bindings, self.config, self.now, self.wall, self.received,
            self.proxy.token,
        )  # fmt: skip
        try:
            registration.run()
        except Refused as refusal:
            self.refused(f"registration of {aor}: {refusal.code} {refusal.reason}")
            self.t_reply(refusal.code, refusal.reason, refusal.headers)
            return False
        self.proxy.location.apply(aor, registration, self.now, self.wall)
        self._log_registration(aor, registration)
        line = contact_line(self.proxy.location.bindings(aor, self.now), self.now)
        self.t_reply(200, "OK", [line] if line else [])
        return True

    def registered(self, table):
        """-> bool: the Request-URI has a valid contact. `if not r.registered("location"): ...`"""
        aor = aor_of(self.ru, self.config.use_domain)
        return bool(self.proxy.location.bindings(aor, self.now))

    def lookup(self, table):
        """-> bool: the Request-URI was found and replaced by what it stands for.

        "location": by every valid contact, each a branch; "aliases": by the contacts of SER's
        table of that name. Branches of an earlier look-up that are ours are looked up as well.
        `if not r.lookup("location"): return r.sl_send_reply(404, "Not Found")`
        """
        find = self._bindings if table == "location" else self._aliases
        return self._replace(find, table)

    def alias_db_lookup(self, table):
        """-> bool: the Request-URI is an alias of Kamailio's dbaliases, and was replaced.

        `r.alias_db_lookup("dbaliases")`
        """
        return self._replace(self._dbaliases, table)

    def _replace(self, find, table):
        found = []
        success = False
        for target in self.targets:
            targets = find(target.uri, table) if self.config.is_myself(target.uri) else []
            success = success or bool(targets)
            found.extend(targets or [target])
        if success:
            self.targets = found[: self.config.max_branches]
        return success

    def _bindings(self, uri, table):
        aor = aor_of(uri, self.config.use_domain)
        found = []
        for binding in self.proxy.location.bindings(aor, self.now) if aor else ():
            target = _target(binding.contact, binding.q, binding.received)
            if target is not None:
                found.append(target)
        return found

    def _aliases(self, uri, table):
        found = []
        for row in self._rows(table, uri, "username", "domain"):
            if is_permanent(row) or row.get("expires", 0) > self.wall:
                q = row.get("q", -1.0)
                target = _target(row.get("contact") or "", q if 0 <= q <= 1 else None, None)
                if target is None:
                    self.proxy.log.warning(f"{table}: contact {row.get('contact')} is no SIP URI")
                else:
                    found.append(target)
        return found

    def _dbaliases(self, uri, table):
        found = []
        for row in self._rows(table, uri, "alias_username", "alias_domain"):
            domain = row.get("domain") or uri.host
            target = _target(f"sip:{row.get('username', '')}@{domain}", None, None)
            if target is not None:
                found.append(target)
        return found

    def _rows(self, table, uri, user_column, domain_column):
        user, host = uri.aor
        rows = self.proxy.tables.get(table)
        return rows_of(rows, user, host, self.config.use_domain, user_column, domain_column)

    def _aor_to_register(self):
        """RFC 3261 10.3 step 5. -> AOR, or "" when the error has been answered."""
        if not self.tu.is_sip:
            self.t_reply(400, "Bad Request: To is no SIP URI")
            return ""
        aor = aor_of(self.tu, self.config.use_domain)
        if not aor or not self.config.is_myself(self.tu):
            self.t_reply(404, "Not Found")
            return ""
        return aor

    def _log_registration(self, aor, registration):
        source = f"{self.peer.host}:{self.peer.port}"
        for binding in registration.added + registration.changed:
            seconds = binding.remaining(self.now)
            where = printable(f"{aor} at {binding.contact}")
            self.proxy.log.info(f"registered {where} from {source}, {seconds} s")
        for binding in registration.removed:
            where = printable(f"{aor} at {binding.contact}")
            self.proxy.log.info(f"unregistered {where} from {source}")


def _target(text, q, received):
    try:
        uri = parse_uri(text)
    except ParseError:
        return None
    return Target(uri, q, received) if uri.is_sip else None
