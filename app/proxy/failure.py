"""The failure route: where a script goes on when all branches of a request have failed.

It runs once the best response is known and before it is sent (Kamailio's tm, t_on_failure).
Branches that it adds are tried as the first ones were, and count against `max_branches`, so
that a chain of failure routes ends.
"""


class Failure:
    """What a request knows while its failure route runs.

    context: the ResponseContext; branch: the Branch whose response would go to the caller.
    """

    def __init__(self, context, branch):
        self.context = context
        self.branch = branch
        self._before = len(context.branches)

    @property
    def room(self):
        """-> how many branches may still be added."""
        context = self.context
        if context.cancelled:
            return 0
        return context.proxy.config.max_branches - len(context.branches)

    @property
    def went_on(self):
        """-> bool: the route has added branches, or has answered."""
        return len(self.context.branches) > self._before or self.context.answered

    def take_back(self):
        """Forgets the branches that the route has added: it failed before they were sent."""
        self.context.branches = self.context.branches[: self._before]

    def drop_replies(self, mode):
        """Kamailio's t_drop_replies: "a" all, "l" those of the last set, "n" none."""
        branches = self.context.branches
        if mode == "l":
            branches = branches[self.context.last_set :]
        for branch in branches if mode != "n" else ():
            branch.dropped = True


def run_failure_route(context, now):
    """-> bool: it has begun other branches, or has answered."""
    request = context.request
    route = request.on_failure
    branch = context.chosen()
    if route is None or branch is None:
        return False
    request.on_failure = None  # it counts once: the route may set another, or itself again
    context.proxy.account_failure(request, branch, now)
    failure = Failure(context, branch)
    request.enter_failure(failure, now)
    try:
        context.proxy.run_failure_route(route, request)
    finally:
        request.leave_failure()
    if not failure.went_on:
        for each in context.branches:
            # t_drop_replies without another branch or answer is none
            each.dropped = each.superseded
    return failure.went_on
