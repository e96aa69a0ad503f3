"""A table in memory: rows as plain lists, indexes built on first use."""

from app.dbtext.errors import TableError
from app.dbtext.index import Index

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
        if isinstance(index, slice):
            return [Row(self._at, values) for values in self._lists[index]]
        return Row(self._at, self._lists[index])

    def __iter__(self):
        for values in self._lists:
            yield Row(self._at, values)


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
            at = self._position(name)
            row[at] = self._checked(at, values[name])
        if self._auto is not None and row[self._auto] is None:
            row[self._auto] = self.next_auto
        for at in range(len(row)):
            self._check_null(at, row[at])
        self._lists.insert(0, row)
        self._count_auto(row)
        for index in self._indexes.values():
            index.add_first(row)
        return Row(self._at, row)

    def update(self, row, **values):
        """Changes a row in place; nothing is changed when a value does not fit."""
        changes = []
        for name in values:
            at = self._position(name)
            value = self._checked(at, values[name])
            self._check_null(at, value)
            if row._values[at] != value:
                changes.append((at, value))
        for at, value in changes:
            row._values[at] = value
            self._forget_indexes(at)
        self._count_auto(row._values)

    def delete(self, row):
        """Removes a row; KeyError when it is not (or no longer) in the table."""
        for at in range(len(self._lists)):
            if self._lists[at] is row._values:
                self._lists.pop(at)
                for index in self._indexes.values():
                    index.remove(row._values)
                return
        raise KeyError("the row is not in the table")

    # What the reader uses.

    def append(self, values):
        """Adds a checked list of values behind the others (the reader's way in)."""
        self._lists.append(values)
        if self._auto is not None:
            self._count_auto(values)

    # Look-ups.

    def _lookup(self, keys):
        columns = []
        for name in keys:
            if name in self._at:
                columns.append(self._at[name])
            elif keys[name] is not None:
                return ()
        if not columns:
            return self._lists
        # Keyword arguments come in any order under MicroPython.
        columns = tuple(sorted(columns))
        if columns not in self._indexes:
            self._indexes[columns] = Index(columns, self._lists)
        names = [self.columns[at].name.lower() for at in columns]
        return self._indexes[columns].find([keys[name] for name in names])

    def _forget_indexes(self, changed):
        """Keys seldom change; an index over one that did is built anew, in file order."""
        for columns in list(self._indexes):
            if changed in columns:
                del self._indexes[columns]

    # Checks of changes.

    def _position(self, name):
        if name not in self._at:
            names = ", ".join([column.name for column in self.columns])
            raise self._error(f"there is no column {name!r}", f"the columns are {names}")
        return self._at[name]

    def _checked(self, at, value):
        """The value as the column keeps it."""
        column = self.columns[at]
        if value is None:
            return None
        if column.type in NUMBERS:
            fits = isinstance(value, (int, bool)) and abs(value) < 10**18
        elif column.type == "double":
            fits = isinstance(value, (int, float)) and abs(value) < 1e15
        else:
            fits = isinstance(value, bytes if column.type == "blob" else str)
        if not fits:
            raise self._error(
                f"{column.name} is {column.type} and cannot hold this {type(value).__name__}",
                "give a value that fits",
            )
        value = CONVERSIONS.get(column.type, str)(value)
        # An empty field is NULL when it is read again, so it is NULL from the start.
        is_null = not value and isinstance(value, (str, bytes)) and not self.emptystring
        return None if is_null and column.null else value

    def _check_null(self, at, value):
        column = self.columns[at]
        blank = isinstance(value, (str, bytes)) and not value and not self.emptystring
        if (value is None or blank) and not column.null:
            raise self._error(
                f"{column.name} is empty, and the header does not say null",
                f"give it a value or declare {column.name}({column.type},null)",
            )

    def _count_auto(self, row):
        if self._auto is not None and row[self._auto] >= self.next_auto:
            self.next_auto = row[self._auto] + 1

    def _error(self, problem, remedy):
        return TableError(self.name, 0, 0, problem, remedy)
