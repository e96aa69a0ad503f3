"""`/pattern/replacement/flags`, as textops' subst takes it."""

from app.proxy.matching import search

MAX_RESULT = 65536  # characters: what a replacement may make of a text
LETTERS = {"n": "\n", "t": "\t"}


class Substitution:
    """"/pattern/replacement/flags": any character may stand for the "/".

    In the replacement \\0 is the whole match and \\1 to \\9 are its groups. Flags: i without
    case, g every match and not the first alone. Raises ValueError.
    """

    def __init__(self, text):
        separator = text[:1]
        pieces = split_escaped(text[1:], separator) if separator else []
        if len(pieces) != 3 or pieces[2].strip("ig"):
            raise ValueError(f'"{text}" is no /pattern/replacement/flags')
        self.pattern = ("(?i)" if "i" in pieces[2] else "") + pieces[0]
        self.replacement = _parsed(pieces[1])
        self.everywhere = "g" in pieces[2]

    def apply(self, text):
        """-> (text, how many matches were replaced)."""
        out = []
        at = count = length = 0
        while at <= len(text) and length <= MAX_RESULT:
            found = search(self.pattern, text, at)
            if found is None:
                break
            count += 1
            piece = text[at : found.start] + self._replaced(found)
            at = found.end
            if found.end == found.start:  # of nothing: step over a letter
                piece += text[at : at + 1]
                at += 1
            out.append(piece)
            length += len(piece)
            if not self.everywhere:
                break
        out.append(text[at:])
        return "".join(out), count

    def _replaced(self, found):
        return "".join([
            each if isinstance(each, str) else found.group(each) for each in self.replacement
        ])  # fmt: skip


def split_escaped(text, separator):
    """-> [str] between separators; one behind a \\ is a letter of its piece."""
    pieces, piece, escaped = [], "", False
    for letter in text:
        if escaped:
            piece += letter if letter == separator else "\\" + letter
            escaped = False
        elif letter == "\\":
            escaped = True
        elif letter == separator:
            pieces.append(piece)
            piece = ""
        else:
            piece += letter
    pieces.append(piece + "\\" if escaped else piece)
    return pieces


def _parsed(text):
    """-> [str | int]: the replacement's text and its groups by number."""
    found, piece, escaped = [], "", False
    for letter in text:
        if escaped and letter in "0123456789":
            found.extend([piece, int(letter)])
            piece = ""
        elif escaped:
            piece += LETTERS.get(letter, letter)
        elif letter != "\\":
            piece += letter
        escaped = letter == "\\" and not escaped
    found.append(piece)
    return found
