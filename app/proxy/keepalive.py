"""Keeps the way to telephones behind a NAT open: what Kamailio's nathelper does by natping.

A NAT forgets who is behind it when nothing passes for half a minute. So each contact that
registered through one over UDP gets an OPTIONS in every interval, whose answer passes outwards,
as many NATs want it (RFC 4787 4.3); or a mere CRLF, for telephones that cannot stand OPTIONS.

Nothing is kept of a ping but the branch by which its answer is known: no transaction, no
repetition. They are spread over the interval, and a turn sends few of them.
"""

from app.proxy.location import CHANGED, DEACTIVATED, NATTED, REFRESHED, REGISTERED
from app.proxy.target import target_of_binding
from app.proxy.text import printable
from app.sip.timers import Deadlines
from app.sip.uri import host_port, parse_uri

OPTIONS = "options"
CRLF = "crlf"
BURST = 8  # pings of one turn
PAUSE = 0.05  # seconds until the next turn: at most 160 pings a second
COOKIE = "z9hG4bKping"
SPREAD = 0.618  # of the interval between one contact and the next to be watched, modulo it


class Watch:
    """One contact behind a NAT.

    call_id, cseq, branch: of its latest OPTIONS; heard: when it last answered one, or
    registered anew, None before its first answer; entry: in the heap.
    """

    def __init__(self, binding, call_id):
        self.binding = binding
        self.call_id = call_id
        self.cseq = 0
        self.branch = None
        self.peer = None
        self.heard = None
        self.entry = None


class Keepalive:
    """Pings the contacts of `proxy.location` that are behind a NAT."""

    def __init__(self, proxy):
        self._proxy = proxy
        self._watches = {}  # ruid -> Watch
        self._by_call_id = {}
        self._due = Deadlines()
        self._entry = None  # in proxy.deadlines
        self._count = 0
        self._interval = 0
        self._started = False
        proxy.location.listeners.append(self._changed)

    def __len__(self):
        """Contacts that are pinged."""
        return len(self._watches)

    def use(self, config):
        self._config = config

    def start(self, now):
        """Begins with the contacts that there are, or again with another interval."""
        if self._started and self._config.keepalive == self._interval:
            return
        self._started = True
        self._interval = self._config.keepalive
        for watch in list(self._watches.values()):
            self._forget(watch.binding)
        for binding in self._proxy.location.each():
            self._watch(binding, now)

    # Which contacts

    def _changed(self, aor, changes, now):
        """What the location tells of its bindings."""
        for event in changes:
            for binding in changes[event]:
                if event in (REGISTERED, CHANGED, REFRESHED):
                    self._watch(binding, now)
                else:
                    self._forget(binding)

    def _watch(self, binding, now):
        watch = self._watches.get(binding.ruid)
        if not self._interval or not self._is_behind_nat(binding):
            if watch is not None:
                self._forget(binding)
            return
        if watch is None:
            watch = Watch(binding, self._proxy.token(24))
            self._watches[binding.ruid] = watch
            self._by_call_id[watch.call_id] = watch
            self._count += 1
            share = self._count * SPREAD
            self._await(watch, now + (share - int(share)) * self._interval)
        elif watch.heard is not None:
            watch.heard = now
        watch.binding = binding

    def _is_behind_nat(self, binding):
        """-> bool: fix_nated_register() saw it, and no proxy stands between, which would see to
        that itself, nor a connection, which its client keeps alive (RFC 5626 4.4.1)."""
        if not binding.cflags & NATTED or binding.path:
            return False
        peer = self._peer(binding)
        return peer is not None and peer.transport == "udp"

    def _peer(self, binding):
        target = target_of_binding(binding)
        return None if target is None else target.peer(self._config)

    def _forget(self, binding):
        watch = self._watches.pop(binding.ruid, None)
        if watch is not None:
            del self._by_call_id[watch.call_id]
            if watch.entry is not None:
                self._due.cancel(watch.entry)

    # When

    def _await(self, watch, deadline):
        watch.entry = self._due.add(deadline, watch)
        self._arm(deadline)

    def _arm(self, deadline):
        deadlines = self._proxy.deadlines
        if self._entry is not None:
            if self._entry[0] <= deadline:
                return
            deadlines.cancel(self._entry)
        self._entry = deadlines.add(deadline, self)

    def time_out(self, now):
        self._entry = None
        for _ in range(BURST):
            watch = self._due.pop(now)
            if watch is None:
                break
            watch.entry = None
            if self._is_dead(watch, now):
                self._remove(watch, now)
            else:
                self._await(watch, now + self._interval)
                self._ping(watch, now)
        due = self._due.next()
        if due is not None:
            self._arm(max(due, now + PAUSE))

    # What

    def _ping(self, watch, now):
        peer = self._peer(watch.binding)
        if peer is None:  # the site has another network by now
            return
        data = b"\r\n\r\n"
        if self._config.keepalive_method == OPTIONS:
            data = self._options(watch, peer)
        self._proxy.endpoint.forward(data, peer, now)

    def _options(self, watch, peer):
        """-> bytes of an OPTIONS for the contact (RFC 3261 11.1), to be answered to us."""
        token = self._proxy.token
        watch.cseq += 1
        watch.branch = COOKIE + token(16)
        watch.peer = peer
        uri = parse_uri(watch.binding.contact)
        uri.headers = ""
        own = host_port(*self._proxy.endpoint.interfaces.told(peer))
        lines = (
            f"OPTIONS {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {self._proxy.endpoint.interfaces.sent_by(peer)}"
            f";branch={watch.branch};rport",
            "Max-Forwards: 70",
            f"From: <sip:{own}>;tag={token(8)}",
            f"To: <{uri}>",
            f"Call-ID: {watch.call_id}",
            f"CSeq: {watch.cseq} OPTIONS",
            f"Contact: <sip:{own}>",
            "Accept: application/sdp",
            "Content-Length: 0",
        )
        return "\r\n".join(lines + ("", "")).encode()

    def answered(self, message, peer, now):
        """A response of no transaction: of a ping, when it answers the latest one."""
        watch = self._by_call_id.get(message.call_id)
        if watch is None or watch.branch is None or message.via.branch != watch.branch:
            return
        if peer[:3] == watch.peer[:3]:
            watch.branch = None
            watch.heard = now

    def _is_dead(self, watch, now):
        """-> bool: it has answered once, and now not for keepalive_timeout seconds.

        Who never answers may be a telephone that knows no OPTIONS: it stays until it expires.
        """
        timeout = self._config.keepalive_timeout
        return bool(timeout) and watch.heard is not None and now - watch.heard >= timeout

    def _remove(self, watch, now):
        binding = watch.binding
        where = printable(f"{binding.aor} at {binding.contact}")
        self._proxy.log.notice(f"unregistered {where}: no answer to OPTIONS")
        self._proxy.location.remove([binding], DEACTIVATED, now, self._proxy.wall)
