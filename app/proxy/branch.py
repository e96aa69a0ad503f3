"""One branch of a forked request: where it goes, its timers, what came of it (RFC 3261 16.6)."""

from app.proxy.locate import NONE
from app.proxy.target import is_located

WAITING = "waiting"  # for its group's turn
LOCATING = "locating"  # its name is being looked up
TRYING = "trying"  # sent
DONE = "done"  # has its final response

CANCEL_WAIT = 4.0  # seconds that a branch which did not answer has for the 487 of its CANCEL
EARLY_MAX = 8  # early dialogs of a branch that a 199 can end


class Branch:
    """A target and its fate; the user of its client transaction and of its deadlines.

    target: target.Target; asked: Peer where it goes, perhaps a name; peer: the address of that,
    once it is out; edits: what is sent there, but for our Record-Route. fr_inv: seconds an INVITE
    may ring; fr: seconds until any response must be there, None for the transaction's own
    time-out; bflags: flags that the script has given it. status: of the final response, None
    before; reply: that Response, None when it is ours to make up (a time-out, an error). early:
    To tags of the early dialogs that were passed on.
    """

    def __init__(self, target, peer, edits, fr_inv, fr=None, bflags=0):
        self.target = target
        self.peer = self.asked = peer
        self.edits = edits
        self.fr_inv = fr_inv
        self.fr = fr
        self.bflags = bflags
        self.seal = None  # of our Record-Route in what is sent
        self.more = ""  # parameters that the seal covers
        self.names = None  # names.Names: what it says differently from the request
        self.q = 1.0 if target.q is None else target.q
        self.breadth = 0  # its part of Max-Breadth
        self.state = WAITING
        self.source = peer  # of the last response
        self.search = None  # for the destinations of a name
        self.client = None
        self.context = None
        self.status = None
        self.reply = None
        self.cancelled_for = None  # status that its 487 stands for
        self.replied = False  # there was a provisional response, 100 too
        self.timed_out = False
        self.superseded = False  # another flow of its telephone is tried instead
        self.dropped = False  # its response is no longer a candidate: t_drop_replies
        self.early = []
        self._started = None
        self._timer_c = None
        self._no_answer = None

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
        self.context.no_answer(self, now)

    # What its context has it do.

    def locate(self, now):
        """-> where it goes next: Peer; WAIT, and context.located() is told later; NONE."""
        if self.search is None:
            if is_located(self.peer):
                return self.peer
            proxy, request = self.context.proxy, self.context.request
            self.search = proxy.search(self.peer, self._located, request.is_stranger)
        return NONE if self.search is None else self.search.next(now)

    def _located(self, destination, now):
        self.context.located(self, destination, now)

    def nowhere(self):
        """There is no destination, or none that is left: ends as the last one did, if any."""
        if self.status is None:
            self.status = 478 if self.search is None else self.search.status
        self.timed_out = self.status == 408
        self.finish(self.status, self.reply)

    def has_alternatives(self):
        """-> bool: other destinations may be tried: of a name, and nobody has given it up."""
        return self.search is not None and self.client is not None and not self.client.cancelled

    def leave(self, status, reply, reasons, now):
        """The destination has failed: the branch goes on to another one (RFC 3263 4.3)."""
        proxy, client = self.context.proxy, self.client
        proxy.locator.blocklist.add(self.peer, now)
        self.stop_timers()
        self.status, self.reply, self.client = status, reply, None
        self.replied = self.timed_out = False
        client.user = Left(self)
        proxy.endpoint.cancel(client, now, reasons)  # goes out if it comes alive

    def begin(self, client, now):
        """The request is out in this client transaction."""
        self.client = client
        client.user = self
        self.status = self.reply = None
        if self.search is None:
            self.edits = None  # it is sent once
        self._started = now
        if self.context.is_invite:
            self._timer_c = self._arm(now + self.context.proxy.config.timer_c)
            wait = self.fr_inv if self.fr is None else min(self.fr, self.fr_inv)
            self._no_answer = self._arm(now + wait)
        elif self.fr is not None:
            self._no_answer = self._arm(now + self.fr)

    def heard(self, message, now):
        """A provisional response: the callee is there, and may ring."""
        first = not self.replied
        self.replied = True
        if not self.context.is_invite:
            return
        if first and self.fr is not None and self.cancelled_for is None:
            self._disarm(self._no_answer)
            self._no_answer = self._arm(max(now, self._started + self.fr_inv))
        if message.status > 100 and self._timer_c is not None:
            self._disarm(self._timer_c)
            self._timer_c = self._arm(now + self.context.proxy.config.timer_c)  # 16.7 step 2
        self._note_dialog(message)

    def _note_dialog(self, message):
        """RFC 6228 5: a 199 ends an early dialog; any other with a tag begins or keeps one."""
        tag = message.to.tag
        if tag and message.status == 199:
            self.early = [each for each in self.early if each != tag]
        elif tag and message.status > 100 and tag not in self.early:
            self.early = self.early[-EARLY_MAX + 1 :] + [tag]

    def cancel(self, reasons, now):
        """Gives the branch up, if it is out; `reasons`: header lines of the CANCEL."""
        if self.state == LOCATING:
            self.finish(487, None)
        elif self.state == TRYING and self.client is not None:
            self.context.proxy.endpoint.cancel(self.client, now, reasons)

    def wait_for_487(self, status, now):
        """It was cancelled for us: its final response counts as `status`, if it comes soon."""
        self.cancelled_for = status
        self.stop_timers()
        self._no_answer = self._arm(now + CANCEL_WAIT)

    def finish(self, status, reply):
        self.state = DONE
        self.status = status
        self.reply = reply
        if self.search is not None:
            self.search.close()
        self.stop_timers()

    def stop_timers(self):
        self._disarm(self._timer_c)
        self._disarm(self._no_answer)
        self._timer_c = self._no_answer = None

    def _arm(self, deadline):
        return self.context.proxy.deadlines.add(deadline, self)

    def _disarm(self, entry):
        if entry is not None:
            self.context.proxy.deadlines.cancel(entry)


class Left:
    """The user of a client transaction whose branch has gone on to another destination.

    All that counts of it is a 2xx, which comes late and is one all the same.
    """

    def __init__(self, branch):
        self.branch = branch

    def receive(self, message, peer, now):
        if message.status // 100 == 2:
            self.branch.context.late(self.branch, now)
            self.branch.receive(message, peer, now)

    def fail(self, status, now):
        """It has failed already."""
