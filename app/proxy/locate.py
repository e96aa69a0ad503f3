"""Locating servers: from a name in a URI to the addresses that a request may go to (RFC 3263 4).

    search = locator.search(peer, found)    # peer: target.next_hop() of a name
    destination = search.next(now)          # -> Peer, NONE, or WAIT: found(Peer | NONE, now) later

Each next() is one more destination, for when the one before has failed (4.3); the DNS is asked
no earlier than needed. What a name leads to: NAPTR if the URI says neither transport nor port,
SRV if it says no port, then A and AAAA; of all that only what we have an interface for.
"""

from collections import namedtuple

from app.dns import message
from app.dns.resolver import BUSY, FAILED, FOUND
from app.proxy.config import is_address
from app.proxy.target import ANY, ANY_SECURE
from app.sip.hosts import family_of, parse_host
from app.sip.transport import DEFAULT_PORTS, Peer

WAIT = "wait"
NONE = "none"

MAX_NAMES = 128  # destinations whose name is remembered
DESTINATIONS = 8  # of one name, that are tried
FAILURES = 2  # look-ups of one name that fail until it is given up: servers that are dead stay so

# RFC 3263 4.1, in the order that is asked for without NAPTR; TLS is what SIPS+D2T means (RFC 5630)
SERVICES = (("SIP+D2U", "udp"), ("SIP+D2T", "tcp"), ("SIPS+D2T", "tls"))
BY_SERVICE = dict(SERVICES)
SRV_PREFIX = {"udp": "_sip._udp.", "tcp": "_sip._tcp.", "tls": "_sips._tcp."}
HOST = 0  # kind of a Step: A and AAAA
MULTICAST = {4: (0xE0000000, 28), 6: (0xFF << 120, 120)}  # (network, bits to ignore)

# kind: of the DNS, or HOST; port: 0 for the transport's own.
Step = namedtuple("Step", ("kind", "name", "transport", "port"))


class Locator:
    """All searches. resolver: app.dns Resolver; draw(n): a random int from 0 to n."""

    def __init__(self, resolver, config, draw):
        self.resolver = resolver
        self.config = config
        self.draw = draw
        self.blocklist = Blocklist()
        self._names = {}  # (host, port) -> the name that led there last

    def search(self, peer, found, is_stranger=False):
        """-> Search for the destinations of a Peer whose host is a name.

        Strangers, for whom nothing vouches, have a part of the questions only.
        """
        return Search(self, peer, found, self.config.strangers if is_stranger else 1)

    def counters(self):
        """-> [(label, value)] for the status page."""
        known = self.resolver.counters
        text = f"{known['asked']} looked up, {known['failed']} failed, {known['dropped']} dropped"
        return [("names", f"{text}, {len(self.resolver.cache)} known")]

    def name_of(self, peer):
        """-> str | None: the name whose search led to a Peer, if that was lately.

        For its certificate: the domain of the URI, and not the target of an SRV record, which
        is the DNS's word alone (RFC 5922 4).
        """
        return self._names.get((peer.host, peer.port))

    def remember(self, peer, name):
        if len(self._names) >= MAX_NAMES:
            self._names = {}
        self._names[peer.host, peer.port] = name

    def run(self, now):
        """Hands out the answers that have come. -> bool: there was one."""
        item = self.resolver.next_answer()
        if item is None:
            return False
        item[0].answered(item[1], now)
        return True


class Search:
    """The destinations of one name. found(Peer | NONE, now) is called after a WAIT, once each.

    status: what no destination means: 478 there is none, 503 the DNS failed, 482 it is us.
    """

    def __init__(self, locator, peer, found, share):
        self.locator = locator
        self.status = 478
        self.found = found
        self._share = share
        self._host = peer.host
        self._names = []  # transports that the DNS may choose from
        self._asked = None  # the Step whose answer is waited for
        self._ready = []  # Peers
        self._blocked = []  # Peers that failed others lately: better than none
        self._left = DESTINATIONS
        self._failures = 0
        self._steps = self._first_steps(peer)

    def _first_steps(self, peer):
        """-> [Step] of RFC 3263 4.1 and 4.2; what is found takes the place of those behind."""
        host, port, transport = peer.host, peer.port, peer.transport
        if transport not in (ANY, ANY_SECURE):
            steps = [Step(HOST, host, transport, port)]
            if not port and transport in SRV_PREFIX:
                steps.insert(0, _srv(transport, host))
            return steps
        for _, name in SERVICES:
            if self.locator.config.interfaces.has(name) and (transport == ANY or name == "tls"):
                self._names.append(name)
        if not self._names:
            return []
        steps = [Step(message.NAPTR, host, None, 0)]
        steps += [_srv(name, host) for name in self._names]
        return steps + [Step(HOST, host, self._names[0], 0)]

    # Going on

    def next(self, now):
        """-> the next destination: Peer, NONE or WAIT. Not to be called while one is waited for."""
        while self._left:
            if self._ready:
                peer = self._ready.pop(0)
                if not self.locator.blocklist.has(peer, now):
                    return self._chosen(peer)
                self._blocked.append(peer)
            elif not self._steps:
                break
            elif not self._ask(self._steps.pop(0), now):
                return WAIT
        if self._left and self._blocked:
            return self._chosen(self._blocked.pop(0))
        return NONE

    def _chosen(self, peer):
        """Noted only now: another name may lead to the same address, and be asked for meanwhile."""
        self._left -= 1
        if peer.transport == "tls":
            self.locator.remember(peer, self._host)
        return peer

    def close(self):
        """Nobody wants to know any more."""
        self.found = None

    def _ask(self, step, now):
        """-> bool: its answer is known, and taken."""
        if step.kind == HOST:
            self._take_host(step)
            return True
        answer = self.locator.resolver.ask(step.name, step.kind, self, now, self._share)
        if answer is None:
            self._asked = step
            return False
        self._take(step, answer)
        return True

    def answered(self, answer, now):
        """What the resolver knows now."""
        step, self._asked = self._asked, None
        if self.found is None:
            return
        self._take(step, answer)
        found = self.next(now)
        if found is not WAIT:
            self.found(found, now)

    # What answers say

    def _take(self, step, answer):
        if answer.status in (FAILED, BUSY):
            self.status = 503
            self._failures += 1
            if self._failures >= FAILURES or answer.status == BUSY:
                self._steps = []
        elif answer.status == FOUND:
            found = [record.data for record in answer.records]
            if step.kind == message.NAPTR:
                self._take_naptr(found)
            elif step.kind == message.SRV:
                self._take_srv(step.transport, found)
            else:
                for host in found:
                    self._add(step.transport, host, step.port)

    def _take_naptr(self, records):
        """4.1: the transports that the domain wishes, as far as we have them, in its order."""
        steps = []
        for each in sorted(records, key=_naptr_order):
            transport = BY_SERVICE.get(each.service.upper())
            if transport in self._names and each.flags.lower() == "s" and each.replacement:
                steps.append(Step(message.SRV, each.replacement, transport, 0))
        if steps:
            self._steps = steps + [Step(HOST, self._host, steps[0].transport, 0)]

    def _take_srv(self, transport, records):
        """4.2, RFC 2782: its targets, and no other transport nor the bare name any more."""
        found = ordered(records, self.locator.draw)
        self._steps = [Step(HOST, each.target, transport, each.port) for each in found
                       if each.target]  # fmt: skip

    def _take_host(self, step):
        """A name with its port: IPv4 first and then IPv6, as Kamailio does."""
        transport, port = step.transport, step.port or DEFAULT_PORTS[step.transport]
        if is_address(step.name):  # an SRV target, which should be a name
            self._add(transport, step.name, port)
            return
        steps = []
        for kind, family in ((message.A, 4), (message.AAAA, 6)):
            if has_family(self.locator.config.interfaces, transport, family):
                steps.append(Step(kind, step.name, transport, port))
        self._steps = steps + self._steps

    def _add(self, transport, host, port):
        peer = Peer(transport, host, port, 0)
        if self.locator.config.is_self_peer(peer):
            self.status = 482
        elif is_unicast(host):
            self._ready.append(peer)


def _srv(transport, host):
    return Step(message.SRV, SRV_PREFIX[transport] + host, transport, 0)


def _naptr_order(record):
    return record.order, record.preference


def ordered(records, draw):
    """-> the same Srvs as RFC 2782 has them tried: by priority, at random by weight within one.

    draw(n): a random int from 0 to n.
    """
    left = sorted(records, key=_srv_order)
    found = []
    while left:
        group = [each for each in left if each.priority == left[0].priority]
        mark = draw(sum([each.weight for each in group]))
        chosen = None
        for each in group:
            mark -= each.weight
            if chosen is None and mark <= 0:
                chosen = each
        found.append(chosen)
        left.remove(chosen)
    return found


def _srv_order(each):
    """Those of weight 0 first within a priority; the rest is for the order to be one at all."""
    return each.priority, each.weight > 0, each.target, each.port


def has_family(interfaces, transport, family):
    """-> bool: we can send to addresses of this family (4, 6) over this transport."""
    for each in interfaces.all:
        if each.transport == transport and family_of(each.host) == family:
            return True
    return False


def is_unicast(host):
    """-> bool: an address that one host may have; no broadcast, no multicast, not "any"."""
    found = parse_host(host)
    if found is None or found[1] == 0 or found == (4, 0xFFFFFFFF):
        return False
    network, ignored = MULTICAST[found[0]]
    return found[1] >> ignored != network >> ignored


class Blocklist:
    """Destinations that failed lately (Kamailio's dst_blocklist): tried last, for a short time."""

    SIZE = 64
    SECONDS = 30

    def __init__(self):
        self._until = {}  # (transport, host, port) -> now

    def __len__(self):
        return len(self._until)

    def add(self, peer, now):
        if len(self._until) >= self.SIZE:
            for place in [each for each in self._until if self._until[each] <= now]:
                del self._until[place]
        if len(self._until) >= self.SIZE:
            del self._until[min(self._until, key=lambda each: self._until[each])]
        self._until[peer[:3]] = now + self.SECONDS

    def has(self, peer, now):
        until = self._until.get(peer[:3])
        if until is not None and until <= now:
            del self._until[peer[:3]]
        return until is not None and until > now
