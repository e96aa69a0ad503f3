"""The words of a source, whatever it is: never an exception, and each where it says."""

from hypothesis import given
from hypothesis import strategies as st

from app.proxy.script_words import words_of

PIECES = st.sampled_from([
    "r", ".", "r.lookup", "(", ")", "\"", "'", '"""', "f'", "{", "}", "{{", "\\", "#", "\n", " ",
    "=", "def f(r):", "import os", "from app.routes import *", "while True:", "x", "ü",
]) | st.text(max_size=4)  # fmt: skip


@given(st.lists(PIECES, max_size=30).map("".join))
def test_each_word_stands_where_it_says(source):
    lines = source.split("\n")
    for word in words_of(source):
        if word.text and word.string is None:
            assert 1 <= word.line <= len(lines)
            in_braces = "{" in source  # those of an f-string over several lines are near it
            assert in_braces or lines[word.line - 1][word.column - 1 :].startswith(word.text)
