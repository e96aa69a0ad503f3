"""The header line: `name(type[,attribute]) name(type)...`, as DBT_FLINE_ST reads it."""

from app.dbtext.errors import Fault
from app.dbtext.table import Column
from app.dbtext.values import printable

TYPES = {"s": "str", "i": "int", "d": "double", "b": "blob", "t": "time"}
TYPE_REMEDY = "write str, string, int, double, blob or time"


def parse_header(line):
    """The columns of a header line without its newline (bytes). Raises Fault."""
    _check_bytes(line)
    columns = []
    at = _skip_spaces(line, 0)
    while at < len(line):
        column, after = _parse_column(line, at)
        _check_fellows(columns, column, at)
        columns.append(column)
        at = _skip_spaces(line, after)
    if not columns:
        raise Fault(0, "the first line is blank", "begin the file with the header line")
    return columns


def _check_bytes(line):
    """Bytes that no header has, and the slips that they betray."""
    if line[:3] == b"\xef\xbb\xbf":
        raise Fault(0, "the file begins with a byte order mark", "save it as UTF-8 without BOM")
    if line[:1] in (b"#", b";", b"/"):
        raise Fault(
            0,
            "dbtext has no comments, and the first line must be the header",
            "delete this line",
        )
    tab = line.find(b"\t")
    if tab >= 0:
        raise Fault(tab, "a tab in the header", "separate the columns by spaces")
    if b"(" not in line and line.strip():
        raise Fault(
            0,
            "the first line is not a header",
            "begin the file with one like: username(str) domain(str,null)",
        )


def _skip_spaces(line, at):
    while line[at : at + 1] == b" ":
        at += 1
    return at


def _parse_column(line, start):
    """One `name(type,attribute)` from `start`; gives the Column and where it ends."""
    opening = line.find(b"(", start)
    if opening < 0:
        raise Fault(
            start,
            f"the column {printable(line[start:])!r} has no type",
            "write name(str), name(int) or name(double)",
        )
    name = _parse_name(line[start:opening].rstrip(b" "), start)
    closing = line.find(b")", opening)
    if closing < 0:
        raise Fault(opening, f"the '(' of column {name!r} is not closed", "add the ')'")
    # Of `(type,attribute)` the originals look at first letters alone.
    if b"(" in line[opening + 1 : closing]:
        raise Fault(
            opening,
            f"a '(' inside the type of column {name!r}",
            f"write {name}(str), and ')' before the next column",
        )
    type_text, comma, attribute = line[opening + 1 : closing].partition(b",")
    type = _parse_type(type_text.lstrip(b" "), name, opening + 1)
    column = Column(name, type)
    if comma:
        at = opening + 2 + len(type_text)
        _set_attribute(column, attribute.lstrip(b" "), at)
    return column, closing + 1


def _parse_name(name, start):
    space = name.find(b" ")
    if space >= 0:
        raise Fault(
            start,
            f"the column {printable(name[:space])!r} has no type",
            f"write {printable(name[:space])}(str), or (int) or (double)",
        )
    if not name:
        raise Fault(start, "a column without a name", "write name(type)")
    for byte in name:
        if byte <= 32 or byte >= 127 or byte in b"(),:\\":
            raise Fault(
                start,
                f"the column name {printable(name)!r} has a character that names do not have",
                "write it with letters, digits and '_'",
            )
    return name.decode()


def _parse_type(text, name, at):
    """The type by its first letter; an `i` later in a str makes it Kamailio's string."""
    letter = printable(text[:1].lower())
    if letter not in TYPES:
        raise Fault(at, f"column {name!r} has the unknown type {printable(text)!r}", TYPE_REMEDY)
    if letter == "s" and b"i" in text.lower():
        return "string"
    return TYPES[letter]


def _set_attribute(column, attribute, at):
    letter = attribute[:1].lower()
    if letter == b"n":
        column.null = True
    elif letter == b"a" and column.type == "int":
        column.auto = True
    elif letter == b"a":
        raise Fault(
            at,
            f"column {column.name!r} is {column.type} and auto; only an int can be",
            f"write {column.name}(int,auto) or {column.name}({column.type})",
        )
    else:
        raise Fault(
            at,
            f"column {column.name!r} has the unknown attribute {printable(attribute)!r}",
            "write ,null or ,auto or neither",
        )


def _check_fellows(columns, column, at):
    for other in columns:
        if other.name.lower() == column.name.lower():
            raise Fault(
                at,
                f"the column {column.name!r} appears twice",
                "delete one, and its field in every row",
            )
        if other.auto and column.auto:
            raise Fault(
                at,
                f"a second auto column, {column.name!r} after {other.name!r}",
                f"write {column.name}(int)",
            )
