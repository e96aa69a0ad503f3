"""Kamailio's module permissions: who may do what by its address; tables address and trusted."""

from app.rules.errors import PatternError
from app.rules.network import BITS, parse_ip, parse_network
from app.rules.order import stable
from app.rules.pattern import compile_pattern

TRUNKS = 1  # the group of site.conf's [trunk], and of allow_source_address()
NOBODY = -1  # the group of an address that is in none
MAX_KNOWN = 256  # addresses whose entries are remembered
MAX_URI = 256  # characters of a URI that patterns of `trusted` look at


class Permissions:
    """The rows of `address`, found by address, by network, or by name; and [trunk]'s in group 1.

    Of an address that is in several networks the narrowest counts, of equal ones the first row.
    """

    def __init__(self, tables, config, log):
        self._networks = {}  # (4 or 6, length) -> {first bits: [(group, port, tag)]}
        self._names = {}  # name in lower case -> [(group, port, tag)]
        self._lengths = []  # keys of _networks, the narrowest first
        self._known = {}  # address as text -> its entries: each message is asked about often
        self._trusted = Trusted(tables.get("trusted"), log)
        for host in config.trunks:
            self._add(host, None, (TRUNKS, 0, ""))
        table = tables.get("address")
        for row in table.rows if table is not None else ():
            entry = (row.get("grp", TRUNKS), row.get("port", 0), row.get("tag", ""))
            self._add(row.get("ip_addr", ""), row.get("mask"), entry)
        self._lengths = sorted(self._networks, key=lambda key: -key[1])

    def _add(self, text, mask, entry):
        network = parse_network(text, mask)
        if network is not None:
            kind, bits, length = network
            found = self._networks.setdefault((kind, length), {})
            found.setdefault(bits, []).append(entry)
        elif text and parse_ip(text) is None:
            self._names.setdefault(text.lower(), []).append(entry)

    def group_of(self, host, port):
        """-> (group, tag) that an address or name is in, (NOBODY, "") for none."""
        for group, _, tag in self._entries(host, port):
            return group, tag
        return NOBODY, ""

    def find(self, group, host, port):
        """-> str: the tag of the row that has this address in this group; None: there is none."""
        for each, _, tag in self._entries(host, port):
            if each == group:
                return tag
        return None

    def trusted(self, host, transport, from_uri, request_uri):
        """-> str: the tag of the row of `trusted` that a request falls under, or None."""
        return self._trusted.find(host, transport, from_uri, request_uri)

    def _entries(self, host, port):
        """-> [(group, port, tag)] for an address; port 0 of a row is any port."""
        found = self._known.get(host)
        if found is None:
            if len(self._known) >= MAX_KNOWN:
                self._known = {}
            found = self._known[host] = self._looked_up(host)
        return [entry for entry in found if entry[1] in (0, port)] if found else found

    def _looked_up(self, host):
        address = parse_ip(host)
        if address is None:
            return self._names.get(host.lower(), [])
        kind, number = address
        found = []
        for each in self._lengths:
            if each[0] == kind:
                found += self._networks[each].get(number >> (BITS[kind] - each[1]), [])
        return found


class Trusted:
    """The rows of `trusted`, by source address; those of "any" last. Higher priority first."""

    def __init__(self, table, log):
        self._rows = {}  # address as text -> [(priority, proto, From, Request-URI, tag)]
        for row in table.rows if table is not None else ():
            try:
                patterns = [_pattern(row.get(name)) for name in ("from_pattern", "ruri_pattern")]
            except PatternError as error:
                log.warning(f"trusted: a pattern {error.problem}; {error.remedy}")
                continue
            entry = (row.get("priority", 0), row.get("proto", "any").lower(), patterns[0],
                     patterns[1], row.get("tag", ""))  # fmt: skip
            self._rows.setdefault(row.get("src_ip", "").lower(), []).append(entry)
        for source in self._rows:
            self._rows[source] = stable(self._rows[source], lambda entry: -entry[0])

    def find(self, host, transport, from_uri, request_uri):
        for source in (host.lower(), "any"):
            for _, proto, sender, target, tag in self._rows.get(source, ()):
                if proto not in ("any", transport):
                    continue
                if _fits(sender, from_uri) and _fits(target, request_uri):
                    return tag
        return None


def _pattern(text):
    return compile_pattern(text) if text else None


def _fits(pattern, text):
    return pattern is None or (len(text) <= MAX_URI and pattern.search(text) is not None)
