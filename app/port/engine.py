"""The C media engine, alike under both interpreters (firmware/modules/media/mediaengine.h).

MicroPython has it as the module `mediaengine`, CPython loads it with ctypes. Every failure
is an OSError: EADDRINUSE no free ports, ENFILE table of streams full, ESTALE a handle whose
stream was closed, EINVAL an argument that cannot be right (a host that is no IP address).
"""

from collections import namedtuple

try:
    from mediaengine import Engine as Native
except ImportError:
    from app.port.ctypes_engine import Native

OFFERER, ANSWERER = 0, 1  # sides
RTP, RTCP = 0, 1  # components
RELATCH, MUTED = 1, 2  # flags of Native.set_peer
EXPEDITED = 0xB8  # ToS byte of voice: DSCP EF, RFC 4594 4.1

# What one side sent to one of its ports: relayed packets and bytes; dropped because the source
# is foreign to the latch, the other side has no destination, the kernel failed to send, or the
# datagram is too short. latched: (host, port) or None.
Counts = namedtuple(
    "Counts", ("packets", "bytes", "foreign", "nowhere", "failed", "shorts", "latched")
)
# Of the RTP that one side sent. Packets: received, lost, repeated, late (behind a later one);
# sources: SSRCs one after the other; times in seconds: jitter (RFC 3550 6.4.1) at the end and at
# its worst, the longest gap between two packets, round_trip between here and that side (None:
# no report said so) and its worst; told_lost: packets that never reached this side, as it says
# itself; payload_type: the last.
Quality = namedtuple(
    "Quality",
    ("received", "lost", "repeated", "late", "sources", "jitter", "jitter_max", "gap_max",
     "round_trip", "round_trip_max", "told_lost", "payload_type"),
)  # fmt: skip
# sides[side][component] is a Counts, quality[side] a Quality; idle: seconds since a packet was
# accepted from either side.
Stats = namedtuple("Stats", ("sides", "quality", "idle", "expired"))
# memory: bytes of the tables, fixed at the start; realtime: the thread runs under SCHED_FIFO;
# ring: packets come by a ring that is shared with the kernel.
Usage = namedtuple(
    "Usage", ("streams", "limit", "pairs_free", "realtime", "ring", "opened", "memory")
)


class Engine:
    """An RTP relay with a thread of its own.

    port_min, port_max: the range of UDP ports, both included. streams: size of the table,
    four ports each. timeout: seconds of silence from both sides, 0 for never.
    traffic_class: the ToS byte. priority: of SCHED_FIFO where that is permitted, 0: do not ask.
    ring: the fast path (firmware/modules/media/ring.h) where that is permitted.
    """

    def __init__(
        self, port_min, port_max, streams=128, timeout=60, traffic_class=EXPEDITED, priority=20,
        ring=True,
    ):  # fmt: skip
        self.timeout = timeout
        self._native = Native(
            port_min, port_max, streams, int(timeout * 1000), traffic_class, priority, int(ring)
        )
        self.fd = self._native.fd()  # readable while expired() has something to tell

    def open(self, offerer, answerer):
        """Open a stream on two local addresses; return (handle, port, port), of RTP."""
        return self._native.open(offerer, answerer)

    def set_peer(
        self, handle, side, allowed, rtp=None, rtcp=None, relatch=False, muted=False, clock=8000
    ):
        """Say who speaks on a side: `allowed` hosts (at most 4).

        rtp, rtcp: (host, port) to send to until it has latched, None: do not send before.
        relatch: open the latch although nothing changed. muted: send nothing to it.
        clock: of its RTP payload in Hz, for the jitter.
        """
        flags = (RELATCH if relatch else 0) | (MUTED if muted else 0)
        rtp = rtp or (None, 0)
        rtcp = rtcp or (None, 0)
        khz = min(clock // 1000, 255)
        self._native.set_peer(handle, side, allowed, rtp[0], rtp[1], rtcp[0], rtcp[1], flags, khz)

    def set_timeout(self, handle, seconds):
        """Set the time-out of one stream, 0 for never, and start it anew."""
        self._native.set_timeout(handle, int(seconds * 1000))

    def stats(self, handle):
        """Return the Stats of a stream."""
        return _stats(self._native.stats(handle))

    def close(self, handle):
        """Close a stream; return its last Stats."""
        return _stats(self._native.close(handle))

    def expired(self):
        """Return [handle] of the streams that fell silent since the last call."""
        found = []
        while True:
            some = self._native.expired()
            found.extend(some)
            if not some:
                return found

    def usage(self):
        """Return the Usage of the tables."""
        return Usage(*self._native.usage())

    def destroy(self):
        """End the thread and close everything. The object is of no use afterwards."""
        self._native.destroy()


def _stats(flat):
    counts = []
    for start in range(0, 32, 8):
        host, port = flat[start + 6], flat[start + 7]
        counts.append(Counts(*flat[start : start + 6], (host, port) if host else None))
    sides = ((counts[0], counts[1]), (counts[2], counts[3]))
    return Stats(sides, (_quality(flat[32:44]), _quality(flat[44:56])), flat[56] / 1000, flat[57])


def _quality(fields):
    seconds = [microseconds / 1000000 for microseconds in fields[5:10]]
    if not fields[8]:
        seconds[3] = seconds[4] = None
    return Quality(*(list(fields[:5]) + seconds + list(fields[10:])))
