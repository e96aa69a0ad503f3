"""Writing a table, byte for byte as Kamailio's dbt_print_table."""

from app.dbtext.schemas import header_of
from app.dbtext.values import print_double, print_str


def dump(table):
    """The file of a table, as bytes."""
    return b"".join(dump_lines(table))


def dump_lines(table):
    """The same, a line at a time, for a table that should not be held twice."""
    delimiter = table.delimiter.encode()
    yield (header_of(table.columns) + "\n").encode()
    types = [column.type for column in table.columns]
    for row in table.rows:
        values = row.values()
        fields = [_field(values[at], types[at], delimiter) for at in range(len(types))]
        # A row of one NULL would be a blank line, which no reader sees: the one place
        # where we write what the originals read and not what they write.
        lone_null = len(types) == 1 and not fields[0]
        yield delimiter.join(fields) + (delimiter + b"\n" if lone_null else b"\n")


def _field(value, type, delimiter):
    if value is None:
        return b""
    if type == "double":
        return print_double(value)
    if type in ("int", "time"):
        return str(value).encode()
    return print_str(value, delimiter)
