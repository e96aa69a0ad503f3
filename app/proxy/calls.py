"""The calls that pass: who with whom, since when, and where each party has moved to.

Routing needs none of this (see seal.py); the console, the log and the media relay do.
"""

from app.proxy.seal import MARK
from app.proxy.text import printable

RINGING = "ringing"
ANSWERED = "answered"
MAX_PARTIES = 16  # tags of a call: the caller, and each telephone that rang


class Call:
    """One INVITE dialog. caller, callee: URIs as text; tag: the caller's; mark: of its seals.

    state: RINGING or ANSWERED; since: `now` of that state; hops: {tag: [hop, ...]}, where
    in-dialog requests for the party with this tag have gone, the present hop last; places:
    {tag: Peer} of the two parties, where the INVITE came from and where it was answered; names:
    {tag: names.Names or None}, what the other party is told in the requests of this one.
    """

    def __init__(self, call_id, tag, caller, callee, now, mark):
        self.mark = mark
        self.call_id = call_id
        self.tag = tag
        self.caller = caller
        self.callee = callee
        self.state = RINGING
        self.since = now
        self.started = now
        self.is_strangers = False
        self.media = False
        self.gateway = None  # destination.Destination that it went to
        self.offered = False  # the INVITE had an offer, so the response has the answer
        self.hops = {}
        self.names = {}
        self.places = {}
        self.to_tag = ""  # of who answered
        self.parties = None  # acc.parties() of a call that is accounted, once it is answered

    def moved(self, tag, hop):
        """Notes where the party `tag` says that it is (the target refresh of RFC 3261 12.2)."""
        known = self.hops.get(tag)
        if not hop or not tag:
            return
        if known is None:
            if len(self.hops) < MAX_PARTIES:
                self.hops[tag] = [hop]
        elif known[-1] != hop:
            # a seal made for an earlier hop stays good for the present one
            self.hops[tag] = [each for each in known if each != hop][-7:] + [hop]

    def made(self, seal, tag):
        """-> bool: a seal, if it holds for `tag`, was made in this call as its dialog began."""
        return tag == self.tag and seal[:MARK] == self.mark

    def earlier(self, tag, hop):
        """-> [hop]: what a seal towards the party `tag`, now at `hop`, may have been made for."""
        known = self.hops.get(tag, [])
        return known[:-1] if known and known[-1] == hop else []


class Calls:
    """All calls by Call-ID. How many there may be is for who starts them to judge."""

    def __init__(self, log):
        self._log = log
        self._calls = {}
        self.answered = 0  # since start, for the status page
        self.failed = 0

    def __len__(self):
        return len(self._calls)

    def get(self, call_id):
        return self._calls.get(call_id)

    def all(self):
        """-> [Call], the oldest first."""
        return sorted(self._calls.values(), key=lambda call: call.started)

    def of_strangers(self):
        """-> how many calls began without anything that vouches for their caller."""
        return len([call for call in self._calls.values() if call.is_strangers])

    def start(self, call_id, tag, caller, callee, now, mark):
        call = self._calls[call_id] = Call(call_id, tag, caller, callee, now, mark)
        return call

    def answer(self, call_id, now):
        call = self._calls.get(call_id)
        if call is not None and call.state == RINGING:
            call.state = ANSWERED
            call.since = now
            self.answered += 1

    def fail(self, call_id, code, reason):
        """The INVITE got a final response that is no 2xx. -> Call | None."""
        call = self._calls.get(call_id)
        if call is None or call.state == ANSWERED:
            return None
        del self._calls[call_id]
        self.failed += 1
        self._log.info(f"call from {call.caller} to {call.callee}: {code} {printable(reason)}")
        return call

    def drop(self, call_id):
        """The INVITE was answered before it was sent to anybody: there never was a call."""
        self._calls.pop(call_id, None)

    def end(self, call_id, now, why):
        """A BYE passed, or nothing has for too long. -> Call | None."""
        call = self._calls.pop(call_id, None)
        if call is not None:
            seconds = int(now - call.since) if call.state == ANSWERED else 0
            self._log.info(f"call from {call.caller} to {call.callee}: {why} after {seconds} s")
        return call

    def overdue(self, now, limit):
        """-> [Call] that began more than `limit` seconds ago."""
        return [call for call in self._calls.values() if now - call.started > limit]
