"""Verbs about addresses and telephones behind them: Kamailio's ipops, nathelper, core.

The Contact and Via of a message itself; next hops are in target.py, aliases in verbs_nat.py.
"""

from app.proxy.verbs_nat import is_private
from app.sip.hosts import family_of, parse_host, parse_network


class AddressVerbs:
    """Needs: msg, edits, peer; contact (see NatVerbs)."""

    def is_in_subnet(self, address, networks):
        """-> bool: the address is in one of the networks of a comma list.

        `if r.is_in_subnet(r.src_ip(), "192.0.2.0/24,2001:db8::/32"): ...`
        """
        found = parse_host(address)
        if found is None:
            return False
        for text in networks.split(","):
            family, number, ignored = parse_network(text.strip())
            if family == found[0] and found[1] >> ignored == number:
                return True
        return False

    def is_ip(self, text):
        """-> bool: an IP address, IPv6 with or without brackets. `if r.is_ip(r.rd): ...`"""
        return family_of(_bare(text)) != 0

    def is_ipv4(self, text):
        """-> bool: an IPv4 address. `if r.is_ipv4(r.rd): ...`"""
        return family_of(text) == 4

    def is_ipv6(self, text):
        """-> bool: an IPv6 address. `if r.is_ipv6(r.rd): ...`"""
        return family_of(_bare(text)) == 6

    def is_ip_rfc1918(self, text):
        """-> bool: a private address (RFC 1918; 6598 and local ones too).

        `if r.is_ip_rfc1918(r.src_ip()): ...`
        """
        return family_of(text) != 0 and is_private(text)

    def compare_ips(self, one, other):
        """-> bool: two addresses are the same, however they are written.

        `if r.compare_ips(r.src_ip(), r.rd): ...`
        """
        first = parse_host(_bare(one))
        return first is not None and first == parse_host(_bare(other))

    def fix_nated_contact(self):
        """Writes the source address into the Contact in the place of its host and port.

        -> bool: there was one to be changed. add_contact_alias keeps what the telephone wrote
        and is to be preferred: some do not know themselves by another address.
        `if r.nat_uac_test(1): r.fix_nated_contact()`
        """
        contact = self._contact()
        if contact is None or not contact.uri.is_sip:
            return False
        contact.uri.host, contact.uri.port = self.peer.host, self.peer.port
        self.edits.replace("contact", 0, str(contact))
        return True


class RportVerbs:
    """Needs: msg, edits, peer."""

    def force_rport(self):
        """Has the responses go to the port that the request came from, as if its Via had asked
        for it (RFC 3581). `if r.nat_uac_test(16): r.force_rport()`
        """
        via = self.msg.via
        if "rport" not in via.params:
            via.params.set("rport", str(self.peer.port))
            via.params.set("received", self.peer.host)
            self.msg.stamped = True
            self.edits.replace("via", 0, str(via))
        return True

    def add_local_rport(self):
        """Asks the next hop for RFC 3581: our Via always does. `r.add_local_rport()`"""
        return True


def _bare(text):
    return text[1:-1] if text[:1] == "[" and text[-1:] == "]" else text
