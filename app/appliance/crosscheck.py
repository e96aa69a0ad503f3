"""What concerns several files of a site at once: domains, aliases, passwords."""

from app.appliance.tablecheck import TableCheck
from app.appliance.values import DIGITS, HEX, is_ipv4, is_ipv6, only
from app.dbtext import Note
from app.dbtext.reader import split_fields

MAX_NOTES = 50
MAX_ERRORS = 50
SHORT_PASSWORD = 8
HASH_DIGITS = {32: "md5", 64: "sha-256"}  # of an ha1
HASH_COLUMNS = ("ha1", "ha1_sha256")


def served_domains(settings, tables):
    """Return the domains that the box is responsible for, sorted, in lower case."""
    domains = set(settings.sip.domains)
    for row in _rows(tables, "domain"):
        if row.get("domain"):
            domains.add(row["domain"].lower())
    if not domains:
        for row in _rows(tables, "subscriber"):
            if row.get("domain"):
                domains.add(row["domain"].lower())
    return sorted(domains)


def _rows(tables, name):
    return tables[name].rows if name in tables else ()


def split_sip(uri):
    """Return (user, host) of a "sip:user@host:port;parameters", or None for another URI."""
    scheme, _, rest = uri.strip("<> ").partition(":")
    if scheme.lower() not in ("sip", "sips") or "@" not in rest:
        return None
    user, _, place = rest.partition("@")
    for mark in ";?>":
        place = place.partition(mark)[0]
    if place[:1] == "[":
        place = place[1:].partition("]")[0]
    else:
        place = place.partition(":")[0]
    return user.partition(":")[0], place.lower()


class CrossCheck:
    """Fills `errors` and `notes` when `run`."""

    def __init__(self, settings, tables, files):
        self._settings = settings
        self.errors = []
        self.notes = []
        self._tables = tables
        self._files = files
        self._domains = served_domains(settings, tables)
        self._places = {}

    def run(self):
        """Check all that can be; a table that could not be read is left out."""
        self._check_subscribers()
        self._check_aliases()
        TableCheck(self, self._settings, self._tables).run()

    # Subscribers.

    def _check_subscribers(self):
        if "subscriber" not in self._files:
            remedy = "add the table subscriber with username, domain and password"
            self.note("subscriber", 0, "", "missing, so no extension can register", remedy)
        number = 0
        for row in _rows(self._tables, "subscriber"):
            self._check_domain(number, row)
            self._check_password(number, row)
            self._check_hashes(number, row)
            self._check_number(number, row)
            number += 1

    def _check_domain(self, number, row):
        domain = (row.get("domain") or "").lower()
        if not self._is_served(domain):
            problem = f"extension {row['username']}: the domain {domain} is not served here"
            remedy = f"write one of {', '.join(self._domains)}, or add it to [sip] domains"
            self.refuse("subscriber", number, "domain", problem, remedy)

    def _check_password(self, number, row):
        name, password = row.get("username") or "", row.get("password")
        if password and (password == name or len(password) < SHORT_PASSWORD):
            what = "is its number" if password == name else f"has {len(password)} characters"
            problem = f"the password of extension {name} {what}; bots try such ones first"
            remedy = "write a random one of 12 characters or more"
            self.note("subscriber", number, "password", problem, remedy)

    def _check_hashes(self, number, row):
        """An extension without a password answers only those challenges that its hashes are of."""
        if row.get("password"):
            return
        name = row.get("username") or ""
        kept = [HASH_DIGITS.get(_digits(row.get(column))) for column in HASH_COLUMNS]
        offered = [each.partition("-sess")[0] for each in self._settings.sip.digest]
        lacking = [each for each in offered if each not in kept]
        if len(lacking) == len(offered):
            problem = f"extension {name} has neither a password nor the hash for {lacking[0]}"
            digits = 64 if lacking[0] == "sha-256" else 32
            remedy = f"write a password, or an ha1 of {digits} hexadecimal digits"
            self.refuse("subscriber", number, "ha1", problem, remedy)
        elif lacking:
            problem = f"extension {name} has no hash for {lacking[0]}, which digest offers"
            remedy = "write a password or the columns ha1 and ha1_sha256, or offer one of the two"
            self.note("subscriber", number, "ha1", problem, remedy)

    def _check_number(self, number, row):
        name = row.get("username") or ""
        if len(name) == 3 and only(name, DIGITS) and name[0] == "1":
            problem = f"extension {name}: bots probe the 100s all day"
            self.note("subscriber", number, "username", problem, "number extensions from 200")

    # Aliases.

    def _check_aliases(self):
        targets = self._targets()
        for start in sorted(targets):
            self._check_target(start, targets)

    def _targets(self):
        """Return {(user, domain): (target, table, row number, column)}; "" is any domain."""
        targets = {}
        number = 0
        for row in _rows(self._tables, "dbaliases"):
            key = _key(row.get("alias_username"), row.get("alias_domain"))
            goal = _key(row.get("username"), row.get("domain"))
            targets.setdefault(key, (goal, "dbaliases", number, "username"))
            number += 1
        number = 0
        for row in _rows(self._tables, "aliases"):
            goal = split_sip(row.get("contact") or "")
            key = _key(row.get("username"), row.get("domain"))
            if goal:
                targets.setdefault(key, (goal, "aliases", number, "contact"))
            number += 1
        return targets

    def _check_target(self, start, targets):
        goal, table, number, column = targets[start]
        seen = [start]
        at = start
        while at in targets:
            at = self._local_key(targets[at][0], targets)
            if at == start:
                names = [user for user, _ in seen + [start]]
                # told once, at the alias of the circle that sorts first
                if start == min(seen):
                    problem = "the aliases lead in a circle: " + " -> ".join(names)
                    remedy = "let one of them lead to an extension"
                    self.refuse(table, number, column, problem, remedy)
                return
            if at is None or at in seen:
                return
            seen.append(at)
        if goal == at and self._is_served(goal[1]) and not self._subscriber(goal):
            problem = f"{goal[0]} is neither an extension nor an alias, so calls will find nobody"
            remedy = f"add {goal[0]} to subscriber, or write an extension that is there"
            self.note(table, number, column, problem, remedy)

    def _local_key(self, goal, targets):
        """Return the alias that a target names, the target itself, or None for elsewhere."""
        if not self._is_served(goal[1]):
            return None
        if goal not in targets and (goal[0], "") in targets:
            return goal[0], ""
        return goal

    def _is_served(self, domain):
        return not domain or domain in self._domains or is_ipv4(domain) or is_ipv6(domain)

    def _subscriber(self, goal):
        table = self._tables.get("subscriber")
        return table is None or table.find(username=goal[0]) is not None

    # Places.

    def refuse(self, table, number, column, problem, remedy, offset=0):
        """An error in a field of row `number`, `offset` characters behind its start."""
        if len(self.errors) < MAX_ERRORS:
            line, at = self._place(table, number, column, offset)
            self.errors.append(Note(table, line, at, problem, remedy))

    def note(self, table, number, column, problem, remedy):
        if len(self.notes) < MAX_NOTES:
            line, at = self._place(table, number, column)
            self.notes.append(Note(table, line, at, problem, remedy))

    def _place(self, name, number, column, offset=0):
        """Return (line, column) of a field of row `number`; (0, 0) for the whole table."""
        table = self._tables.get(name)
        if table is None or not column:
            return 0, 0
        if name not in self._places:
            self._places[name] = _row_lines(self._files[name])
        line, raw = self._places[name][number]
        names = [each.name.lower() for each in table.columns]
        if column not in names:
            return line, 1
        fields = split_fields(raw, b":")
        at = names.index(column)
        start = 1 + sum([len(field.decode()) + 1 for field in fields[:at]])
        field = fields[at].decode() if at < len(fields) else ""
        return line, start + _as_written(field, offset)


def _as_written(field, offset):
    """Return where in a field the character is that is at `offset` once escapes are resolved."""
    at = 0
    for _ in range(offset):
        at += 2 if field[at : at + 1] == "\\" else 1
    return min(at, len(field))


def _digits(text):
    """Return how many hexadecimal digits a hash has; 0 when it is none."""
    return len(text) if only((text or "").lower(), HEX) else 0


def _key(user, domain):
    return user or "", (domain or "").lower()


def _row_lines(data):
    """Return [(line number, bytes)] of a table's rows: what is not empty after the header."""
    lines = []
    number = 0
    for raw in data.split(b"\n"):
        number += 1
        if raw and number > 1:
            lines.append((number, raw))
    return lines
