"""Character classes of patterns: [0-9+], [^*#], [[:digit:]], \\d."""

from app.rules.errors import PatternError

DIGITS = "0123456789"
LOWER = "abcdefghijklmnopqrstuvwxyz"
UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
BLANKS = " \t\n\r\f\v"
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
WORD = DIGITS + LOWER + UPPER + "_"

CLASS_ESCAPES = {"d": DIGITS, "D": DIGITS, "w": WORD, "W": WORD, "s": BLANKS, "S": BLANKS}
NAMED = {
    "digit": DIGITS, "alpha": LOWER + UPPER, "alnum": DIGITS + LOWER + UPPER, "upper": UPPER,
    "lower": LOWER, "xdigit": DIGITS + "abcdefABCDEF", "space": BLANKS, "punct": PUNCTUATION,
    "word": WORD,
}  # fmt: skip


class Set:
    """The characters that may stand in one place."""

    def __init__(self, members, negated=False):
        self.members = members
        self.negated = negated

    def has(self, character):
        return (character in self.members) != self.negated


def class_of(text, at, ignore_case):
    """-> (Set, place behind the closing bracket) of the class whose [ stands before `at`."""
    start = at - 1
    negated = text[at : at + 1] == "^"
    at += 1 if negated else 0
    members = []
    first = True
    while first or text[at : at + 1] != "]":
        if at >= len(text):
            raise PatternError(start, "has a [ without its ]", "write \\[ for a bracket itself")
        first = False
        found, at = _member(text, at)
        if text[at : at + 1] == "-" and text[at + 1 : at + 2] not in ("", "]"):
            last, at = _member(text, at + 1)
            found = _range(text, at, found, last)
        members.append(found)
    members = "".join(members)
    return Set(members.lower() if ignore_case else members, negated), at + 1


def _member(text, at):
    """-> (the characters that one member of a class stands for, place behind it)."""
    character = text[at]
    if text[at : at + 2] == "[:":
        end = text.find(":]", at)
        name = text[at + 2 : end] if end > 0 else ""
        if name not in NAMED:
            names = ", ".join(sorted(NAMED))
            raise PatternError(at, "has an unknown class", f"known are [:name:] of {names}")
        return NAMED[name], end + 2
    if character != "\\":
        return character, at + 1
    escaped = text[at + 1 : at + 2]
    if escaped in ("d", "w", "s"):
        return CLASS_ESCAPES[escaped], at + 2
    if escaped == "" or (escaped.isalpha() or escaped.isdigit()):
        raise PatternError(at, f"has \\{escaped} in a class", "known there: \\d \\w \\s \\] \\\\")
    return escaped, at + 2


def _range(text, at, first, last):
    """-> the characters from `first` to `last`; `at` is behind them."""
    low, high = (ord(first), ord(last)) if len(first) == len(last) == 1 else (1, 0)
    if not low <= high < 128:
        raise PatternError(at - 1, "has a range that is none", "write it like 0-9")
    return "".join([chr(code) for code in range(low, high + 1)])
