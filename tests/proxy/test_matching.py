"""Patterns and /pattern/replacement/flags as the routing script uses them."""

from app.proxy.matching import KEPT, compiled, search
from app.proxy.subst import MAX_RESULT, Substitution
from tests.support import raises

# pattern, text, the whole match (None: no match), groups
CASES = (
    ("b", "abc", "b", ()),
    ("(486)|(408)", "408", "408", ("", "408")),
    ("5[0-9][0-9]", "503", "503", ()),
    ("486|480|603", "480", "480", ()),
    ("^sip:([^@]+)@(.*)$", "sip:bob@example.org", "sip:bob@example.org", ("bob", "example.org")),
    ("^[0-9]{3}$", "2000", None, ()),
    ("(?i)FRIENDLY", "a friendly-scanner", "friendly", ()),
)


def test_what_matches():
    for pattern, text, whole, groups in CASES:
        found = search(pattern, text)
        assert (None if found is None else found.group(0)) == whole, pattern
        if found is not None:
            assert text[found.start : found.end] == whole
            assert tuple([found.group(each + 1) for each in range(len(groups))]) == groups
            assert found.group(9) == ""


def test_behind_a_place():
    for pattern, places in (("[0-9]+", [1, 3]), ("b", [2]), ("^a", [0]), ("2$", [4]), ("", [0, 5])):
        text = "a1b22"
        for place in places:
            assert search(pattern, text, place).start == place, pattern
    assert search("^a", "aa", 1) is None and search("^1", "a1", 1) is None
    assert search("b", "abab", 2).start == 3 and search("b", "ab", 2) is None


def test_a_pattern_that_is_none_says_what_is_wrong():
    for pattern in ("(a", "a)", "[a", "*a", "\\1", "x" * 200):
        with raises(ValueError) as caught:
            search(pattern, "a")
        assert pattern in str(caught.error)


def test_text_that_makes_others_slow_or_run_out_of_stack():
    """(a|aa)+$ takes 2**n tries by backtracking; [^b]*b fails in MicroPython's re at 979."""
    assert search("(a|aa)+$", "a" * 200 + "b") is None
    assert search("[^b]*b", "a" * 3000 + "b").end == 3001
    assert search("(a|b|c)*d", "abc" * 700 + "d").end == 2101
    assert search("friendly-scanner", "x" * 60000 + "friendly-scanner").start == 60000


def test_few_patterns_are_kept():
    for number in range(KEPT * 2):
        compiled(f"a{number}")
    assert search("a1", "a1") is not None


def substituted(expression, text):
    return Substitution(expression).apply(text)


def test_substitution():
    assert substituted("/^00/+/", "0049301") == ("+49301", 1)
    assert substituted("/^0([1-9][0-9]*)$/+49\\1/", "0301234") == ("+49301234", 1)
    assert substituted("/a/b/", "banana") == ("bbnana", 1)
    assert substituted("/a/<\\0>/g", "banana") == ("b<a>n<a>n<a>", 3)
    assert substituted("/^a/x/g", "aaa") == ("xaa", 1)
    assert substituted("/A/x/ig", "aA") == ("xx", 2)
    assert substituted("#a/b#c\\#d#", "a/b") == ("c#d", 1)
    assert substituted("/a\\/b/c/", "a/b") == ("c", 1)
    assert substituted("/x*/-/g", "ab") == ("-a-b-", 3)
    assert substituted("/x/y/", "abc") == ("abc", 0)
    assert substituted("/(a)|(b)/[\\2\\1]\\n\\\\/", "b") == ("[b]\n\\", 1)


def test_what_is_no_substitution():
    for text in ("", "/a/b", "/a/b/c/d", "/a/b/x", "a"):
        with raises(ValueError):
            Substitution(text)


def test_a_replacement_does_not_grow_without_end():
    text, _ = substituted("/a/" + "x" * 100 + "/g", "a" * 5000)
    assert len(text) < MAX_RESULT + 100 + 5000
