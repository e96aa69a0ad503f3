"""Which of our addresses a peer is told in SDP, and which one its packets are received on."""

from collections import namedtuple

from app.media.errors import NoPorts
from app.sip.hosts import ANY, family_of, parse_host, parse_network
from app.sip.transport import Peer

# advertised: the address in SDP. bind: the local one, "0.0.0.0" or "::" for all of them.
Local = namedtuple("Local", ("advertised", "bind"))
EVERYBODY = {4: "0.0.0.0/0", 6: "::/0"}


def rules_of(interfaces, address=None):
    """-> rules for Addresses, of where SIP listens (app.sip.interfaces.Interfaces).

    Who is in a local network is told our own address there, everybody else the advertised one
    of the family. address: of the site, instead of the advertised one of its family.
    """
    rules = []
    for network in interfaces.local_nets:
        host = network.partition("/")[0]
        first = interfaces.of_family(family_of(host))
        if first is not None:
            told = interfaces.told(Peer(first.transport, host, 0, 0))
            rules.append((network, told[0]))
    for family in (4, 6):
        first = interfaces.of_family(family)
        if address and family_of(address) == family:
            rules.append((EVERYBODY[family], address))
        elif first is not None and family_of(first.advertised_host) == family:
            rules.append((EVERYBODY[family], first.advertised_host))
    return rules


class Addresses:
    """Rules (network, advertised[, bind]), the first whose network has the peer counts.

    Addresses([("192.168.1.0/24", "192.168.1.1"), ("0.0.0.0/0", "198.51.100.7")]): telephones
    in the house are told the inner address, everybody else the public one.
    Addresses("192.0.2.1") tells everybody the same.
    Raises ValueError for what is no network or address.
    """

    def __init__(self, rules):
        if isinstance(rules, str):
            rules = [(EVERYBODY.get(family_of(rules), "0.0.0.0/0"), rules)]
        self._rules = [_read_rule(rule) for rule in rules]
        if not self._rules:
            raise ValueError("no media address; give the address that telephones can reach")

    def for_peer(self, host, family):
        """-> Local for the peer at `host` (str | None when not known yet), of `family` (4, 6)."""
        found = parse_host(host) if host else None
        other = None
        for (network_family, network, ignored), local in self._rules:
            if family_of(local.advertised) != family:
                continue
            known = found and found[0] == network_family
            if known and found[1] >> ignored == network:
                return local
            if other is None or (not known and network == 0):
                other = local
        if other is None:
            raise NoPorts(f"no media address for IPv{family}; site.conf names none")
        return other

    def is_ours(self, host):
        """-> bool: one of the addresses that we advertise or bind."""
        found = parse_host(host)
        for _, local in self._rules:
            if found in (parse_host(local.advertised), parse_host(local.bind)):
                return True
        return False


def _read_rule(rule):
    network = parse_network(rule[0])
    advertised = rule[1]
    family = family_of(advertised)
    if not family:
        raise ValueError(f"'{advertised}' is no IP address; write one like 192.0.2.1")
    bind = rule[2] if len(rule) > 2 and rule[2] else ANY[family]
    if family_of(bind) != family:
        raise ValueError(f"'{bind}' cannot receive for {advertised}: both must be of one family")
    return network, Local(advertised, bind)
