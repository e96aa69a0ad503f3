"""A table's columns as the reader sees them: which field is parsed how."""

from app.dbtext.errors import Fault
from app.dbtext.values import parse_blob, parse_double, parse_int, parse_str

# What an empty field is when it is not a value.
COUNT = object()
REFUSE = object()
PARSERS = {"int": parse_int, "time": parse_int, "double": parse_double}


class Layout:
    def __init__(self, columns, delimiter, emptystring):
        self.columns = columns
        self.delimiter = delimiter
        self.width = len(columns)
        self._empty = [_empty_value(column, emptystring) for column in columns]
        self._parsers = [self._parser(column.type) for column in columns]
        self._plain = [column.type in ("str", "string") for column in columns]
        self._auto_count = 0

    def _parser(self, type):
        if type in PARSERS:
            return PARSERS[type]
        delimiter = self.delimiter
        if type == "blob":
            return lambda field: parse_blob(field, delimiter)
        return lambda field: parse_str(field, delimiter)

    def values(self, fields, escaped):
        """The values of a row that is as it should be; Fault or UnicodeError if not.

        `escaped`: whether there is a backslash in the line.
        """
        auto_count = self._auto_count
        plain = self._plain
        values = []
        try:
            for at in range(self.width):
                field = fields[at]
                if field and plain[at] and not escaped:
                    values.append(field.decode())
                else:
                    values.append(self.value(at, field))
        except (Fault, UnicodeError):
            self._auto_count = auto_count
            raise
        return values

    def value(self, at, field):
        """The value of one field; raises Fault, or Doubt with the value."""
        if field:
            return self._parsers[at](field)
        empty = self._empty[at]
        if empty is COUNT:
            # dbt_table_check_row counts from 1 whatever numbers the file has elsewhere.
            self._auto_count += 1
            return self._auto_count
        if empty is REFUSE:
            column = self.columns[at]
            raise Fault(
                0,
                "is empty, and the header does not say null",
                f"write a value or declare {column.name}({column.type},null)",
            )
        return empty

    def can_be_empty(self, at):
        return self._empty[at] is not REFUSE

    def is_text(self, at):
        return self.columns[at].type not in PARSERS


def _empty_value(column, emptystring):
    if emptystring and column.type not in PARSERS:
        return b"" if column.type == "blob" else ""
    if column.null:
        return None
    return COUNT if column.auto else REFUSE
