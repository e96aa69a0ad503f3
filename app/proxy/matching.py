"""Patterns of the routing script: those of app/rules, kept once they are compiled."""

from app.rules.errors import PatternError
from app.rules.pattern import compile_pattern

KEPT = 32  # compiled patterns: a script has few

_compiled = {}


class Match:
    """start, end: of the whole match; group(n): text of the n-th group, "" for none."""

    def __init__(self, text, spans):
        self.text = text
        self._spans = spans
        self.start, self.end = spans[0]

    def group(self, number):
        span = self._spans[number] if number < len(self._spans) else None
        return "" if span is None else self.text[span[0] : span[1]]


def compiled(pattern):
    """-> app.rules Pattern, kept for the next time.

    ValueError for what is none: a mistake of the script, `the pattern "(a": has a ( ...`.
    """
    if pattern not in _compiled:
        if len(_compiled) >= KEPT:
            _compiled.clear()
        try:
            _compiled[pattern] = compile_pattern(pattern)
        except PatternError as error:
            raise ValueError(f'the pattern "{pattern}" {error.problem}; {error.remedy}')
    return _compiled[pattern]


def search(pattern, text, start=0):
    """-> Match | None of the first place at or behind `start` where the pattern matches."""
    spans = compiled(pattern).search(text, start)
    return None if spans is None else Match(text, spans)
