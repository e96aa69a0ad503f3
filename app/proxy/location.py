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

Nothing here goes through all bindings at once: look-ups are by AOR, expiry by a heap of
deadlines, and a new table is written slice by slice while calls go on.
"""

from app.proxy.flow import loses
from app.proxy.target import received_source
from app.sip.timers import Deadlines
from app.sip.uri import parse_uri

REFRESH_DELAY = 300  # seconds a refresh may wait for its write, and a failed write for the next
CLOCK_LOOK = 30  # seconds between two looks at the wall clock
CLOCK_STEP = 60  # seconds that the wall clock may be set by until what is stored is dated anew
NATTED = 64  # FLB_NATB of Kamailio's own configuration (bit 6), in the column cflags
PERMANENT = 128  # FL_PERMANENT of SER's usrloc, in the column flags
BATCH = 16  # bindings that one turn lets expire, or writes
PAUSE = 0.01  # seconds until the next such turn: whatever else waits comes first
MAX_GONE = 256  # removed bindings whose removal waits for a medium that takes it

# What has become of a binding, as RFC 3680 5.1 names it.
REGISTERED = "registered"
CHANGED = "changed"  # elsewhere now; RFC 3680 calls it refreshed
REFRESHED = "refreshed"
EXPIRED = "expired"
UNREGISTERED = "unregistered"
DEACTIVATED = "deactivated"


class Binding:
    """One contact of an AOR.

    contact, callid, user_agent, ruid: str; received, instance, socket, path: str | None;
    flow: Peer.flow of the connection that it came on, 0 without; reg_id: int, see way.Way;
    q: float | None; cseq, cflags, methods: int (methods may be None); deadline: seconds of the
    monotonic clock, None for never; grace: seconds of it that the store must not count;
    modified: Unix seconds; static: it comes from the site's table and is not ours to write.
    """

    def __init__(self, aor, contact, deadline, **fields):
        self.aor = aor
        self.contact = contact
        self.deadline = deadline
        self.grace = fields.get("grace", 0)
        self.q = fields.get("q")
        self.callid = fields.get("callid", "")
        self.cseq = fields.get("cseq", 0)
        self.user_agent = fields.get("user_agent", "")
        self.received = fields.get("received")
        self.path = fields.get("path")
        self.socket = fields.get("socket")
        self.flow = fields.get("flow", 0)
        self.instance = fields.get("instance")
        self.reg_id = fields.get("reg_id", 0)
        self.methods = fields.get("methods")
        self.cflags = fields.get("cflags", 0)
        self.ruid = fields.get("ruid", "")
        self.modified = fields.get("modified", 0)
        self.static = fields.get("static", False)
        self.entry = None  # in the heap of Location

    def remaining(self, now):
        """-> whole seconds left, rounded up; None for never."""
        if self.deadline is None:
            return None
        left = self.deadline - now
        return int(left) + (1 if left > int(left) else 0)

    def lose_connection(self):
        """Its connection is gone. -> bool: it is reached all the same, by its Contact."""
        peer = received_source(self.received)
        if self.reg_id or peer is None or loses(parse_uri(self.contact), peer):
            return False
        self.received, self.flow = None, 0
        return True

    def is_valid(self, now):
        return self.deadline is None or self.deadline > now


def preference(binding):
    """Sort key: highest q first (none counts as 1, RFC 3261 16.6), then the latest."""
    # within one second the one that lasts longer is the later one
    lasting = 0 if binding.deadline is None else -binding.deadline
    return (-(1.0 if binding.q is None else binding.q), -binding.modified, lasting)


class Outcome:
    """What happens to the bindings of one AOR: four lists of Binding, see registrar.Registration.

    event: why the removed ones are gone.
    """

    def __init__(self, removed=(), event=UNREGISTERED):
        self.added = []
        self.changed = []
        self.refreshed = []
        self.removed = list(removed)
        self.event = event


class Location:
    """All bindings. `store` keeps them over a restart: see store.LocationStore; or None.

    listeners: functions (aor, {event: [Binding]}, now), told of every change but those of the
    site's own table.
    """

    def __init__(self, store=None, log=None):
        self._store = store
        self._log = log
        self._static = {}  # aor -> [Binding] of the site
        self.fixed = 0  # how many those are
        self._dynamic = {}  # aor -> [Binding] of REGISTER
        self._count = 0  # of the dynamic ones
        self._deadlines = Deadlines()
        self._expire_at = 0  # not before
        self._dirty = {}  # ruid -> Binding, not yet written
        self._gone = []  # [Binding] whose removal is not yet written
        self._behind = False  # the medium took the last write not at all, or a part of it
        self._stale = False  # the table has to be written anew
        self._flush_at = None
        self._slices = None  # [aor] that the table being written still lacks
        self._slice_at = None  # when the next slice is due, or another try
        self._clocks_apart = None  # the wall clock less the monotonic one
        self._look_at = None
        self.listeners = []

    def __len__(self):
        """Bindings of REGISTER that are held."""
        return self._count

    # What the site says.

    def set_static(self, bindings):
        """Takes the bindings of the site's own table instead of the former ones."""
        self._static = _by_aor(bindings)
        self.fixed = len(bindings)

    def load(self, now, wall):
        """Reads what the store kept; call it once, before the first REGISTER."""
        if self._store is None:
            return
        self._clocks_apart = wall - now
        bindings = self._read(now, wall)
        self._dynamic = _by_aor(bindings)
        self._count = len(bindings)
        self._deadlines = Deadlines()
        for binding in bindings:
            self._watch(binding)
        self._look_at = now + CLOCK_LOOK if bindings else None
        self._tidy(now)

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

    def each(self):
        """Yields every binding of REGISTER that is held: for a start."""
        for aor in self._dynamic:
            yield from self._dynamic[aor]

    def all(self, now):
        """-> [Binding] of everybody, sorted by AOR: for the console."""
        found = []
        for aor in sorted(set(self._static) | set(self._dynamic)):
            found.extend(self.bindings(aor, now))
        return found

    # Changes: one REGISTER is one call, all of it or nothing (RFC 3261 10.3 step 7).

    def apply(self, aor, outcome, now, wall):
        """Takes the outcome of one REGISTER: lists added, changed, refreshed and removed."""
        self._replace(aor, outcome.added, outcome.removed)
        for binding in outcome.removed:
            self._dirty.pop(binding.ruid, None)
        for binding in outcome.added + outcome.changed + outcome.refreshed:
            self._watch(binding)
        for binding in outcome.refreshed:
            self._dirty[binding.ruid] = binding
        self._gone.extend(outcome.removed)
        if self._behind:
            for binding in outcome.added + outcome.changed:
                self._dirty[binding.ruid] = binding
        elif outcome.added or outcome.changed or outcome.removed:
            self._flush(now, wall, outcome.added + outcome.changed)
        if self._dirty and self._flush_at is None:
            self._flush_at = now + REFRESH_DELAY
        if self._look_at is None:
            self._look_at = now + CLOCK_LOOK
        self._bound_gone()
        self._tell(aor, outcome, now)

    def remove(self, bindings, event, now, wall):
        """Ends bindings of one AOR that are not the site's, otherwise than by a REGISTER."""
        bindings = [binding for binding in bindings if not binding.static]
        if bindings:
            self.apply(bindings[0].aor, Outcome(bindings, event), now, wall)

    def _replace(self, aor, added, removed):
        gone = [id(binding) for binding in removed]
        old = self._dynamic.get(aor, [])
        kept = [each for each in old if id(each) not in gone] + list(added)
        self._count += len(kept) - len(old)
        if kept:
            self._dynamic[aor] = kept
        else:
            self._dynamic.pop(aor, None)
        for binding in removed:
            if binding.entry is not None:
                self._deadlines.cancel(binding.entry)
                binding.entry = None

    def _tell(self, aor, outcome, now):
        changes = {
            REGISTERED: outcome.added, CHANGED: outcome.changed, REFRESHED: outcome.refreshed,
            outcome.event: outcome.removed,
        }  # fmt: skip
        if not (outcome.added or outcome.changed or outcome.refreshed or outcome.removed):
            return
        for listener in self.listeners:
            listener(aor, changes, now)

    # Expiry.

    def _watch(self, binding):
        """Has the binding looked at when it ends. One that was extended is put off then."""
        entry = binding.entry
        if entry is not None:
            if binding.deadline is not None and binding.deadline >= entry[0]:
                return
            self._deadlines.cancel(entry)
            binding.entry = None
        if binding.deadline is not None:
            binding.entry = self._deadlines.add(binding.deadline, binding)

    def _expire(self, now, wall):
        """Forgets expired bindings. Nothing is written: what the store has expires as well."""
        for _ in range(BATCH):
            binding = self._deadlines.pop(now)
            if binding is None:
                return
            binding.entry = None
            if binding.is_valid(now):
                self._watch(binding)
                continue
            self._replace(binding.aor, (), [binding])
            self._dirty.pop(binding.ruid, None)
            if self._log:
                self._log.info(f"registration of {binding.aor} expired: {binding.contact}")
            self._tell(binding.aor, Outcome([binding], EXPIRED), now)
        self._expire_at = now + PAUSE

    # Time.

    def next_timer(self):
        """-> seconds of the monotonic clock | None."""
        due = [self._flush_at, self._slice_at, self._look_at]
        expiry = self._deadlines.next()
        if expiry is not None:
            due.append(max(expiry, self._expire_at))
        due = [each for each in due if each is not None]
        return min(due) if due else None

    def handle_timers(self, now, wall):
        if self._look_at is not None and now >= self._look_at:
            self._look_at = now + CLOCK_LOOK if self._dynamic else None
            self._follow_clock(now, wall)
        if self._flush_at is not None and now >= self._flush_at:
            self._flush_at = now + PAUSE
            self._flush(now, wall)
        if now >= self._expire_at:
            self._expire(now, wall)
        if self._slice_at is not None and now >= self._slice_at:
            self._go_on_with_table(now, wall)

    def flush(self, now, wall):
        """Writes what still waits: before a planned stop."""
        if self._slices is not None:
            self._give_up_table()
        self._behind = False
        while (self._dirty or self._gone) and not self._behind:
            self._flush(now, wall)

    def _follow_clock(self, now, wall):
        apart, self._clocks_apart = self._clocks_apart, wall - now
        if apart is not None and abs(wall - now - apart) > CLOCK_STEP and self._dynamic:
            self._stale = True  # all of it, as the dates are of another clock
            self._tidy(now)

    # Writing. A medium that is full or read-only costs persistence, never a registration.

    def _flush(self, now, wall, present=()):
        """Writes what may not wait, and with it some of what has waited."""
        rows = {}
        for binding in present:
            self._dirty.pop(binding.ruid, None)
            rows[binding.ruid] = binding
        while self._dirty and len(rows) < BATCH:
            ruid, binding = self._dirty.popitem()
            rows[ruid] = binding
        if self._write(rows, now, wall):
            self._gone = []
            if not self._dirty:
                self._flush_at = None
            self._tidy(now)
        else:
            self._dirty.update(rows)

    def _write(self, rows, now, wall):
        """-> bool: the journal has taken {ruid: Binding}, and the removals."""
        self._behind = False
        try:
            if self._store is not None:
                self._store.append((list(rows.values()), self._gone), now, wall)
            return True
        except OSError as error:
            self._behind = True
            self._flush_at = now + REFRESH_DELAY
            self._complain(error)
            return False

    def _bound_gone(self):
        """Removals that nobody takes are not kept for ever: a new table will lack the bindings."""
        if len(self._gone) > MAX_GONE:
            self._gone = []
            self._stale = True

    def _tidy(self, now):
        """Begins a new table where the present one is stale, or its journal long."""
        if self._store is None or (self._slices is not None and not self._stale):
            return
        if self._slices is not None:
            self._give_up_table()
        if self._slice_at is None and (self._stale or self._store.is_long(self._count)):
            self._try(self._begin_table, now, None)

    def _begin_table(self, now, wall):
        self._store.begin()
        self._slices = sorted(self._dynamic)
        self._slice_at = now + PAUSE
        self._stale = False

    def _go_on_with_table(self, now, wall):
        """Adds the next bindings to the table that is being written, or tries to begin again."""
        self._slice_at = None
        self._try(self._begin_table if self._slices is None else self._write_slice, now, wall)

    def _write_slice(self, now, wall):
        found = []
        while self._slices and len(found) < BATCH:
            found.extend(self._dynamic.get(self._slices.pop(), ()))
        self._store.write(found, now, wall)
        if self._slices:
            self._slice_at = now + PAUSE
        else:
            self._store.commit()
            self._slices = None

    def _try(self, step, now, wall):
        """Without a new table the journal goes on, and holds all that is new."""
        try:
            step(now, wall)
        except OSError as error:
            self._give_up_table()
            self._slice_at = now + REFRESH_DELAY
            self._complain(error)

    def _give_up_table(self):
        self._slices = self._slice_at = None
        self._stale = True
        self._store.abandon()

    def _complain(self, error):
        if self._log:
            self._log.error(f"location is in memory only, it could not be written: {error}")


def _by_aor(bindings):
    table = {}
    for binding in bindings:
        if binding.aor in table:
            table[binding.aor].append(binding)
        else:
            table[binding.aor] = [binding]
    return table
