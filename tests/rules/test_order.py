"""Sorting keeps the order of what is equal, under either interpreter."""

from app.rules.order import stable


def test_equal_items_stay_in_their_order():
    items = [(number * 7 % 5, number) for number in range(200)]
    made = stable(items, lambda item: item[0])
    assert made == sorted(items)
    assert stable([], lambda item: item) == []
