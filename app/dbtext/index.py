"""Look-ups without a search: the rows of a table by the values of some columns."""


def fold(value):
    """A value as the originals compare it: ASCII letters regardless of case, as bytes.

    bytes.lower knows ASCII alone under both interpreters; str.lower does not. A byte
    above 0xF8 is in no UTF-8 text, which keeps NULL apart from the rest.
    """
    if isinstance(value, str):
        return value.encode().lower()
    if value is None:
        return b"\xfe"
    if isinstance(value, bytes):
        value = value.lower()
    return (f"{value:.17g}" if isinstance(value, float) else repr(value)).encode()


def fold_all(values):
    """One key of several values. MicroPython hashes bytes fast, and tuples slowly."""
    return b"\xff".join([fold(value) for value in values])


class Index:
    """The rows (lists of values) by the columns at some positions, in the table's order.

    Most keys have one row, so that one is kept as it is; several are a tuple of one list.
    """

    def __init__(self, columns, rows):
        self.columns = columns
        self._rows = {}
        for row in rows:
            key = self._key(row)
            if key in self._rows:
                self._several(key).append(row)
            else:
                self._rows[key] = row

    def find(self, values):
        """The rows with these values, one for each of the columns, as a sequence."""
        entry = self._rows.get(fold_all(values), ((),))
        return entry[0] if isinstance(entry, tuple) else (entry,)

    def add_first(self, row):
        key = self._key(row)
        if key in self._rows:
            self._several(key).insert(0, row)
        else:
            self._rows[key] = row

    def remove(self, row):
        key = self._key(row)
        if self._rows[key] is row:
            del self._rows[key]
            return
        left = [other for other in self._several(key) if other is not row]
        self._rows[key] = (left,) if len(left) > 1 else left[0]

    def _key(self, row):
        return fold_all([row[at] for at in self.columns])

    def _several(self, key):
        """The list of a key's rows, made when there was one alone."""
        if not isinstance(self._rows[key], tuple):
            self._rows[key] = ([self._rows[key]],)
        return self._rows[key][0]
