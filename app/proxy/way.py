"""How a REGISTER came, and so how requests for its contacts go: RFC 3327 (Path), RFC 5626 6.

Straight from a telephone: back to where it sends from, over the very connection if it has one.
By way of proxies that wrote Path: as these say.
"""

from app.proxy.flow import PARAM, asks_for_outbound
from app.proxy.target import next_hop, uri_for
from app.sip.errors import ParseError
from app.sip.grammar import is_digits
from app.sip.headers import parse_contact, parse_name_addr
from app.sip.hosts import parse_host
from app.sip.transport import is_reliable

MAX_PATH = 512  # characters of a Path that are kept
MAX_REG_ID = 2147483647  # RFC 5626 4.1
EXTENSIONS = ("path", "outbound")  # option tags that the registrar knows


class Way:
    """Of one REGISTER, a Request that came from `peer`.

    received: URI of the NAT binding that the script saw, or None. path: str as location's
    column has it, or None. natted: bool: the script saw that NAT. outbound: bool: contacts with
    a reg-id are flows (RFC 5626).
    flow: Peer.flow of a connection, else 0; socket: name of our interface, or None.
    """

    def __init__(self, message, peer, config, received):
        self._message = message
        self._peer = peer
        self._config = config
        self._paths = message.headers("path")
        self._supported = [tag.lower() for tag in message.headers("supported")]
        direct = len(message.headers("via")) == 1 and not self._paths
        self.path = ",".join(self._paths) or None
        self.outbound = asks_for_outbound(message) and (direct or self._edge_does_outbound())
        self.received, self.flow, self.socket = received, 0, None
        self.natted = received is not None
        if direct:
            interface = config.interfaces.for_peer(peer)
            self.socket = None if interface is None else interface.name
            if is_reliable(peer):
                self.received, self.flow = uri_for(peer), peer.flow

    def problem(self):
        """-> (code, reason, [line]) that the REGISTER is refused with, or None."""
        if self._paths and "path" not in self._supported:
            # RFC 3327 5.3; Kamailio's path_mode 2
            return 420, "Bad Extension", ["Unsupported: path", "Path: " + ", ".join(self._paths)]
        try:
            for value in self._paths:
                parse_name_addr(value)
        except ParseError:
            return 400, "Bad Request: malformed Path", []
        if len(self.path or "") > MAX_PATH:
            return 400, "Bad Request: Path too long", []
        return None if self.outbound else self._missing_outbound()

    def leads_elsewhere(self):
        """-> bool: what is for the contacts would go by a Path to somebody who has not sent this,
        such as a trunk, which nobody is to reach so. Behind problem()."""
        if not self._paths:
            return False
        first = next_hop(parse_name_addr(self._paths[0]).uri, self._config)
        return first is None or parse_host(first.host) != parse_host(self._peer.host)

    def _missing_outbound(self):
        """RFC 5626 6: an edge that cannot do what the telephone asks for."""
        if not asks_for_outbound(self._message) or len(self._message.headers("via")) == 1:
            return None
        for value in self._message.headers("contact"):
            if "reg-id" in parse_contact(value).params:
                return 439, "First Hop Lacks Outbound Support", []
        return None

    def _edge_does_outbound(self):
        """-> bool: the proxy next to the telephone, whose Path is the last, says so."""
        try:
            return bool(self._paths) and PARAM in parse_name_addr(self._paths[-1]).uri.params
        except ParseError:
            return False

    def reg_id(self, contact):
        """-> int: which of its instance's flows a Contact is; 0 for one that is no flow."""
        text = contact.params.get("reg-id", "")
        if not self.outbound or not contact.params.get("+sip.instance") or not is_digits(text):
            return 0
        return int(text) if len(text) <= 10 and int(text) <= MAX_REG_ID else 0

    def reply_lines(self, used, flow_timer):
        """-> [header line] for the 200. used: bool: the REGISTER made or kept a flow."""
        lines = []
        if self.path:
            lines.append(f"Path: {', '.join(self._paths)}")
        if used:
            lines.append("Require: outbound")
            if self.flow:
                lines.append(f"Flow-Timer: {flow_timer}")
        return lines


class Connected:
    """Which bindings end with which connection: at most the AORs that registered over it."""

    def __init__(self, location):
        self._location = location
        self._aors = {}  # Peer.flow -> {aor: True}

    def note(self, aor, flow):
        """Somebody has registered for `aor` over the connection `flow`."""
        if flow:
            self._aors.setdefault(flow, {})[aor] = True

    def lost(self, flow, now):
        """-> [[Binding]] by AOR of those that cannot be reached without that connection.

        Others are reached by their Contact from now on.
        """
        found = []
        for aor in sorted(self._aors.pop(flow, ())):
            bindings = self._location.bindings(aor, now)
            gone = [each for each in bindings if each.flow == flow and not each.lose_connection()]
            if gone:
                found.append(gone)
        return found
