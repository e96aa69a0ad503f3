"""Time zones and hours of the week."""

from app.rules.errors import PatternError
from app.rules.hours import parse_hours
from app.rules.timezone import date_of, days_before, parse_timezone, weekday_of
from tests.support import raises

BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"
NEW_YORK = "EST5EDT,M3.2.0,M11.1.0"
SYDNEY = "AEST-10AEDT,M10.1.0,M4.1.0/3"

# zone, Unix seconds, seconds east of Greenwich then (as `TZ=... date` has it)
MOMENTS = (
    ("UTC0", 1900000000, 0),
    (BERLIN, 1774745999, 3600), (BERLIN, 1774746000, 7200),  # 29 March 2026, 01:00 UTC
    (BERLIN, 1792889999, 7200), (BERLIN, 1792890000, 3600),  # 25 October 2026, 01:00 UTC
    (BERLIN, 1767225600, 3600),
    (NEW_YORK, 1772953199, -18000), (NEW_YORK, 1772953200, -14400),  # 8 March 2026, 07:00 UTC
    (NEW_YORK, 1793512799, -14400), (NEW_YORK, 1793512800, -18000),  # 1 November 2026, 06:00
    (SYDNEY, 1775318399, 39600), (SYDNEY, 1775318400, 36000),  # 4 April 2026, 16:00 UTC
    (SYDNEY, 1791043199, 36000), (SYDNEY, 1791043200, 39600),  # 3 October 2026, 16:00 UTC
    ("<+0330>-3:30", 1900000000, 12600),
    ("XXX3:15:30", 1900000000, -11730),
)  # fmt: skip


def test_local_time():
    for zone, wall, east in MOMENTS:
        assert parse_timezone(zone).local(wall) - wall == east, (zone, wall)


def test_what_is_no_time_zone():
    for text in (
        "", "CET", "CE-1", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,J60,J300", "CET-25", "CET-1:99", "<+03-3",
        "CET-1CEST,M3.5.0/x,M10.5.0", "Europe/Berlin", "CET-1CEST,M3.5,M10.5.0",
    ):  # fmt: skip
        with raises(PatternError) as caught:
            parse_timezone(text)
        assert caught.error.problem and caught.error.remedy and caught.error.offset <= len(text)


def test_dates():
    assert date_of(0) == (1970, 1, 1) and date_of(951782400) == (2000, 2, 29)
    assert date_of(4102444799) == (2099, 12, 31)
    for year, month in ((1970, 1), (2000, 3), (2026, 12), (2100, 3)):
        assert date_of(days_before(year, month) * 86400) == (year, month, 1)
    assert weekday_of(0) == 4 and weekday_of(days_before(2026, 3) + 28) == 0


SUNDAY = (days_before(2026, 3) + 28) * 86400  # 29 March 2026


def at(day, hour, minute=0):
    """A local time: day 0 is a Sunday."""
    return SUNDAY + day * 86400 + hour * 3600 + minute * 60


def test_hours_of_the_week():
    hours = parse_hours("Mo-Fr 07:00-19:00, Sa 9:00-14:00")
    for day, hour, minute, expected in (
        (1, 7, 0, True), (1, 6, 59, False), (5, 18, 59, True), (5, 19, 0, False),
        (6, 9, 0, True), (6, 14, 0, False), (0, 12, 0, False),
    ):  # fmt: skip
        assert hours.has(at(day, hour, minute)) == expected, (day, hour, minute)


def test_spans_over_midnight_over_the_weekend_and_of_every_day():
    hours = parse_hours("Fr 22:00-06:00")
    assert hours.has(at(5, 23)) and hours.has(at(6, 5, 59)) and not hours.has(at(6, 6))
    assert not hours.has(at(5, 5)) and not hours.has(at(6, 22))
    hours = parse_hours("sa-mo 00:00-24:00")
    assert [day for day in range(7) if hours.has(at(day, 12))] == [0, 1, 6]
    assert parse_hours("08:00-09:00").has(at(3, 8, 30))
    assert parse_hours("always").has(at(3, 3)) and parse_hours("Su 00:00-24:00").has(at(0, 23, 59))


def test_what_are_no_hours():
    for text, offset in (
        ("", 0), ("Mo", 0), ("Mo 7-19", 3), ("Mo 07:00", 3), ("Mo 07:00-07:00", 3),
        ("Mon 07:00-08:00", 0), ("Mo 07:00-24:01", 9), ("Mo 07:60-08:00", 3),
        ("Mo-Fr 07:00-19:00, Xx 08:00-09:00", 19), ("Mo 24:00-25:00", 9), ("a b c", 0),
        ("Mo 24:00-08:00", 3),
    ):
        with raises(PatternError) as caught:
            parse_hours(text)
        assert caught.error.offset == offset and caught.error.remedy, (text, caught.error.offset)
