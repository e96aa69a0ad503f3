"""What the tables of Kamailio's modules say, checked row by row: addresses, rules, trunks."""

from app.appliance.values import DIGITS, HEX, is_host_name, is_ipv4, is_ipv6, only
from app.rules.attrs import parse_attrs
from app.rules.dialplan import Rule, RuleError
from app.rules.errors import PatternError
from app.rules.network import BITS, parse_ip, parse_network
from app.rules.pattern import compile_pattern

PROTOCOLS = ("any", "udp", "tcp", "tls", "ws", "wss", "none")
MAX_FLAGS = 63  # of dispatcher: its six bits
EMERGENCY_NAMES = (
    ("subscriber", "username"), ("aliases", "username"), ("dbaliases", "alias_username"),
)  # fmt: skip
SHORT_EXPIRES = 60  # seconds; refreshing more often is of no use


class TableCheck:
    """`check` is the CrossCheck, which keeps what is found and knows the other tables."""

    def __init__(self, check, settings, tables):
        self._check = check
        self._settings = settings
        self._tables = tables

    def run(self):
        rows = {
            "address": self._address, "trusted": self._trusted, "dialplan": self._dialplan,
            "dispatcher": self._dispatcher, "uacreg": self._uacreg, "grp": self._member,
            "userblocklist": self._listed, "globalblocklist": self._prefix,
            "domain_attrs": self._attribute,
        }  # fmt: skip
        for name in sorted(rows):
            number = 0
            for row in self._tables[name].rows if name in self._tables else ():
                rows[name](name, number, row)
                number += 1
        self._weights()
        self._emergencies()

    def _emergencies(self):
        """An emergency number leads out there: nothing here may bear it."""
        for number in self._settings.trunk.emergency:
            for name, column in EMERGENCY_NAMES:
                table = self._tables.get(name)
                at = _place(table, column, number) if table is not None else -1
                if at >= 0:
                    problem = f"{number} is an emergency number ([trunk] emergency)"
                    remedy = "give the extension or the alias another one"
                    self._refuse(name, at, column, problem, remedy)

    def _refuse(self, table, number, column, problem, remedy, offset=0):
        self._check.refuse(table, number, column, problem, remedy, offset)

    def _note(self, table, number, column, problem, remedy):
        self._check.note(table, number, column, problem, remedy)

    # permissions

    def _address(self, table, number, row):
        text, mask = row.get("ip_addr", ""), row.get("mask")
        if not 0 <= row.get("port", 0) <= 65535:
            self._refuse(table, number, "port", "is no port", "write 0 for any, or 1 to 65535")
        if row.get("grp", 1) < 1:
            self._refuse(table, number, "grp", "groups begin with 1", "write 1 for the trunks")
        address = parse_ip(text.partition("/")[0])
        if address is None:
            if not is_host_name(text):
                remedy = "write one such as 192.0.2.1, 2001\\:db8\\:\\:1, or a name"
                self._refuse(table, number, "ip_addr", f"{text} is no address", remedy)
            return
        network = parse_network(text, mask)
        if network is None:
            remedy = f"write 0 to {BITS[address[0]]}: {BITS[address[0]]} for one address"
            column = "ip_addr" if "/" in text else "mask"
            self._refuse(table, number, column, "is no prefix length of this address", remedy)
        elif network[2] == 0:
            problem = "is every address there is, and none of them would need a password"
            self._refuse(table, number, "mask", problem, "write the provider's own networks")
        elif row.get("grp", 1) == 1 and self._has_box(network):
            problem = "the box's own network is in it, so that telephones there need no password"
            remedy = "write the provider's addresses alone, or another grp"
            self._note(table, number, "ip_addr", problem, remedy)

    def _has_box(self, network):
        """Say whether the box's own address (mode = static) is in a network of several."""
        own = self._settings.network.address
        kind, bits, length = network
        if own is None or kind != 4 or length == BITS[kind]:
            return False
        return parse_ip(own[0])[1] >> (BITS[kind] - length) == bits

    def _trusted(self, table, number, row):
        source = row.get("src_ip", "")
        if source.lower() != "any" and parse_ip(source) is None:
            remedy = "write one such as 192.0.2.1, or any"
            self._refuse(table, number, "src_ip", f"{source} is no address", remedy)
        proto = row.get("proto", "any")
        if proto.lower() not in PROTOCOLS:
            remedy = "write one of " + ", ".join(PROTOCOLS)
            self._refuse(table, number, "proto", f"{proto} is no transport", remedy)
        for column in ("from_pattern", "ruri_pattern"):
            try:
                compile_pattern(row.get(column, ""))
            except PatternError as error:
                self._pattern(table, number, column, error)

    def _pattern(self, table, number, column, error):
        problem = f"{column} {error.problem}"
        self._refuse(table, number, column, problem, error.remedy, error.offset)

    # dialplan

    def _dialplan(self, table, number, row):
        try:
            Rule(
                row.get("pr", 0), row.get("match_op", 0), row.get("match_exp", ""),
                row.get("match_len", 0), row.get("subst_exp", ""), row.get("repl_exp", ""), "",
            )  # fmt: skip
        except RuleError as error:
            self._pattern(table, number, error.column, error)

    # dispatcher

    def _dispatcher(self, table, number, row):
        self._uri(table, number, "destination", row.get("destination", ""))
        if not 0 <= row.get("flags", 0) <= MAX_FLAGS:
            problem = f"flags {row.get('flags')} has bits that nobody knows"
            self._refuse(table, number, "flags", problem, "write 0, or 8 to have it probed")
        attrs, problem = parse_attrs(row.get("attrs", ""))
        if problem:
            remedy = "write them as weight=50;duid=one"
            self._refuse(table, number, "attrs", f"attrs {problem}", remedy)
        for name, low, high in (("weight", 1, 100), ("rweight", 1, 100), ("maxload", 0, 9999)):
            text = attrs.get(name)
            if text is None:
                continue
            if not only(text, DIGITS) or len(text) > 4 or not low <= int(text) <= high:
                remedy = f"write {low} to {high}"
                self._refuse(table, number, "attrs", f"{name}={text} is out of range", remedy)

    def _weights(self):
        """Weights of a set are per cent: Kamailio ignores what goes past 100."""
        sums = {}
        number = 0
        for row in self._tables["dispatcher"].rows if "dispatcher" in self._tables else ():
            weight = parse_attrs(row.get("attrs", ""))[0].get("weight", "")
            setid = row.get("setid", 0)
            before = sums.get(setid, 0)
            sums[setid] = before + (int(weight) if only(weight, DIGITS) else 0)
            if before <= 100 < sums[setid]:
                problem = f"the weights of set {setid} are {sums[setid]} together, more than 100"
                remedy = "let them be 100 per cent together"
                self._refuse("dispatcher", number, "attrs", problem, remedy)
            number += 1

    def _uri(self, table, number, column, text):
        """A SIP URI whose host can be reached: an address, or a name that is known."""
        host = host_of(text)
        if host is None:
            problem = f"{text or 'nothing'} is no SIP URI"
            remedy = "write it like sip\\:192.0.2.1, or sip\\:192.0.2.1\\:5070"
            self._refuse(table, number, column, problem, remedy)
        elif not is_ipv4(host) and not is_ipv6(host) and not self._is_known(host):
            problem = f"{host} is a name, and no name server is asked"
            remedy = "write its address, or dns = yes in [sip] of site.conf"
            self._refuse(table, number, column, problem, remedy)

    def _is_known(self, name):
        sip, trunk = self._settings.sip, self._settings.trunk
        return getattr(sip, "dns", False) or name == trunk.domain

    # uac

    def _uacreg(self, table, number, row):
        self._uri(table, number, "auth_proxy", row.get("auth_proxy", ""))
        ha1 = row.get("auth_ha1", "")
        has_ha1 = ha1 not in ("", ".")
        if has_ha1 and not (len(ha1) == 32 and only(ha1.lower(), HEX)):
            remedy = "write 32 hexadecimal digits, or leave it empty and write auth_password"
            self._refuse(table, number, "auth_ha1", "auth_ha1 is no MD5 hash", remedy)
        if not has_ha1 and row.get("auth_password", "") in ("", "."):
            problem = "there is neither auth_password nor auth_ha1"
            self._refuse(table, number, "auth_password", problem, "write the provider's password")
        if row.get("realm", "") in ("", "."):
            problem = "realm is empty, so only a challenge for r_domain is answered"
            remedy = "write the realm of the provider's challenges, as in its WWW-Authenticate"
            self._note(table, number, "realm", problem, remedy)
        if row.get("expires", SHORT_EXPIRES) < SHORT_EXPIRES:
            remedy = f"write {SHORT_EXPIRES} seconds or more, such as 600"
            self._refuse(table, number, "expires", "expires is too short", remedy)

    # group, userblocklist, domain

    def _member(self, table, number, row):
        self._extension(table, number, row)

    def _listed(self, table, number, row):
        self._extension(table, number, row)
        self._prefix(table, number, row)

    def _extension(self, table, number, row):
        name = row.get("username", "")
        subscribers = self._tables.get("subscriber")
        if subscribers is not None and subscribers.find(username=name) is None:
            remedy = "add it to subscriber, or delete the row"
            self._note(table, number, "username", f"{name} is no extension", remedy)

    def _prefix(self, table, number, row):
        prefix = row.get("prefix", "")
        if prefix and not only(prefix[1:] if prefix[0] == "+" else prefix, DIGITS):
            problem = f"the prefix {prefix} has more than digits, which are all that is compared"
            self._refuse(table, number, "prefix", problem, "write digits, such as 0900")
        if row.get("allowlist", 0) not in (0, 1):
            self._refuse(table, number, "allowlist", "allowlist is neither 0 nor 1",
                         "write 0 to block the prefix, 1 to allow it")  # fmt: skip

    def _attribute(self, table, number, row):
        kind, value = row.get("type", 2), row.get("value", "")
        if kind not in (0, 2):
            self._refuse(table, number, "type", f"type {kind} is unknown",
                         "write 0 for a number, 2 for text")  # fmt: skip
        elif kind == 0 and not only(value[1:] if value[:1] == "-" else value, DIGITS):
            remedy = "write digits, or type 2"
            self._refuse(table, number, "value", f"{value or 'nothing'} is no number", remedy)


def _place(table, column, value):
    """Return the number of the first row with that value, -1 for none."""
    number = 0
    for row in table.rows:
        if row.get(column) == value:
            return number
        number += 1
    return -1


def host_of(uri):
    """Return the host of a "sip:user@host:port;parameters" in lower case; None: no SIP URI."""
    scheme, colon, rest = uri.partition(":")
    if scheme.lower() not in ("sip", "sips") or not colon:
        return None
    place = rest.rpartition("@")[2]
    for mark in ";?":
        place = place.partition(mark)[0]
    if place[:1] == "[":
        host, closed, port = place[1:].partition("]")
        colon, port = port[:1], port[1:]
        good = closed and is_ipv6(host) and colon in ("", ":")
    else:
        host, colon, port = place.partition(":")
        good = is_ipv4(host) or is_host_name(host)
    if not good or (colon and (not only(port, DIGITS) or not 0 < int(port[:6]) < 65536)):
        return None
    return host.lower()
