"""Verbs that send a request on: SER's tm, RFC 3261 16.5 and 16.6."""

from app.proxy.fork import Branch, ResponseContext
from app.proxy.rewrite import own_routes, way_back
from app.proxy.seal import BACK, NO_MARK
from app.proxy.target import is_located, next_hop, received_peer
from app.proxy.verbs_rr import write_routes
from app.sip.endpoint import LimitReached
from app.sip.errors import ParseError
from app.sip.headers import parse_via

LOOP_MARK = 12  # hex digits at the end of a branch: see _loop_mark


class TransactionVerbs:
    """Needs: msg, edits, config, proxy, peer, now; targets, route_set, routes_changed, du,
    record_routed, server, error, done."""

    def t_newtran(self):
        """-> bool: this request has a transaction now; retransmissions are absorbed from here.

        `if not r.t_newtran(): return r.sl_reply_error()`
        """
        if self.server is None:
            if not self.proxy.has_room(self):
                self.error = self.busy()
                return False
            try:
                self.server = self.proxy.endpoint.accept(self.msg, self.peer, self.now)
                self.proxy.note(self.server, self)
            except LimitReached:
                self.error = self.busy()
                return False
            except ValueError:
                # RFC 3261 8.2.2.2: one of RFC 2543 that differs from its twin in To alone
                self.error = (482, "Loop Detected", ())
                return False
        return True

    def t_relay(self):
        """Sends the request to its targets, statefully. -> bool: False, and nothing is sent,
        when there is nowhere to send it; sl_reply_error() then says why.

        Targets of the highest q go first and at once, those of lower q when they have failed.
        An ACK goes on without a transaction. `if not r.t_relay(): return r.sl_reply_error()`
        """
        if self.done:
            return True
        mark = self._loop_mark()
        if self._is_looping(mark):
            self.error = (482, "Loop Detected", ())
            return False
        if self.proxy.track(self) is False:
            self.error = self.busy()
            return False
        branches = self._branches()
        if not branches:
            return False
        if self.msg.method == "ACK":
            self.done = True
            for branch in branches:
                self.proxy.endpoint.forward(branch.edits, branch.peer, self.now)
            return True
        return self._relay_statefully(branches, mark)

    def _relay_statefully(self, branches, mark):
        if not self.t_newtran():
            return False
        self.done = True
        context = ResponseContext(self.proxy, self, branches, mark, self.call)
        context.start(self.now)
        return True

    def busy(self):
        """-> the error of a box that is full (RFC 3261 21.5.4)."""
        return 503, "Service Unavailable", (f"Retry-After: {self.config.retry_after}",)

    def _branches(self):
        """-> [Branch] of the targets that can be reached; none sets `error`."""
        edits = self._common_edits()
        found = []
        self.error = (478, "Unresolvable destination", ())
        for target in self.targets[: self.config.max_branches]:
            peer = self._peer_of(target)
            if peer is None or not is_located(peer):
                continue
            if self.config.is_self_peer(peer):
                # what is ours has been looked up: it would only come back
                self.error = (482, "Loop Detected", ())
                continue
            found.append(Branch(target, peer, self._edits_for(edits, target, peer)))
        return found

    def _peer_of(self, target):
        """-> Peer | None: RFC 3261 16.6 step 7, with SER's $du and received before it."""
        if self.du is not None:
            return self.du
        if self.route_set:
            return next_hop(self.route_set[0].uri, self.config)
        if target.received:
            return received_peer(target.received, self.config)
        return next_hop(target.uri, self.config, use_alias=False)

    def _common_edits(self):
        """What all branches share, and the seal of our Record-Route for the way to the caller."""
        edits = self.edits.copy()
        if self.record_routed:
            target = way_back(self)
            call = self.call or self.within
            mark = NO_MARK if call is None else call.mark
            self.seal = self.proxy.seals.make(BACK, self.ci, self.ft, target, mark)
        return edits

    def _edits_for(self, common, target, peer):
        edits = common.copy()
        if self.seal is not None:
            routes = own_routes(self.config, self.seal, self.peer, peer, target.uri.scheme)
            for route in reversed(routes):
                edits.push("Record-Route", route)
        uri = str(target.uri)
        strict = self.route_set and "lr" not in self.route_set[0].uri.params
        if self.routes_changed or strict:
            uri = write_routes(edits, self.route_set, uri)
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
