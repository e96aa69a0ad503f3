"""A site of thousands: nothing that a request or a timer does goes through all of them."""

from app.proxy import location
from app.proxy.location import BATCH, Binding, Location, Outcome
from tests.proxy.box import SUBSCRIBER, WALL, Box, Lines, table
from tests.proxy.phone import Phone, status

MANY = 3000


class Watched(Binding):
    """A Binding that counts how often one of them is looked at."""

    looks = 0

    def is_valid(self, now):
        Watched.looks += 1
        return Binding.is_valid(self, now)

    def remaining(self, now):
        Watched.looks += 1
        return Binding.remaining(self, now)


def fill(place, count=MANY, seconds=3600):
    for number in range(count):
        user = f"u{number}"
        binding = Watched(user, f"sip:{user}@h", 1000.0 + seconds, ruid=f"uloc-{number}")
        outcome = Outcome()
        outcome.added.append(binding)
        place.apply(user, outcome, 1000.0, WALL)


def test_a_register_and_a_call_look_at_their_own_bindings_alone():
    box = Box()
    box.location._store = None
    fill(box.location)
    phone, other = Phone(box, "200"), Phone(box, "201")
    Watched.looks = 0
    assert status(phone.register()) == [200] and status(other.register()) == [200]
    phone.request("INVITE", "sip:201@example.org")
    assert len(other.received()) == 1
    phone.register(expires=0)
    box.wait(1)
    assert Watched.looks == 0
    assert len(box.location) == MANY + 1


def test_bindings_expire_some_at_a_time():
    """As after a power cut, when all have registered within a minute."""
    place = Location(None, Lines())
    fill(place)
    now, turns = 1000.0 + 3601, 0
    while len(place):
        before = len(place)
        place.handle_timers(now, WALL)
        assert 0 < before - len(place) <= BATCH
        turns += 1
        due = place.next_timer()
        assert len(place) == 0 or now < due <= now + 0.1
        now = due or now
    assert turns >= MANY // BATCH
    assert place.all(now) == []


def test_refreshed_bindings_cost_no_entry_each_time():
    place = Location(None, Lines())
    fill(place, 10)
    for _ in range(500):
        outcome = Outcome()
        outcome.refreshed = place.bindings("u1", 1000.0)
        outcome.refreshed[0].deadline += 1
        place.apply("u1", outcome, 1000.0, WALL)
    assert place._deadlines.held <= 10
    place.handle_timers(1000.0 + 3601, WALL)
    assert len(place) == 1
    place.handle_timers(1000.0 + 3600 + 501, WALL)
    assert len(place) == 0


def test_a_shorter_expiry_counts():
    place = Location(None, Lines())
    fill(place, 1)
    outcome = Outcome()
    outcome.refreshed = place.bindings("u0", 1000.0)
    outcome.refreshed[0].deadline = 1060.0
    place.apply("u0", outcome, 1000.0, WALL)
    place.handle_timers(1061.0, WALL)
    assert len(place) == 0


def test_subscribers_are_found_by_an_index():
    rows = "".join([f"u{number}:example.org:secretu{number}::\n" for number in range(MANY)])
    users = table("subscriber", SUBSCRIBER + rows.encode())
    box = Box(tables={"subscriber": users})
    assert status(Phone(box, "u7").register()) == [200]
    users._lists = None  # whoever goes through the rows from here on fails
    assert status(Phone(box, "u2999").register()) == [200]
    assert status(Phone(box, "nobody").register()) == [401]


def test_the_default_slice_is_a_small_part_of_a_large_site():
    assert location.BATCH <= 16 and location.PAUSE <= 0.02


def test_refreshes_that_wait_are_written_some_at_a_time():
    box = Box()
    fill(box.location, 100)
    for number in range(100):
        outcome = Outcome()
        outcome.refreshed = box.location.bindings(f"u{number}", box.now)
        box.location.apply(f"u{number}", outcome, box.now, box.wall)
    before = box.files.appends
    box.wait(location.REFRESH_DELAY)
    assert box.files.appends == before + 1
    box.wait(1)
    assert box.files.appends == before + 7  # 16 a time
    assert len(box.location._dirty) == 0 and box.location._flush_at is None


def test_a_planned_stop_writes_all_that_waits():
    box = Box()
    fill(box.location, 100)
    for number in range(100):
        outcome = Outcome()
        outcome.refreshed = box.location.bindings(f"u{number}", box.now)
        outcome.refreshed[0].deadline += 1000
        box.location.apply(f"u{number}", outcome, box.now, box.wall)
    box.location.flush(box.now, box.wall)
    again = box.restart()
    left = [again.location.bindings(f"u{n}", again.now)[0].remaining(again.now) for n in (0, 99)]
    assert left == [4600 + location.REFRESH_DELAY] * 2
