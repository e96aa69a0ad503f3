import app.port  # noqa: F401  (sets the limit)
from tests.support import raises


def depth(n):
    return 0 if n == 0 else 1 + depth(n - 1)


def test_calls_can_be_nested_as_deep_as_the_program_does():
    assert depth(400) == 400


def test_endless_recursion_is_an_error_not_a_crash():
    with raises(RuntimeError):
        depth(10**6)
