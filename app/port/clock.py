"""Time: `now()` for timers, `wall()` for dates that are stored."""

import time

try:
    from time import monotonic as now
except ImportError:  # MicroPython
    try:
        from box import monotonic as now
    except ImportError:  # without our C module: ticks_ms, whose wrap is counted here
        _last = time.ticks_ms()
        _elapsed = 0

        def now():
            """Float seconds; call it at least every six days (half the wrap of 32-bit ticks)."""
            global _last, _elapsed
            ticks = time.ticks_ms()
            _elapsed += time.ticks_diff(ticks, _last)
            _last = ticks
            return _elapsed / 1000


def wall():
    """Return the Unix time in whole seconds; NTP may step it, so no timer uses it."""
    return int(time.time())


def date(seconds):
    """Return `seconds` of Unix time as "2026-03-01 12:00:00", in UTC."""
    year, month, day, hour, minute, second = time.gmtime(seconds)[:6]
    return f"{year:04d}-{month:02d}-{day:02d} {hour:02d}:{minute:02d}:{second:02d}"
