"""Record-Route and loose routing: SER's rr module, RFC 3261 16.4, 16.6 step 4 and 6, 16.12."""

from app.proxy.flow import FORGED, GONE, PATH, asks_for_outbound
from app.proxy.names import sealed_text, writer_of
from app.proxy.rewrite import is_own, side_of
from app.proxy.seal import BACK, ON, PARAM
from app.proxy.target import hop, is_located, next_hop, peer_from
from app.sip.errors import ParseError
from app.sip.headers import parse_name_addr
from app.sip.transport import DEFAULT_PORTS
from app.sip.uri import parse_uri


class RecordRouteVerbs:
    """Needs: msg, edits, config, proxy, peer; ru, route_set, du, flow, flow_failed, within,
    names, record_routed. Sets sealed: loose_route() was true."""

    sealed = False

    def record_route(self):
        """Has the dialog that this request begins pass here: adds our Record-Route to it.

        Once a request; an ACK or CANCEL begins nothing and is left alone.
        `if not r.is_method("REGISTER"): r.record_route()`
        """
        self.record_routed = self.msg.method not in ("REGISTER", "ACK", "CANCEL")
        return True

    def force_send_socket(self, name):
        """Has the request leave from an address that we listen on, as `listen` names it, for
        next hops of that transport. -> bool: there is one.

        `r.force_send_socket("udp:192.0.2.10:5070")`
        """
        self.send_socket = self.config.interfaces.named(name)
        return self.send_socket is not None

    def add_path(self):
        """Has the registrar send what is for this telephone by way of us: RFC 3327, 5626 5.1.

        For a REGISTER that goes on to another registrar. -> bool: False, with `error` for
        sl_reply_error(), when the telephone does not say that it knows Path.
        `if not r.add_path(): return r.sl_reply_error()`
        """
        if "path" not in [tag.lower() for tag in self.msg.headers("supported")]:
            self.error = (421, "Extension Required", ("Require: path",))
            return False
        there = self._peer_of(self.targets[0])
        if there is None or not is_located(there):
            there = self.peer
        side = side_of(self.config, there)
        if len(self.msg.headers("via")) > 1:
            self.edits.push("Path", f"<sip:{side};lr>")
            return True
        outbound = ";ob" if asks_for_outbound(self.msg) else ""
        token = self.proxy.flows.token(PATH, self.peer)
        self.edits.push("Path", f"<sip:{token}@{side};lr{outbound}>")
        return True

    def loose_route(self):
        """-> bool: the request is of a dialog that passed here, and goes where that one does.

        Takes our own values from the front of the Route set (16.4), undoes what a strict
        router did to the Request-URI, and makes way for one behind us (16.6 step 6). True only
        with a To tag and a seal of ours for the very next hop (app/proxy/seal.py): a Route
        that a client made up, or wrote to name its outbound proxy, is taken off, but the
        request is judged as one without. True also where our Path, written by add_path(), names
        the flow of the telephone that it goes to. `if r.loose_route(): return within_dialog(r)`
        """
        self._strip_maddr()
        own = self._undo_strict_router()
        while self.route_set and is_own(self.route_set[0].uri, self.config):
            own.append(self.route_set.pop(0).uri)
            self.routes_changed = True
        opened = not self.route_set and self._follow_flow(own)
        if not opened and not (own and self.has_totag() and self._is_sealed(own)):
            self.flow = None
            return False
        self.du = None if self.flow_failed else self._from_its_side(self._next_hop(), own)
        self.sealed = True
        return True

    def forget_routes(self):
        """Takes the Routes that the caller has named off: the script says where it goes.

        `r.forget_routes()`
        """
        self.routes_changed = self.routes_changed or self.route_set != []
        self.route_set = []
        return True

    def _from_its_side(self, peer, own):
        """-> Peer: over UDP by the interface that the last Route of ours names, as for Kamailio
        with enable_double_rr: it is the one that a NAT on that side has seen."""
        if peer is None or peer.transport != "udp" or not own:
            return peer
        interfaces = self.config.interfaces
        found = interfaces.known_at(own[-1].host, own[-1].port or DEFAULT_PORTS["udp"], peer)
        if found is None or found is interfaces.for_peer(peer):
            return peer
        return peer_from(peer, found)

    def _follow_flow(self, own):
        """Finds the flow that a token in our Routes names (RFC 5626 5.3), and sets `flow`.

        -> bool: the token alone lets the request pass. A token that nobody has made is none;
        so is the one of the very flow that the request came on, which is on its way out.
        """
        for uri in own:
            found = self.proxy.flows.read(uri.user) if uri.user else FORGED
            if found == FORGED:
                continue
            if found == GONE:
                self.flow_failed = True
                return True
            kind, peer = found
            if peer != self.peer:
                self.flow = peer
                return kind == PATH
        return False

    def _strip_maddr(self):
        """16.4: a Request-URI that has been sent here by its maddr goes on without it."""
        uri = self.ru
        maddr = uri.params.get("maddr") if uri.is_sip else None
        port = uri.port or DEFAULT_PORTS.get(self.peer.transport)
        if maddr is None or maddr.lower() not in self.config.domains:
            return
        if port not in self.config.ports or is_own(uri, self.config):
            return
        uri = parse_uri(str(uri))
        uri.port = None
        for name in ("maddr", "transport"):
            uri.params.remove(name)
        self.set_ruri(uri)

    def _undo_strict_router(self):
        """16.4: a strict router put our Record-Route into the Request-URI; the real one is last.

        -> [Uri] of that Record-Route. Only a URI with our parameter is one: an extension's
        is no less ours, but a request for it.
        """
        uri = self.ru
        if not uri.is_sip or PARAM not in uri.params or not is_own(uri, self.config):
            return []
        if not self.route_set:
            return []
        self.set_ruri(self.route_set.pop().uri)
        self.routes_changed = True
        return [uri]

    def _next_hop(self):
        """-> Peer | None: the next Route, else the flow, else the Request-URI with its alias."""
        if self.flow is not None and not self.route_set:
            return self.flow
        uri = self.route_set[0].uri if self.route_set else self.ru
        return next_hop(uri, self.config)

    def _is_sealed(self, own):
        """-> bool: one of our Routes leads from the sender to where this goes; sets `within`,
        and `names`, which that Route has (names.py)."""
        if self.ft == self.tt:
            return False  # nobody is both parties
        towards = hop(self._next_hop())
        call = self.proxy.calls.get(self.ci)
        for uri in own:
            seal, more = uri.params.get(PARAM, ""), sealed_text(uri)
            for way, tag in ((ON, self.ft), (BACK, self.tt)):
                within = call if call is not None and call.made(seal, tag) else None
                earlier = within.earlier(self.tt, towards) if within is not None else []
                for place in [towards] + earlier:
                    if self.proxy.seals.holds(seal, way, self.ci, tag, place, more):
                        self.within = within
                        self.names = writer_of(self.proxy.seals, self.ci, tag, seal).read(way, uri)
                        return True
        return False


def parsed_routes(request):
    """-> [NameAddr] of the Route set; ParseError for one that is malformed."""
    return [parse_name_addr(value) for value in request.headers("route")]


def write_routes(edits, route_set, uri):
    """Puts a Route set that has changed into `edits`. -> str: the Request-URI to send.

    A next hop without ;lr is a strict router (16.6 step 6): it gets its own URI as
    Request-URI, and ours as the last Route.
    """
    edits.remove("route")
    values = [str(route) for route in route_set]
    if values and "lr" not in route_set[0].uri.params:
        values = values[1:] + [f"<{uri}>"]
        uri = str(route_set[0].uri)
    if values:
        edits.append("Route", ", ".join(values))
    return uri


def parsed_uri(text):
    """-> Uri | None."""
    try:
        return parse_uri(text)
    except ParseError:
        return None
