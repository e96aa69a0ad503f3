"""Text for a terminal of 80 columns."""

WIDTH = 80
GAP = 2


def printable(text):
    """Return `text` without what would move the cursor: it may come from the network."""
    return "".join([c if 32 <= ord(c) < 127 or ord(c) > 159 else "?" for c in text])


def table(headings, rows, empty):
    """Return the lines of an aligned table, or the one line `empty` where there is no row.

    Values are printed with str. Where the lines would be too long, the longest columns
    are cut, and "+" ends what was cut.
    """
    if not rows:
        return [empty]
    cells = [list(headings)] + [[printable(str(value)) for value in row] for row in rows]
    widths = [max([len(row[i]) for row in cells]) for i in range(len(headings))]
    while sum(widths) + GAP * (len(widths) - 1) > WIDTH:
        widths[widths.index(max(widths))] -= 1
    return [_line(row, widths) for row in cells]


def _line(row, widths):
    parts = []
    for i in range(len(row)):
        value = row[i] if len(row[i]) <= widths[i] else row[i][: widths[i] - 1] + "+"
        parts.append(value + " " * (widths[i] - len(value)))
    return (" " * GAP).join(parts).rstrip()


def pairs(items):
    """Return the lines of [(label, value)], the values under one another."""
    width = max([len(label) for label, _ in items])
    lines = []
    for label, value in items:
        lines.append(label + " " * (width - len(label) + GAP) + printable(str(value)))
    return lines


def count(number, noun):
    """Return "1 call", "2 calls"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def span(seconds):
    """Return a time span as 45s, 12m 05s, 3h 07m, 12d 04h."""
    seconds = int(seconds)
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m {seconds % 60:02d}s"
    if seconds < 86400:
        return f"{seconds // 3600}h {seconds // 60 % 60:02d}m"
    return f"{seconds // 86400}d {seconds // 3600 % 24:02d}h"
