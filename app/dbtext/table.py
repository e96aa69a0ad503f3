"""A table in memory: rows as plain lists, indexes built on first use."""

from app.dbtext.errors import TableError

NUMBERS = ("int", "time")
CONVERSIONS = {"int": int, "time": int, "double": float, "blob": bytes}


class Column:
    """A column as the header declares it.

    `type` is what Kamailio prints: int, double, str, string, blob or time.
    """

    def __init__(self, name, type, null=False, auto=False):
        self.name = name
        self.type = type
        self.null = null
        self.auto = auto

    def __repr__(self):
        attribute = ",null" if self.null else ",auto" if self.auto else ""
        return f"{self.name}({self.type}{attribute})"


class Row:
    """One row, by column name. A view: it stays true when the table updates the row."""

    __slots__ = ("_at", "_values")

    def __init__(self, at, values):
        self._at = at
        self._values = values

    def __getitem__(self, name):
        """The value, None for NULL; KeyError when the table has no such column."""
        return self._values[self._at[name]]

    def get(self, name, default=None):
        """The value, or `default` when it is NULL or the table has no such column."""
        at = self._at.get(name)
        if at is None:
            return default
        value = self._values[at]
        return default if value is None else value

    def values(self):
        """The values in the order of the table's columns."""
        return list(self._values)

    def __eq__(self, other):
        return isinstance(other, Row) and self._values == other._values

    def __hash__(self):
        return id(self._values)

    def __repr__(self):
        return f"<Row {self._values!r}>"


class Rows:
    """The rows of a table as a sequence; a Row is made when it is asked for."""

    def __init__(self, at, lists):
        self._at = at
        self._lists = lists

    def __len__(self):
        return len(self._lists)

    def __getitem__(self, index):
        return Row(self._at, self._lists[index])

    def __iter__(self):
        for values in self._lists:
            yield Row(self._at, values)


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


def _several(rows):
    """The rows of an index entry: a tuple of lists, or one list alone."""
    return rows if isinstance(rows, tuple) else (rows,)


class Table:
    """Columns, rows, look-ups and changes.

    Look-ups compare text without regard to the case of ASCII letters, and NULL equals
    NULL, as dbt_cmp_val does. A column that the table does not have is NULL in every
    row, so that a caller may ask SER's and Kamailio's schemas the same question.
    """

    def __init__(self, name, columns, delimiter=":", emptystring=False):
        self.name = name
        self.columns = columns
        self.delimiter = delimiter
        self.emptystring = emptystring
        self._at = {}
        self._auto = None
        self.next_auto = 1
        for index in range(len(columns)):
            self._at[columns[index].name.lower()] = index
            if columns[index].auto:
                self._auto = index
        self._lists = []
        self._indexes = {}

    @property
    def rows(self):
        """The rows in the order of the file: len(), indexing and iteration."""
        return Rows(self._at, self._lists)

    def has_column(self, name):
        return name in self._at

    def find(self, **keys):
        """The first row with these values, or None: `find(username="200")`."""
        found = self._lookup(keys)
        return Row(self._at, found[0]) if found else None

    def find_all(self, **keys):
        """All rows with these values, in the order of the file."""
        return [Row(self._at, values) for values in self._lookup(keys)]

    def insert(self, **values):
        """Adds a row before all others, as dbt_insert does; gives the Row.

        A column that is not named is NULL, the auto column the next number.
        """
        row = [None] * len(self.columns)
        for name in values:
            index = self._index_of(name)
            row[index] = self._checked(index, values[name])
        if self._auto is not None and row[self._auto] is None:
            row[self._auto] = self.next_auto
        for index in range(len(row)):
            self._check_null(index, row[index])
        self._lists.insert(0, row)
        self._count_auto(row)
        for columns in self._indexes:
            self._enter(columns, row)
        return Row(self._at, row)

    def update(self, row, **values):
        """Changes a row in place; nothing is changed when a value does not fit."""
        changes = []
        for name in values:
            index = self._index_of(name)
            value = self._checked(index, values[name])
            self._check_null(index, value)
            if row._values[index] != value:
                changes.append((index, value))
        for index, value in changes:
            row._values[index] = value
            self._forget_indexes(index)
        self._count_auto(row._values)

    def delete(self, row):
        """Removes a row; KeyError when it is not (or no longer) in the table."""
        stored = row._values
        for index in range(len(self._lists)):
            if self._lists[index] is stored:
                self._lists.pop(index)
                for columns in self._indexes:
                    self._leave(columns, stored)
                return
        raise KeyError("the row is not in the table")

    # What the reader uses.

    def append(self, values):
        """Adds a checked list of values behind the others (the reader's way in)."""
        self._lists.append(values)
        if self._auto is not None:
            self._count_auto(values)

    # Indexes: {(column, ...): {key: [row, ...]}}, rows in the order of the file.

    def _lookup(self, keys):
        columns = []
        for name in keys:
            index = self._at.get(name)
            if index is not None:
                columns.append(index)
            elif keys[name] is not None:
                return ()
        if not columns:
            return self._lists
        columns.sort()
        columns = tuple(columns)
        if columns not in self._indexes:
            self._build(columns)
        key = fold_all([keys[self.columns[at].name.lower()] for at in columns])
        return _several(self._indexes[columns].get(key, ()))

    def _build(self, columns):
        index = self._indexes[columns] = {}
        for row in self._lists:
            key = self._key(columns, row)
            # One row is kept as it is, several as a tuple: most keys have one.
            index[key] = _several(index[key]) + (row,) if key in index else row

    def _key(self, columns, row):
        return fold_all([row[at] for at in columns])

    def _enter(self, columns, row):
        index = self._indexes[columns]
        key = self._key(columns, row)
        index[key] = (row,) + _several(index[key]) if key in index else row

    def _forget_indexes(self, changed):
        """Keys seldom change; an index over one that did is built anew, in file order."""
        for columns in list(self._indexes):
            if changed in columns:
                del self._indexes[columns]

    def _leave(self, columns, row):
        index = self._indexes[columns]
        key = self._key(columns, row)
        left = tuple([other for other in _several(index[key]) if other is not row])
        if left:
            index[key] = left
        else:
            del index[key]

    # Checks of changes.

    def _index_of(self, name):
        if name not in self._at:
            names = ", ".join([column.name for column in self.columns])
            raise self._error(f"there is no column {name!r}", f"the columns are {names}")
        return self._at[name]

    def _checked(self, index, value):
        column = self.columns[index]
        if value is None or (value == "" and column.null and not self.emptystring):
            return None
        if column.type in NUMBERS:
            fits = isinstance(value, (int, bool)) and abs(value) < 10**18
        elif column.type == "double":
            fits = isinstance(value, (int, float)) and abs(value) < 1e15
        else:
            fits = isinstance(value, bytes if column.type == "blob" else str)
        if not fits:
            raise self._error(f"{column.name} cannot hold {value!r}", f"give a {column.type}")
        return CONVERSIONS.get(column.type, str)(value)

    def _check_null(self, index, value):
        column = self.columns[index]
        empty = value is None or (value in ("", b"") and not self.emptystring)
        if empty and not column.null:
            raise self._error(
                f"{column.name} is empty, and the header does not say null",
                f"give it a value or declare {column.name}({column.type},null)",
            )

    def _count_auto(self, row):
        if self._auto is not None and row[self._auto] >= self.next_auto:
            self.next_auto = row[self._auto] + 1

    def _error(self, problem, remedy):
        return TableError(self.name, 0, 0, problem, remedy)
