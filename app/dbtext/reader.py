"""Reading a table: everything SER 0.9 and Kamailio read, and clear words for the rest."""

from app.dbtext import slips
from app.dbtext.errors import Doubt, Fault, Note, TableError
from app.dbtext.header import parse_header
from app.dbtext.schemas import schema_of
from app.dbtext.table import Table, fold
from app.dbtext.values import parse_blob, parse_double, parse_int, parse_str, printable

MAX_ERRORS = 50
MAX_NOTES = 50
# SER 0.9 reads a field into 4096 bytes without looking; Kamailio's file_buffer_size is 16384.
SER_BUFFER = 4096
SECRETS = ("password", "ha1", "ha1b", "auth_password", "auth_ha1")


def load(source, name, schema=None, delimiter=":", emptystring=False):
    """Reads a table. Gives (Table, [Note]); raises TableError.

    `source` is the file: bytes, str, or an iterable of lines as bytes, each with its
    newline, such as a file opened "rb". `name` is the table's, for messages and to find
    the schema that says which columns and keys it has; `schema` replaces that one.
    `delimiter` and `emptystring` are Kamailio's db_delim and emptystring.
    """
    reader = Reader(name, schema or schema_of(name), delimiter, emptystring)
    for line in _lines(source):
        reader.take(line)
    return reader.finish()


def _lines(source):
    if isinstance(source, str):
        source = source.encode()
    if not isinstance(source, (bytes, bytearray)):
        yield from source
        return
    start = 0
    while start < len(source):
        end = source.find(b"\n", start)
        end = len(source) if end < 0 else end + 1
        yield bytes(source[start:end])
        start = end


def split_fields(line, delimiter):
    """The raw fields of a line, at every delimiter that is not escaped."""
    if b"\\" not in line:
        return line.split(delimiter)
    fields = []
    start = at = 0
    while True:
        at = line.find(delimiter, at)
        if at < 0:
            fields.append(line[start:])
            return fields
        run = at
        while run > start and line[run - 1] == 0x5C:
            run -= 1
        if (at - run) % 2 == 0:
            fields.append(line[start:at])
            start = at + 1
        at += 1


class Reader:
    """Takes the lines of one table in order; holds no more than the table itself."""

    def __init__(self, name, schema, delimiter=":", emptystring=False):
        if len(delimiter) != 1 or delimiter in "nrt0123456789-.\\\n\r\0" or ord(delimiter) > 126:
            raise ValueError("the delimiter must be one plain character such as ':'")
        self.name = name
        self.schema = schema
        self.delimiter = delimiter.encode()
        self.emptystring = emptystring
        self.errors = []
        self.notes = []
        self.table = None
        self._number = 0
        self._line = b""
        self._missing_newline = False
        self._crlf_seen = False
        self._keys = {}

    def take(self, line):
        """One line with its newline; the last one may lack it."""
        self._number += 1
        self._missing_newline = line[-1:] != b"\n"
        self._line = line if self._missing_newline else line[:-1]
        self._check_line_end()
        nul = self._line.find(b"\0")
        if nul >= 0:
            self._refuse(
                nul,
                "a NUL byte: the file is damaged, or not in UTF-8",
                "restore it from the site's folder, or save it as UTF-8; a NUL is written \\0",
            )
            self._stop()
        if self.table is None:
            self._take_header()
        elif self._line:
            self._take_row()

    def finish(self):
        """(Table, [Note]) of all lines taken, or TableError."""
        if self._number == 0:
            self._number = 1
            self._refuse(0, "the file is empty", "begin it with " + self.schema.example())
        if self.errors:
            self._stop()
        if self._missing_newline:
            loss = "drop this line" if self._number > 1 else "crash on this file"
            self._warn(
                len(self._line),
                f"the last line has no newline, so SER and Kamailio would {loss}",
                "end it with a newline",
            )
        return self.table, self.notes

    def _check_line_end(self):
        if self._line[-1:] != b"\r":
            return
        self._line = self._line[:-1]
        if not self._crlf_seen:
            self._crlf_seen = True
            self._refuse(
                len(self._line),
                "the line ends in CR LF, as Windows writes it",
                f"save the file with LF line ends: sed -i 's/\\r$//' {self.name}",
            )

    # The header.

    def _take_header(self):
        try:
            columns = parse_header(self._line)
        except Fault as fault:
            self._refuse(fault.offset, fault.problem, fault.remedy)
            self._stop()
        for problem, remedy in self.schema.check(columns):
            self._refuse(0, problem, remedy)
        delimiter = self.delimiter.decode()
        self.table = Table(self.name, columns, delimiter, self.emptystring)
        self._width = len(columns)
        self._nullable = [column.null for column in columns]
        self._texts = [column.type in ("str", "string", "blob") for column in columns]
        self._parsers = [self._parser(column.type) for column in columns]
        self._key = self.schema.key_of(columns)
        self._auto_count = 0
        self._last = [None] * len(columns)

    def _parser(self, type):
        delimiter = self.delimiter
        if type == "double":
            return parse_double
        if type in ("int", "time"):
            return parse_int
        if type == "blob":
            return lambda field: parse_blob(field, delimiter)
        return lambda field: parse_str(field, delimiter)

    # Rows: a fast way for what is plainly right, a careful one that explains the rest.

    def _take_row(self):
        fields = split_fields(self._line, self.delimiter)
        if len(fields) == self._width + 1 and not fields[-1]:
            fields.pop()
        try:
            if len(fields) != self._width or len(self._line) > SER_BUFFER:
                values = self._careful(fields)
            else:
                values = [self._value(at, fields[at]) for at in range(self._width)]
        except Fault:
            values = self._careful(fields)
        if values is None:
            return
        if slips.comment(self._line):
            self._warn(
                0,
                "dbtext has no comments, so this line was read as a row",
                "delete it if it is meant to be off",
            )
        if self._key and not self._check_key(values, fields):
            return
        self._share(values)
        self.table.append(values)

    def _value(self, at, field):
        if field:
            return self._parsers[at](field)
        if self._texts[at] and self.emptystring:
            return b"" if self.table.columns[at].type == "blob" else ""
        if self._nullable[at]:
            return None
        column = self.table.columns[at]
        if column.auto:
            self._auto_count += 1
            return self._auto_count
        raise Fault(
            0,
            "is empty, and the header does not say null",
            f"write a value or declare {column.name}({column.type},null)",
        )

    def _share(self, values):
        """Lets equal texts of neighbouring rows be one object: domains, user agents."""
        last = self._last
        for at in range(self._width):
            if values[at] == last[at] and self._texts[at]:
                values[at] = last[at]
        self._last = values

    def _check_key(self, values, fields):
        key = tuple([fold(values[at]) for at in self._key])
        if key not in self._keys:
            self._keys[key] = self._number
            return True
        shown = []
        for at in self._key:
            value = values[at]
            shown.append(f"{self.table.columns[at].name} {'NULL' if value is None else value}")
        self._refuse(
            self._start_of(fields, self._key[0]),
            f"the same {', '.join(shown)} as in line {self._keys[key]}",
            "delete one of the two rows, or correct it",
        )
        return False

    def _start_of(self, fields, at):
        return sum([len(field) + 1 for field in fields[:at]])

    # The careful way.

    def _careful(self, fields):
        """The values of a row with something odd about it; None when it is refused."""
        if self._known_slip(fields):
            return None
        if len(fields) > self._width:
            self._too_many(fields)
            return None
        before = len(self.errors)
        missing = self._width - len(fields)
        values = []
        for at in range(len(fields)):
            values.append(self._careful_value(at, fields))
        if missing:
            values.extend(self._fill(fields))
        return values if len(self.errors) == before else None

    def _known_slip(self, fields):
        line, delimiter = self._line, self.delimiter
        mark = delimiter.decode()
        at = slips.doubled_backslash(line, fields, delimiter)
        if at >= 0:
            self._refuse(
                at,
                f"'\\\\{mark}' is a backslash and then the end of the field, which makes"
                f" {len(fields)} fields of {self._width}; a page that printed this"
                " doubled the backslash",
                f"write {slips.doubled_remedy(line, at, delimiter)}",
            )
            return True
        if slips.comment(line) and len(fields) != self._width:
            self._refuse(0, "dbtext has no comments: this is read as a row", "delete this line")
            return True
        if delimiter not in line and b"\t" in line:
            self._refuse(
                line.find(b"\t"),
                "the fields are separated by tabs",
                f"separate them by '{mark}'",
            )
            return True
        return False

    def _too_many(self, fields):
        line, delimiter = self._line, self.delimiter
        count = f"{len(fields)} fields where the header has {self._width}"
        at = slips.bare_scheme(fields)
        mark = delimiter.decode()
        if at >= 0:
            self._refuse(
                at,
                f"{count}; a '{mark}' inside a value ends the field",
                f"write {slips.bare_remedy(line, at, delimiter)}",
            )
            return
        self._refuse(
            self._start_of(fields, self._width),
            count,
            f"delete what is too much; a '{mark}' inside a value is written \\{mark}",
        )

    def _careful_value(self, at, fields):
        column = self.table.columns[at]
        start = self._start_of(fields, at)
        field = fields[at]
        if len(field) >= SER_BUFFER:
            self._warn(
                start,
                f"{column.name} has {len(field)} bytes; SER has room for {SER_BUFFER}",
                "write a shorter value",
            )
        try:
            return self._value(at, field)
        except Doubt as doubt:
            self._warn(start, self._subject(column, field, doubt), doubt.remedy)
            return doubt.value
        except Fault as fault:
            self._refuse(start + fault.offset, self._subject(column, field, fault), fault.remedy)
            return None

    def _subject(self, column, field, fault):
        if not field or column.name.lower() in SECRETS or column.type not in (
            "int", "time", "double"
        ):
            return f"{column.name} {fault.problem}"
        return f"{column.name} '{printable(field)}' {fault.problem}"

    def _fill(self, fields):
        """The values that a short row lacks: the originals read "" for missing text."""
        columns = self.table.columns[len(fields):]
        last = columns[-1]
        bad = [column.name for column in columns[:-1] if column.type in ("int", "time", "double")]
        if not last.null and not (self.emptystring and last.type in ("str", "string")):
            bad.append(last.name)
        names = ", ".join([column.name for column in columns])
        count = f"{len(fields)} fields where the header has {self._width}"
        if bad:
            self._refuse(
                len(self._line),
                f"{count}: {names} missing",
                f"write all of them; an empty one is written {self.delimiter.decode() * 2}",
            )
            return []
        if len(columns) > 1:
            self._warn(
                len(self._line),
                f"{count}: {names} missing, read as empty",
                "write the empty fields too",
            )
        return [None if column.null else "" for column in columns]

    # What is said.

    def _column(self, offset):
        """A byte offset in the line as the column that an editor shows."""
        try:
            return len(self._line[:offset].decode()) + 1
        except UnicodeError:
            return offset + 1

    def _refuse(self, offset, problem, remedy):
        column = self._column(offset)
        self.errors.append(TableError(self.name, self._number, column, problem, remedy))
        if len(self.errors) >= MAX_ERRORS:
            self._stop()

    def _warn(self, offset, problem, remedy):
        if len(self.notes) < MAX_NOTES:
            column = self._column(offset)
            self.notes.append(Note(self.name, self._number, column, problem, remedy))

    def _stop(self):
        self.errors[0].errors = self.errors
        raise self.errors[0]
