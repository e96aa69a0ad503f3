"""Helpers for portable tests: they run under CPython and MicroPython alike."""


class raises:
    """Context manager: the block must raise `expected`; `.error` holds what was raised.

    The portable twin of pytest.raises, which MicroPython does not have.
    """

    def __init__(self, expected):
        self.expected = expected
        self.error = None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        assert kind is not None, "nothing was raised"
        self.error = error
        return issubclass(kind, self.expected)
