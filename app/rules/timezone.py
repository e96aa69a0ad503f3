"""Local time by a time zone as POSIX writes it: "CET-1CEST,M3.5.0,M10.5.0/3".

The rules stand in the text, so nothing is looked up and they hold for as long as the law does.
"""

from app.rules.errors import PatternError

DAY = 86400
MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
TWO_O_CLOCK = 2 * 3600
REMEDY = "write it as POSIX does: UTC0, EST5EDT,M3.2.0,M11.1.0, CET-1CEST,M3.5.0,M10.5.0/3"


class TimeZone:
    """standard, summer: seconds east of Greenwich; begin, end: rules of summer time or None."""

    def __init__(self, standard=0, summer=0, begin=None, end=None):
        self.standard = standard
        self.summer = summer
        self.begin = begin
        self.end = end

    def local(self, wall):
        """-> seconds since 1970 as a clock on the wall there shows them; wall: Unix seconds."""
        return wall + (self.summer if self._is_summer(wall) else self.standard)

    def _is_summer(self, wall):
        if self.begin is None:
            return False
        year = date_of(wall + self.standard)[0]
        begin = _moment(self.begin, year) - self.standard
        end = _moment(self.end, year) - self.summer
        if begin < end:
            return begin <= wall < end
        return not end <= wall < begin  # south of the equator


def parse_timezone(text):
    """-> TimeZone; raises PatternError."""
    at, _ = _name(text, 0)
    standard, at = _offset(text, at, None)
    if at == len(text):
        return TimeZone(-standard)
    at, start = _name(text, at)
    summer, at = _offset(text, at, standard - 3600)
    rules = text[at:].split(",")
    if len(rules) != 3 or rules[0]:
        raise PatternError(start, f"has summer time {text[start:at]} without its rules", REMEDY)
    return TimeZone(-standard, -summer, _rule(rules[1], at + 1), _rule(rules[2], at + 1))


def _name(text, at):
    """-> (place behind a zone's name, its start)."""
    start = at
    if text[at : at + 1] == "<":
        end = text.find(">", at)
        if end < 0:
            raise PatternError(start, "has a < without its >", REMEDY)
        return end + 1, start
    while at < len(text) and text[at] in LETTERS:
        at += 1
    if at - start < 3:
        raise PatternError(start, "has no zone name of three letters or more there", REMEDY)
    return at, start


def _offset(text, at, default):
    """-> (seconds west of Greenwich, place behind it)."""
    sign = -1 if text[at : at + 1] == "-" else 1
    start = at
    if text[at : at + 1] in ("+", "-"):
        at += 1
    end = at
    while end < len(text) and text[end] in "0123456789:":
        end += 1
    if end == at:
        if default is None or start != at:
            raise PatternError(start, "has no offset there", REMEDY)
        return default, at
    return sign * _clock(text[at:end], at, 24), end


def _clock(text, at, most):
    """-> seconds of "h", "h:mm" or "h:mm:ss"."""
    pieces = text.split(":")
    seconds = 0
    for piece in pieces:
        if not piece or len(piece) > 3 or piece.strip("0123456789"):
            raise PatternError(at, f"has the time {text}", "write it as 2, 2:30 or 02:30:00")
        seconds = seconds * 60 + int(piece)
    if len(pieces) > 3 or int(pieces[0]) > most or [p for p in pieces[1:] if int(p) > 59]:
        raise PatternError(at, f"has the time {text}", "write it as 2, 2:30 or 02:30:00")
    return seconds * 60 ** (3 - len(pieces))


def _rule(text, at):
    """-> (month, week, day of the week, seconds) of "M3.5.0/2"."""
    day, slash, clock = text.partition("/")
    pieces = day[1:].split(".")
    numbers = [int(piece) if piece and not piece.strip("0123456789") else -1 for piece in pieces]
    if day[:1] != "M" or len(numbers) != 3:
        raise PatternError(at, f"has the rule {text}", "write it as M3.5.0: month, week, day")
    month, week, weekday = numbers
    if not 1 <= month <= 12 or not 1 <= week <= 5 or not 0 <= weekday <= 6:
        raise PatternError(at, f"has the rule {text}", "months 1 to 12, weeks 1 to 5, days 0 to 6")
    return month, week, weekday, _clock(clock, at, 167) if slash else TWO_O_CLOCK


def _moment(rule, year):
    """-> seconds since 1970, by the wall clock, at which a rule of POSIX falls in a year."""
    month, week, weekday, seconds = rule
    first = days_before(year, month)
    day = first + (weekday - weekday_of(first)) % 7 + 7 * (week - 1)
    while day >= first + _length(year, month):
        day -= 7
    return day * DAY + seconds


def _is_leap(year):
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _length(year, month):
    return 29 if month == 2 and _is_leap(year) else MONTHS[month - 1]


def days_before(year, month):
    """-> days from 1970 to the first of a month."""
    past = year - 1
    days = year * 365 + past // 4 - past // 100 + past // 400 - 719527
    for each in range(1, month):
        days += _length(year, each)
    return days


def date_of(seconds):
    """-> (year, month, day) of seconds since 1970."""
    days = seconds // DAY
    year = 1970 + days // 366
    while days_before(year + 1, 1) <= days:
        year += 1
    month = 1
    while month < 12 and days_before(year, month + 1) <= days:
        month += 1
    return year, month, days - days_before(year, month) + 1


def weekday_of(days):
    """-> 0 (Sunday) to 6 of a day counted from 1970, which began on a Thursday."""
    return (days + 4) % 7
