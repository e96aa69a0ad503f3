from app.port import clock


def test_now_is_float_seconds_that_never_go_back():
    before = clock.now()
    assert isinstance(before, float)
    after = [clock.now() for _ in range(100)]
    assert after == sorted(after) and after[0] >= before


def test_wall_is_whole_unix_seconds_of_this_century():
    assert isinstance(clock.wall(), int)
    assert 1_700_000_000 < clock.wall() < 4_100_000_000


def test_date_is_utc_beyond_2038():
    assert clock.date(0) == "1970-01-01 00:00:00"
    assert clock.date(2**31) == "2038-01-19 03:14:08"
