"""Did you mean ...? The known word that is nearest to one that is not."""


def nearest(word, known):
    """Return the name of `known` that `word` was most probably meant to be, or None."""
    # fewer changes than letters: "r" is no misspelt "cdr"
    best, best_distance = None, min(1 + max(2, len(word) // 3), len(word))
    for name in sorted(known):
        distance = edit_distance(word.lower(), name, best_distance)
        if distance < best_distance:
            best, best_distance = name, distance
    return best


def edit_distance(a, b, limit):
    """Return how many letters to insert, remove or change; `limit` for that many or more.

    Levenshtein's algorithm, one row at a time.
    """
    if abs(len(a) - len(b)) >= limit:
        return limit
    row = list(range(len(b) + 1))
    for i in range(len(a)):
        previous, row[0] = row[0], i + 1
        for j in range(len(b)):
            change = previous + (a[i] != b[j])
            previous = row[j + 1]
            row[j + 1] = min(change, row[j] + 1, previous + 1)
    return min(row[-1], limit)
