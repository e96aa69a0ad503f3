"""The ban list: which source gets no answer, and who behind it is heard all the same.

A ban is of an address (IPv6: of its /64, as one subscriber has a whole one). Behind the same
address there may be a NAT with our own telephones. Those that we know pass anyway (pike.py).
The others are heard a few times: somebody who shows credentials or a dialog's seal, or who comes
from another port than the one that earned the ban. So a telephone that starts anew gets its
challenge and proves itself, and the scanner next to it hears nothing.
"""

from app.proxy.bounded import Bucket
from app.proxy.text import printable

MAX_BANS = 256
MAX_PORTS = 64  # of one ban that are told apart
EACH = 4  # messages that one port is heard with: a request, the same with a proof, and once more
# What is heard during a ban from all ports together: so many at once, and one more in so many
# seconds. Messages with a proof, right or not; those without; responses to what we sent there.
PROOFS = (32, 10)
NEWCOMERS = (8, 2)
REPLIES = (64, 0.1)

WITH_PROOF = (b"uthorization", b"seal=")


class Ban:
    """Of a `network` (str). since, until: `now`; dropped: messages that got no answer.

    culprit: (host, port) that it was earned by, None when many had a part in it.
    """

    def __init__(self, bans, network, reason, culprit, now, seconds):
        self._bans = bans
        self.network = network
        self.reason = reason
        self.culprit = culprit
        self.since = now
        self.until = now + seconds
        self.dropped = 0
        self._ports = {}
        self._proofs = Bucket(PROOFS[0], PROOFS[1], now)
        self._newcomers = Bucket(NEWCOMERS[0], NEWCOMERS[1], now)
        self._replies = Bucket(REPLIES[0], REPLIES[1], now)

    def hears(self, data, sender, now):
        """-> bool: this message may be looked at all the same; else it is counted as dropped."""
        if data[:8] == b"SIP/2.0 ":
            heard = self._replies.take(now)
        else:
            heard = self._hears_request(data, sender, now)
        if not heard:
            self.dropped += 1
        return heard

    def _hears_request(self, data, sender, now):
        if sender not in self._ports and len(self._ports) >= MAX_PORTS:
            self._ports = {}
        heard = self._ports.get(sender, 0)
        if heard >= EACH:
            return False
        # the address may have been forged by somebody else: the culprit's own proof counts, too
        proof = has_proof(data)
        if sender == self.culprit and not proof:
            return False
        if not (self._proofs if proof else self._newcomers).take(now):
            return False
        self._ports[sender] = heard + 1
        return True

    def proved(self, sender):
        """Somebody who was heard has proved who he is: that was no use of the ban's patience."""
        self._ports.pop(sender, None)
        self._proofs.give_back()

    def time_out(self, now):
        """Its time is over: an item of Proxy.deadlines."""
        self._bans.end(self, "ended")


def has_proof(data):
    """-> bool: a message (bytes) carries what may vouch for its sender."""
    for mark in WITH_PROOF:
        if mark in data:
            return True
    return False


class Bans:
    """All bans by network. deadlines: app.sip.timers.Deadlines; log: app.appliance Log."""

    def __init__(self, deadlines, log):
        self._deadlines = deadlines
        self._log = log
        self._bans = {}
        self._entries = {}  # network -> entry among the deadlines

    def __len__(self):
        return len(self._bans)

    def get(self, network):
        """-> Ban | None."""
        return self._bans.get(network)

    def all(self):
        """-> [Ban], the latest first."""
        return sorted(self._bans.values(), key=lambda ban: -ban.since)

    def start(self, network, reason, culprit, now, seconds):
        """Bans a network. When the list is full, the ban that would end first gives way."""
        if len(self._bans) >= MAX_BANS:
            self.end(min(self._bans.values(), key=lambda ban: ban.until), "gave way to another")
        ban = self._bans[network] = Ban(self, network, reason, culprit, now, seconds)
        self._entries[network] = self._deadlines.add(ban.until, ban)
        self._log.warning(printable(f"banned {network} for {seconds} s: {reason}"))
        return ban

    def end(self, ban, how):
        """Ends a ban; `how` is for the log."""
        if self._bans.get(ban.network) is ban:
            del self._bans[ban.network]
            self._deadlines.cancel(self._entries.pop(ban.network))
            self._log.notice(f"ban of {ban.network} {how}, {ban.dropped} messages were dropped")

    def lift(self, network=None):
        """Ends the ban of a network, all without one. -> how many those were."""
        found = [ban for ban in self.all() if network in (None, ban.network)]
        for ban in found:
            self.end(ban, "lifted")
        return len(found)
