"""Verbs for telephones behind NAT: nathelper, and the alias of Kamailio's NAT handling.

Behind a NAT a telephone's Contact names an address that means nothing here. The address
that its packets come from does: the registrar keeps it as `received`, and in dialogs the
Contact is passed on with `;alias=address~port~1`, which comes back in the Request-URI.
"""

from app.proxy.config import is_address
from app.proxy.flow import PARAM, WITHIN
from app.proxy.target import alias_for, alias_of, hop, next_hop, uri_for
from app.sip.errors import ParseError
from app.sip.headers import parse_contact
from app.sip.hosts import parse_host
from app.sip.sdp import Sdp, sdp_body
from app.sip.transport import same_place

# Flags of nat_uac_test.
CONTACT_PRIVATE = 1
VIA_DIFFERS = 2
VIA_PRIVATE = 4
SDP_PRIVATE = 8
PORT_DIFFERS = 16
SOURCE_PRIVATE = 32
WEBSOCKET = 64
CONTACT_DIFFERS = 128  # the port only, as in Kamailio
SDP_DIFFERS = 256
CONTACT_ELSEWHERE = 512  # ours

UNREAD = object()  # a Contact that nobody has asked for


class NatVerbs:
    """Needs: msg, edits, peer, config; du, received; contact (see _contact)."""

    def nat_uac_test(self, flags):
        """-> bool: any of the tests whose flags are added up says the sender is behind a NAT.

        1 Contact has a private address (RFC 1918, 6598) or one that nobody has (.invalid, as
        WebSocket clients write by RFC 7118); 2 Via and source address differ; 4 Via has a
        private address; 8 SDP has; 16 Via and source port differ; 32 the source address is
        private; 64 it came over WebSocket; 128 Contact and source port differ; 256 SDP and
        source address differ. 512, which Kamailio has not: one of the Contacts is no address, or
        another one than the source's. `if r.nat_uac_test(19): ...`
        """
        return (
            bool(flags & CONTACT_PRIVATE and self._contact_is_private())
            or bool(flags & VIA_DIFFERS and self.msg.via.host != self.peer.host)
            or bool(flags & VIA_PRIVATE and is_private(self.msg.via.host))
            or bool(flags & SDP_PRIVATE and self._sdp_has(is_private))
            or bool(flags & PORT_DIFFERS and (self.msg.via.port or 5060) != self.peer.port)
            or bool(flags & SOURCE_PRIVATE and is_private(self.peer.host))
            or bool(flags & WEBSOCKET and self.peer.transport in ("ws", "wss"))
            or bool(flags & CONTACT_DIFFERS and self._contact_port_differs())
            or bool(flags & SDP_DIFFERS and self._sdp_has(self._is_elsewhere))
            or bool(flags & CONTACT_ELSEWHERE and self._contacts_lead_elsewhere())
        )

    def fix_nated_register(self):
        """Has save() keep the source address of this REGISTER as the contact's `received`.

        `if r.nat_uac_test(19): r.fix_nated_register()`
        """
        self.received = uri_for(self.peer)
        return True

    def add_contact_alias(self):
        """Adds ;alias with the source address to the Contact, unless it says the same already.

        -> bool: it was added. Both ways: to requests, and to replies in onreply_route. With
        Outbound (RFC 5626) our Record-Route names the way, and the Contact stays as it is.
        `if r.nat_uac_test(19): r.add_contact_alias()`
        """
        contact = self._contact()
        if contact is None or not contact.uri.is_sip or self.is_outbound():
            return False
        here = next_hop(contact.uri, self.config, use_alias=False)
        if here is not None and same_place(here, self.peer):
            return False
        contact.uri.params.set("alias", alias_for(self.peer))
        self.edits.replace("contact", 0, str(contact))
        return True

    def handle_ruri_alias(self):
        """Takes the alias out of the Request-URI and sends the request to where it points.

        -> bool: there was one. Only behind a loose_route() that was true: it has verified
        that we wrote the alias. With a further Route it has verified that one instead, and
        an alias that leads elsewhere is left alone. `r.handle_ruri_alias()`
        """
        uri = self.ru
        peer = alias_of(uri, self.config) if uri.is_sip and "alias" in uri.params else None
        known = peer is not None and self.du is not None and same_place(peer, self.du)
        if peer is None or (self.route_set and not known):
            return False
        uri.params.remove("alias")
        du = self.du if known else peer
        self.set_ruri(uri)
        self.du = du
        return True

    def is_outbound(self):
        """-> bool: the sender is next to us, and to be reached by the flow that this came on.

        Its Contact has ;ob (RFC 5626 4.3). `if r.is_outbound(): ...`
        """
        contact = self._contact()
        if contact is None or not contact.uri.is_sip or PARAM not in contact.uri.params:
            return False
        return self.is_first_hop()

    def flow_token(self):
        """-> str: the user part of our Record-Route that leads back to the sender, or ""."""
        return self.proxy.flows.token(WITHIN, self.peer) if self.is_outbound() else ""

    def contact_hop(self):
        """-> hop that the first Contact leads to as it is sent on; "" when it leads nowhere."""
        if self.is_outbound():
            return hop(self.peer)
        contact = self._contact()
        return "" if contact is None else hop(next_hop(contact.uri, self.config))

    def _contact(self):
        """-> Contact | None: the first one, with the alias that it has got; read once."""
        if self.contact is UNREAD:
            self.contact = self._read_contact()
        return self.contact

    def _read_contact(self):
        try:
            text = self.msg.header("contact")
            contact = parse_contact(text) if text else None
        except ParseError:
            return None
        return None if contact is None or contact.star else contact

    def _contacts_lead_elsewhere(self):
        here = parse_host(self.peer.host)
        try:
            contacts = [parse_contact(value) for value in self.msg.headers("contact")]
        except ParseError:
            return True
        for contact in contacts:
            if contact.star or not contact.uri.is_sip:
                continue
            if parse_host(contact.uri.params.get("maddr") or contact.uri.host) != here:
                return True
        return False

    def _contact_is_private(self):
        contact = self._contact()
        return contact is not None and contact.uri.is_sip and is_private(contact.uri.host)

    def _contact_port_differs(self):
        contact = self._contact()
        if contact is None or not contact.uri.is_sip:
            return False
        return (contact.uri.port or 5060) != self.peer.port

    def _is_elsewhere(self, address):
        return address != self.peer.host

    def _sdp_has(self, test):
        try:
            span = sdp_body(self.msg)
            addresses = Sdp(self.msg.body[span[0] : span[1]]).connections() if span else ()
        except ParseError:
            return False
        for address in addresses:
            if test(address):
                return True
        return False


def is_private(host):
    """-> bool: an IPv4 address of RFC 1918, RFC 6598 or the loopback, or an IPv6 local one.

    And a name below .invalid (RFC 2606 2), which leads nowhere from anywhere.
    """
    host = host.lower()
    if host.endswith(".invalid"):
        return True
    if ":" in host:
        return host == "::1" or host[:2] in ("fc", "fd") or host[:4] == "fe80"
    if not is_address(host):
        return False
    first, second = [int(piece) for piece in host.split(".")[:2]]
    return (
        first in (10, 127)
        or (first == 172 and 16 <= second < 32)
        or (first == 192 and second == 168)
        or (first == 100 and 64 <= second < 128)
    )
