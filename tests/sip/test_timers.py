"""Timer values against table 4 of RFC 3261 (and RFC 6026), and the heap of deadlines."""

from app.sip import machines, timers
from app.sip.timers import Deadlines, interval

# timer: (unreliable, reliable) in seconds, with T1 = 0.5 s and T4 = 5 s
TABLE_4 = {
    "timer B": (32, 32),
    "timer D": (32, 0),
    "timer F": (32, 32),
    "timer H": (32, 32),
    "timer I": (5, 0),
    "timer J": (32, 0),
    "timer K": (5, 0),
    "timer L": (32, 32),
    "timer M": (32, 32),
    "timer CANCEL": (32, 32),
}


def test_fixed_timers_are_table_4():
    assert set(TABLE_4) == set(timers.FIXED)
    for timer, (unreliable, reliable) in TABLE_4.items():
        assert interval(timer, machines.PROCEEDING, False, 0) == unreliable
        assert interval(timer, machines.PROCEEDING, True, 0) == reliable


def schedule(timer, state, count):
    found = []
    previous = 0
    for _ in range(count):
        previous = interval(timer, state, False, previous)
        found.append(previous)
    return found


def test_timer_a_doubles_without_a_cap_below_timer_b():
    assert schedule("timer A", machines.CALLING, 6) == [0.5, 1, 2, 4, 8, 16]


def test_timers_e_and_g_double_up_to_t2():
    assert schedule("timer E", machines.TRYING, 6) == [0.5, 1, 2, 4, 4, 4]
    assert schedule("timer G", machines.COMPLETED, 6) == [0.5, 1, 2, 4, 4, 4]


def test_timer_e_runs_at_t2_once_proceeding():
    assert schedule("timer E", machines.PROCEEDING, 2) == [4, 4]


def test_nothing_is_retransmitted_on_a_reliable_transport():
    for timer in ("timer A", "timer E", "timer G"):
        assert interval(timer, machines.TRYING, True, 0) is None


def test_every_timer_of_every_machine_has_a_value():
    for machine in (
        machines.INVITE_CLIENT,
        machines.NON_INVITE_CLIENT,
        machines.INVITE_SERVER,
        machines.NON_INVITE_SERVER,
    ):
        for row in machine.values():
            for state, _, started in row.values():
                for timer in started:
                    assert interval(timer, state, False, 0) > 0


def test_timer_c_is_more_than_three_minutes():
    assert timers.TIMER_C > 180


def drain(deadlines, now):
    found = []
    item = deadlines.pop(now)
    while item is not None:
        found.append(item)
        item = deadlines.pop(now)
    return found


def test_deadlines_come_up_in_order_and_not_early():
    deadlines = Deadlines()
    for at, item in ((3.0, "c"), (1.0, "a"), (2.0, "b"), (1.0, "a2")):
        deadlines.add(at, item)
    assert deadlines.next() == 1.0 and len(deadlines) == 4
    assert deadlines.pop(0.5) is None
    assert drain(deadlines, 2.0) == ["a", "a2", "b"]
    assert drain(deadlines, 9.0) == ["c"]
    assert deadlines.next() is None and deadlines.pop(99.0) is None and deadlines.held == 0


def test_items_are_never_compared():
    deadlines = Deadlines()
    for item in ({}, object(), "x", 3):
        deadlines.add(1.0, item)
    assert len(drain(deadlines, 1.0)) == 4


def test_cancelled_entries_do_not_come_up():
    deadlines = Deadlines()
    entries = [deadlines.add(float(at), at) for at in range(10)]
    for entry in entries[:5]:
        deadlines.cancel(entry)
        deadlines.cancel(entry)
    assert len(deadlines) == 5 and deadlines.next() == 5.0
    assert drain(deadlines, 20.0) == [5, 6, 7, 8, 9]


def test_cancelling_what_has_come_up_changes_nothing():
    deadlines = Deadlines()
    entry = deadlines.add(1.0, "a")
    deadlines.add(2.0, "b")
    assert deadlines.pop(1.0) == "a"
    deadlines.cancel(entry)
    assert len(deadlines) == 1 and drain(deadlines, 2.0) == ["b"]


def test_the_heap_stays_within_twice_its_live_entries():
    deadlines = Deadlines()
    kept = [deadlines.add(1e6 + at, at) for at in range(100)]
    for at in range(5000):
        deadlines.cancel(deadlines.add(float(at), at))
        assert deadlines.held <= 2 * (len(kept) + Deadlines.SLACK) + 1
    for entry in kept:
        deadlines.cancel(entry)
    assert len(deadlines) == 0 and deadlines.held <= 2 * Deadlines.SLACK + 1
    assert deadlines.next() is None and deadlines.held == 0


def test_a_cancelled_entry_releases_its_item_at_once():
    deadlines = Deadlines()
    entry = deadlines.add(1.0, "big")
    deadlines.cancel(entry)
    assert entry[2] is None
