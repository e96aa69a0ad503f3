"""Verbs that send a request on: SER's tm, RFC 3261 16.5 and 16.6."""

from app.proxy import breadth
from app.proxy.branch import Branch
from app.proxy.fork import ResponseContext
from app.proxy.names import Writer
from app.proxy.rewrite import way_back
from app.proxy.seal import BACK, NO_MARK
from app.proxy.target import Target, is_all_secure, next_hop, peer_from, peer_of
from app.proxy.verbs_rr import write_routes
from app.sip.connections import FIRST_CONNECTION
from app.sip.endpoint import LimitReached
from app.sip.errors import ParseError
from app.sip.headers import parse_via
from app.sip.transport import TRANSPORTS
from app.sip.uri import parse_host_port, parse_uri

# RFC 5630 6.2: whoever asked for TLS all the way gets nothing less
SIPS_NOT_ALLOWED = 'Warning: 380 waferpbx "SIPS Not Allowed"'
LOOP_MARK = 12  # hex digits at the end of a branch: see _loop_mark


class TransactionVerbs:
    """Needs: msg, edits, config, proxy, peer, now; targets, consumed, contacts, route_set,
    routes_changed, du, record_routed, server, error, done; failure, on_branch, fr_inv, fr."""

    def t_newtran(self):
        """-> bool: this request has a transaction now; retransmissions are absorbed from here.

        `if not r.t_newtran(): return r.sl_reply_error()`
        """
        if self.server is None:
            if not self.proxy.has_room(self):
                self.error = self.busy()
                return False
            try:
                self.server = self.proxy.endpoint.accept(
                    self.msg, self.peer, self.now, self.is_urgent()
                )
                self.proxy.note(self.server, self)
            except LimitReached:
                self.error = self.busy()
                return False
            except ValueError:
                # RFC 3261 8.2.2.2: one of RFC 2543 that differs from its twin in To alone
                self.error = (482, "Loop Detected", ())
                return False
        return True

    def t_relay(self, host=None, port=None):
        """Sends the request to its targets, statefully. -> bool: False, and nothing is sent,
        when there is nowhere to send it; sl_reply_error() then says why.

        Targets of the highest q go first and at once, those of lower q when they have failed.
        With a host (an address, or the trunk's domain) all go there instead, over the
        transport that the request came by. An ACK goes on without a transaction. In a failure
        route it adds branches. `if not r.t_relay(): return r.sl_reply_error()`
        """
        if host is not None:
            return self._relay_over(self.peer.transport, host, port)
        if self.done:
            return True
        if self.failure is not None:
            return self._relay_again()
        if self.flow_failed:
            self.error = (430, "Flow Failed", ())
            return False
        mark = self._loop_mark()
        if self._is_looping(mark):
            self.error = (482, "Loop Detected", ())
            return False
        if breadth.incoming(self.msg) == 0:
            self.error = (440, "Max-Breadth Exceeded", ())
            return False
        if self.proxy.track(self) is False:
            self.error = self.busy()
            return False
        branches = self._branches(self.config.max_branches)
        if not branches:
            return False
        if self.msg.method == "ACK":
            self.done = True
            for branch in branches:
                self.proxy.forward(branch.edits, branch.peer, self.now)
            return True
        return self._relay_statefully(branches, mark)

    def _relay_statefully(self, branches, mark):
        if not self.t_newtran():
            return False
        self.done = True
        ResponseContext(self.proxy, self, mark, self.call).start(branches, self.now)
        return True

    def _relay_again(self):
        """Of a failure route: further branches of the transaction."""
        if self.failure.context.cancelled:
            self.error = (487, "Request Terminated", ())
            return False
        branches = self._branches(self.failure.room)
        if not branches:
            return False
        self.done = True
        self.failure.context.add(branches)
        return True

    def t_relay_to_udp(self, host=None, port=None):
        """t_relay over UDP, whatever the Request-URI asks for; to this host, if one is given.

        `if not r.t_relay_to_udp("198.51.100.1", 5060): return r.sl_reply_error()`
        """
        return self._relay_over("udp", host, port)

    def t_relay_to_tcp(self, host=None, port=None):
        """The same over TCP. `if not r.t_relay_to_tcp(): return r.sl_reply_error()`"""
        return self._relay_over("tcp", host, port)

    def t_relay_to_tls(self, host=None, port=None):
        """The same over TLS.

        `if not r.t_relay_to_tls("198.51.100.1", 5061): return r.sl_reply_error()`
        """
        return self._relay_over("tls", host, port)

    def t_relay_to(self, proxy):
        """t_relay to "transport:host:port", the transport and the port may be left out.

        `if not r.t_relay_to("udp:198.51.100.1:5060"): return r.sl_reply_error()`
        """
        transport, colon, rest = proxy.partition(":")
        if not colon or transport not in TRANSPORTS:
            transport, rest = self.peer.transport, proxy
        try:
            host, port = parse_host_port(rest)
        except ParseError:
            return self._nowhere()
        return self._relay_over(transport, host, port)

    def forward(self):
        """t_relay: this box sends nothing on without a transaction, for the responses to it
        would be stray ones (RFC 6026 7.3). `if not r.forward(): return r.sl_reply_error()`
        """
        return self.t_relay()

    def _relay_over(self, transport, host, port):
        uri = self.ru
        if host is None and not uri.is_sip:
            return self._nowhere()
        host = uri.params.get("maddr") or uri.host if host is None else host
        port = uri.port if port is None and host == uri.host else port
        peer = peer_of(host, None if port is None else int(port), self.config, transport)
        if peer is None:
            return self._nowhere()
        self.du = peer
        return self.t_relay()

    def _nowhere(self):
        self.error = (478, "Unresolvable destination", ())
        return False

    def append_branch(self, uri=None, q=None):
        """Adds a target: this URI, or the Request-URI as it stands, which may then be changed
        for another one. `q`, 0 to 1, as in lookup. -> bool: the URI is one.

        `r.setuser("voicemail"); r.append_branch()`
        """
        if uri is None:
            target = self.targets[0]
            self._targets.append(target.moved(target.uri, _quality(q, target.q)))
            self.consumed = True
            return True
        try:
            parsed = parse_uri(str(uri))
        except ParseError:
            return False
        self._targets.append(Target(parsed, _quality(q, None), None))
        return True

    def clear_branches(self):
        """Forgets all targets but the Request-URI. `r.clear_branches()`"""
        self.targets = self.targets[:1]
        return True

    def t_load_contacts(self):
        """Puts the targets aside, by q, for t_next_contacts to take group by group.

        Not needed for serial forking: t_relay tries the groups one after the other by itself.
        This is for a script that does something between them.
        `r.t_load_contacts(); r.t_next_contacts()`
        """
        found = self._to_send()
        self.contacts = sorted(found, key=lambda each: -1.0 if each.q is None else -each.q)
        return True

    def t_next_contacts(self):
        """-> bool: there is a group of equal q left; its contacts are the targets now.

        `if r.t_next_contacts(): r.t_on_failure("next_group"); r.t_relay()`
        """
        if not self.contacts:
            return False
        q = self.contacts[0].q
        self.targets = [each for each in self.contacts if each.q == q]
        self.contacts = [each for each in self.contacts if each.q != q]
        return True

    def busy(self):
        """-> the error of a box that is full (RFC 3261 21.5.4)."""
        return 503, "Service Unavailable", (f"Retry-After: {self.config.retry_after}",)

    def _to_send(self):
        """-> [Target]: the Request-URI, unless it has been sent before, and the others."""
        return self.targets[1:] if self.consumed else self.targets

    def _branches(self, room):
        """-> [Branch], at most `room`, of the targets that can be reached; none sets `error`."""
        common = self.edits.copy()
        found = []
        self.error = (478, "Unresolvable destination", ())
        for target in self._to_send()[:room]:
            branch = self._branch(target, common)
            if branch is not None:
                found.append(branch)
        return found

    def _branch(self, target, common):
        """-> Branch | None, behind the branch route, which sees this target alone."""
        if self.on_branch is None:
            return self._new_branch(target, common)
        kept = (self.edits, self._targets, self._du, self.consumed, self.fr_inv, self.fr)
        bflags, names = self.bflags, self.names
        self.edits, self._targets = common.copy(), [target]
        self.in_branch, self.dropped = True, False
        try:
            self.on_branch(self)
            return None if self.dropped else self._new_branch(self.targets[0], self.edits)
        finally:
            self.in_branch, self.bflags, self.names = False, bflags, names
            self.edits, self._targets, self._du, self.consumed, self.fr_inv, self.fr = kept

    def _new_branch(self, target, common):
        peer = self._peer_of(target)
        if peer is None:
            return None
        if self.msg.uri[:5].lower() == "sips:" and not is_all_secure(target, peer):
            self.error = (480, "Temporarily Unavailable", (SIPS_NOT_ALLOWED,))
            return None
        if self.config.is_self_peer(peer):
            # what is ours has been looked up: it would only come back
            self.error = (482, "Loop Detected", ())
            return None
        edits = self._edits_for(common, target)
        branch = Branch(target, peer, edits, self.fr_inv, self.fr, self.bflags)
        branch.seal, branch.more = self._seal()
        branch.names = self.names
        return branch

    def other_flow(self, target):
        """-> Branch | None: another way to the telephone of a Target whose own way has failed."""
        flows, target.flows = target.flows, []
        while flows:
            other = flows.pop(0)
            known = self.proxy.location.bindings(other.binding.aor, self.now)
            if other.binding not in known:
                continue  # it has broken as well
            other.flows = flows
            self.msg.restore()
            branch = self._branch(other, self.edits.copy())
            self.msg.shrink()
            if branch is not None:
                return branch
        return None

    def _peer_of(self, target):
        """-> Peer | None, by the interface that the script wants, if it wants one."""
        peer, socket = self._way_of(target), self.send_socket
        if peer is None or socket is None or peer.transport != socket.transport:
            return peer
        return peer if peer.flow >= FIRST_CONNECTION else peer_from(peer, socket)

    def _way_of(self, target):
        """-> Peer | None: RFC 3261 16.6 step 7, with SER's $du and received before it."""
        if self.du is not None:
            return self.du
        if self.route_set:
            return next_hop(self.route_set[0].uri, self.config)
        return target.peer(self.config)

    def _seal(self):
        """-> (seal of our Record-Route for the way to the caller, parameters behind it)."""
        if not self.record_routed:
            return None, ""
        call = self.call or self.within
        mark = NO_MARK if call is None else call.mark
        more = ""
        if self.names is not None:
            more = Writer(self.proxy.seals, self.ci, self.ft, mark).for_receiver(
                self.names, self.msg
            )
        target = way_back(self)
        return self.proxy.seals.make(BACK, self.ci, self.ft, target, mark, more), more

    def _edits_for(self, common, target):
        edits = common.copy()
        if self.names is not None:
            self.names.apply(edits, self.msg)
        uri = str(target.uri)
        routes = target.path + self.route_set  # RFC 3327 5.3: the Path is a preloaded Route set
        strict = routes and "lr" not in routes[0].uri.params
        if self.routes_changed or target.path or strict:
            uri = write_routes(edits, routes, uri)
        if uri != self.msg.uri:
            edits.set_uri(uri)
        return edits

    def _loop_mark(self):
        """-> the end of the branches that we send: RFC 3261 16.6 step 8, RFC 5393 4.2.1.

        A hash of what decides where a request goes: when a request comes back with all of
        it unchanged, it is going round.
        """
        marks = [self.msg.uri, self.ci, self.ft, self.tt, str(self.msg.cseq.number)]
        for name in ("route", "proxy-require", "proxy-authorization"):
            marks.extend(self.msg.headers(name))
        return self.proxy.hashes.sha256("\n".join(marks).encode())[:LOOP_MARK]

    def _is_ours(self, via):
        try:
            return self.proxy.endpoint.interfaces.is_own(parse_via(via).sent_by)
        except ParseError:
            return False

    def _is_looping(self, mark):
        for value in self.msg.headers("via"):
            if mark in value and self._is_ours(value):
                return True
        return False


def _quality(q, otherwise):
    return otherwise if q is None else float(q)
