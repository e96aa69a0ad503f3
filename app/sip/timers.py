"""RFC 3261's timers: how long each one runs, and one heap of deadlines for them all."""

from heapq import heapify, heappop, heappush

from app.sip import machines

T1 = 0.5  # seconds: an estimate of the round trip (RFC 3261 17.1.1.1)
T2 = 4.0  # the longest retransmission interval of a non-INVITE request or a final response
T4 = 5.0  # how long the network keeps a message
TIMER_C = 181.0  # a proxy's wait after a provisional response: more than 3 minutes (16.6)

# Table 4 of RFC 3261, with RFC 6026: timer -> (unreliable, reliable transport) in seconds.
FIXED = {
    machines.TIMER_B: (64 * T1, 64 * T1),
    machines.TIMER_D: (64 * T1, 0.0),
    machines.TIMER_F: (64 * T1, 64 * T1),
    machines.TIMER_H: (64 * T1, 64 * T1),
    machines.TIMER_I: (T4, 0.0),
    machines.TIMER_J: (64 * T1, 0.0),
    machines.TIMER_K: (T4, 0.0),
    machines.TIMER_L: (64 * T1, 64 * T1),
    machines.TIMER_M: (64 * T1, 64 * T1),
    machines.TIMER_CANCEL: (64 * T1, 64 * T1),
}
# The retransmission timers run on unreliable transports only: timer -> longest interval.
LONGEST = {machines.TIMER_A: 64 * T1, machines.TIMER_E: T2, machines.TIMER_G: T2}


def interval(timer, state, reliable, previous):
    """Seconds that `timer`, started in `state`, runs; None: not started on this transport.

    `previous` is a retransmission timer's last interval, 0 at the first start.
    """
    longest = LONGEST.get(timer)
    if longest is None:
        return FIXED[timer][1 if reliable else 0]
    if reliable:
        return None
    if timer == machines.TIMER_E and state == machines.PROCEEDING:
        return T2  # 17.1.2.2
    return min(2 * previous, longest) if previous else T1


class Deadlines:
    """A heap of deadlines.

    Cancelling is O(1): the entry stays in the heap, empty, until its time comes or until the
    empty ones outnumber the others, when one pass drops them all. So the heap never holds more
    than twice its live entries and a few.
    """

    SLACK = 16

    def __init__(self):
        self._heap = []
        self._order = 0  # makes entries of one deadline first come, first served
        self._empty = 0

    def __len__(self):
        return len(self._heap) - self._empty

    @property
    def held(self):
        """Entries in the heap, cancelled ones too."""
        return len(self._heap)

    def add(self, deadline, item):
        """Remember `item` (not None) until `deadline`; -> the entry, for cancel()."""
        self._order += 1
        entry = [deadline, self._order, item]
        heappush(self._heap, entry)
        return entry

    def cancel(self, entry):
        """Forget an entry; one that was cancelled or has come up already is left alone."""
        if entry[2] is None:
            return
        entry[2] = None
        self._empty += 1
        if self._empty > len(self._heap) // 2 + self.SLACK:
            self._heap = [kept for kept in self._heap if kept[2] is not None]
            heapify(self._heap)
            self._empty = 0

    def next(self):
        """The earliest deadline, or None."""
        while self._heap and self._heap[0][2] is None:
            heappop(self._heap)
            self._empty -= 1
        return self._heap[0][0] if self._heap else None

    def pop(self, now):
        """The item of the earliest deadline that has come by `now`, or None."""
        deadline = self.next()
        if deadline is None or deadline > now:
            return None
        entry = heappop(self._heap)
        item = entry[2]
        entry[2] = None
        return item
