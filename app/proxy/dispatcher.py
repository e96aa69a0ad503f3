"""Kamailio's module dispatcher: sets of destinations, which a call goes to, which are alive.

States are the bits of the column flags. A destination that is probed gets an OPTIONS every
ping_interval; one that fails as often as its threshold says is inactive and left out, until it has
answered again. Nothing is written down: after a restart all are taken to be as the table says.
"""

from app.proxy.destination import (
    DISABLED,
    INACTIVE,
    LETTERS,
    NO_PING,
    PROBING,
    SKIPPED,
    TRYING,
    Destination,
)  # fmt: skip
from app.proxy.probe import Probe
from app.proxy.target import next_hop
from app.rules.attrs import number_of
from app.rules.network import parse_ip
from app.rules.order import stable
from app.sip.errors import ParseError

DEFAULT_SET = 1  # the trunk's, which site.conf's address is when the table has no such set
ANY_SET = -1
MAX_PLACES = 256  # addresses whose spelling is remembered
MAX_SET = 64  # destinations of a set

# Algorithms that hash something of the request.
CALL_ID, FROM, TO, RURI, ROUND_ROBIN, AUTH_USER, RANDOM = 0, 1, 2, 3, 4, 5, 6
SERIAL, WEIGHT, CALL_LOAD, RELATIVE_WEIGHT, ROUND_ROBIN_OR_SERIAL = 8, 9, 10, 11, 14

# ds_is_from_list: what is not compared
IGNORE_PORT = 1
IGNORE_PROTOCOL = 2
ONLY_ACTIVE = 4


class Dispatcher:
    """All sets; `sets` is {setid: [Destination], the highest priority first}."""

    def __init__(self, proxy):
        self._proxy = proxy
        self._last = {}  # setid -> where round robin goes on
        self._sources = {}  # address, or name for the DNS: _place() -> [(Destination, Peer)]
        self._places = {}  # host -> _place()
        self.sets = {}

    def use(self, table, config):
        """Takes another table. Destinations whose row is the same keep their state."""
        known = {each.key: each for each in self.all()}
        self.sets = {}
        for made in self._read(table, config):
            kept = known.pop(made.key, made)
            found = self.sets.setdefault(made.setid, [])
            if len(found) < MAX_SET:
                found.append(kept)
        for each in known.values():
            self._stop(each)
        for setid in self.sets:
            self.sets[setid] = stable(self.sets[setid], lambda each: -each.priority)
        self._sources = {}
        for each in self.all():
            there = next_hop(each.uri, config)
            if there is not None:
                self._sources.setdefault(self._place(there.host), []).append((each, there))

    def _read(self, table, config):
        """-> [Destination]: the rows, and site.conf's trunk where they have no set 1."""
        found = []
        for row in table.rows if table is not None else ():
            try:
                found.append(Destination(
                    row.get("setid", DEFAULT_SET), row.get("destination", ""),
                    row.get("flags", 0), row.get("priority", 0), row.get("attrs", ""),
                    row.get("description", ""),
                ))  # fmt: skip
            except ParseError:
                self._proxy.log.warning(f"dispatcher: {row.get('destination')} is no SIP URI")
        if config.trunk_uri and not [each for each in found if each.setid == DEFAULT_SET]:
            found.append(Destination(DEFAULT_SET, config.trunk_uri, description="[trunk]"))
        return found

    def all(self):
        """-> [Destination] by set."""
        return [each for setid in sorted(self.sets) for each in self.sets[setid]]

    # Selection

    def select(self, setid, algorithm, request, any_state=False):
        """-> [Destination]: where a request goes, and after that in turn when it fails there.

        any_state: those that are inactive come last instead of not at all, for calls that
        leave nothing untried.
        """
        every = self.sets.get(setid, [])
        usable = [at for at in range(len(every)) if every[at].is_active]
        if algorithm == CALL_LOAD:
            usable = [at for at in usable if not self._is_full(every[at])]
        found = []
        if usable:
            first = self._first(every, usable, algorithm, setid, request)
            while first not in usable:
                first = (first + 1) % len(every)
            found = [every[at] for at in usable if at >= first]
            found += [every[at] for at in usable if at < first]
        if any_state:
            found += [each for each in every if each not in found and not each.state & DISABLED]
        return found

    def _first(self, every, usable, algorithm, setid, request):
        """-> the place in the set where an algorithm begins."""
        if algorithm == ROUND_ROBIN_OR_SERIAL:
            same = every[0].priority > 0 and every[0].priority == every[-1].priority
            algorithm = ROUND_ROBIN if same else SERIAL
        text = _hashed(request, algorithm)
        if text is not None:
            return int(self._proxy.hashes.sha256(text.encode())[:6], 16) % len(every)
        if algorithm in (ROUND_ROBIN, AUTH_USER):
            first = self._last.get(setid, 0) % len(every)
            while first not in usable:
                first = (first + 1) % len(every)
            self._last[setid] = (first + 1) % len(every)
            return first
        if algorithm == RANDOM:
            return int(self._proxy.token(6), 16) % len(every)
        if algorithm == WEIGHT:
            return _weighted(every, usable, _percents(every))
        if algorithm == RELATIVE_WEIGHT:
            weights = [number_of(each.attrs, "rweight", 1, 100) for each in every]
            return _weighted(every, usable, weights)
        if algorithm == CALL_LOAD:
            loads = [(self.load(every[at]), at) for at in usable]
            return min(loads)[1]
        return 0  # SERIAL, and what is not known here

    def load(self, destination):
        """-> int: calls in progress that went there."""
        calls = self._proxy.calls.all()
        return len([call for call in calls if call.gateway is destination])

    def _is_full(self, destination):
        most = number_of(destination.attrs, "maxload", 0, 9999)
        return most > 0 and self.load(destination) >= most

    # Whose address it is

    def find_source(self, setid, mode, peer):
        """-> Destination that has the address of a Peer, in one set or in ANY_SET, or None."""
        if not self._sources:
            return None
        for each, there in self._sources.get(self._place(peer.host), ()):
            if setid not in (ANY_SET, each.setid):
                continue
            if not mode & IGNORE_PORT and there.port != peer.port:
                continue
            if not mode & IGNORE_PROTOCOL and there.transport != peer.transport:
                continue
            if not mode & ONLY_ACTIVE or each.is_active:
                return each
        return None

    def _place(self, host):
        """-> what all spellings of an address have in common; a name is what scripts compare."""
        place = self._places.get(host)
        if place is None:
            if len(self._places) >= MAX_PLACES:
                self._places = {}
            place = self._places[host] = parse_ip(host) or host.lower()
        return place

    # States

    def mark(self, destination, letters, now):
        """Sets a state by ds_mark_dst's letters. -> bool: they are some, and it is probed.

        What nobody would probe is not marked: nobody would find out that it is back.
        """
        letters = letters.lower() or "i"
        state = None
        for letter in letters:
            state = LETTERS.get(letter, state)
        if state is None or (state and not self.can_probe(destination)):
            return False
        if destination not in self.sets.get(destination.setid, ()):
            return False  # of a former table
        self.update(destination, state | (PROBING if "p" in letters else 0), now)
        return True

    def can_probe(self, destination):
        return self._proxy.config.ping_interval > 0 and not destination.flags & NO_PING

    def update(self, destination, state, now):
        """Moves a destination to a state: TRYING is a failure, none of the bits a success."""
        config = self._proxy.config
        before, failed = destination.state, state & TRYING
        if failed and before & INACTIVE:
            state = (state & ~TRYING) | INACTIVE
            destination.count = 0
        elif failed:
            destination.count += 1
            if destination.count >= config.probing_threshold:
                state = (state & ~TRYING) | INACTIVE
                destination.count = 0
        elif before & INACTIVE and not state & SKIPPED:
            destination.count += 1
            if destination.count < config.inactive_threshold:
                state |= INACTIVE
            else:
                destination.count = 0
        else:
            destination.count = 0
        destination.state = state
        self._tell(destination, before)
        self._arm(destination, now)

    def _tell(self, destination, before):
        down, was_down = destination.state & INACTIVE, before & INACTIVE
        if down and not was_down:
            self._proxy.log.warning(f"trunk {destination.text}: inactive")
        elif was_down and not down:
            self._proxy.log.notice(f"trunk {destination.text}: {destination.state_name()}")

    # Probes

    def start(self, now):
        """Has every destination probed that is to be, spread over an interval."""
        count = 0
        for each in self.all():
            if self._is_probed(each):
                if each.probe is None:
                    each.probe = Probe(self._proxy, self, each)
                    each.probe.arm(now + count * self._proxy.config.ping_interval / 16)
                count += 1
            else:
                self._stop(each)

    def _arm(self, destination, now):
        """A destination that has come to be probed gets its first probe an interval later."""
        if destination.probe is None and self._is_probed(destination):
            destination.probe = Probe(self._proxy, self, destination)
            destination.probe.arm(now + self._proxy.config.ping_interval)

    def _is_probed(self, destination):
        wanted = destination.state & (PROBING | DISABLED) == PROBING
        return wanted and self.can_probe(destination)

    def _stop(self, destination):
        if destination.probe is not None:
            destination.probe.stop()
            destination.probe = None


def _hashed(request, algorithm):
    """-> str that an algorithm hashes, None for one that hashes nothing."""
    if algorithm == CALL_ID:
        return request.ci
    if algorithm == AUTH_USER:
        return request.au or None
    uris = {FROM: request.fu, TO: request.tu}
    if algorithm in uris:
        uri = uris[algorithm]
        return f"{uri.user or ''}@{uri.host.lower()}" if uri.is_sip else str(uri)
    if algorithm == RURI:
        return request.ru.user or "" if request.ru.is_sip else str(request.ru)
    return None


def _percents(every):
    """-> [int]: weights of a set; what is missing to 100 is the last one's, as in Kamailio."""
    weights = [number_of(each.attrs, "weight", 1, 100) for each in every]
    weights[-1] += max(100 - sum(weights), 0)
    return weights


def _weighted(every, usable, weights):
    """-> the place whose turn it is: of n calls each gets its share, and never many in a row."""
    shares = [at for at in usable if weights[at] > 0]
    if not shares:
        return usable[0]
    total = sum([weights[at] for at in shares])
    for at in shares:
        every[at].turn += weights[at]
    best = shares[0]
    for at in shares:
        if every[at].turn > every[best].turn:
            best = at
    every[best].turn -= total
    return best
