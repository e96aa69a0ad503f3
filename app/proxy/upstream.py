"""What a response context sends back to the caller: RFC 3261 16.7 steps 3, 7 to 9.

With RFC 4320, which has late answers to other methods than INVITE stay away, and RFC 6228,
which tells the caller of an early dialog that has ended while others go on.
"""

from app.proxy.reasons import reason_line
from app.sip import machines
from app.sip.build import response
from app.sip.edits import Edits
from app.sip.timers import T1
from app.sip.transport import is_reliable

AUTHENTICATION = (("www-authenticate", "WWW-Authenticate"),
                  ("proxy-authenticate", "Proxy-Authenticate"))  # fmt: skip
REASONS = {
    408: "Request Timeout", 430: "Flow Failed", 478: "Unresolvable destination",
    480: "Temporarily Unavailable", 482: "Loop Detected", 487: "Request Terminated",
    500: "Server Internal Error",
    503: "Service Unavailable", 504: "Server Time-out",
}  # fmt: skip
# RFC 4320 4.1: when the caller's timer E has grown to T2, a 100 quiets it.
TRYING_AFTER = T1 + 2 * T1 + 4 * T1
GIVEN_UP_AFTER = 64 * T1  # the caller's timer F


class Upstream:
    """The server side of a ResponseContext. answered: a final response has gone out, or the
    request has been left without one."""

    def __init__(self, context):
        self.context = context
        self.proxy = context.proxy
        self.request = context.request
        self.server = context.server
        self.answered = False
        self.takes_199 = False
        self._started = None
        self._trying = None  # deadline of the 100

    def start(self, now):
        self._started = now
        msg = self.request.msg
        required, supported = msg.headers("require"), msg.headers("supported")
        self.takes_199 = "199" in supported + required and "100rel" not in required
        if not self.context.is_invite:  # an INVITE has had its 100
            self._trying = self.proxy.deadlines.add(now + TRYING_AFTER, self)

    def time_out(self, now):
        """RFC 4320 4.1: a request that takes so long is answered with 100."""
        self._trying = None
        if self.server.state == machines.TRYING:
            self._send(response(self.request.msg, 100, "Trying"), now)

    def is_open(self):
        """-> bool: the caller still waits for a final response."""
        return self.server.state in (machines.TRYING, machines.PROCEEDING)

    def answer(self, status, now, reason=None, lines=()):
        """A response of our own in the stead of what did not come."""
        tag = self.proxy.endpoint.to_tag(self.request.msg)
        if status < 200:
            self._send(response(self.request.msg, status, reason, tag, lines), now)
            return
        if status == 503 and reason is None:
            status = 500  # 16.7 step 6: a 503 is about the next hop, not about us
        if not self.context.is_invite and status == 408:
            if self.is_late(now):
                self._abandon(now)
                return
            status = 504  # RFC 4320 4.2 forbids the 408 alone
        reason = reason or REASONS.get(status, "Unknown")
        self._end()
        if status >= 300:
            self.proxy.call_failed(self.context, status, reason)
        self._send(response(self.request.msg, status, reason, tag, lines), now)
        self.proxy.account(self.request, status, reason, tag, self.context.target.uri, now)

    def forward(self, branch, message, now):
        """Passes a response on, once the script has seen it."""
        if message.status >= 200:
            if not self._admit(branch, message, now):
                return
        edits = Edits(message)
        edits.pop("via")  # step 3
        if message.status in (401, 407):
            self._add_challenges(branch, edits)
        edits = self.proxy.run_reply(self.context, message, edits, branch, now)
        if edits is None:
            return
        if is_reliable(self.server.peer):
            edits.set_length()
        if self._is_too_late_for_its_transaction(message):
            # 16.7 step 5 all the same: the callee wants its ACK, and then a BYE
            self.proxy.endpoint.forward(edits.to_bytes(), self.server.peer)
        else:
            self._send(edits.to_bytes(), now)
        tag, uri = message.to.tag or "", branch.target.uri
        self.proxy.account(self.request, message.status, message.reason, tag, uri, now)

    def _admit(self, branch, message, now):
        """A final response. -> bool: it is to be sent."""
        if self.context.is_invite:
            if message.status >= 300:
                self.proxy.call_failed(self.context, branch.status, message.reason)
        elif message.status == 408:
            self.answer(408, now)
            return False
        elif self.is_late(now):
            self._abandon(now)
            return False
        self._end()
        return True

    def _is_too_late_for_its_transaction(self, message):
        over = (machines.COMPLETED, machines.CONFIRMED)
        return self.context.is_invite and message.status // 100 == 2 and self.server.state in over

    def is_late(self, now):
        """-> bool: a caller of another method than INVITE waits no longer."""
        return now >= self._started + GIVEN_UP_AFTER

    def _abandon(self, now):
        """RFC 4320 4.2: the caller has given up by itself; more would only be stray."""
        self._end()
        self.proxy.modules.limits.replied(self.request, 408, "", now)
        self.proxy.endpoint.abandon(self.server, now)

    def _end(self):
        self.answered = True
        if self._trying is not None:
            self.proxy.deadlines.cancel(self._trying)
            self._trying = None

    def _send(self, data, now):
        self.proxy.endpoint.respond(self.server, data, now)

    def _add_challenges(self, branch, edits):
        """Step 7: the caller must be able to answer the challenges of all branches."""
        for other in self.context.branches:
            if other is branch or other.reply is None or other.status not in (401, 407):
                continue
            for name, printed in AUTHENTICATION:
                for value in other.reply.headers(name):
                    edits.append(printed, value)

    def tell_ended(self, branch, now):
        """RFC 6228 6: early dialogs of a branch that has ended, while others go on.

        A proxy sends its 199 unreliably, so not to a caller that requires 100rel.
        """
        early, branch.early = branch.early, []
        if not early or not self.takes_199 or self.answered:
            return
        why = reason_line(branch.status, "" if branch.reply is None else branch.reply.reason)
        for tag in early:
            data = response(
                self.request.msg, 199, "Early Dialog Terminated", to_tag=tag, headers=[why]
            )
            self._send(data, now)
