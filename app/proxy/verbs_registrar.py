"""Verbs of the registrar and of look-ups: SER's registrar and usrloc, Kamailio's alias_db."""

from app.proxy.aor import aor_of, rows_of
from app.proxy.registrar import Refused, Registration, contact_line
from app.proxy.store import is_permanent
from app.proxy.target import target_of, target_of_binding
from app.proxy.text import printable
from app.proxy.way import EXTENSIONS, Way


class RegistrarVerbs:
    """Needs: msg, config, proxy, now, wall; ru, received, targets."""

    def save(self, table):
        """Does what a REGISTER asks for and answers it: 200 with all contacts, or the error.

        `table` is "location". -> bool: the answer was 200. Behind www_authorize and check_to
        only. `return r.save("location")`
        """
        unknown = [tag for tag in self.msg.headers("require") if tag.lower() not in EXTENSIONS]
        if unknown:  # RFC 3261 10.3 step 2
            self.t_reply(420, "Bad Extension", ["Unsupported: " + ", ".join(unknown)])
            return False
        aor = self._aor_to_register()
        if not aor:
            return False
        way = Way(self.msg, self.peer, self.config, self.received)
        bindings = self.proxy.location.bindings(aor, self.now)
        registration = Registration(
            self.msg, aor, bindings, self.config, self.now, self.wall, way, self.proxy.token
        )
        try:
            if way.problem() is not None:
                raise Refused(*way.problem())
            registration.run()
        except Refused as refusal:
            self.refused(f"registration of {aor}: {refusal.code} {refusal.reason}")
            self.t_reply(refusal.code, refusal.reason, refusal.headers)
            return False
        self.proxy.location.apply(aor, registration, self.now, self.wall)
        self._log_registration(aor, registration)
        if registration.added or registration.changed or registration.refreshed:
            self.proxy.connected.note(aor, way.flow)
        self.t_reply(200, "OK", self._registered(aor, registration, way))
        return True

    def _registered(self, aor, registration, way):
        """-> [header line] of the 200 to a REGISTER."""
        line = contact_line(self.proxy.location.bindings(aor, self.now), self.now)
        lines = [line] if line else []
        lines += way.reply_lines(registration.flows > 0, self.config.flow_timer)
        if self.config.service_route:  # RFC 3608 6.2
            routes = [f"<{uri}>" for uri in self.config.service_route]
            lines.append("Service-Route: " + ", ".join(routes))
        return lines + ["Supported: " + ", ".join(EXTENSIONS)]

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
        flows = {}  # instance -> its Target: several flows are one telephone (RFC 5626 7)
        for binding in self.proxy.location.bindings(aor, self.now) if aor else ():
            target = target_of_binding(binding)
            if target is None:
                continue
            instance = (binding.instance or "").lower() if binding.reg_id else None
            if instance in flows:
                flows[instance].flows.append(target)
                continue
            if instance:
                flows[instance] = target
            found.append(target)
        return found

    def _aliases(self, uri, table):
        found = []
        for row in self._rows(table, uri, "username", "domain"):
            if is_permanent(row) or row.get("expires", 0) > self.wall:
                q = row.get("q", -1.0)
                target = target_of(row.get("contact") or "", q if 0 <= q <= 1 else None)
                if target is None:
                    self.proxy.log.warning(f"{table}: contact {row.get('contact')} is no SIP URI")
                else:
                    found.append(target)
        return found

    def _dbaliases(self, uri, table):
        found = []
        for row in self._rows(table, uri, "alias_username", "alias_domain"):
            domain = row.get("domain") or uri.host
            target = target_of(f"sip:{row.get('username', '')}@{domain}")
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
