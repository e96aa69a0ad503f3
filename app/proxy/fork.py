"""The response context of a forking proxy: RFC 3261 16.6 to 16.10.

One ResponseContext for each request that was relayed. Its branches are tried in groups of
equal q, the highest first; within a group all at once. What comes back is forwarded at once
(1xx, 2xx) or kept until the last branch is done, when the best goes on (16.7).
"""

from app.proxy.best import best
from app.sip import machines
from app.sip.build import response
from app.sip.edits import Edits
from app.sip.endpoint import LimitReached

WAITING = "waiting"  # for its group's turn
TRYING = "trying"  # sent
DONE = "done"  # has its final response

AUTHENTICATION = (("www-authenticate", "WWW-Authenticate"),
                  ("proxy-authenticate", "Proxy-Authenticate"))  # fmt: skip


class Branch:
    """One target: where it goes, what is sent there, and what came of it.

    status: of the final response, None before; reply: that Response, None when it is ours
    to make up (a time-out, an error). deadlines: entries of timer C and of no answer.
    """

    def __init__(self, target, peer, edits):
        self.target = target
        self.peer = peer
        self.edits = edits
        self.q = 1.0 if target.q is None else target.q
        self.state = WAITING
        self.source = peer  # of the last response
        self.client = None
        self.context = None
        self.status = None
        self.reply = None
        self.cancelled_for = None  # status that its 487 stands for
        self.timer_c = None
        self.no_answer = None

    # What core.py tells the user of a client transaction and of a deadline.

    def receive(self, message, peer, now):
        """A response that passed the checks, from `peer`."""
        if len(message.headers("via")) < 2:
            # cannot be passed on; a final one has ended its branch all the same
            if message.status >= 200:
                self.fail(500, now)
            return
        try:
            self.context.receive(self, message, peer, now)
        except Exception:
            if message.status >= 200:
                self.context.proxy.give_up(self.context, now)
            raise

    def fail(self, status, now):
        self.context.fail(self, status, now)

    def time_out(self, now):
        self.context.time_out(self, now)


class ResponseContext:
    """Of one server transaction (`server.user` is this context).

    request: the RoutingRequest; call: its Call, or None for what began none.
    """

    def __init__(self, proxy, request, branches, mark, call):
        self.proxy = proxy
        self.request = request
        self.server = request.server
        self.server.user = self
        self.mark = mark
        self.call = call
        self.branches = sorted(branches, key=lambda branch: -branch.q)
        self.is_invite = request.msg.method == "INVITE"
        self.cancelled = False  # by the caller, or because somebody answered or declined
        self.answered = False  # a final response has gone to the caller
        for branch in branches:
            branch.context = self

    # Sending

    def start(self, now):
        """Sends the first group, or the answer of a box that could send nothing."""
        self._next_group(now)
        self.request.msg.shrink()

    def _next_group(self, now):
        """Starts the waiting branches of the highest q, until one is out; else settles."""
        while not self.cancelled and not self._is_pending():
            waiting = [branch for branch in self.branches if branch.state == WAITING]
            if not waiting:
                break
            for branch in waiting:
                if branch.q == waiting[0].q:
                    self._send(branch, now)
        if not self._is_pending():
            self._settle(now)

    def _send(self, branch, now):
        endpoint = self.proxy.endpoint
        branch.state = TRYING
        try:
            branch.client = endpoint.request(branch.edits, branch.peer, now, suffix=self.mark)
        except LimitReached:
            self._finish(branch, 503, None)
            return
        branch.client.user = branch
        self.proxy.note(branch.client, self.request)
        branch.edits = None  # it is sent once
        if self.is_invite:
            config = self.proxy.config
            branch.no_answer = self._arm(branch, now + config.fr_inv_timer)
            branch.timer_c = self._arm(branch, now + config.timer_c)

    def _arm(self, branch, deadline):
        return self.proxy.deadlines.add(deadline, branch)

    def _disarm(self, branch):
        for entry in (branch.timer_c, branch.no_answer):
            if entry is not None:
                self.proxy.deadlines.cancel(entry)
        branch.timer_c = branch.no_answer = None

    # What comes back: 16.7

    def receive(self, branch, message, peer, now):
        """A response of a branch that passed the checks, from `peer`."""
        branch.source = peer
        if message.status < 200:
            self._provisional(branch, message, now)
        elif message.status < 300:
            self._success(branch, message, now)
        elif branch.state != DONE:
            self._finish(branch, branch.cancelled_for or message.status, message)
            if message.status >= 600:
                self.cancel(now)  # 16.7 step 5: nobody else is to be asked
            self._go_on(now)

    def fail(self, branch, status, now):
        """The branch has no final response: a time-out (408), an error of the transport (503)."""
        if branch.state == DONE:
            return
        if self.cancelled and status == 408:
            status = 487
        self._finish(branch, branch.cancelled_for or status, None)
        self._go_on(now)

    def time_out(self, branch, now):
        """Timer C or the no-answer timer: 16.8. The branch counts as a 408 from here."""
        if branch.state == DONE or branch.client is None:
            return
        self._disarm(branch)
        branch.cancelled_for = 408
        self.proxy.endpoint.cancel(branch.client, now)

    def cancel(self, now):
        """Gives up all branches (16.10): those that are out get a CANCEL, no other is started."""
        self.cancelled = True
        for branch in self.branches:
            if branch.state == TRYING and branch.client is not None:
                self.proxy.endpoint.cancel(branch.client, now)

    def is_open(self):
        """-> bool: the caller still waits for a final response."""
        return self.server.state in (machines.TRYING, machines.PROCEEDING)

    def abort(self, now):
        """Ends what a fault of ours cut short, or the caller would wait for ever."""
        self.answered = True
        for branch in self.branches:
            if branch.state != DONE:
                self._disarm(branch)
        self.cancel(now)
        self._answer(500, now)

    def _provisional(self, branch, message, now):
        if branch.state == DONE:
            return
        if branch.timer_c is not None and message.status > 100:
            self.proxy.deadlines.cancel(branch.timer_c)  # 16.7 step 2
            branch.timer_c = self._arm(branch, now + self.proxy.config.timer_c)
        if message.status > 100 and not self.answered:
            self._forward(branch, message, now)

    def _success(self, branch, message, now):
        """16.7 step 5: each 2xx of an INVITE goes on at once, also a second and a late one."""
        if branch.state != DONE:
            self._finish(branch, message.status, message)
        if self.answered and not self.is_invite:
            return
        first = not self.answered
        self.answered = True
        if first:
            self.cancel(now)  # step 10
            self.proxy.call_answered(self, now)
        self._forward(branch, message, now)

    def _finish(self, branch, status, reply):
        branch.state = DONE
        branch.status = status
        branch.reply = reply
        self._disarm(branch)

    def _is_pending(self):
        for branch in self.branches:
            if branch.state == TRYING:
                return True
        return False

    def _go_on(self, now):
        if not self._is_pending():
            self._next_group(now)

    # The answer to the caller

    def _settle(self, now):
        """Every branch is done: passes the best response on (16.7 steps 6 to 9)."""
        if self.answered:
            return
        self.answered = True
        done = [branch for branch in self.branches if branch.state == DONE]
        if not done:  # cancelled before anything was sent
            self._answer(487, now)
            return
        branch = done[best([each.status for each in done])]
        if branch.reply is None or branch.status != branch.reply.status or branch.status == 503:
            # 16.7 step 6: a 503 is about the next hop, and would make the caller leave us
            self._answer(500 if branch.status == 503 else branch.status, now)
            return
        self.proxy.call_failed(self, branch.status, branch.reply.reason)
        self._forward(branch, branch.reply, now)

    def _answer(self, status, now):
        reason = REASONS[status]
        self.proxy.call_failed(self, status, reason)
        tag = self.proxy.endpoint.to_tag(self.request.msg)
        data = response(self.request.msg, status, reason, to_tag=tag)
        self.proxy.endpoint.respond(self.server, data, now)
        self.proxy.account(self.request, status, reason, tag, self.request.ru, now)

    def _forward(self, branch, message, now):
        edits = Edits(message)
        edits.pop("via")  # step 3
        if message.status in (401, 407):
            self._add_challenges(branch, edits)
        self.proxy.run_reply(self, message, edits, branch.source, now)
        self.proxy.endpoint.respond(self.server, edits.to_bytes(), now)
        tag, uri = message.to.tag or "", branch.target.uri
        self.proxy.account(self.request, message.status, message.reason, tag, uri, now)

    def _add_challenges(self, branch, edits):
        """Step 7: the caller must be able to answer the challenges of all branches."""
        for other in self.branches:
            if other is branch or other.reply is None or other.status not in (401, 407):
                continue
            for name, printed in AUTHENTICATION:
                for value in other.reply.headers(name):
                    edits.append(printed, value)


REASONS = {408: "Request Timeout", 487: "Request Terminated", 500: "Server Internal Error"}

