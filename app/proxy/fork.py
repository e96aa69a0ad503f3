"""The response context of a forking proxy: RFC 3261 16.6 to 16.10.

One ResponseContext for each request that was relayed. Its branches are tried in groups of
equal q, the highest first; within a group all at once, as far as Max-Breadth reaches. What
comes back is forwarded at once (1xx, 2xx) or kept until the last branch is done, when the
failure route is asked for others, or the best response goes on (16.7).
"""

from app.proxy import breadth
from app.proxy.best import best
from app.proxy.branch import DONE, LOCATING, TRYING, WAITING
from app.proxy.failure import run_failure_route
from app.proxy.locate import NONE, WAIT
from app.proxy.reasons import ELSEWHERE, reason_line, reasons_of
from app.proxy.rewrite import routed
from app.proxy.upstream import REASONS, Upstream
from app.sip.endpoint import LimitReached

FLOW_FAILED = 430  # RFC 5626 11.1
UNREACHED = (408, FLOW_FAILED)


class ResponseContext:
    """Of one server transaction (`server.user` is this context).

    request: the RoutingRequest; mark: ends the branches of our Vias; breadth: the Max-Breadth
    that came in; call: its Call, or None for what began none. edits, target: of the request
    as it was first relayed, for the failure route.
    """

    def __init__(self, proxy, request, mark, call):
        self.proxy = proxy
        self.request = request
        self.server = request.server
        self.server.user = self
        self.mark = mark
        self.breadth = breadth.incoming(request.msg)
        self.call = call
        self.branches = []
        self.last_set = 0  # where the branches of the last t_relay begin
        self.edits = request.edits
        self.target = request.targets[0]
        self.is_invite = request.msg.method == "INVITE"
        self.cancelled = False  # by the caller: no branch is begun any more
        self.aborted = False  # by a fault of ours
        self.stopped = False  # somebody answered: none that waits is begun
        self.upstream = Upstream(self)

    @property
    def answered(self):
        """-> bool: a final response has gone to the caller."""
        return self.upstream.answered

    # Sending

    def start(self, branches, now):
        """Sends the first group, or the answer of a box that could send nothing."""
        self.add(branches)
        self.upstream.start(now)
        self._go_on(now)
        self.request.msg.shrink()

    def add(self, branches):
        """Further branches, which are sent when their turn comes."""
        for branch in branches:
            branch.context = self
        self.last_set = len(self.branches)
        self.branches.extend(sorted(branches, key=lambda branch: -branch.q))

    def _go_on(self, now):
        """Begins what waits, asks for more when nothing does, and settles at last."""
        while not self._of(TRYING) and not self._of(LOCATING):
            waiting = [] if self.cancelled or self.stopped else self._of(WAITING)
            if waiting:
                self._send_group([each for each in waiting if each.q == waiting[0].q], now)
            elif self.answered or not run_failure_route(self, now):
                self._settle(now)
                self._release()
                return

    def _send_group(self, group, now):
        """Those of equal q, at once; what Max-Breadth has no room for follows later."""
        parts = breadth.shares(self.breadth, len(group))
        for place in range(len(parts)):
            branch = group[place]
            branch.breadth = parts[place]
            branch.edits.set(breadth.HEADER, str(parts[place]))
            self._send(branch, now)

    def _send(self, branch, now):
        self._send_to(branch, branch.locate(now), now)

    def located(self, branch, destination, now):
        """The name of a branch has led somewhere, or nowhere."""
        if branch.state == LOCATING:
            self._send_to(branch, destination, now)
            if branch.state == DONE:
                self._done(branch, now)

    def _send_to(self, branch, destination, now):
        """destination: as of Branch.locate()."""
        if destination is WAIT:
            branch.state = LOCATING
            return
        if destination is NONE:
            branch.nowhere()
            return
        branch.state, branch.peer = TRYING, destination
        edits = routed(self.request, branch, destination)
        try:
            client = self.proxy.endpoint.request(
                edits, destination, now, self.mark, self.request.is_urgent()
            )
        except LimitReached:
            branch.finish(503, None)
            return
        branch.begin(client, now)
        self.proxy.note(client, self.request)

    def _try_next(self, branch, status, reply, now):
        """RFC 3263 4.3: a 503, an error, or silence. -> bool: another destination is tried."""
        if not branch.has_alternatives() or (not self.is_invite and self.upstream.is_late(now)):
            return False
        branch.leave(status, reply, [reason_line(status, REASONS.get(status, ""))], now)
        if self.is_invite and not self.answered:
            self.upstream.tell_ended(branch, now)
        self._send(branch, now)
        if branch.state == DONE:
            self._done(branch, now)
        return True

    def _of(self, state):
        return [branch for branch in self.branches if branch.state == state]

    # What comes back: 16.7

    def receive(self, branch, message, peer, now):
        """A response of a branch that passed the checks, from `peer`."""
        branch.source = peer
        if message.status < 200:
            self._provisional(branch, message, now)
        elif message.status < 300:
            self._success(branch, message, now)
        elif branch.state != DONE:
            if message.status == 503 and self._try_next(branch, 503, message, now):
                return
            branch.finish(branch.cancelled_for or message.status, message)
            if message.status == FLOW_FAILED:
                self.proxy.flow_failed(branch.target, now)
            if message.status >= 600:
                self._decline(message, now)
            self._done(branch, now)

    def fail(self, branch, status, now):
        """The branch has no final response: a time-out (408), an error of the transport (503)."""
        if branch.state == DONE:
            return
        branch.timed_out = branch.timed_out or status == 408
        if not branch.replied and self._try_next(branch, status, None, now):
            return
        if self.cancelled and status == 408:
            status = 487
        branch.finish(branch.cancelled_for or status, None)
        self._done(branch, now)

    def no_answer(self, branch, now):
        """Timer C, or one of the script's for the final response: 16.8."""
        if branch.state != TRYING or branch.client is None:
            return
        branch.timed_out = True
        if branch.replied and branch.cancelled_for is None and self.is_invite:
            branch.wait_for_487(408, now)
            branch.cancel([reason_line(408, "Request Timeout")], now)
            return
        if not branch.replied and self._try_next(branch, 408, None, now):
            return
        branch.cancel([reason_line(408, "Request Timeout")], now)  # goes out if it comes alive
        branch.finish(487 if self.cancelled else 408, None)
        self._done(branch, now)

    def cancel(self, message, now):
        """The caller's CANCEL (16.10): goes to all branches that are out, with its Reason."""
        self.cancelled = True
        self._cancel_all(reasons_of(message), now)
        self._go_on(now)  # what was being looked up has ended with it

    def _decline(self, message, now):
        """16.7 step 5, a 6xx: nobody else is to be asked."""
        self.branches = [branch for branch in self.branches if branch.state != WAITING]
        self._cancel_all([reason_line(message.status, message.reason)], now)

    def _cancel_all(self, reasons, now):
        for branch in self.branches:
            branch.cancel(reasons, now)

    def is_open(self):
        """-> bool: the caller still waits for a final response."""
        return self.upstream.is_open()

    def abort(self, now):
        """Ends what a fault of ours cut short, or the caller would wait for ever."""
        self.aborted = self.cancelled = True
        for branch in self.branches:
            branch.stop_timers()
        self._cancel_all((), now)
        self.upstream.answer(500, now)

    def reply(self, code, reason, lines, now):
        """The failure route answers in the stead of the branches."""
        self.upstream.answer(code, now, reason, lines)

    def _provisional(self, branch, message, now):
        if branch.state == DONE:
            return
        branch.heard(message, now)
        if message.status > 100 and not self.answered:
            self.upstream.forward(branch, message, now)

    def _success(self, branch, message, now):
        """16.7 step 5: each 2xx of an INVITE goes on at once, also a second and a late one."""
        if branch.state != DONE:
            branch.finish(message.status, message)
        if self.aborted or (self.answered and not self.is_invite):
            return
        if not self.stopped:
            self.stopped = True
            self._cancel_all([ELSEWHERE], now)  # step 10
        if not self.answered:
            self.proxy.call_answered(self, branch, message, now)
        self.upstream.forward(branch, message, now)
        if not self._of(TRYING) and not self._of(LOCATING):
            self._release()

    def late(self, branch, now):
        """A 2xx from a destination that its branch has left: the one that it tries is too many."""
        branch.cancel([ELSEWHERE], now)

    def _done(self, branch, now):
        self._try_other_flow(branch, now)
        self._go_on(now)
        if self.is_invite and not self.answered:
            self.upstream.tell_ended(branch, now)

    def _try_other_flow(self, branch, now):
        """RFC 5626 7: only that a flow has failed, or nobody was there, leads to the next one."""
        if self.answered or self.cancelled or self.stopped or branch.status not in UNREACHED:
            return
        other = self.request.other_flow(branch.target)
        if other is not None:
            branch.dropped = branch.superseded = True
            other.context = self
            other.breadth = branch.breadth
            other.edits.set(breadth.HEADER, str(branch.breadth))
            self.branches.append(other)
            self._send(other, now)

    def _release(self):
        """All is over but for copies of what has been sent: lets go of what took most memory.

        Transactions stay for half a minute; a 2xx of an INVITE may still come again, or late.
        """
        if not self.answered:
            return
        self.edits = self.request.edits = None
        self.request.msg.settle()
        for branch in self.branches:
            branch.reply = None
            if not self.is_invite and branch.client is not None:
                branch.client.user = None
        if not self.is_invite:
            self.server.user = None
            self.server.release()

    # The answer to the caller

    def chosen(self):
        """-> the Branch whose final response is the best (16.7 step 6), or None."""
        done = [branch for branch in self._of(DONE) if not branch.dropped]
        place = best([each.status for each in done])
        return None if place is None else done[place]

    def _settle(self, now):
        """Every branch is done: passes the best response on (16.7 steps 6 to 9)."""
        if self.answered:
            return
        branch = self.chosen()
        if branch is None:  # cancelled before anything was sent
            self.upstream.answer(487 if self.cancelled else 408, now)
        elif branch.status == FLOW_FAILED and branch.target.binding is not None:
            # RFC 5626 11.1: no endpoint is to see a 430
            self.upstream.answer(480, now)
        elif branch.reply is None or branch.status != branch.reply.status:
            self.upstream.answer(branch.status, now)
        elif branch.status == 503:
            # 16.7 step 6: a 503 is about the next hop, and would make the caller leave us
            self.upstream.answer(500, now)
        else:
            self.upstream.forward(branch, branch.reply, now)
