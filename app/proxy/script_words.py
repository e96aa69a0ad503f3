"""The words of a Python source, with their places: enough to look over a site's routes.py.

No parser: MicroPython has none that shows its work. Strings and comments are passed over, but
for what stands in the braces of an f-string, which is code.
"""

from app.sip.grammar import ALPHANUM

WORD = ALPHANUM + "_"
PREFIXES = ("r", "b", "f", "u", "rb", "br", "fr", "rf")
INDENT = " \t"


class Word:
    """text; line and column from 1; after: the character in front of it but blanks, "" at the
    beginning of a line; owner: "x" where it stands as `x.text`, else ""; before: the character
    behind it but blanks; string: the text of a string that stands in its place, else None."""

    def __init__(self, text, line, column, after, owner):
        self.text = text
        self.line = line
        self.column = column
        self.after = after
        self.owner = owner
        self.before = ""
        self.string = None


def words_of(source):
    """-> [Word] in order; a string is a Word with the text ""."""
    scanner = _Scanner(source)
    scanner.run()
    return scanner.words


class _Scanner:
    def __init__(self, source, line=1, column=1):
        self.source = source
        self.words = []
        self._at = 0
        self._line = line
        self._start = 1 - column  # offset of where the line begins
        self._after = ""
        self._owner = ""  # the word in front of a "."

    def run(self):
        source, size = self.source, len(self.source)
        while self._at < size:
            letter = source[self._at]
            if letter in "\"'":
                self._string("")
            elif letter == "#":
                end = source.find("\n", self._at)
                self._at = size if end < 0 else end
            elif letter in WORD:
                self._word()
            else:
                self._other(letter)

    def _other(self, letter):
        if letter == "\n":
            self._line += 1
            self._start = self._at + 1
            self._see("")
            if self.words and not self.words[-1].before:
                self.words[-1].before = "\n"
        elif letter not in INDENT and letter != "\r":
            if letter != ".":
                self._owner = ""
            self._see(letter)
        self._at += 1

    def _see(self, letter):
        self._after = letter
        if letter and self.words and not self.words[-1].before:
            self.words[-1].before = letter

    def _word(self):
        start = self._at
        while self._at < len(self.source) and self.source[self._at] in WORD:
            self._at += 1
        text = self.source[start : self._at]
        if text.lower() in PREFIXES and self.source[self._at : self._at + 1] in ("'", '"'):
            self._string(text.lower())
            return
        self._add(text, start)
        self._owner = text if self._after != "." or not self._owner else self._owner + "." + text
        self._after = "x"  # a word

    def _add(self, text, start):
        owner = self._owner if self._after == "." else ""
        if self._after != ".":
            self._owner = ""
        word = Word(text, self._line, start - self._start + 1, self._after, owner)
        if self.words and not self.words[-1].before:
            self.words[-1].before = text[:1] or '"'
        self.words.append(word)
        return word

    def _string(self, prefix):
        source, start = self.source, self._at
        quote = source[start]
        if source[start : start + 3] == quote * 3:
            quote = quote * 3
        end = self._end_of(quote, start + len(quote))
        word = self._add("", start)
        word.string = source[start + len(quote) : end]
        if "f" in prefix:
            self._braces(word.string, start + len(quote))
        self._line += source.count("\n", start, end)
        if "\n" in source[start:end]:
            self._start = source.rfind("\n", 0, end) + 1
        self._at = end + len(quote) if source.startswith(quote, end) else end
        self._owner = ""
        self._after = '"'

    def _end_of(self, quote, at):
        source, size = self.source, len(self.source)
        while at < size:
            if source[at] == "\\":
                at += 2
            elif source.startswith(quote, at):
                return at
            elif source[at] == "\n" and len(quote) == 1:
                return at
            else:
                at += 1
        return size

    def _braces(self, text, start):
        """The code in the braces of an f-string; its line is the one that the string begins in."""
        at = text.find("{")
        while at >= 0:
            if text[at : at + 2] == "{{":
                at = text.find("{", at + 2)
                continue
            end = text.find("}", at)
            end = len(text) if end < 0 else end
            column = start + at + 1 - self._start + 1
            inner = _Scanner(text[at + 1 : end], self._line, column)
            inner.run()
            self.words.extend(inner.words)
            at = text.find("{", end)
