"""A rule of the table dialplan, by itself."""

from app.rules.dialplan import EQUAL, FNMATCH, REGEX, Rule, RuleError
from tests.support import raises


def rule(op=REGEX, match="", length=0, subst="", repl="", attrs=""):
    return Rule(1, op, match, length, subst, repl, attrs)


def test_three_ways_to_match():
    assert rule(EQUAL, "100").matches("100") and not rule(EQUAL, "100").matches("1001")
    assert rule(REGEX, "^1").matches("1001") and not rule(REGEX, "^1").matches("2100")
    assert rule(FNMATCH, "1?0").matches("110") and not rule(FNMATCH, "1?0").matches("1100")


def test_what_becomes_of_a_number():
    for subst, repl, number, result in (
        ("^0([1-9].*)$", "0049\\1", "0301234", "0049301234"),
        ("^00(.*)$", "+\\1", "0049301234", "+49301234"),
        ("^9(.*)$", "\\1", "9112", "112"),
        ("^(..)(.*)$", "\\2-\\1\\\\", "1234", "34-12\\"),
        ("", "112", "110", "112"),
        ("^1(2)?", "x\\1y", "13", "xy"),
        ("", "", "123", "123"),
        ("3", "\\0", "12345", "3"),
        ("^9", "\\0", "123", None),
    ):  # fmt: skip
        assert rule(subst=subst, repl=repl).result(number) == result, (subst, repl, number)


def test_a_result_has_an_end():
    assert rule(subst="(.*)", repl="\\1\\1").result("1" * 32) == "1" * 64
    assert rule(subst="(.*)", repl="\\1\\1").result("1" * 33) is None


def test_what_is_refused_and_in_which_column():
    for fields, column, offset, word in (
        ({"op": 3}, "match_op", 0, "no way to match"),
        ({"match": "1(2"}, "match_exp", 1, "without its )"),
        ({"op": FNMATCH, "match": "[z-a]"}, "match_exp", 0, "range"),
        ({"subst": "1++", "repl": "1"}, "subst_exp", 2, "quantifier"),
        ({"subst": "(1)", "repl": "a\\2"}, "repl_exp", 1, "1 groups"),
        ({"repl": "$rU"}, "repl_exp", 0, "variable"),
        ({"repl": "1\\x"}, "repl_exp", 1, "\\x"),
    ):
        with raises(RuleError) as caught:
            rule(**fields)
        error = caught.error
        assert (error.column, error.offset) == (column, offset) and word in error.problem, fields
