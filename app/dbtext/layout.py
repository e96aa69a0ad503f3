"""A table's columns as the reader sees them: which field is parsed how."""

from app.dbtext.errors import Fault
from app.dbtext.values import blob_parser, parse_double, parse_int, text_parser

NUMBERS = {"int": parse_int, "time": parse_int, "double": parse_double}
# What an empty field is when it is not a value.
COUNT = object()
REFUSE = object()


class Layout:
    def __init__(self, columns, delimiter, emptystring):
        self.columns = columns
        self.delimiter = delimiter
        self.width = len(columns)
        self._empty = [_empty_value(column, emptystring) for column in columns]
        self._parsers = [self._parser(column.type) for column in columns]
        self._auto_count = 0
        # The fields and values of the row before: equal texts become one object, and a
        # domain or a user agent that stands in every row is kept, and decoded, once.
        self._last_fields = [None] * self.width
        self._last_values = [None] * self.width

    def _parser(self, type):
        if type in NUMBERS:
            return NUMBERS[type]
        return blob_parser(self.delimiter) if type == "blob" else text_parser(self.delimiter)

    def values(self, fields):
        """The values of a row that is as it should be; raises Fault when it is not."""
        last_fields = self._last_fields
        last_values = self._last_values
        parsers = self._parsers
        counted = self._auto_count
        values = []
        try:
            for at in range(self.width):
                field = fields[at]
                if not field:
                    values.append(self._empty_field(at))
                elif field == last_fields[at]:
                    values.append(last_values[at])
                else:
                    values.append(parsers[at](field))
        except Fault:
            self._auto_count = counted
            raise
        self._last_fields = fields
        self._last_values = values
        return values

    def value(self, at, field):
        """The value of one field; raises Fault, or Doubt with the value."""
        return self._parsers[at](field) if field else self._empty_field(at)

    def _empty_field(self, at):
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
        return self.columns[at].type not in NUMBERS


def _empty_value(column, emptystring):
    if emptystring and column.type not in NUMBERS:
        return b"" if column.type == "blob" else ""
    if column.null:
        return None
    return COUNT if column.auto else REFUSE
