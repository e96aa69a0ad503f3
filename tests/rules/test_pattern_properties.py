"""Patterns against Python's own `re`, which agrees with PCRE on all that we take."""

import re

from hypothesis import given
from hypothesis import strategies as st

from app.rules.errors import PatternError
from app.rules.pattern import compile_pattern

ATOMS = st.sampled_from(["0", "1", "a", ".", "[01]", "[^0]", "\\d", "\\w", "\\D", "[a-c1]"])
QUANTIFIERS = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,3}", "{0,2}", "*?", "+?", "??"])
PIECES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, QUANTIFIERS).map("".join),
        st.lists(inner, min_size=1, max_size=3).map("".join),
        inner.map(lambda text: f"({text})"),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
    ),
    max_leaves=12,
)
PATTERNS = st.tuples(st.sampled_from(["", "^"]), PIECES, st.sampled_from(["", "$"])).map("".join)


@given(PATTERNS, st.text("01abx", max_size=12))
def test_it_matches_as_re_does(text, subject):
    try:
        ours, theirs = compile_pattern(text), re.compile(text)
    except (PatternError, re.error):
        return
    found = theirs.search(subject)
    expected = None
    if found:
        spans = [found.span(number) for number in range(theirs.groups + 1)]
        expected = [None if span == (-1, -1) else span for span in spans]
    assert ours.search(subject) == expected


@given(st.text("01a.[]^$()|*+?{},:\\-d", max_size=20), st.text("01a-", max_size=8))
def test_any_text_is_a_pattern_or_an_error_with_its_place(text, subject):
    try:
        compile_pattern(text).search(subject)
    except PatternError as error:
        assert 0 <= error.offset <= len(text) and error.problem and error.remedy
