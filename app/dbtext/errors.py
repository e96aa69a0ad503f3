"""What the tables have to say to an operator: errors that refuse, notes that warn."""


def _place(file, line, column):
    return f"{file}:{line}:{column}" if line else file


class Note:
    """Something that was read right although SER or Kamailio would not have.

    `file` is the table's name, `line` and `column` count from 1 (characters, as an
    editor does; 0 when it is about the whole table), `problem` says what is wrong and
    `remedy` what to write instead.
    """

    def __init__(self, file, line, column, problem, remedy):
        self.file = file
        self.line = line
        self.column = column
        self.problem = problem
        self.remedy = remedy

    def __str__(self):
        return f"{_place(self.file, self.line, self.column)}: {self.problem}; {self.remedy}"

    def __repr__(self):
        return f"<Note {self}>"


class TableError(Exception):
    """A table that cannot be read, or a change that a table cannot hold.

    The fields are those of Note. `errors` lists every error found in the table, this
    one first, so that an operator mends them all in one go: print each of them.
    """

    def __init__(self, file, line, column, problem, remedy):
        super().__init__(problem)
        self.file = file
        self.line = line
        self.column = column
        self.problem = problem
        self.remedy = remedy
        self.errors = [self]

    def __str__(self):
        return f"{_place(self.file, self.line, self.column)}: {self.problem}; {self.remedy}"

    def __repr__(self):
        return f"<TableError {self}>"


class Fault(Exception):
    """Inside this package: a piece of a line that cannot be read.

    `offset` counts bytes from the start of the piece that was being read.
    """

    def __init__(self, offset, problem, remedy):
        super().__init__(problem)
        self.offset = offset
        self.problem = problem
        self.remedy = remedy


class Doubt(Fault):
    """Inside this package: a piece that can be read, as `value`, but deserves a Note."""

    def __init__(self, value, problem, remedy):
        super().__init__(0, problem, remedy)
        self.value = value
