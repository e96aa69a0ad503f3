"""The location service (RFC 3261 10): bindings by AOR in memory, written through a store.

Deadlines are of the monotonic clock, so a step of the wall clock neither ends a binding
nor keeps one for ever; the wall clock only dates what is stored.

Flash wears with every write. A contact that is new or gone is written before its 200 OK
leaves; a pure refresh, which tells nothing but "still there", waits up to REFRESH_DELAY
and goes with others in one append. 200 extensions that refresh every 30 minutes then cost
some 300 small appends a day instead of 9,600. After a loss of power the stored expiry may
be that much behind the truth, so a loaded binding is granted REFRESH_DELAY on top.

A box without a battery begins in 1970 and learns the time later. What was written by then
would be long expired for a program that starts again with the right time, so it is written
once more when the clock has been set.
"""

REFRESH_DELAY = 300  # seconds a refresh may wait for its write
SWEEP = 30  # seconds between two looks for expired bindings
CLOCK_STEP = 60  # seconds that the wall clock may be set by until what is stored is dated anew
PERMANENT = 128  # FL_PERMANENT of SER's usrloc, in the column flags


class Binding:
    """One contact of an AOR.

    contact, callid, user_agent, ruid: str; received, instance, socket, path: str | None;
    q: float | None; cseq, methods: int (methods may be None); deadline: seconds of the
    monotonic clock, None for never; modified: Unix seconds; static: it comes from the
    site's table and is not ours to write.
    """

    def __init__(self, aor, contact, deadline, **fields):
        self.aor = aor
        self.contact = contact
        self.deadline = deadline
        self.q = fields.get("q")
        self.callid = fields.get("callid", "")
        self.cseq = fields.get("cseq", 0)
        self.user_agent = fields.get("user_agent", "")
        self.received = fields.get("received")
        self.path = fields.get("path")
        self.socket = fields.get("socket")
        self.instance = fields.get("instance")
        self.methods = fields.get("methods")
        self.ruid = fields.get("ruid", "")
        self.modified = fields.get("modified", 0)
        self.static = fields.get("static", False)

    def remaining(self, now):
        """-> whole seconds left, rounded up; None for never."""
        if self.deadline is None:
            return None
        left = self.deadline - now
        return int(left) + (1 if left > int(left) else 0)

    def is_valid(self, now):
        return self.deadline is None or self.deadline > now


def preference(binding):
    """Sort key: highest q first (none counts as 1, RFC 3261 16.6), then the latest."""
    return (-(1.0 if binding.q is None else binding.q), -binding.modified)


class Location:
    """All bindings. `store` keeps them over a restart: see store.LocationStore; or None."""

    def __init__(self, store=None, log=None):
        self._store = store
        self._log = log
        self._static = {}  # aor -> [Binding] of the site
        self._dynamic = {}  # aor -> [Binding] of REGISTER
        self._dirty = {}  # ruid -> Binding refreshed, not yet written
        self._behind = False  # the store lacks something
        self._flush_at = None
        self._sweep_at = None
        self._clocks_apart = None  # the wall clock less the monotonic one

    # What the site says.

    def set_static(self, bindings):
        """Takes the bindings of the site's own table instead of the former ones."""
        self._static = _by_aor(bindings)

    def load(self, now, wall):
        """Reads what the store kept; call it once, before the first REGISTER."""
        if self._store is None:
            return
        self._clocks_apart = wall - now
        self._dynamic = _by_aor(self._read(now, wall))
        # dated as if the grace had not been granted, or each restart would grant it again
        self._write(self._store.rewrite, self._everything(), now + REFRESH_DELAY, wall)
        self._sweep_at = now + SWEEP if self._dynamic else None

    def _read(self, now, wall):
        try:
            return self._store.load(now, wall, REFRESH_DELAY)
        except OSError as error:
            if self._log:
                self._log.error(f"location cannot be read, all start without bindings: {error}")
            return []

    # Look-ups.

    def bindings(self, aor, now):
        """-> [Binding] that are valid, the preferred one first."""
        found = self._static.get(aor, []) + self._dynamic.get(aor, [])
        return sorted([each for each in found if each.is_valid(now)], key=preference)

    def all(self, now):
        """-> [Binding] of everybody, sorted by AOR: for the console."""
        found = []
        for aor in sorted(set(self._static) | set(self._dynamic)):
            found.extend(self.bindings(aor, now))
        return found

    # Changes: one REGISTER is one call, all of it or nothing (RFC 3261 10.3 step 7).

    def apply(self, aor, outcome, now, wall):
        """Takes the outcome of one REGISTER: lists added, changed, refreshed and removed."""
        gone = [id(binding) for binding in outcome.removed]
        kept = [each for each in self._dynamic.get(aor, []) if id(each) not in gone]
        self._set(aor, kept + outcome.added)
        for binding in outcome.removed:
            self._dirty.pop(binding.ruid, None)
        for binding in outcome.refreshed:
            self._dirty[binding.ruid] = binding
        if outcome.added or outcome.changed or outcome.removed:
            self._flush(now, wall, outcome.added + outcome.changed, outcome.removed)
        elif self._dirty and self._flush_at is None:
            self._flush_at = now + REFRESH_DELAY
        if self._sweep_at is None:
            self._sweep_at = now + SWEEP

    # Time.

    def next_timer(self):
        """-> seconds of the monotonic clock | None."""
        if self._flush_at is None or self._sweep_at is None:
            return self._sweep_at if self._flush_at is None else self._flush_at
        return min(self._flush_at, self._sweep_at)

    def handle_timers(self, now, wall):
        self._follow_clock(now, wall)
        if self._flush_at is not None and now >= self._flush_at:
            self._flush(now, wall, (), ())
        if self._sweep_at is not None and now >= self._sweep_at:
            self._sweep(now)

    def flush(self, now, wall):
        """Writes refreshes that still wait: before a planned stop."""
        if self._dirty or self._behind:
            self._flush(now, wall, (), ())

    def _follow_clock(self, now, wall):
        apart, self._clocks_apart = self._clocks_apart, wall - now
        if apart is not None and abs(wall - now - apart) > CLOCK_STEP and self._dynamic:
            self._behind = True  # all of it, as the dates are of another clock
            self._flush(now, wall, (), ())

    def _sweep(self, now):
        """Forgets expired bindings. Nothing is written: what the store has expires as well."""
        for aor in list(self._dynamic):
            kept = []
            for binding in self._dynamic[aor]:
                if binding.is_valid(now):
                    kept.append(binding)
                    continue
                self._dirty.pop(binding.ruid, None)
                if self._log:
                    self._log.info(f"registration of {aor} expired: {binding.contact}")
            self._set(aor, kept)
        self._sweep_at = now + SWEEP if self._dynamic else None

    def _set(self, aor, bindings):
        if bindings:
            self._dynamic[aor] = bindings
        else:
            self._dynamic.pop(aor, None)

    def _flush(self, now, wall, present, removed):
        """Writes what may not wait, and with it what has waited."""
        self._flush_at = None
        for binding in present:
            self._dirty[binding.ruid] = binding
        present = list(self._dirty.values())
        self._dirty = {}
        if self._store is None:
            return
        if not self._behind:
            self._write(self._store.append, (present, removed), now, wall)
        everything = self._everything()
        if self._behind or self._store.is_long(len(everything)):
            self._write(self._store.rewrite, everything, now, wall)

    def _write(self, operation, what, now, wall):
        """A medium that is full or read-only costs persistence, never a registration.

        An append that failed may have left part of a line: the next write is a rewrite, at
        the latest in REFRESH_DELAY.
        """
        try:
            operation(what, now, wall)
            self._behind = False
        except OSError as error:
            self._behind = True
            self._flush_at = now + REFRESH_DELAY
            if self._log:
                self._log.error(f"location is in memory only, it could not be written: {error}")

    def _everything(self):
        found = []
        for aor in sorted(self._dynamic):
            found.extend(self._dynamic[aor])
        return found


def _by_aor(bindings):
    table = {}
    for binding in bindings:
        if binding.aor in table:
            table[binding.aor].append(binding)
        else:
            table[binding.aor] = [binding]
    return table
