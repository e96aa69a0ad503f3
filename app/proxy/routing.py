"""Runs of the routing script: on requests, on replies, and when all branches have failed.

The script in force is the site's own where it has one (script.py). What that one fails on, the
shipped script does over, unless an answer or the request itself has gone out already.
"""

from app.proxy.request import RoutingReply, RoutingRequest
from app.proxy.rewrite import reseal
from app.proxy.text import printable
from app.sip.errors import ParseError


class Routing:
    """Of the Proxy. Needs: script, seals, and what core.py has for calls."""

    @property
    def routes(self):
        """The shipped script."""
        return self.script.shipped

    @routes.setter
    def routes(self, routes):
        self.script.shipped = routes

    def _run(self, message, peer, now, wall):
        """A request, by the script in force; by the shipped one if that fails before it has
        answered the request or sent it on."""
        request = RoutingRequest(self, message, peer, now, wall, self.script.in_force(now))
        if self._run_script(request) or request.done:
            return
        again = RoutingRequest(self, message, peer, now, wall, self.script.shipped)
        again.server = request.server
        if request.server is not None:
            again.call = request.call
        self._run_script(again)

    def _run_script(self, request):
        """-> bool: False when the site's script failed; a fault of ours is raised."""
        try:
            self.script.run(request.script, request.script.request_route, request)
        except ParseError as error:
            self._refuse(request, error.code, error.reason)
        except self.script.exceptions as error:
            if isinstance(error, MemoryError) or not self.script.is_own(request.script):
                self._refuse(request, 500, "Server Internal Error")
                raise
            self.script.failed(error, described(request), request.now)
            return False
        finally:
            if request.server is None:
                self._abandon(request)
        return True

    # Replies

    def run_reply(self, context, message, edits, branch, now):
        """Runs onreply_route on a response that is about to be forwarded, and what the request
        has set by t_on_reply. -> Edits of what is to be sent; None when it is not to go on:
        only a provisional response may be dropped.
        """
        reply = self._reply_by_script(context.request, message, edits, branch, now)
        if reply.dropped and message.status < 200:
            return None
        if message.status < 300:
            self._note_hop(reply, context.request)
        if branch.names is not None:
            branch.names.undo(reply.edits, context.request.msg, message)
        if branch.seal is not None:
            reseal(reply, branch.seal, self.seals, branch.names)
        return reply.edits

    def _reply_by_script(self, request, message, edits, branch, now):
        """-> RoutingReply that the script has had; the shipped one if the site's failed."""
        script = request.script
        is_own = self.script.is_own(script)
        tried = edits.copy() if is_own else edits
        reply = RoutingReply(self, request, message, tried, branch.source, branch.bflags)
        try:
            self.script.run(script, script.onreply_route, reply)
            if request.on_reply is not None:
                self.script.run(script, request.on_reply, reply)
            return reply
        except self.script.exceptions as error:
            if isinstance(error, MemoryError) or not is_own:
                raise
            self.script.failed(error, f"a {message.status} to {described(request)}", now)
        reply = RoutingReply(self, request, message, edits, branch.source, branch.bflags)
        self.script.shipped.onreply_route(reply)
        return reply

    def run_failure_route(self, route, request):
        """Runs a failure route; one of the site's script that fails has done nothing."""
        try:
            self.script.run(request.script, route, request)
        except self.script.exceptions as error:
            if isinstance(error, MemoryError) or not self.script.is_own(request.script):
                raise
            where = f"a failure route of {described(request)}"
            self.script.failed(error, where, request.now)
            request.failure.take_back()


def described(request):
    """-> str: which request it is, for the log."""
    return printable(f"{request.msg.method} {request.msg.uri} from {request.peer.host}")
