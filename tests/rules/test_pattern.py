"""Patterns of dial plans: what they match, what they refuse, and that none takes long."""

from app.rules.errors import PatternError
from app.rules.machine import search
from app.rules.pattern import (
    MAX_GROUPS,
    MAX_PATTERN,
    MAX_PROGRAM,
    compile_fnmatch,
    compile_pattern,
)  # fmt: skip
from tests.support import raises

# pattern, text, spans as PCRE gives them
MATCHES = (
    ("^00([1-9][0-9]{5,13})$", "0049301234567", [(0, 13), (2, 13)]),
    ("^00([1-9][0-9]{5,13})$", "00493", None),
    ("^(?:\\+|00)49(\\d+)$", "+49301234", [(0, 9), (3, 9)]),
    ("^(?:\\+|00)49(\\d+)$", "0049301234", [(0, 10), (4, 10)]),
    ("", "anything", [(0, 0)]),
    ("b+", "aabbb", [(2, 5)]),
    ("b+?", "aabbb", [(2, 3)]),
    ("a|ab", "ab", [(0, 1)]),
    ("(a|ab)(c|bcd)", "abcd", [(0, 4), (0, 1), (1, 4)]),
    ("^(1)?2$", "2", [(0, 1), None]),
    ("[^0-9]", "12a", [(2, 3)]),
    ("[]a]+", "]a]", [(0, 3)]),
    ("[a\\-z]+", "-az", [(0, 3)]),
    ("[0-9*#-]+$", "*21#", [(0, 4)]),
    ("[[:digit:]]{2}", "a12", [(1, 3)]),
    ("\\D\\w\\S", "1a_*", [(1, 4)]),
    ("(?i)^Sales$", "sALES", [(0, 5)]),
    ("(?i)[A-C]+", "abc", [(0, 3)]),
    ("^.{3}$", "abcd", None),
    ("x{,2}", "x{,2}", [(0, 5)]),
    ("a{b", "a{b", [(0, 3)]),
    ("\\.\\*\\t", ".*\t", [(0, 3)]),
    ("(1{2,3}?)(1*)", "11111", [(0, 5), (0, 2), (2, 5)]),
    ("^$", "", [(0, 0)]),
    ("$^|0", "10", [(1, 2)]),
)

# pattern, offset and a word of the problem
REFUSED = (
    ("a)", 1, "without its ("),
    ("(a", 0, "without its )"),
    ("[a", 0, "without its ]"),
    ("*1", 0, "behind nothing"),
    ("1**", 2, "quantifier"),
    ("1{2}{3}", 4, "quantifier"),
    ("(?=1)", 0, "group"),
    ("(?<n>1)", 0, "group"),
    ("(1)\\1", 3, "back reference"),
    ("\\b1", 0, "not known"),
    ("1\\", 1, "lone backslash"),
    ("[\\b]", 1, "in a class"),
    ("[[:dog:]]", 1, "unknown class"),
    ("[9-0]", 3, "range"),
    ("^*1", 0, "repeats ^"),
    ("(1*)*", 0, "may be empty"),
    ("(?:1?|2){2,3}", 0, "may be empty"),
    ("1{3,2}", 1, "out of range"),
    ("1{99}", 1, "out of range"),
    ("(((((((((1)))))))))", 8, "deep"),
    ("(1)" * (MAX_GROUPS + 1), 27, "more than 9"),
    ("(?:1{60}){60}", 13, "too large"),
    ("1" * (MAX_PATTERN + 1), MAX_PATTERN, "characters"),
)


def test_what_matches():
    for text, subject, spans in MATCHES:
        assert compile_pattern(text).search(subject) == spans, (text, subject)


def test_what_is_refused_and_where():
    for text, offset, word in REFUSED:
        with raises(PatternError) as caught:
            compile_pattern(text)
        assert word in caught.error.problem, (text, caught.error.problem)
        assert caught.error.offset == offset, (text, caught.error.offset)
        assert caught.error.remedy


def test_no_pattern_takes_long():
    """What makes a backtracking matcher try 2^64 ways is a few thousand steps here."""
    for text in ("(?:a|a|aa)+$", "(?:a+)+$", "a*a*a*a*a*a*a*a*b$", "^(?:(?:a|b)+)+c$"):
        pattern = compile_pattern(text)
        looks = Counted("a" * 63 + "x")
        assert search(pattern._program, looks, pattern.groups) is None
        assert looks.count <= 64 * len(pattern._program)
    assert len(compile_pattern("^(?:1{1,16}){1,16}$")._program) <= MAX_PROGRAM


class Counted:
    """A text that counts how often it is looked into."""

    def __init__(self, text):
        self.text = text
        self.count = 0

    def __len__(self):
        return len(self.text)

    def find(self, part, start):
        return self.text.find(part, start)

    def __getitem__(self, at):
        self.count += 1
        return self.text[at]


def test_a_prefix_is_looked_at_first():
    pattern = compile_pattern("^0049(30)?\\d+$")
    assert pattern._prefix == "0049"
    pattern._program = None  # would be an error to run
    assert pattern.search("0033123") is None
    for text in ("^0?49", "0049", "^(?:00|\\+)49"):
        assert compile_pattern(text)._prefix == ""


def test_shell_patterns():
    for text, subject, expected in (
        ("0049*", "004930", True), ("0049*", "10049", False), ("0?9", "019", True),
        ("[0-4]*", "312", True), ("[!0-4]*", "312", False), ("+49*", "+49", True),
        ("a.c", "abc", False), ("\\*21*", "*21#", True), ("[", "[", True), ("", "", True),
        ("*", "", True),
    ):  # fmt: skip
        assert (compile_fnmatch(text).search(subject) is not None) == expected, (text, subject)
