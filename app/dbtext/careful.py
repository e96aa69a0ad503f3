"""A row with something odd about it: what can be read of it, and words for the rest."""

from app.dbtext import slips
from app.dbtext.errors import Doubt, Fault
from app.dbtext.values import printable

# SER 0.9 reads a field into 4096 bytes without looking, and Kamailio stops at its
# file_buffer_size of 16384 when not told otherwise.
SER_BUFFER = 4096
SECRETS = ("password", "ha1", "ha1b", "ha1_sha256", "auth_password", "auth_ha1")


class Careful:
    """Reads rows again that the fast way would not take, and reports on them."""

    def __init__(self, layout, report):
        self._layout = layout
        self._report = report

    def values(self, fields):
        """The values of a row from its raw fields; None when it is refused."""
        if self._has_slip(fields):
            return None
        if len(fields) > self._layout.width:
            return self._too_many(fields)
        before = len(self._report.errors)
        values = [self._value(at, fields) for at in range(len(fields))]
        if len(fields) < self._layout.width:
            values.extend(self._missing(fields))
        return values if len(self._report.errors) == before else None

    def place(self, at, fields):
        """The byte offset of a field in the line; the line's end for a missing one."""
        return min(sum([len(field) + 1 for field in fields[:at]]), len(self._report.line))

    # Slips that explain the whole row.

    def _has_slip(self, fields):
        for look in (self._doubled_backslash, self._comment, self._tabs):
            found = look(fields)
            if found:
                self._report.refuse(*found)
                return True
        return False

    def _doubled_backslash(self, fields):
        line, mark = self._report.line, self._mark()
        at = slips.doubled_backslash(fields, len(fields) > self._layout.width)
        if at < 0:
            return None
        return (
            at,
            f"'\\\\{mark}' is a backslash and then the end of the field, so the row has"
            f" {self._count(fields)}; a page that printed this doubled the backslash",
            f"write {slips.joined(line, at, 2, self._layout.delimiter)}",
        )

    def _comment(self, fields):
        if not slips.is_comment(self._report.line) or self._is_row(fields):
            return None
        return 0, "dbtext has no comments, so this is read as a row", "delete this line"

    def _is_row(self, fields):
        try:
            self._layout.value(0, fields[0])
        except Doubt:
            pass
        except Fault:
            return False
        return len(fields) == self._layout.width

    def _tabs(self, fields):
        columns = self._report.line.count(b"\t") + 1
        if len(fields) > 1 or columns != self._layout.width or columns == 1:
            return None
        at = self._report.line.find(b"\t")
        return at, "the fields are separated by tabs", f"separate them by '{self._mark()}'"

    # Too many, too few.

    def _too_many(self, fields):
        line, mark = self._report.line, self._mark()
        at = slips.bare_scheme(fields)
        if at >= 0:
            self._report.refuse(
                at,
                f"the row has {self._count(fields)}; a '{mark}' inside a value ends the field",
                f"write {slips.joined(line, at, 0, self._layout.delimiter)}",
            )
        else:
            self._report.refuse(
                self.place(self._layout.width, fields),
                f"the row has {self._count(fields)}",
                f"delete what is too much; a '{mark}' inside a value is written \\{mark}",
            )

    def _missing(self, fields):
        """The values that a short row lacks; the originals take text alone as empty."""
        layout = self._layout
        absent = range(len(fields), layout.width)
        names = ", ".join([layout.columns[at].name for at in absent])
        end = len(self._report.line)
        for at in absent:
            if at < layout.width - 1 and layout.is_text(at):
                continue
            if at < layout.width - 1 or not layout.can_be_empty(at):
                self._report.refuse(
                    end,
                    f"the row has {self._count(fields)}; {names} missing",
                    f"write them all, an empty one as '{self._mark()}' alone",
                )
                return ()
        self._report.warn(
            end,
            f"the row has {self._count(fields)}; {names} missing, read as empty",
            f"write an empty field as '{self._mark()}' alone",
        )
        return [self._absent(at) for at in absent]

    def _absent(self, at):
        """A text that is missing although it must not be NULL is "", as the originals have it."""
        if self._layout.can_be_empty(at):
            return self._layout.value(at, b"")
        return b"" if self._layout.columns[at].type == "blob" else ""

    # One field.

    def _value(self, at, fields):
        field = fields[at]
        place = self.place(at, fields)
        column = self._layout.columns[at]
        if len(field) >= SER_BUFFER:
            self._report.warn(
                place,
                f"{column.name} has {len(field)} bytes; SER has room for {SER_BUFFER - 1},"
                " Kamailio for its file_buffer_size (16384)",
                "write a shorter value",
            )
        try:
            return self._layout.value(at, field)
        except Doubt as doubt:
            self._report.warn(place, self._subject(column, field) + doubt.problem, doubt.remedy)
            return doubt.value
        except Fault as fault:
            problem = self._subject(column, field) + fault.problem
            self._report.refuse(place + fault.offset, problem, fault.remedy)
            return None

    def _subject(self, column, field):
        """The column's name, with the value where it is short and no secret."""
        secret = column.name.lower() in SECRETS
        if not field or secret or column.type in ("str", "string", "blob"):
            return f"{column.name} "
        return f"{column.name} '{printable(field)}' "

    # Words.

    def _mark(self):
        return self._layout.delimiter.decode()

    def _count(self, fields):
        fields_word = "field" if len(fields) == 1 else "fields"
        return f"{len(fields)} {fields_word} where the header has {self._layout.width}"
