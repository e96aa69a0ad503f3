"""The table of connections: who gets in, who has to go, and when.

    connections = Connections(limits, known, token)
    connections.admit(host) -> (whether there is room, Connection to close first or None)
    connection = connections.add(interface, host, port, now)
    connections.receive(connection, data, now) -> [bytes]       SIP messages
    connections.send(connection, data, mark, now) -> bool
    connections.handle_timers(now) -> [Connection]              those whose time is over
    connections.remove(connection) -> [mark]                    messages that were not sent

known(peer, now) -> None, or the name of the user ("" without one) who has proved to be there:
what tells telephones and trunks from strangers. A connection's time is not extended by bytes,
but by SIP messages, and for those who are known by their registration.
"""

from app.sip.timers import Deadlines
from app.transport.connection import (
    EXPECTED,
    KNOWN,
    SPEAKS,
    Connection,
    peer_of,
)  # fmt: skip
from app.transport.framing import Framer
from app.transport.websocket import WebSocket

LINGER = 2.0  # seconds that a peer has to take our last words
PER_USER = 10  # connections of a user that are kept as known; more are like anybody's
REMEMBERED = 256  # addresses that somebody known came from
REMEMBER = 3600.0  # seconds


# Times in seconds; docs/site.md, [tcp], explains them.
LIMITS = {
    "max_connections": 256,
    "max_per_address": 32,  # those of known users not counted
    "connect_timeout": 10,  # until a connection that we ask for is there
    "handshake_timeout": 10,  # until TLS and WebSocket are agreed
    "first_message": 30,  # until the first whole SIP message
    "message_timeout": 10,  # from the first byte of a message to its last
    "send_timeout": 10,  # while a peer takes nothing
    "connection_lifetime": 120,  # after the last message, of those who are not known
    "max_output": 65536,  # bytes that wait for one peer
    "max_output_all": 1048576,  # and for all
    "max_len": 8192,  # bytes of a message
    "origins": (),  # whose pages may open a WebSocket; (): anybody's
}


class Limits:
    """LIMITS as attributes, some of them given."""

    def __init__(self, **given):
        for name in LIMITS:
            setattr(self, name, given.get(name, LIMITS[name]))


class Connections:
    """counters: {name: int}: what became of those who came."""

    def __init__(self, limits, known, token, sha1):
        self.limits = limits
        self.waits = 0  # bytes to be sent, over all connections
        self.counters = {"accepted": 0, "refused": 0, "evicted": 0, "timed out": 0, "broken": 0}
        self._known = known
        self._token = token
        self._sha1 = sha1
        self._serial = 0
        self._all = {}  # flow -> Connection
        self._places = {}  # (transport, host, port) -> Connection
        self._unknown = {}  # host -> how many connections of those who are not known
        self._hosts = {}  # host -> `now` when somebody known was last heard from there
        self._deadlines = Deadlines()

    def __len__(self):
        return len(self._all)

    def all(self):
        """-> [Connection], the oldest first."""
        return sorted(self._all.values(), key=lambda each: each.peer.flow // 16)

    def of_flow(self, flow):
        """-> Connection | None that a Peer.flow names."""
        return self._all.get(flow)

    def to(self, peer):
        """-> Connection | None to the address of a Peer, whose flow is not said."""
        found = self._places.get(peer[:3])
        return None if found is None or found.ending is not None else found

    # Who gets in

    def admit(self, host):
        """-> (bool, victim): whether one more from there may come, once `victim` is closed."""
        victim = None
        if self._unknown.get(host, 0) >= self.limits.max_per_address:
            victim = self.weakest(host)
        elif len(self._all) >= self.limits.max_connections:
            victim = self.weakest()
        else:
            return True, None
        self.counters["refused" if victim is None else "evicted"] += 1
        return victim is not None, victim

    def weakest(self, host=None):
        """-> the Connection that will be missed least, of an address or of all; None: none will.

        A stranger before who speaks SIP; of the address that has most of its like, so that few
        addresses can push out nobody but themselves; then the one that has been there longest.
        """
        found = None
        for each in self._all.values():
            if each.standing == KNOWN or (host is not None and each.peer.host != host):
                continue
            if found is None or self._is_weaker(each, found):
                found = each
        return found

    def _is_weaker(self, one, other):
        if one.standing != other.standing:
            return one.standing < other.standing
        first, second = self._unknown[one.peer.host], self._unknown[other.peer.host]
        if first != second:
            return first > second
        here, there = one.talked or one.since, other.talked or other.since
        return here < there if here != there else one.peer.flow < other.peer.flow

    def add(self, interface, host, port, now, outbound=False):
        """-> Connection on an app.sip Interface, to or from an address."""
        self._serial += 1
        peer = peer_of(interface, host, port, self._serial)
        limits = self.limits
        if peer.transport in ("ws", "wss"):
            layer = WebSocket(limits.max_len, self._sha1, limits.origins)
        else:
            layer = Framer(limits.max_len)
        connection = Connection(peer, layer, now, outbound)
        self._all[peer.flow] = connection
        self._places[peer[:3]] = connection
        self._unknown[host] = self._unknown.get(host, 0) + 1
        if not outbound and self._hosts.get(host, -REMEMBER) + REMEMBER > now:
            connection.standing = EXPECTED
        self._look(connection, now)
        self._schedule(connection)
        self.counters["accepted"] += not outbound
        return connection

    def remove(self, connection):
        """The connection is closed. -> [mark] of the messages that were not sent."""
        if self._all.pop(connection.peer.flow, None) is None:
            return []
        place = connection.peer[:3]
        if self._places.get(place) is connection:
            del self._places[place]
        if connection.standing != KNOWN:
            self._count(connection.peer.host, -1)
        if connection.due is not None:
            self._deadlines.cancel(connection.due)
        self.waits -= connection.waits
        unsent = connection.unsent()
        connection.waiting = []
        connection.waits = 0
        return unsent

    # What passes

    def receive(self, connection, data, now):
        """-> [bytes]: the SIP messages that these bytes complete."""
        before = connection.waits
        ended = connection.ending
        messages = connection.receive(data, now, self._token)
        self.waits += connection.waits - before
        if ended is None and connection.ending is not None:
            self.counters["broken"] += 1
        self._schedule(connection)
        return messages

    def send(self, connection, data, mark, now):
        """Let a SIP message wait to be sent. -> bool: not where too much waits already."""
        data = connection.layer.wrap(data)
        limits = self.limits
        if connection.ending is not None or connection.waits + len(data) > limits.max_output:
            return False
        if self.waits + len(data) > limits.max_output_all:
            return False
        connection.put(data, mark)
        self.waits += len(data)
        if connection.standing != KNOWN:  # it may be the answer to who has just proved himself
            self._look(connection, now)
        return True

    def written(self, connection, count, now):
        """So many bytes of connection.output() were taken."""
        connection.written(count, now)
        self.waits -= count
        if connection.stalled is not None:
            self._schedule(connection)

    def end(self, connection, now):
        """No more is to be sent than what waits, and nothing to be read."""
        if connection.ending is None:
            connection.ending = now
        self._schedule(connection)

    # Who is known

    def _look(self, connection, now):
        user = self._known(connection.peer, now)
        if user is None:
            return
        connection.user = user
        self._remember(connection.peer.host, now)
        if connection.standing != KNOWN:
            connection.standing = KNOWN
            self._count(connection.peer.host, -1)
            self._hold_to_share(user)

    def _forget(self, connection):
        """Nobody vouches for it any longer."""
        connection.standing = SPEAKS
        self._count(connection.peer.host, 1)

    def _hold_to_share(self, user):
        """A user's connections beyond PER_USER are not kept for him, the longest silent first."""
        if not user:
            return
        held = [each for each in self._all.values() if each.standing == KNOWN and each.user == user]
        if len(held) > PER_USER:
            self._forget(min(held, key=lambda each: each.talked or each.since))

    def _remember(self, host, now):
        if host not in self._hosts and len(self._hosts) >= REMEMBERED:
            del self._hosts[min(self._hosts, key=lambda each: self._hosts[each])]
        self._hosts[host] = now

    def _count(self, host, change):
        left = self._unknown.get(host, 0) + change
        if left > 0:
            self._unknown[host] = left
        else:
            self._unknown.pop(host, None)

    # Time

    def next_timer(self):
        """-> when to call handle_timers(), or None."""
        return self._deadlines.next()

    def handle_timers(self, now):
        """-> [Connection] whose time is over: close them."""
        over = []
        connection = self._deadlines.pop(now)
        while connection is not None:
            connection.due = None
            if self._deadline(connection) <= now and not self._stays(connection, now):
                self.counters["timed out"] += connection.ending is None
                over.append(connection)
                # closing it may fail: then it comes up again
                connection.due = self._deadlines.add(now + LINGER, connection)
            else:
                self._schedule(connection)
            connection = self._deadlines.pop(now)
        return over

    def _stays(self, connection, now):
        """-> bool: it has been silent for its time, but who is known may be."""
        if self._other_deadline(connection) <= now:
            return False
        if connection.standing != KNOWN:
            self._look(connection, now)
        elif self._known(connection.peer, now) is None:
            self._forget(connection)
        if connection.standing != KNOWN:
            return False
        connection.talked = now
        return True

    def _schedule(self, connection):
        """See to it that the heap wakes for it in time; later ones move when it does."""
        when = self._deadline(connection)
        if connection.due is not None:
            if connection.due[0] <= when:
                return
            self._deadlines.cancel(connection.due)
        connection.due = self._deadlines.add(when, connection)

    def _deadline(self, connection):
        """-> float: when its time is over, as things are."""
        if connection.ending is not None:
            return connection.ending + LINGER
        return min(self._silence_deadline(connection), self._other_deadline(connection))

    def _silence_deadline(self, connection):
        limits = self.limits
        if connection.talked is None:
            return connection.since + limits.first_message
        return connection.talked + limits.connection_lifetime

    def _other_deadline(self, connection):
        limits = self.limits
        when = float("inf")
        if not connection.connected:
            when = connection.since + limits.connect_timeout
        elif not connection.greeted:
            when = connection.since + limits.handshake_timeout
        if connection.partial is not None:
            when = min(when, connection.partial + limits.message_timeout)
        if connection.stalled is not None:
            when = min(when, connection.stalled + limits.send_timeout)
        return when


