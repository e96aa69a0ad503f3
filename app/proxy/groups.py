"""Who belongs to what: Kamailio's group (grp), userblocklist and domain_attrs, indexed."""

from app.proxy.aor import rows_of

DIGITS = "0123456789"
MAX_DIGITS = 64  # of a number that prefixes are looked for in
INTEGER = 0  # `type` of domain_attrs; 2 is text


class Prefixes:
    """Prefixes of numbers, each with its `allowlist` flag; the longest that fits counts."""

    def __init__(self):
        self._flags = {}

    def add(self, prefix, allowed):
        self._flags.setdefault(prefix, bool(allowed))

    def find(self, number):
        """-> bool: the flag of the longest prefix that a number of digits has, None without one."""
        for length in range(len(number), -1, -1):
            flag = self._flags.get(number[:length])
            if flag is not None:
                return flag
        return None


def digits_of(text):
    """-> str: what prefixes are compared with, as in Kamailio: the digits behind what is none
    in front ("+"), up to the next character that is none."""
    start = 0
    while start < len(text) and text[start] not in DIGITS:
        start += 1
    end = start
    while end < len(text) and text[end] in DIGITS and end - start < MAX_DIGITS:
        end += 1
    return text[start:end]


class Blocklists:
    """userblocklist and globalblocklist, and any table of either kind under another name."""

    def __init__(self, tables, use_domain):
        self._tables = tables
        self._use_domain = use_domain
        self._ready = {}  # table name -> {user key: Prefixes}; "" is everybody

    def find(self, table, user, domain, number):
        """-> bool: the `allowlist` flag for a number of that user ("": of everybody), or None."""
        prefixes = self._of(table).get(self._key(user, domain))
        return None if prefixes is None else prefixes.find(digits_of(number))

    def _key(self, user, domain):
        if not user:
            return ""
        return f"{user}@{domain}".lower() if self._use_domain else user.lower()

    def _of(self, name):
        if name not in self._ready:
            self._ready[name] = found = {}
            table = self._tables.get(name)
            for row in table.rows if table is not None else ():
                key = self._key(row.get("username", ""), row.get("domain", ""))
                prefixes = found.setdefault(key, Prefixes())
                prefixes.add(digits_of(row.get("prefix", "")), row.get("allowlist", 0))
        return self._ready[name]


def is_member(table, user, domain, group, use_domain):
    """-> bool: the table grp has this user in that group."""
    for row in rows_of(table, user, domain, use_domain):
        if row.get("grp", "").lower() == group.lower():
            return True
    return False


def attributes_of(tables, domain):
    """-> {name: str or int} of a domain: its domain_attrs, and "did"; None: the table domain
    does not have it."""
    table = tables.get("domain")
    row = table.find(domain=domain) if table is not None else None
    if row is None:
        return None
    did = row.get("did") or row["domain"]
    found = {"did": did}
    attrs = tables.get("domain_attrs")
    for each in attrs.find_all(did=did) if attrs is not None else ():
        value = each.get("value", "")
        found[each.get("name", "")] = _number(value) if each.get("type", 2) == INTEGER else value
    return found


def _number(text):
    digits = text[1:] if text[:1] == "-" else text
    return int(text) if digits and not digits.strip(DIGITS) and len(digits) < 10 else 0
