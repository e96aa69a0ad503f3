"""Reading a table: everything SER 0.9 and Kamailio read, and clear words for the rest.

The grammar is that of dbt_load_file in Kamailio's src/modules/db_text/dbt_file.c, which
SER 0.9's modules_s/dbtext shares. Where that drops or misreads something in silence,
we read what was written and give a Note; where it refuses, or where one could only
guess what was meant, we refuse, and report every line at once.
"""

from app.dbtext import slips
from app.dbtext.careful import SER_BUFFER, Careful
from app.dbtext.errors import Fault
from app.dbtext.header import parse_header
from app.dbtext.index import fold_all
from app.dbtext.layout import Layout
from app.dbtext.report import Report
from app.dbtext.schemas import Rules, Schema, schema_of
from app.dbtext.table import Table


def load(source, name, schema=None, delimiter=":", emptystring=False):
    """Reads a table. Gives (Table, [Note]); raises TableError, which lists all errors.

    `source` is the file: bytes, str, or an iterable of lines as bytes, each with its
    newline, such as a file opened "rb". `name` is the table's: for messages, and to find
    the Schema that says which columns and keys it has; `schema` takes its place.
    `delimiter` and `emptystring` are Kamailio's parameters db_delim and emptystring.
    """
    reader = Reader(name, schema or schema_of(name), delimiter, emptystring)
    for line in lines_of(source):
        reader.take(line)
    return reader.finish()


def lines_of(source):
    """The lines of bytes or str, each with its newline; other iterables as they are."""
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
    """The raw fields of a line, cut at every delimiter that is not escaped."""
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


def check_delimiter(delimiter):
    """A delimiter that an escape or a number could be mistaken for is a caller's error."""
    plain = len(delimiter) == 1 and 32 < ord(delimiter) < 127
    if not plain or delimiter in "nrt0123456789-.\\":
        raise ValueError("the delimiter must be one plain character, such as ':'")
    return delimiter.encode()


class Reader:
    """Takes the lines of one table in order, and holds no more than the table."""

    def __init__(self, name, schema, delimiter=":", emptystring=False):
        self._delimiter = check_delimiter(delimiter)
        self._doubled = b"\\\\" + self._delimiter
        self._emptystring = emptystring
        self._schema = schema
        self._report = Report(name)
        self._table = None
        self._layout = None
        self._careful = None
        self._rules = None
        self._keys = {}
        self._has_newline = True
        self._seen_crlf = False

    def take(self, line):
        """One line as bytes with its newline, which only the last one may lack."""
        self._has_newline = line.endswith(b"\n")
        if self._has_newline:
            line = line[:-1]
        self._report.begin(line)
        if line.endswith(b"\r"):
            line = self._drop_cr(line)
        if b"\0" in line:
            self._refuse_nul(line)
        if self._table is None:
            self._take_header(line)
        elif line:
            self._take_row(line)

    def finish(self):
        """(Table, [Note]) of all lines taken; raises TableError."""
        report = self._report
        if report.number == 0:
            report.refuse(0, "the file is empty", f"begin it with {self._schema.example()}")
        if not self._has_newline:
            loss = "drop this line" if report.number > 1 else "crash on this file"
            report.warn(
                len(report.line),
                f"the last line has no newline, so SER and Kamailio would {loss}",
                "end it with a newline",
            )
        return self._table, report.finish()

    # Bytes that no line has.

    def _drop_cr(self, line):
        """CR LF is refused once for the whole file: in a text it would be part of the value."""
        if not self._seen_crlf:
            self._seen_crlf = True
            self._report.refuse(
                len(line) - 1,
                "the line ends in CR LF, as Windows writes it",
                f"save the file with LF alone: sed -i 's/\\r$//' {self._report.name}",
            )
        return line[:-1]

    def _refuse_nul(self, line):
        """What a power cut leaves of a file on many file systems, or UTF-16."""
        self._report.refuse(
            line.find(b"\0"),
            "a NUL byte: the file is damaged, or is not UTF-8",
            "restore it from your copy of the site (a NUL in a text is written \\0)",
        )
        self._report.stop()

    # The header.

    def _take_header(self, line):
        report = self._report
        try:
            columns = parse_header(line)
        except Fault as fault:
            report.refuse(fault.offset, fault.problem, fault.remedy)
            report.stop()
        faults = self._schema.faults(columns)
        for problem, remedy in faults:
            report.refuse(0, problem, remedy)
        self._table = Table(
            report.name, columns, self._delimiter.decode(), emptystring=self._emptystring
        )
        self._layout = Layout(columns, self._delimiter, self._emptystring)
        self._careful = Careful(self._layout, report)
        # With the wrong columns, the rows are held against the header alone.
        self._rules = Rules(Schema(report.name) if faults else self._schema, columns)

    # Rows: a fast way for what is plainly right, a careful one that explains the rest.

    def _take_row(self, line):
        fields = self._split(line)
        values = self._fast(line, fields)
        if values is None:
            values = self._careful.values(fields)
        if values is None or not self._obeys_rules(values, fields):
            return
        if slips.is_comment(line):
            self._report.warn(
                0,
                "dbtext has no comments, so this line is a row like others",
                "delete it if it is meant to be off",
            )
        self._table.append(values)

    def _split(self, line):
        fields = split_fields(line, self._delimiter)
        width = self._layout.width
        surplus = len(fields) - width
        # A delimiter behind the last field begins no other: neither in a row that is
        # complete nor, as DBT_DATA_ST wants a delimiter or a text there, in a short one.
        if not fields[-1] and (surplus == 1 or surplus < 0) and len(fields) > 1:
            fields.pop()
        elif surplus == -1 and self._layout.can_be_empty(width - 1):
            fields.append(b"")
        return fields

    def _fast(self, line, fields):
        if len(fields) != self._layout.width or len(line) >= SER_BUFFER or self._doubled in line:
            return None
        try:
            return self._layout.values(fields)
        except Fault:
            return None

    def _obeys_rules(self, values, fields):
        rules = self._rules
        for at, problem, remedy in rules.faults(values):
            self._report.refuse(self._careful.place(at, fields), problem, remedy)
            return False
        for at, problem, remedy in rules.remarks(values):
            self._report.warn(self._careful.place(at, fields), problem, remedy)
        return not rules.key or self._is_unique(values, fields)

    def _is_unique(self, values, fields):
        at = self._rules.key
        key = fold_all([values[index] for index in at])
        if key not in self._keys:
            self._keys[key] = self._report.number
            return True
        shown = []
        for index in at:
            value = "NULL" if values[index] is None else values[index]
            shown.append(f"{self._layout.columns[index].name} {value}")
        say = self._report.refuse if self._rules.strict else self._report.warn
        say(
            self._careful.place(at[0], fields),
            f"a second row for {', '.join(shown)}; the first is in line {self._keys[key]}",
            "delete one of the two, or correct it",
        )
        return not self._rules.strict
