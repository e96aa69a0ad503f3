"""Verbs of the registrar and of look-ups: SER's registrar and usrloc, Kamailio's alias_db."""

from app.proxy import location
from app.proxy.aor import aor_of, rows_of
from app.proxy.registrar import Refused, Registration, contact_line
from app.proxy.store import is_permanent
from app.proxy.target import received_peer, target_of, target_of_binding
from app.proxy.text import printable
from app.proxy.way import EXTENSIONS, Way
from app.sip.uri import parse_uri

# Flags of save().
NO_REPLY = 2
ONE_CONTACT = 4
# Options of registered().
MATCH_CALLID = 1
MATCH_RECEIVED = 2
MATCH_CONTACT = 4
# Modes of reg_from_user().
WITH_PORT = 1
WITH_TRANSPORT = 2


class RegistrarVerbs:
    """Needs: msg, config, proxy, now, wall; ru, received, targets."""

    registration = None  # (code, reason, header lines) that save() answers with
    _reg = _ulc = None

    @property
    def reg(self):
        """{name: value}: what the script tells save() and registered()."""
        if self._reg is None:
            self._reg = {}
        return self._reg

    @property
    def ulc(self):
        """{profile: [Binding]} of reg_fetch_contacts."""
        if self._ulc is None:
            self._ulc = {}
        return self._ulc

    def save(self, table, flags=0, uri=None):
        """Does what a REGISTER asks for and answers it: 200 with all contacts, or the error.

        `table` is "location". -> bool: the answer is 200. Behind www_authorize and check_to
        only. `flags`, added up: 2 leaves the answer to reg_send_reply; 4 keeps the contacts of
        this REGISTER and no others. `uri`: the AOR, instead of To. `r.reg` may hold
        "max_contacts", "expires" and "q" instead of the site's and the telephone's.
        `return r.save("location")`
        """
        self.registration = self._register(int(flags), uri)
        if not int(flags) & NO_REPLY:
            self.reg_send_reply()
        return self.registration[0] == 200

    def reg_send_reply(self):
        """Sends the answer that save() with flag 2 has kept back. `r.reg_send_reply()`"""
        code, reason, lines = self.registration or (500, "Server Internal Error", ())
        return self.t_reply(code, reason, lines)

    def registered(self, table, uri=None, options=0):
        """-> bool: the URI (the Request-URI if none is given) has a valid contact.

        `options`, added up, ask for one with the same 1 Call-ID, 2 received, 4 contact as
        `r.reg` has in "match_callid", "match_received", "match_contact".
        `if not r.registered("location"): return r.sl_send_reply(480, "Not here")`
        """
        options = int(options)
        for binding in self._bindings_of(uri):
            if (
                (not options & MATCH_CALLID or binding.callid == self.reg.get("match_callid"))
                and (
                    not options & MATCH_RECEIVED
                    or binding.received == self.reg.get("match_received")
                )
                and (
                    not options & MATCH_CONTACT or binding.contact == self.reg.get("match_contact")
                )
            ):
                return True
        return False

    def unregister(self, table, uri, ruid=None):
        """-> bool: contacts of that URI were removed: all of them, or the one with that ruid.

        Those of the site's own table stay. `r.unregister("location", r.fu)`
        """
        found = [each for each in self._bindings_of(uri) if ruid in (None, each.ruid)]
        found = [each for each in found if not each.static]
        self.proxy.location.remove(found, location.UNREGISTERED, self.now, self.wall)
        for binding in found:
            self._log_contact("unregistered by the script", binding)
        return bool(found)

    def reg_fetch_contacts(self, table, uri, profile):
        """-> bool: there are contacts; they are in `r.ulc[profile]`, the preferred one first.

        Each has aor, contact, received, q, callid, cseq, user_agent, ruid, instance and
        remaining(now). `r.reg_fetch_contacts("location", r.ru, "callee")`
        """
        self.ulc[profile] = self._bindings_of(uri)
        return bool(self.ulc[profile])

    def reg_free_contacts(self, profile):
        """Forgets what reg_fetch_contacts has found. `r.reg_free_contacts("callee")`"""
        self.ulc.pop(profile, None)
        return True

    def reg_from_user(self, table, uri, mode=0):
        """-> bool: this request comes from where a contact of that URI is.

        By its address; `mode`, added up: 1 and its port, 2 and its transport.
        `if r.reg_from_user("location", r.fu): ...`
        """
        for binding in self._bindings_of(uri):
            there = received_peer(binding.received or binding.contact, self.config)
            if (
                there is not None
                and there.host == self.peer.host
                and (not int(mode) & WITH_PORT or there.port == self.peer.port)
                and (not int(mode) & WITH_TRANSPORT or there.transport == self.peer.transport)
            ):
                return True
        return False

    def lookup(self, table, uri=None):
        """-> bool: the Request-URI was found and replaced by what it stands for.

        "location": by every valid contact, each a branch; "aliases": by the contacts of SER's
        table of that name. Branches of an earlier look-up that are ours are looked up as well.
        `uri`: looked up instead of all that, and replaces it.
        `if not r.lookup("location"): return r.sl_send_reply(404, "Not Found")`
        """
        find = self._bindings if table == "location" else self._aliases
        if uri is not None:
            found = find(as_uri(uri), table)
            self.targets = found[: self.config.max_branches] or self.targets
            return bool(found)
        return self._replace(find, table)

    def lookup_branches(self, table):
        """lookup(), which looks branches up anyhow: Kamailio's name for that.

        `r.lookup_branches("location")`
        """
        return self.lookup(table)

    def lookup_to_dset(self, table, uri=None):
        """-> bool: contacts were found; they are further branches, the Request-URI stays.

        `r.lookup_to_dset("location", "sip:202@example.org")`
        """
        find = self._bindings if table == "location" else self._aliases
        found = find(self.ru if uri is None else as_uri(uri), table)
        self.targets = (self.targets + found)[: self.config.max_branches]
        return bool(found)

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
            target = target_of_binding(binding, uri.scheme)
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

    def _bindings_of(self, uri):
        """-> [Binding] of a Uri, of a URI as text, or of the Request-URI for None."""
        uri = self.ru if uri is None else as_uri(uri)
        aor = aor_of(uri, self.config.use_domain) if uri.is_sip else ""
        return self.proxy.location.bindings(aor, self.now) if aor else []

    def _register(self, flags, uri):
        """RFC 3261 10.3, steps 2 and 5 to 8. -> (code, reason, header lines) of the answer."""
        unknown = [tag for tag in self.msg.headers("require") if tag.lower() not in EXTENSIONS]
        if unknown:
            return 420, "Bad Extension", ["Unsupported: " + ", ".join(unknown)]
        uri = self.tu if uri is None else as_uri(uri)
        if not uri.is_sip:
            return 400, "Bad Request: To is no SIP URI", ()
        aor = aor_of(uri, self.config.use_domain)
        if not aor or not self.config.is_myself(uri):
            return 404, "Not Found", ()
        way = Way(self.msg, self.peer, self.config, self.received)
        registration = Registration(
            self.msg, aor, self.proxy.location.bindings(aor, self.now), self.config, self.now,
            self.wall, way, self.proxy.token, self.reg, bool(flags & ONE_CONTACT),
        )  # fmt: skip
        try:
            if way.problem() is not None:
                raise Refused(*way.problem())
            if way.leads_elsewhere() and not self._is_operators():
                raise Refused(403, "Forbidden: Path leads elsewhere")
            registration.run()
        except Refused as refusal:
            self.refused(f"registration of {aor}: {refusal.code} {refusal.why}")
            return refusal.code, refusal.reason, refusal.headers
        self._take_effect(aor, registration, way)
        return 200, "OK", self._registered(aor, registration, way)

    def _is_operators(self):
        """-> bool: it comes from a trunk, or from what `allow_group` names: a proxy that is
        reached at another address than it sends from."""
        group = self.config.allow_group
        return self.allow_source_address() or bool(group) and self.allow_source_address(group)

    def _take_effect(self, aor, registration, way):
        self.proxy.location.apply(aor, registration, self.now, self.wall)
        for binding in registration.added + registration.changed:
            self._log_contact("registered", binding, f", {binding.remaining(self.now)} s")
        for binding in registration.removed:
            self._log_contact("unregistered", binding)
        if registration.added or registration.changed or registration.refreshed:
            self.proxy.connected.note(aor, way.flow)

    def _registered(self, aor, registration, way):
        """-> [header line] of the 200 to a REGISTER."""
        line = contact_line(self.proxy.location.bindings(aor, self.now), self.now)
        lines = [line] if line else []
        lines += way.reply_lines(registration.flows > 0, self.config.flow_timer)
        if self.config.service_route:  # RFC 3608 6.2
            routes = [f"<{uri}>" for uri in self.config.service_route]
            lines.append("Service-Route: " + ", ".join(routes))
        return lines + ["Supported: " + ", ".join(EXTENSIONS)]

    def _log_contact(self, what, binding, rest=""):
        where = printable(f"{binding.aor} at {binding.contact}")
        self.proxy.log.info(f"{what} {where} from {self.peer.host}:{self.peer.port}{rest}")


def as_uri(uri):
    """-> Uri of one, or of its text. ParseError for text that is none."""
    return parse_uri(uri) if isinstance(uri, str) else uri
