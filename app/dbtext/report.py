"""The errors and notes of one table while it is read, each with its place."""

from app.dbtext.errors import Note, TableError

# An operator mends fifty, and then looks again; the box has 64 MB.
MAX_ERRORS = 50
MAX_NOTES = 50


class Report:
    def __init__(self, name):
        self.name = name
        self.errors = []
        self.notes = []
        self.number = 0
        self.line = b""
        self._unsaid = 0

    def begin(self, line):
        """The next line is being read (bytes, without its newline)."""
        self.number += 1
        self.line = line

    def refuse(self, offset, problem, remedy):
        """An error at a byte offset of the line; raises when there are too many."""
        place = self._column(offset)
        self.errors.append(TableError(self.name, max(self.number, 1), place, problem, remedy))
        if len(self.errors) >= MAX_ERRORS:
            self.stop()

    def warn(self, offset, problem, remedy):
        if len(self.notes) >= MAX_NOTES:
            self._unsaid += 1
            return
        self.notes.append(Note(self.name, self.number, self._column(offset), problem, remedy))

    def stop(self):
        """Raises the first error, which lists them all."""
        self.errors[0].errors = self.errors
        raise self.errors[0]

    def finish(self):
        """The notes, when there is no error."""
        if self.errors:
            self.stop()
        if self._unsaid:
            problem = f"{self._unsaid} more notes are not shown"
            self.notes.append(Note(self.name, 0, 0, problem, "mend these first"))
        return self.notes

    def _column(self, offset):
        """A byte offset as the column that an editor shows, counted in characters."""
        try:
            return len(self.line[:offset].decode()) + 1
        except UnicodeError:
            return offset + 1
