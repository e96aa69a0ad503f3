"""The same random choices under every interpreter."""


class Chance:
    """A small linear congruential generator: its seed says all that follows."""

    def __init__(self, seed):
        # neighbouring seeds would begin alike
        self._state = (seed * 2654435761 + 97) & 0x7FFFFFFF
        self.below(2)

    def below(self, limit):
        """-> int from 0 to limit - 1."""
        self._state = (self._state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self._state >> 8) % limit

    def one_in(self, number):
        """-> bool: true once in so many."""
        return self.below(number) == 0

    def pick(self, items):
        return items[self.below(len(items))]
