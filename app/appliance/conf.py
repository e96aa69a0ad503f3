"""The syntax of site.conf: sections, keys, values, and where each stands.

    # a comment, on a line of its own
    [section]
    key = value

MicroPython has no configparser; and this one gathers every error with line and column.
"""

from app.dbtext import Note

MAX_ERRORS = 50
MAX_SIZE = 32768  # bytes; a site.conf with every key and comment has about 3000
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Entry:
    """One `key = value` line. `line` and `column` (of the value) count from 1."""

    def __init__(self, section, key, value, line, key_column, column):
        self.section = section
        self.key = key
        self.value = value
        self.line = line
        self.key_column = key_column
        self.column = column


class ConfReader:
    """Reads the bytes of a conf file into `entries`; what is wrong goes to `errors`."""

    def __init__(self, name):
        self.name = name
        self.entries = []
        self.errors = []
        self._section = None

    def read(self, data):
        """Take the whole file."""
        if len(data) > MAX_SIZE:
            self._refuse(0, 0, f"longer than {MAX_SIZE} bytes", "leave out what is not needed")
            return
        if data.startswith(BYTE_ORDER_MARK):
            data = data[len(BYTE_ORDER_MARK) :]
        number = 0
        for raw in data.split(b"\n"):
            number += 1
            if len(self.errors) >= MAX_ERRORS:
                return
            try:
                line = raw.decode()
            except UnicodeError:
                self._refuse(number, 1, "the line is not UTF-8", "save the file as UTF-8")
                continue
            self._take_line(number, line)

    def _take_line(self, number, line):
        text = line.strip()
        if not text or text[0] in "#;":
            return
        column = line.find(text) + 1
        if "\0" in text:
            self._refuse(number, line.find("\0") + 1, "a NUL character", "remove it")
        elif text[0] == "[":
            self._take_section(number, column, text)
        else:
            self._take_entry(number, column, line, text)

    def _take_section(self, number, column, text):
        name = text[1:-1].strip()
        if text[-1] != "]" or not name or "[" in name or "]" in name:
            self._refuse(number, column, f"{text} is no section", "write it as [sip]")
            self._section = ""
            return
        self._section = name
        self.entries.append(Entry(name, None, None, number, column, column))

    def _take_entry(self, number, column, line, text):
        key, equals, value = text.partition("=")
        key, value = key.strip(), value.strip()
        if not equals or not key:
            self._refuse(number, column, f"{text} is no setting", "write it as key = value")
            return
        if self._section is None:
            remedy = "begin the file with a section such as [system]"
            self._refuse(number, column, f"{key} stands before any section", remedy)
            return
        start = line.find("=") + 1
        while line[start : start + 1].isspace():
            start += 1
        self.entries.append(Entry(self._section, key, value, number, column, start + 1))

    def _refuse(self, line, column, problem, remedy):
        self.errors.append(Note(self.name, line, column, problem, remedy))
