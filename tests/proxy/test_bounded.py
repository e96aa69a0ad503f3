"""Windows, tokens and the table of two generations."""

from app.proxy.bounded import Bucket, Generations, Window


def test_a_window_counts_what_was_within_it():
    window = Window(2)
    assert [window.add(100.0) for _ in range(3)] == [1, 2, 3]
    assert window.add(101.9) == 4
    assert window.add(103.0) == 3  # half of the four before, and one
    assert window.rate(103.99) < 1.1
    assert window.rate(200.0) == 0


def test_a_steady_rate_is_measured_as_it_is():
    window = Window(2)
    rates = [window.add(100 + place / 5) for place in range(200)]  # 5 a second
    assert max(rates[20:]) <= 11.1 and min(rates[20:]) >= 9.9


def test_what_is_forgiven_does_not_count():
    window = Window(2)
    for _ in range(5):
        window.add(1.0)
    window.forgive(3)
    assert window.rate(1.0) == 2
    window.forgive(9)
    assert window.rate(1.0) == 0


def test_a_bucket_is_empty_and_fills_again():
    bucket = Bucket(2, 10, 0.0)
    assert [bucket.take(0.0) for _ in range(3)] == [True, True, False]
    assert not bucket.take(9.9)
    assert bucket.take(10.5) and not bucket.take(10.5)
    bucket.give_back()
    assert bucket.take(10.5)
    assert [bucket.take(1000.0) for _ in range(3)] == [True, True, False]


def test_a_table_keeps_what_is_used():
    kept = Generations(4, 10)
    kept.put("used", 1, 0.0)
    kept.put("unused", 2, 0.0)
    for second in range(0, 60, 5):
        assert kept.get("used", float(second)) == 1
    assert kept.get("unused", 60.0) is None
    assert kept.get("used", 100.0) is None


def test_a_table_is_bounded_whatever_comes():
    kept = Generations(100, 1000)
    for number in range(10000):
        kept.put(number, True, 0.0)
        kept.put("used", True, 0.0)
        assert len(kept) <= 200
    assert kept.get("used", 0.0) and kept.get(9999, 0.0) and kept.get(1, 0.0) is None


def test_a_key_is_in_one_generation_only():
    kept = Generations(4, 10)
    kept.put("a", 1, 0.0)
    kept.get("a", 11.0)
    assert len(kept) == 1
    kept.drop("a")
    assert len(kept) == 0 and kept.get("a", 11.0) is None
