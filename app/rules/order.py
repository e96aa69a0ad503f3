"""Sorting that keeps what is equal in its order: MicroPython's own does not."""


def stable(items, key):
    """-> list of the items by key(item), a number; equal ones as they were."""
    numbered = sorted([(key(items[at]), at) for at in range(len(items))])
    return [items[at] for _, at in numbered]
