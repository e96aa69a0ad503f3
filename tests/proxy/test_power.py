"""Power that fails, and media that fail, at every step and byte of what the location writes.

A run is recorded as the steps that reach the medium. Then a box is started on what each
prefix of them has left: every binding that was answered is there, none that was not, but for
the one REGISTER that was under way.
"""

from app import dbtext
from app.proxy import location, store
from app.proxy.location import Binding, Location, Outcome
from app.proxy.store import LocationStore
from tests.proxy.box import WALL, Files, Lines

FOLDER = "/state"
TABLE, JOURNAL, OLDER = "/state/location", "/state/location.journal", "/state/location.older"
NOW = 1000.0


class Small:
    """Journals and slices so short that a few registrations see everything."""

    def __enter__(self):
        self.kept = (store.JOURNAL_SLACK, location.BATCH)
        store.JOURNAL_SLACK, location.BATCH = 2, 2

    def __exit__(self, *_):
        store.JOURNAL_SLACK, location.BATCH = self.kept


class Recorder(Files):
    """Keeps every step in `log`: ("write", path, bytes), ("rename", from, to), ("remove", path),
    ("answered", {contact}). `fails`(kind, path) says whether a step raises instead, and how
    many of its bytes it has written by then."""

    def __init__(self):
        super().__init__()
        self.log = []
        self.fails = lambda kind, path: None

    def step(self, *what):
        part = self.fails(what[0], what[1])
        if part is not None and what[0] == "write":
            what = (what[0], what[1], what[2][:part])
        if part is None or what[0] == "write":
            self.log.append(what)
            play(self.data, what)
        if part is not None:
            raise OSError(28, "No space left on device")

    def append(self, path, data):
        self.step("write", path, data)

    def rename(self, path, other):
        self.step("rename", path, other)

    def remove(self, path):
        if path in self.data:
            self.step("remove", path)

    def replacement(self, path):
        self.step("create", path + ".new")
        return New(self, path)


class New:
    """files.Replacement, recorded."""

    def __init__(self, files, path):
        self.files, self.path = files, path

    def write(self, data):
        self.files.step("write", self.path + ".new", data)

    def commit(self):
        self.files.step("rename", self.path + ".new", self.path)

    def abandon(self):
        try:
            self.files.remove(self.path + ".new")
        except OSError:
            pass


def play(data, step):
    """Does one step to the files {path: bytes}."""
    kind, path = step[:2]
    if kind == "write":
        data[path] = data.get(path, b"") + step[2]
    elif kind == "create":
        data[path] = b""
    elif kind == "rename":
        data[step[2]] = data.pop(path)
    elif kind == "remove":
        data.pop(path, None)


class Run:
    """A Location on Recorder files, whose bindings come and go."""

    def __init__(self, files=None):
        self.files = files or Recorder()
        self.now = NOW
        self.count = 0
        self.log = Lines()
        self.location = location_on(self.files, self.log)
        self.location.load(self.now, WALL)

    def register(self, user, contact, removed=()):
        outcome = Outcome([each for each in self.location.bindings(user, self.now)
                           if each.contact in removed])  # fmt: skip
        if contact:
            self.count += 1
            binding = Binding(user, contact, self.now + 3600, ruid=f"uloc-{self.count:04d}")
            outcome.added.append(binding)
        self.location.apply(user, outcome, self.now, WALL)
        self.answer()
        self.turn()

    def refresh(self, user):
        outcome = Outcome()
        outcome.refreshed = self.location.bindings(user, self.now)
        for binding in outcome.refreshed:
            binding.deadline += 10
        self.location.apply(user, outcome, self.now, WALL)
        self.answer()

    def answer(self):
        self.files.log.append(("answered", contacts(self.location)))

    def turn(self, seconds=0.05):
        """Lets time pass: slices of a table, writes that waited."""
        end = self.now + seconds
        due = self.location.next_timer()
        while due is not None and due <= end:
            self.now = max(due, self.now)
            self.location.handle_timers(self.now, WALL)
            due = self.location.next_timer()
        self.now = end

    def exercise(self):
        """What makes several tables, with changes between their slices."""
        for number in range(5):
            self.register(f"20{number}", f"sip:a{number}@h")
        self.register("200", "sip:b@h", removed=["sip:a0@h"])
        self.register("201", "", removed=["sip:a1@h"])
        self.refresh("202")
        self.turn(310)
        for number in range(4):
            self.register("203", f"sip:c{number}@h", removed=[f"sip:c{number - 1}@h"])


def location_on(files, log=None):
    return Location(LocationStore(files, FOLDER, dbtext, False, log), log)


def contacts(location_, now=NOW):
    return {binding.contact for binding in location_.all(now)}


def started(data):
    """-> {contact} that a box knows which starts on these files."""
    files = Files()
    files.data = dict(data)
    again = location_on(files, Lines())
    again.load(NOW, WALL)
    return contacts(again)


def cuts(length):
    """-> places in a write to fail at: dense where a line ends, thinner elsewhere."""
    return [at for at in range(length) if at < 3 or at > length - 8 or at % 7 == 0]


def test_a_loss_of_power_at_any_step_and_byte():
    with Small():
        run = Run()
        run.exercise()
        before = after = set()
        data = {}
        steps = run.files.log
        tables = checked = 0
        for at in range(len(steps)):
            step = steps[at]
            if step[0] == "answered":
                before = step[1]
                continue
            after = next_answer(steps, at, before)
            if step[0] == "write":
                for cut in cuts(len(step[2])):
                    torn = dict(data)
                    play(torn, ("write", step[1], step[2][:cut]))
                    check(started(torn), before, after, (step[1], cut))
                    checked += 1
            play(data, step)
            check(started(data), before, after, step[:2])
            tables += step[0] == "rename" and step[2] == TABLE
        assert tables >= 2 and checked > 300
        assert started(data) == contacts(run.location)


def next_answer(steps, at, otherwise):
    for step in steps[at:]:
        if step[0] == "answered":
            return step[1]
    return otherwise


def check(found, before, after, where):
    assert before & after <= found <= before | after, (where, found, before, after)


def test_what_is_written_behind_a_torn_line_is_read():
    """The box starts on a torn journal and goes on; the journal is not written anew for that."""
    run = Run()
    run.register("200", "sip:a@h")
    whole = run.files.data[JOURNAL]
    line = whole[whole.find(b"\n") + 1 :]
    for cut in cuts(len(line)):
        files = Recorder()
        files.data[JOURNAL] = whole + line.replace(b"0001", b"0009").replace(b"a@h", b"z@h")[:cut]
        again = Run(files)
        again.count = 100
        assert contacts(again.location) == {"sip:a@h"}
        again.register("201", "sip:b@h")
        again.register("202", "sip:c@h")
        known = {"sip:a@h", "sip:b@h", "sip:c@h"}
        # a line that lacks nothing but its end is a row: all of it was written
        assert known <= started(files.data) <= known | {"sip:z@h"}, cut
        assert "sip:z@h" not in started(files.data) or cut == len(line) - 1


def test_a_torn_header_of_the_journal():
    run = Run()
    run.register("200", "sip:a@h")
    whole = run.files.data[JOURNAL]
    for cut in cuts(whole.find(b"\n") + 1):
        files = Recorder()
        files.data[JOURNAL] = whole[:cut]
        again = Run(files)
        assert contacts(again.location) == set()
        again.register("201", "sip:b@h")
        assert started(files.data) == {"sip:b@h"}, cut


def test_a_medium_that_is_full_at_any_byte_of_a_row():
    """Nothing is lost of what the medium took before, and after it takes again."""
    first = Run()
    first.register("200", "sip:a@h")
    length = len(first.files.data[JOURNAL])
    for cut in cuts(length):
        run = Run()
        if cut % 2:
            run.register("200", "sip:a@h")
        run.files.fails = lambda kind, path, cut=cut: cut
        run.register("201", "sip:b@h")
        run.register("202", "sip:c@h")
        run.register("202", "", removed=["sip:c@h"])
        assert "sip:b@h" in contacts(run.location)
        assert len(run.log.has("location is in memory only")) == 1
        run.files.fails = lambda kind, path: None
        run.turn(location.REFRESH_DELAY + 1)
        run.register("203", "sip:d@h")
        assert started(run.files.data) == contacts(run.location), cut


def test_a_step_of_a_new_table_that_fails():
    """Each of them, for a while: the journal goes on, and the table is written later."""
    for kind, path in (("rename", JOURNAL), ("create", TABLE + ".new"), ("write", TABLE + ".new"),
                       ("rename", TABLE + ".new"), ("remove", OLDER)):  # fmt: skip
        with Small():
            run = Run()
            tries = []

            def fails(what, where, kind=kind, path=path, tries=tries):
                if (what, where) == (kind, path):
                    tries.append(what)
                    return 10
                return None

            run.files.fails = fails
            run.exercise()
            assert tries, (kind, path)
            assert started(run.files.data) == contacts(run.location), (kind, path)
            run.files.fails = lambda what, where: None
            run.turn(2 * location.REFRESH_DELAY)
            run.exercise()
            run.turn(2 * location.REFRESH_DELAY)
            assert started(run.files.data) == contacts(run.location), (kind, path)
            assert TABLE in run.files.data and OLDER not in run.files.data
            assert TABLE + ".new" not in run.files.data


def test_a_medium_that_can_only_be_read():
    run = Run()
    run.register("200", "sip:a@h")
    run.files.fails = lambda kind, path: 0
    again = Run(run.files)
    assert contacts(again.location) == {"sip:a@h"}
    for number in range(location.MAX_GONE + 20):
        again.register("201", f"sip:{number}@h", removed=[f"sip:{number - 1}@h"])
    assert len(again.location._gone) <= location.MAX_GONE
    assert contacts(again.location) == {"sip:a@h", f"sip:{location.MAX_GONE + 19}@h"}
    assert started(run.files.data) == {"sip:a@h"}
    assert len(again.log.has("location is in memory only")) <= 2
    run.files.fails = lambda kind, path: None
    again.turn(2 * location.REFRESH_DELAY)
    assert started(run.files.data) == contacts(again.location)


def test_blocks_that_the_file_system_lost():
    run = Run()
    for number in range(6):
        run.register(f"20{number}", f"sip:a{number}@h")
    whole = run.files.data[JOURNAL]
    lines = whole.split(b"\n")
    for number in range(1, 7):
        for garbage in (b"\0" * 200, b"\xff" * 300, b"", b"::" * 9000):
            data = {JOURNAL: b"\n".join(lines[:number] + [garbage] + lines[number + 1 :])}
            assert started(data) == contacts(run.location) - {f"sip:a{number - 1}@h"}
    assert started({JOURNAL: b"\0" * 4096 + whole}) == set()
    assert started({TABLE: b"\0" * 4096, JOURNAL: whole}) == contacts(run.location)


def test_what_an_interrupted_table_has_left_is_tidied_up():
    with Small():
        run = Run()
        run.exercise()
        data = {}
        for step in run.files.log:
            if step[0] == "answered":
                continue
            play(data, step)
            if OLDER in data and TABLE + ".new" in data and step[0] == "write":
                break
        before = started(data)
        files = Recorder()
        files.data.update(data)
        again = Run(files)
        again.turn(1)
        assert OLDER not in files.data and started(files.data) == before
        steps = len(files.log)
        again.turn(1000)
        assert len(files.log) == steps  # and once is enough


def test_a_table_is_written_while_others_register():
    """Slices, not one long write: what happens between them is not lost."""
    with Small():
        run = Run()
        for number in range(40):
            run.register(f"2{number:02d}", f"sip:a{number}@h")
        for number in range(6):
            run.register("200", f"sip:b{number}@h", removed=[f"sip:b{number - 1}@h"])
        writes = [step for step in run.files.log if step[:2] == ("write", TABLE + ".new")]
        longest = max([step[2].count(b"\n") for step in writes])
        assert len(writes) > 20 and longest <= 3
        assert started(run.files.data) == contacts(run.location)
