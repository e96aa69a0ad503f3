"""Verbs of failure, branch and reply routes: the second half of SER's tm."""

from app.proxy.matching import search
from app.proxy.script import route_named


class FailureVerbs:
    """Needs: proxy, script, failure, server; on_failure, on_branch, on_reply, fr_inv, fr."""

    def t_on_failure(self, route):
        """Has the function `route` of the script run when every branch has failed.

        It gets the request as it was when it was relayed, before anything is sent back, and may
        try others (`append_branch`, `t_relay`), answer (`t_reply`), or do nothing: then the
        best response goes on. It counts for one failure; set it again there if need be. ""
        takes it back. `r.t_on_failure("trunk_failure")`
        """
        self.on_failure = route_named(self.script, route)
        return True

    def t_on_branch(self, route):
        """Has the function `route` run for each branch before it is sent, to change that
        branch alone: its `ru`, `du` and headers. `drop()` there leaves the branch out.

        `r.t_on_branch("mark_branch")`
        """
        self.on_branch = route_named(self.script, route)
        return True

    def t_on_reply(self, route):
        """Has the function `route` run on each response to this request that is passed on,
        behind onreply_route. `r.t_on_reply("from_trunk")`
        """
        self.on_reply = route_named(self.script, route)
        return True

    def t_check_status(self, pattern):
        """-> bool: the status of the response at hand matches a pattern (app/rules/pattern.py).

        In a failure route that is the best one, of which 408 also stands for no answer.
        `if r.t_check_status("486|408"): ...`
        """
        status = self.t_get_status_code()
        return status > 0 and search(pattern, str(status)) is not None

    def t_get_status_code(self):
        """-> int: the status that t_check_status looks at; -1 where there is none.

        `if r.t_get_status_code() >= 500: ...`
        """
        return -1 if self.failure is None else self.failure.branch.status

    def t_branch_timeout(self):
        """-> bool: the branch of the best response did not answer in time.

        `if r.t_branch_timeout(): ...`
        """
        return self.failure is not None and self.failure.branch.timed_out

    def t_branch_replied(self):
        """-> bool: that branch had sent a provisional response before: it is alive.

        `if r.t_branch_timeout() and not r.t_branch_replied(): ...`
        """
        return self.failure is not None and self.failure.branch.replied

    def t_any_timeout(self):
        """-> bool: some branch did not answer in time. `if r.t_any_timeout(): ...`"""
        return bool([each for each in self._branches_so_far() if each.timed_out])

    def t_any_replied(self):
        """-> bool: some branch had sent a provisional response. `if r.t_any_replied(): ...`"""
        return bool([each for each in self._branches_so_far() if each.replied])

    def t_grep_status(self, code):
        """-> bool: some branch has ended with this status. `if r.t_grep_status(486): ...`"""
        return bool([each for each in self._branches_so_far() if each.status == int(code)])

    def t_is_canceled(self):
        """-> bool: the caller has given up: no further branch is begun.

        `if r.t_is_canceled(): return None`
        """
        return self.failure is not None and self.failure.context.cancelled

    def t_was_cancelled(self):
        """The same, by OpenSIPS's name. `if r.t_was_cancelled(): return None`"""
        return self.t_is_canceled()

    def t_drop_replies(self, mode="a"):
        """In a failure route, has none of the responses so far be sent to the caller; "l": none
        of the last set of branches. Only when the route adds a branch or answers.

        `r.t_drop_replies()`
        """
        if self.failure is None:
            return False
        self.failure.drop_replies(mode)
        return True

    def t_set_fr(self, fr_inv_timeout, fr_timeout=0):
        """How long, in milliseconds, an INVITE may ring, and how long until there is any
        response to it (to another method: the final one). 0 leaves a value as it is.

        For what is relayed afterwards; in a branch route for that branch.
        `r.t_set_fr(30000, 2000)`
        """
        if int(fr_inv_timeout) > 0:
            self.fr_inv = int(fr_inv_timeout) / 1000
        if int(fr_timeout) > 0:
            self.fr = int(fr_timeout) / 1000
        return True

    def t_reset_fr(self):
        """Takes t_set_fr back. `r.t_reset_fr()`"""
        self.fr_inv, self.fr = self.config.fr_inv_timer, None
        return True

    def t_check_trans(self):
        """-> bool: the request has its transaction, or is the ACK of a call that passes here.

        Retransmissions, CANCELs and the ACKs of failures never reach the script.
        `if r.is_method("ACK") and not r.t_check_trans(): return r.drop()`
        """
        if self.server is not None:
            return True
        return self.is_method("ACK") and self.proxy.calls.get(self.ci) is not None

    def t_retransmit_reply(self):
        """Sends the last response of the transaction again. -> bool: there was one.

        `r.t_retransmit_reply()`
        """
        if self.server is None or self.server.response is None:
            return False
        self.server.resend(None, None, self.now)
        return True

    def _branches_so_far(self):
        return [] if self.failure is None else self.failure.context.branches
