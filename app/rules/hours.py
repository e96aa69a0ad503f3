"""Hours of the week: "Mo-Fr 07:00-19:00, Sa 09:00-14:00"."""

from app.rules.errors import PatternError
from app.rules.timezone import DAY, weekday_of

NAMES = ("su", "mo", "tu", "we", "th", "fr", "sa")
REMEDY = "write it like Mo-Fr 07:00-19:00, Sa 09:00-14:00"


class Hours:
    """Spans of the week; without one every hour is in it."""

    def __init__(self, spans=()):
        self._spans = tuple(spans)  # (days as text of digits, first minute, minute behind the last)

    def has(self, local):
        """-> bool; local: seconds since 1970 by the clock on the wall (timezone.py)."""
        minute = local % DAY // 60
        today = str(weekday_of(local // DAY))
        yesterday = str(weekday_of(local // DAY - 1))
        for days, first, last in self._spans:
            if today in days and first <= minute < last:
                return True
            if yesterday in days and minute + 1440 < last:
                return True  # a span that goes past midnight
        return not self._spans


def parse_hours(text):
    """-> Hours of spans between commas; raises PatternError. "always" is every hour."""
    if text.strip().lower() == "always":
        return Hours()
    spans = []
    at = 0
    for piece in text.split(","):
        spans.append(_span(piece, at))
        at += len(piece) + 1
    return Hours(spans)


def _span(text, at):
    words = text.split()
    at += len(text) - len(text.lstrip())
    if len(words) == 1:
        return ("0123456",) + _minutes(words[0], at)
    if len(words) != 2:
        raise PatternError(at, f"{text.strip() or 'nothing'} is no span of hours", REMEDY)
    return (_days(words[0], at),) + _minutes(words[1], at + text.strip().find(words[1]))


def _days(text, at):
    first, dash, last = text.lower().partition("-")
    for name in (first, last) if dash else (first,):
        if name not in NAMES:
            raise PatternError(at, f"{text} are no days", "write Mo, Tu, We, Th, Fr, Sa, Su")
    begin = NAMES.index(first)
    count = (NAMES.index(last) - begin) % 7 + 1 if dash else 1
    return "".join([str((begin + number) % 7) for number in range(count)])


def _minutes(text, at):
    """-> (first minute, minute behind the last) of "07:00-19:00"; the last may be 24:00, and one
    before the first is of the next day."""
    first, dash, last = text.partition("-")
    begin, end = _minute(first, at), _minute(last, at + len(first) + 1) if dash else 0
    if not dash or begin == end or begin >= 1440:
        raise PatternError(at, f"{text} is no span of hours", REMEDY)
    return begin, end if end > begin else end + 1440


def _minute(text, at):
    hour, colon, minute = text.partition(":")
    for piece in (hour, minute):
        if len(piece) not in (1, 2) or piece.strip("0123456789"):
            raise PatternError(at, f"{text or 'nothing'} is no time", "write it like 07:30")
    found = int(hour) * 60 + int(minute)
    if not colon or int(minute) > 59 or found > 1440:
        raise PatternError(at, f"{text} is no time", "write it from 00:00 to 24:00")
    return found
