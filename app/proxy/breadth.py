"""Max-Breadth, RFC 5393 5: how many branches a request may be in at a time, all proxies counted.

A request of breadth 60 that forks into two goes on with 30 and 30, so that however the
proxies send it to each other, it is never in more than 60 places at once.
"""

from app.sip.errors import bad
from app.sip.grammar import is_digits

HEADER = "Max-Breadth"
LIMIT = 60  # 5.3.3: for a request without the header, and the most that is accepted


def incoming(message):
    """-> int in 0..LIMIT: the breadth that a Request came with."""
    values = message.headers("max-breadth")
    if not values:
        return LIMIT
    if len(values) > 1 or not is_digits(values[0]):
        raise bad("malformed Max-Breadth")
    digits = values[0].lstrip("0")
    return LIMIT if len(digits) > 2 else min(int(digits or "0"), LIMIT)


def shares(free, count):
    """-> [int]: what each of `count` branches gets of a breadth; fewer when it is too small."""
    count = min(free, count)
    if count <= 0:
        return []
    part, rest = free // count, free % count
    return [part + 1 if place < rest else part for place in range(count)]
