"""Who asks too often, and who guesses: Kamailio's pike with its ban list, for boxes behind NATs.

    pike.admits(data, peer, now)    before a message is parsed: False drops it
    pike.check(peer, raw, now)      the verb pike_check_req
    pike.vouch(...), pike.failed(...), pike.may_try(...)      what authentication reports

A source that nobody vouches for and that sends `reqs_density_per_unit` requests within
`sampling_time_unit` seconds, or `wrong_passwords` of them, is banned for `ban` seconds.

**Known flows** are let through and never counted: trunks, the `allow_group` of the table address,
and the address and port that somebody has authenticated from, until that registration would end.
Who forges the address of a known flow can therefore not have it banned, and who is banned next
door does not take it along. What a known flow may not do is guess other users' passwords: see
may_try().

Nobody is ever locked out by name. Wrong passwords of one name, from wherever they come, delay the
answers to further wrong ones, and the right one is answered at once.
"""

from app.proxy.bans import Bans
from app.proxy.bounded import Generations, Window
from app.proxy.permissions import TRUNKS
from app.sip.hosts import subscriber_network

MAX_SOURCES = 256  # per generation: what is counted of an address
MAX_FAILURES = 128  # per generation: addresses, known flows and names with wrong passwords
MAX_KNOWN = 1024  # flows
MAX_USERS = 8  # that have authenticated on one flow
FLOOD = 8  # times the requests are the messages of any kind that a source may send
MAJORITY = 4  # messages that one port is ahead of the others with, to be the one that is banned
MARK = 20  # hex digits
REPEATS = 4  # requests remembered, to know a retransmission
MAX_DELAY = 4.0  # seconds that an answer to wrong credentials is held back


class Source:
    """What an address that nobody vouches for has done lately."""

    def __init__(self, seconds):
        self.requests = Window(seconds)
        self.messages = Window(seconds)
        self._seen = []
        self._loudest = None  # (host, port) that may have sent most of it,
        self._votes = 0  # by the count of Boyer and Moore's majority vote

    def hear(self, sender, now):
        """Counts a message of any kind. -> float: how many there are."""
        if sender == self._loudest:
            self._votes += 1
        elif self._votes > 0:
            self._votes -= 1
        else:
            self._loudest, self._votes = sender, 1
        return self.messages.add(now)

    def culprit(self):
        """-> the (host, port) that sent most, None where many sent a little each."""
        return self._loudest if self._votes >= MAJORITY else None

    def is_repeat(self, mark):
        """-> bool: this very request was here before: a retransmission, which asks nothing new.

        mark: of Pike._mark()."""
        if mark in self._seen:
            return True
        self._seen = [mark] + self._seen[: REPEATS - 1]
        return False


class Failures:
    """Wrong passwords of one source, or for one name; last: a mark of the latest request."""

    def __init__(self, seconds):
        self.window = Window(seconds)
        self.last = None


class Known:
    """A flow that somebody has authenticated on."""

    def __init__(self):
        self.until = 0.0
        self.users = []


class Pike:
    """deadlines, log: of the Proxy. in_group(group, peer) -> bool: permissions' table; group 1,
    TRUNKS, also dispatcher's set 1. hashes: has sha256(); MicroPython's own hash() has 16 bits, so
    that anybody can make messages that it takes for one another."""

    def __init__(self, config, deadlines, log, in_group, hashes):
        self.config = config
        self._hashes = hashes
        self.in_group = in_group
        self.bans = Bans(deadlines, log)
        self.dropped = 0  # messages of banned sources, for the status page
        self._known = {}
        self._sources = Generations(MAX_SOURCES, 2 * config.sampling_time_unit)
        self._failures = Generations(MAX_FAILURES, config.wrong_passwords_in)

    def use(self, config):
        """Takes other settings; bans and what is known stay, counting begins anew."""
        self.config = config
        self._sources = Generations(MAX_SOURCES, 2 * config.sampling_time_unit)
        self._failures = Generations(MAX_FAILURES, config.wrong_passwords_in)
        if not config.ban:
            self.bans.lift()

    # Before a message is parsed

    def admits(self, data, peer, now):
        """-> bool: this message is to be looked at; a banned source's gets nothing at all."""
        if self.is_denied(peer):
            self.dropped += 1
            return False
        if not self.config.ban or self.is_known(peer, now):
            return True
        return self._is_no_flood(data, peer, now)

    def is_denied(self, peer):
        """-> bool: the operator's `deny_group` has this address."""
        denied = self.config.deny_group
        return bool(denied) and self.in_group(denied, peer)

    def _is_no_flood(self, data, peer, now):
        network = subscriber_network(peer.host)
        ban = self.bans.get(network)
        if ban is None:
            # whatever it sends: what is no SIP, answers to nothing, one request a thousand times
            most = FLOOD * self.config.reqs_density_per_unit
            if not most:
                return True
            source = self._source(network, now)
            if source.hear(sender_of(peer), now) < most:
                return True
            what = f"{most} messages"
            ban = self._ban(
                network, what, self.config.sampling_time_unit, source.culprit(), now
            )
        if ban.hears(data, sender_of(peer), now):
            return True
        self.dropped += 1
        return False

    # The verb

    def check(self, peer, raw, now):
        """-> bool: False for a source that sends too many requests. Each counts once."""
        config = self.config
        if not config.ban or not config.reqs_density_per_unit or self.is_known(peer, now):
            return True
        network = subscriber_network(peer.host)
        if self.bans.get(network) is not None:
            return True  # one of the few that are heard: see admits()
        source = self._source(network, now)
        if source.is_repeat(self._mark(raw)):
            return True
        if source.requests.add(now) < config.reqs_density_per_unit:
            return True
        what = f"{config.reqs_density_per_unit} requests"
        self._ban(network, what, config.sampling_time_unit, source.culprit(), now)
        return False

    # What authentication knows

    def is_known(self, peer, now):
        """-> bool: a flow that somebody has authenticated on, or an address of the operator's."""
        known = self._known.get(flow_of(peer))
        if known is not None and known.until > now:
            return True
        allowed = self.config.allow_group
        if allowed and self.in_group(allowed, peer):
            return True
        return self.in_group(TRUNKS, peer)

    def user_of(self, peer, now):
        """-> str | None: who has authenticated on this flow last, "" for a trunk."""
        if not self.is_known(peer, now):
            return None
        known = self._known.get(flow_of(peer))
        return known.users[-1] if known is not None and known.users else ""

    def vouch(self, peer, user, until, now):
        """Somebody has proved on this flow that he is `user`: it is known until then, at least."""
        flow = flow_of(peer)
        known = self._known.get(flow)
        if known is None:
            if len(self._known) >= MAX_KNOWN:
                self._make_room(now)
            known = self._known[flow] = Known()
            self._forgive(peer, now)
        known.until = max(known.until, until)
        if user not in known.users:
            known.users = known.users[1 - MAX_USERS :] + [user]

    def may_try(self, peer, user, now):
        """-> bool: credentials of `user` are to be looked at.

        Not on a known flow that has tried too many wrong ones: it is not banned, for its address
        may be forged, but nobody hears of further guesses. Who has authenticated on it before
        can do so again.
        """
        if not self.config.wrong_passwords or not self.is_known(peer, now):
            return True
        known = self._known.get(flow_of(peer))
        if known is None or user in known.users:
            return True
        failures = self._failures.get(flow_of(peer), now)
        return failures is None or failures.window.rate(now) < self.config.wrong_passwords

    def failed(self, peer, user, raw, now):
        """Credentials for `user` were wrong. -> seconds to hold the answer back; None: none goes.

        Whether there is such a user makes no difference.
        """
        if not self.config.wrong_passwords:
            return 0.0
        if not self._has_failed(peer, raw, now):
            return None
        failures = self._failing("name " + user.lower(), now)
        mark = self._mark(raw)
        if failures.last == mark:
            return None  # a retransmission: its answer is on its way, or held back
        failures.last = mark
        beyond = int(failures.window.add(now)) - self.config.wrong_passwords
        return 0.0 if beyond < 0 else min(MAX_DELAY, 0.5 * 2 ** min(beyond, 3))

    def _has_failed(self, peer, raw, now):
        """Counts a wrong password of a source. -> bool: it may hear of it."""
        config = self.config
        known = self.is_known(peer, now)
        network = subscriber_network(peer.host)
        if not known and self.bans.get(network) is not None:
            return False
        failures = self._failing(flow_of(peer) if known else network, now)
        mark = self._mark(raw)
        if failures.last == mark:
            return True
        failures.last = mark
        if failures.window.add(now) < config.wrong_passwords:
            return True
        if not known and config.ban:
            what = f"{config.wrong_passwords} wrong passwords"
            self._ban(network, what, config.wrong_passwords_in, sender_of(peer), now)
        return False

    # Within

    def _mark(self, raw):
        """-> str that tells a message from all others."""
        return self._hashes.sha256(raw)[:MARK]

    def _source(self, network, now):
        source = self._sources.get(network, now)
        if source is None:
            source = Source(self.config.sampling_time_unit)
            self._sources.put(network, source, now)
        return source

    def _failing(self, key, now):
        failures = self._failures.get(key, now)
        if failures is None:
            failures = Failures(self.config.wrong_passwords_in)
            self._failures.put(key, failures, now)
        return failures

    def _ban(self, network, what, seconds, culprit, now):
        self._sources.drop(network)
        self._failures.drop(network)
        reason = f"{what} in {seconds} s"
        return self.bans.start(network, reason, culprit, now, self.config.ban)

    def _forgive(self, peer, now):
        """What a telephone sent before it had proved itself was no attack."""
        network = subscriber_network(peer.host)
        ban = self.bans.get(network)
        if ban is not None:
            ban.proved(sender_of(peer))
            return
        source = self._sources.get(network, now)
        if source is not None:
            source.requests.forgive(2)  # without credentials, and with them

    def _make_room(self, now):
        """Forgets flows whose time is over; where there is none, the one that is over first."""
        first = None
        for flow in list(self._known):
            until = self._known[flow].until
            if until <= now:
                del self._known[flow]
            elif first is None or until < self._known[first].until:
                first = flow
        if len(self._known) >= MAX_KNOWN:
            del self._known[first]


def sender_of(peer):
    """-> what messages of one telephone behind a NAT have in common."""
    return peer.host, peer.port


def flow_of(peer):
    """-> what a known flow is kept under."""
    return peer.transport, peer.host, peer.port
