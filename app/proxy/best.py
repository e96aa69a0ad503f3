"""Which of several final responses a forking proxy passes on: RFC 3261 16.7 step 6."""

# Those that may lead the caller to a better request come first within 4xx.
PREFERRED = (401, 407, 415, 420, 484)


def best(statuses):
    """-> index of the best of a list of final status codes (300 to 699), or None.

    Any 6xx wins, then the lowest class; within 4xx those of PREFERRED, and an answer of the
    callee's telephone over a 408 that only says nobody was there. The first of equals wins.
    """
    chosen = None
    for index in range(len(statuses)):
        if chosen is None or _rank(statuses[index]) < _rank(statuses[chosen]):
            chosen = index
    return chosen


def _rank(status):
    kind = status // 100
    if kind == 6:
        return 0, 0
    if kind == 4:
        return kind, 0 if status in PREFERRED else 2 if status == 408 else 1
    # 16.7 step 6: a 503 says the least of all 5xx
    return kind, 1 if status == 503 else 0
