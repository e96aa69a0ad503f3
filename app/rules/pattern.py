"""Regular expressions for dial plans: a subset of PCRE that matches in linear time.

`re` is not used: MicroPython's matcher recurses and backtracks, so that a number from the
network could end the program or hold it up, and it lacks {n,m}. A pattern becomes a program
(Thompson's construction) that machine.py runs over all alternatives at once.

    pattern = compile_pattern("^00([1-9][0-9]{5,13})$")
    pattern.search("0049301234567")   # -> [(0, 13), (2, 13)], None: no match

Known: literals, `.`, classes with ranges, `\\d \\D \\w \\W \\s \\S` and [:digit:] and the like,
`^ $`, groups `( )` and `(?: )`, `|`, `* + ? {n} {n,} {n,m}`, each with a lazy `?`, and (?i) in
front. Not known, and refused: back references, look-around, `\\b`, possessive quantifiers.
"""

from app.rules.classes import CLASS_ESCAPES, Set, class_of
from app.rules.errors import PatternError
from app.rules.machine import (
    ANY,
    BEGIN,
    CHAR,
    END,
    JUMP,
    MATCH,
    SAVE,
    SET,
    SPLIT,
    search,
)  # fmt: skip

MAX_PATTERN = 128  # characters
MAX_PROGRAM = 600  # instructions; {n,m} repeats what it stands behind
MAX_REPEAT = 64  # as long as a number may be
MAX_GROUPS = 9  # \1 to \9
MAX_DEPTH = 8  # groups in groups
QUANTIFIERS = "*+?{"
SPECIAL = "\\^$.[|()*+?{"
PLAIN_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "e": "\x1b"}


class Pattern:
    """A compiled pattern; `groups`: how many ( ) it has."""

    def __init__(self, text, program, groups, ignore_case):
        self.text = text
        self.groups = groups
        self._program = program
        self._ignore_case = ignore_case
        self._prefix = _prefix_of(program)

    def search(self, text, start=0):
        """-> [(start, end)] of the whole match and of each group, None for a group without
        one; None when nothing matches at or behind `start`. Leftmost, and of several the one
        that PCRE takes."""
        if self._ignore_case:
            text = text.lower()
        if self._prefix and not text.startswith(self._prefix):
            return None
        return search(self._program, text, self.groups, start)


def compile_pattern(text):
    """-> Pattern; raises PatternError."""
    if len(text) > MAX_PATTERN:
        raise PatternError(MAX_PATTERN, f"has {len(text)} characters", f"write up to {MAX_PATTERN}")
    ignore_case = text.startswith("(?i)")
    parser = _Parser(text, 4 if ignore_case else 0, ignore_case)
    program = parser.run()
    return Pattern(text, program, parser.groups, ignore_case)


def compile_fnmatch(text):
    """-> Pattern of a shell pattern as fnmatch(3) reads it: `* ? [a-z] [!a-z]`, for all of a
    text. Raises PatternError, whose offset is of the regular expression it became."""
    pieces = ["^"]
    at = 0
    while at < len(text):
        character = text[at]
        end = _bracket_end(text, at) if character == "[" else 0
        if end:
            inner = text[at + 1 : end]
            pieces.append("[" + ("^" + inner[1:] if inner[0] == "!" else inner) + "]")
            at = end
        elif character in "*?":
            pieces.append(".*" if character == "*" else ".")
        else:
            if character == "\\" and at + 1 < len(text):
                at += 1
                character = text[at]
            pieces.append(("\\" if character in SPECIAL else "") + character)
        at += 1
    return compile_pattern("".join(pieces) + "$")


def _bracket_end(text, at):
    """-> where the bracket that opens at `at` closes; 0: it does not, and means itself."""
    first = at + 2 if text[at + 1 : at + 2] in ("!", "^") else at + 1
    return max(text.find("]", first + 1), 0)


def _prefix_of(program):
    """-> str that every match of a pattern with ^ in front begins with; "" for none such."""
    at = 1  # behind the SAVE of the whole match
    if program[at][0] != BEGIN:
        return ""
    characters = []
    at += 1
    while program[at][0] in (CHAR, SAVE):
        if program[at][0] == CHAR:
            characters.append(program[at][1])
        at += 1
    # what a jump can come back to, or leave out, stands behind a SPLIT: never in here
    return "".join(characters)


class _Parser:
    """Text to program, by recursive descent; `groups`: those met so far."""

    def __init__(self, text, at, ignore_case):
        self.text = text
        self.at = at
        self.ignore_case = ignore_case
        self.groups = 0
        self.depth = 0

    def run(self):
        code = self._alternatives()
        if self.at < len(self.text):
            raise PatternError(self.at, "has a ) without its (", "write \\) for a bracket itself")
        return [(SAVE, 0)] + code + [(SAVE, 1), (MATCH,)]

    # Each gives code: a list of instructions whose jumps count from the instruction itself.

    def _alternatives(self):
        code = self._sequence()
        while self._peek() == "|":
            self.at += 1
            other = self._sequence()
            code = (
                [(SPLIT, 1, len(code) + 2)] + code + [(JUMP, len(other) + 1)] + other
            )  # fmt: skip
            self._check_size(code)
        return code

    def _sequence(self):
        code = []
        while self._peek() not in ("", "|", ")"):
            start = self.at
            code = code + self._quantified(self._atom(), start)
            self._check_size(code)
        return code

    def _atom(self):
        character = self._take()
        if character == "(":
            return self._group()
        if character == "[":
            return [(SET, self._class())]
        if character == ".":
            return [(ANY,)]
        if character in "^$":
            return [(BEGIN if character == "^" else END,)]
        if character == "\\":
            return self._escape()
        if character in QUANTIFIERS and not (character == "{" and not self._bounds(self.at)):
            raise PatternError(self.at - 1, f"has a {character} behind nothing",
                               f"write \\{character} for the character itself")  # fmt: skip
        return [self._literal(character)]

    def _literal(self, character):
        if self.ignore_case:
            character = character.lower()
        return (CHAR, character)

    def _group(self):
        start = self.at - 1
        number = 0
        if self._peek() == "?":
            if self.text[self.at : self.at + 2] != "?:":
                raise PatternError(start, f"has the group {self.text[start:start + 4]}",
                                   "only ( ) and (?: ) are known, and (?i) in front")  # fmt: skip
            self.at += 2
        else:
            self.groups += 1
            number = self.groups
            if number > MAX_GROUPS:
                raise PatternError(start, "has more than 9 groups", "write (?: ) for some")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise PatternError(start, "has groups nested too deep", f"nest up to {MAX_DEPTH}")
        code = self._alternatives()
        self.depth -= 1
        if self._peek() != ")":
            raise PatternError(start, "has a ( without its )", "write \\( for a bracket itself")
        self.at += 1
        return [(SAVE, 2 * number)] + code + [(SAVE, 2 * number + 1)] if number else code

    def _escape(self):
        start = self.at - 1
        character = self._take()
        if character == "":
            raise PatternError(start, "ends in a lone backslash", "write \\\\ for a backslash")
        if character in CLASS_ESCAPES:
            return [(SET, Set(CLASS_ESCAPES[character], character < "a"))]
        if character in PLAIN_ESCAPES:
            return [(CHAR, PLAIN_ESCAPES[character])]
        if character.isdigit():
            raise PatternError(start, f"has the back reference \\{character}",
                               "write the characters out; only repl_exp has \\1")  # fmt: skip
        if character.isalpha():
            raise PatternError(start, f"has \\{character}, which is not known",
                               "known are \\d \\D \\w \\W \\s \\S")  # fmt: skip
        return [self._literal(character)]

    def _class(self):
        members, self.at = class_of(self.text, self.at, self.ignore_case)
        return members

    # Quantifiers.

    def _quantified(self, code, start):
        """-> code repeated as what stands behind it says."""
        if self._peek() == "" or self._peek() not in QUANTIFIERS:
            return code
        at = self.at
        low, high = self._count()
        if low is None:
            return code  # a { that is none
        lazy = self._peek() == "?"
        if lazy:
            self.at += 1
        elif self._peek() != "" and (self._peek() in "*+?" or self._bounds(self.at + 1)):
            raise PatternError(self.at, f"has the quantifier {self.text[at:self.at + 1]}",
                               "write one quantifier, or a group around the first")  # fmt: skip
        if code[0][0] in (BEGIN, END) and len(code) == 1:
            raise PatternError(start, "repeats ^ or $", "leave the quantifier out")
        if (low, high) not in ((0, 1), (1, 1)) and _can_be_empty(code):
            # here matchers disagree; nobody means it
            raise PatternError(start, "repeats what may be empty",
                               "take the inner * or ? out, or the outer repetition")  # fmt: skip
        return self._repeated(code, low, high, lazy)

    def _count(self):
        """-> (at least, at most or None), or (None, None) for a { that means itself."""
        character = self._take()
        if character == "{":
            bounds = self._bounds(self.at)
            if bounds is None:
                self.at -= 1
                return None, None
            low, high, end = bounds
            if low > MAX_REPEAT or (high is not None and not low <= high <= MAX_REPEAT):
                raise PatternError(self.at - 1, "has a repetition out of range",
                                   f"write {{n,m}} with n <= m <= {MAX_REPEAT}")  # fmt: skip
            self.at = end
            return low, high
        return (1 if character == "+" else 0), (1 if character == "?" else None)

    def _bounds(self, at):
        """-> (low, high or None, place behind it) of "n}", "n,}" or "n,m}" at `at`, or None."""
        if self.text[at - 1 : at] != "{":
            return None
        end = self.text.find("}", at)
        low, comma, high = self.text[at:end].partition(",") if end > 0 else ("", "", "")
        for digits in (low, high):
            if len(digits) > 4 or digits.strip("0123456789"):
                return None
        if not low:
            return None
        if not comma:
            return int(low), int(low), end + 1
        return int(low), (int(high) if high else None), end + 1

    def _repeated(self, code, low, high, lazy):
        size = len(code)
        made = code * low
        self._check_size(made)
        if high is None:
            # L: split on, behind; code; jump L
            loop = [_split(1, size + 2, lazy)] + code + [(JUMP, -(size + 1))]
            made = made + loop
        else:
            for left in range(high - low, 0, -1):
                made = made + [_split(1, left * (size + 1), lazy)] + code
                self._check_size(made)
        self._check_size(made)
        return made

    def _check_size(self, code):
        if len(code) > MAX_PROGRAM:
            raise PatternError(self.at, "is too large", "write fewer or shorter repetitions")

    def _peek(self):
        return self.text[self.at : self.at + 1]

    def _take(self):
        character = self._peek()
        self.at += 1
        return character


def _can_be_empty(code):
    """-> bool: a way leads through the code that takes no character."""
    reached = set()
    waiting = [0]
    while waiting:
        place = waiting.pop()
        if place == len(code):
            return True
        if place in reached:
            continue
        reached.add(place)
        step = code[place]
        if step[0] in (SPLIT, JUMP):
            waiting.extend([place + jump for jump in step[1:]])
        elif step[0] not in (CHAR, ANY, SET):
            waiting.append(place + 1)
    return False


def _split(first, second, lazy):
    return (SPLIT, second, first) if lazy else (SPLIT, first, second)
