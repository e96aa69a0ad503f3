"""Counting who does how much, in a memory that does not grow: windows, tokens, a table."""


class Window:
    """How many in the last `seconds`, from two counts: of this span, and of the one before."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.count = 0
        self._before = 0
        self._since = None

    def add(self, now):
        """Counts one more. -> float: how many there are now."""
        self._turn(now)
        self.count += 1
        return self._rate(now)

    def rate(self, now):
        """-> float: how many there are now."""
        self._turn(now)
        return self._rate(now)

    def forgive(self, number):
        """Takes some of this span back."""
        self.count = max(0, self.count - number)

    def _turn(self, now):
        if self._since is None:
            self._since = now
        age = now - self._since
        if age >= 2 * self.seconds:
            self.count = self._before = 0
            self._since = now
        elif age >= self.seconds:
            self._before, self.count = self.count, 0
            self._since += self.seconds

    def _rate(self, now):
        # the part of the span before that is still within the last `seconds`
        return self.count + self._before * (1 - (now - self._since) / self.seconds)


class Bucket:
    """`size` tokens at first and at most, and a new one each `seconds`."""

    def __init__(self, size, seconds, now):
        self.size = size
        self.seconds = seconds
        self._full = float(size)
        self._at = now

    def take(self, now):
        """-> bool: there was a token."""
        self._full = min(self.size, self._full + (now - self._at) / self.seconds)
        self._at = now
        if self._full < 1:
            return False
        self._full -= 1
        return True

    def give_back(self):
        self._full = min(self.size, self._full + 1)


class Generations:
    """A table of at most 2 * `limit` entries, which forgets those unused for `seconds` or more.

    Two dicts: what is used goes into the younger one, and when that is full or old, the older
    one is dropped as a whole. So no entry needs a timer, and a flood of new keys costs no
    search for the oldest: it makes the table forget sooner, at the same price for each key.
    """

    def __init__(self, limit, seconds):
        self.limit = limit
        self.seconds = seconds
        self._young = {}
        self._old = {}
        self._since = None

    def __len__(self):
        return len(self._young) + len(self._old)

    def get(self, key, now):
        """-> the value, None for a key that is not, or no longer, there."""
        self._turn(now)
        value = self._young.get(key)
        if value is None and self._old:
            value = self._old.pop(key, None)
            if value is not None:
                self.put(key, value, now)
        return value

    def put(self, key, value, now):
        """Remembers `value` (not None)."""
        if len(self._young) >= self.limit and key not in self._young:
            self._next(now)
        self._young[key] = value

    def drop(self, key):
        self._young.pop(key, None)
        self._old.pop(key, None)

    def clear(self):
        self._young = {}
        self._old = {}

    def _turn(self, now):
        if self._since is None:
            self._since = now
        elif now - self._since >= self.seconds:
            if now - self._since >= 2 * self.seconds:
                self._young = {}
            self._next(now)

    def _next(self, now):
        self._old = self._young
        self._young = {}
        self._since = now
