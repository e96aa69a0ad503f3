"""What an extension may call outside: against who has guessed or stolen its password.

Calls in progress, calls an hour and a day, minutes a day. All of it is counted in memory alone and
begins anew with each start; windows slide, so that no full hour lets twice as many through. A call
is over when its BYE was answered, not when one was sent: a BYE that the trunk refuses ends none.
"""

HOUR, DAY = 3600, 86400
LINGER = HOUR  # that a call counts whose BYE the trunk has refused
PARTS = 12  # of a window; it slides by one part at a time
MAX_CALLERS = 1024  # extensions whose calls are counted at a time
MAX_RECORDS = 300  # calls to the outside in progress
IN_USE = "Call-ID in Use"

# Answers to a BYE that say that there is no call any more (RFC 3261 12.2.1.2); 504 stands for none.
OVER = (408, 481, 504)

# What may be limited: name in site.conf and in usr_preferences.
NAMES = ("calls", "calls_per_hour", "calls_per_day", "minutes_per_day")


class Window:
    """A sum over the last `length` seconds."""

    def __init__(self, length):
        self._part = length // PARTS
        self._sums = {}  # number of the part -> sum

    def add(self, value, now):
        part = int(now) // self._part
        self._sums[part] = self._sums.get(part, 0) + value

    def total(self, now):
        oldest = int(now) // self._part - PARTS
        for part in list(self._sums):
            if part < oldest:
                del self._sums[part]
        return sum(self._sums.values())


class Caller:
    """One extension: its calls, and when it was last heard of."""

    def __init__(self):
        self.hour = Window(HOUR)
        self.day = Window(DAY)
        self.seconds = Window(DAY)
        self.records = []
        self.seen = 0.0


class Record:
    """A call to the outside, of the party `tag`. answered: `now`, 0.0 before; ends: when it is
    forgotten at the latest."""

    def __init__(self, call_id, tag, caller, ends):
        self.call_id = call_id
        self.tag = tag
        self.to_tag = ""
        self.caller = caller
        self.answered = 0.0
        self.ends = ends


class Limits:
    """All extensions that have called outside within a day, and their calls."""

    def __init__(self):
        self._callers = {}  # AOR -> Caller
        self._records = {}  # Call-ID -> Record

    def __len__(self):
        """Calls to the outside in progress."""
        return len(self._records)

    def begin(self, call_id, tag, aor, most, total, now, longest):
        """Counts a call, if that may be. -> "" or the reason why not.

        most: {name of NAMES: the most, 0 for any number}; total: the most calls of all;
        longest: seconds that a call without an end counts.
        """
        self._forget(now)
        caller = self._caller(aor, now)
        reason = self._reason(call_id, caller, most, total, now)
        if not reason:
            self._count(caller, now)
            record = self._records[call_id] = Record(
                call_id, tag, caller, now + longest
            )
            caller.records.append(record)
        return reason

    def message(self, aor, most, now):
        """Counts what is no call but costs as much. -> "" or the reason why not."""
        caller = self._caller(aor, now)
        reason = _too_often(caller, most, now)
        if not reason:
            self._count(caller, now)
        return reason

    def _count(self, caller, now):
        caller.hour.add(1, now)
        caller.day.add(1, now)

    def _reason(self, call_id, caller, most, total, now):
        if call_id in self._records:
            return IN_USE  # a second call under its cover would be ended with the first
        if len(self._records) >= (total or MAX_RECORDS):
            return "All Lines Busy"
        if most["calls"] and len(caller.records) >= most["calls"]:
            return "Too Many Calls"
        if most["minutes_per_day"] and self.spoken(caller, now) >= 60 * most["minutes_per_day"]:
            return "Too Many Minutes"
        return _too_often(caller, most, now)

    def spoken(self, caller, now):
        """-> seconds within a day, with those of calls that go on."""
        present = sum([now - each.answered for each in caller.records if each.answered])
        return caller.seconds.total(now) + present

    def _caller(self, aor, now):
        caller = self._callers.get(aor)
        if caller is None:
            if len(self._callers) >= MAX_CALLERS:
                self._make_room(now)
            caller = self._callers[aor] = Caller()
        caller.seen = now
        return caller

    def _make_room(self, now):
        """Forgets who has not called for a day, or else who has called least lately."""
        idle = [
            (self._callers[aor].seen, aor) for aor in self._callers
            if not self._callers[aor].records
        ]  # fmt: skip
        gone = [aor for seen, aor in idle if now - seen > DAY]
        gone = gone or [aor for _, aor in sorted(idle)[:1]]
        for aor in gone:
            del self._callers[aor]

    # What core.py reports

    def replied(self, request, status, to_tag, now):
        """A final response has gone to whoever sent a RoutingRequest."""
        record = self._records.get(request.ci)
        if record is None:
            return
        if request.rm == "BYE":
            known = (record.tag, record.to_tag)
            is_within = request.sealed or request.within is not None
            if is_within and known in ((request.ft, request.tt), (request.tt, request.ft)):
                if status < 300 or status in OVER:
                    self.over(request.ci, now)
                else:
                    record.ends = min(record.ends, now + LINGER)
        elif request.counted:
            if status >= 300:
                self.over(request.ci, now)
            elif not record.answered:
                record.answered, record.to_tag = now, to_tag

    def over(self, call_id, now):
        """A call has ended: by its BYE, because it came to nothing, or since nobody is there."""
        record = self._records.pop(call_id, None)
        if record is None:
            return
        record.caller.records.remove(record)
        if record.answered:
            record.caller.seconds.add(now - record.answered, now)

    def _forget(self, now):
        for call_id in list(self._records):
            if now >= self._records[call_id].ends:
                self.over(call_id, now)


def _too_often(caller, most, now):
    if most["calls_per_hour"] and caller.hour.total(now) >= most["calls_per_hour"]:
        return "Too Many Calls This Hour"
    if most["calls_per_day"] and caller.day.total(now) >= most["calls_per_day"]:
        return "Too Many Calls Today"
    return ""
