"""How much is allocated between two collections of MicroPython's heap; CPython needs no telling.

A collection goes over the whole heap, whatever lives in it: 4 ms for one of 28 MiB on a fast
machine, a tenth of a second on a Geode. With a small threshold a box does little else, and
without one the heap is filled to its end, which takes the caches from all else. What lives
makes a collection longer, so that it has to come the more seldom the more there is.
"""

import gc

PART = 14  # of the heap is allocated between two collections: 2 MiB of the box's 28
MOST = 5  # one part in so many of it is the most
TRANSACTION = 3500  # bytes that live for each: docs/security.md, "Limits"
STEP = 128  # transactions between two changes


class Heap:
    """`follow(transactions)` as often as wanted: it costs a comparison."""

    def __init__(self):
        self._step = None
        self._size = _size()
        self.threshold = 0

    def follow(self, transactions):
        """Set the threshold to what so many transactions make right."""
        step = transactions // STEP
        if step == self._step:
            return
        self._step = step
        live = step * STEP * TRANSACTION
        self.threshold = max(self._size // PART, min(live, self._size // MOST))
        _set(self.threshold)


def held():
    """Return the bytes of the heap that live, behind a collection; under CPython its objects."""
    gc.collect()
    return gc.mem_alloc() if hasattr(gc, "mem_alloc") else len(gc.get_objects())


if hasattr(gc, "mem_alloc"):
    _set = gc.threshold

    def _size():
        return gc.mem_alloc() + gc.mem_free()

else:  # CPython counts objects, by generations

    def _set(threshold):
        pass

    def _size():
        return 0
