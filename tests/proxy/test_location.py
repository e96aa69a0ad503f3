"""Bindings and the medium: restarts, losses of power at any byte, worn flash, odd clocks."""

from app import dbtext
from app.proxy.location import REFRESH_DELAY
from app.proxy.store import HEADER, JOURNAL_SLACK
from tests.proxy.box import WALL, Box, Files, table
from tests.proxy.phone import Phone, last, status

TABLE = "/state/location"
JOURNAL = "/state/location.journal"


def uris(box, user="200"):
    return sorted([binding.contact for binding in box.location.bindings(user, box.now)])


def registered(box, user, *values, expires=3600):
    lines = ["Contact: " + value for value in values]
    phone = Phone(box, user)
    phone.cseq = box.phones * 1000
    assert status(phone.register(expires, lines, contact=None)) == [200]


def test_bindings_survive_a_restart():
    box = Box()
    registered(box, "200", "<sip:a@h>;q=0.25", "<sip:b@h>;expires=600")
    registered(box, "201", "<sip:c@h>")
    again = box.restart()
    assert uris(again) == ["sip:a@h", "sip:b@h"] and uris(again, "201") == ["sip:c@h"]
    first, second = again.location.bindings("200", again.now)
    assert (first.contact, second.contact) == ("sip:b@h", "sip:a@h")
    assert second.q == 0.25 and second.callid == "reg-200" and second.user_agent == ""
    assert first.remaining(again.now) == 600 + REFRESH_DELAY


def test_the_200_leaves_after_the_write():
    box = Box()
    written = []
    box.endpoint.respond, respond = None, box.endpoint.respond

    def spy(transaction, data, now):
        written.append(box.files.appends)
        respond(transaction, data, now)

    box.endpoint.respond = spy
    registered(box, "200", "<sip:a@h>")
    registered(box, "200", "<sip:a@h>;expires=0")
    assert written == [1, 2]


def test_what_was_removed_stays_removed():
    box = Box()
    registered(box, "200", "<sip:a@h>", "<sip:b@h>")
    registered(box, "200", "<sip:a@h>;expires=0")
    box = box.restart()
    assert uris(box) == ["sip:b@h"]
    registered(box, "200", "*", expires=0)
    assert uris(box.restart()) == []


def test_an_expired_binding_does_not_come_back():
    box = Box()
    registered(box, "200", "<sip:a@h>;expires=60")
    box.wall += 60 + REFRESH_DELAY
    box.now += 60 + REFRESH_DELAY
    assert uris(box.restart()) == []


def test_the_grace_is_not_granted_again_at_each_restart():
    box = Box()
    registered(box, "200", "<sip:a@h>")
    for _ in range(5):
        box = box.restart()
    assert box.location.bindings("200", box.now)[0].remaining(box.now) == 3600 + REFRESH_DELAY


def test_a_loss_of_power_at_any_byte_keeps_what_was_answered():
    box = Box()
    registered(box, "200", "<sip:a@h>")
    before = box.files.data[JOURNAL]
    registered(box, "201", "<sip:b@h>")
    whole = box.files.data[JOURNAL]
    assert whole.startswith(before)
    for cut in range(len(before), len(whole)):
        files = Files()
        files.data = {JOURNAL: whole[:cut]}
        after = Box(files=files)
        assert uris(after) == ["sip:a@h"] and uris(after, "201") == [], cut
        registered(after, "202", "<sip:c@h>")
        assert uris(after.restart(), "202") == ["sip:c@h"]


def test_garbage_behind_the_last_row_is_left_out():
    box = Box()
    registered(box, "200", "<sip:a@h>")
    whole = box.files.data[JOURNAL]
    for garbage in (b"\0" * 512, b"\xff" * 64 + b"\n", b"1:2:3\n", b":::\n\n"):
        files = Files()
        files.data = {JOURNAL: whole + garbage}
        assert uris(Box(files=files)) == ["sip:a@h"], garbage


def test_the_files_are_tables_of_kamailio():
    box = Box()
    registered(box, "200", "<sip:a@h>")
    rows = table("location", box.files.data[JOURNAL]).rows
    assert (rows[0]["username"], rows[0]["contact"], rows[0]["flags"]) == ("200", "sip:a@h", 0)
    assert rows[0]["expires"] == WALL + 3600 and rows[0]["domain"] is None
    assert box.files.data[JOURNAL].startswith(HEADER.encode())
    columns = [column.name for column in dbtext.load(HEADER, "location")[0].columns]
    assert columns[:6] == ["id", "ruid", "username", "domain", "contact", "received"]


def test_refreshes_wait_and_go_together():
    box = Box()
    for user in ("200", "201", "202"):
        registered(box, user, f"<sip:{user}@h>")
    appends = box.files.appends
    for user in ("200", "201", "202"):
        registered(box, user, f"<sip:{user}@h>")
    assert box.files.appends == appends
    box.wait(REFRESH_DELAY + 1)
    assert box.files.appends == appends + 1
    again = box.restart()
    assert uris(again) == ["sip:200@h"]


def test_a_new_contact_takes_waiting_refreshes_along():
    box = Box()
    registered(box, "200", "<sip:a@h>")
    box.wait(100)
    registered(box, "200", "<sip:a@h>")
    registered(box, "201", "<sip:b@h>")
    rows = table("journal", box.files.data[JOURNAL]).rows
    assert [row["expires"] for row in rows if row["username"] == "200"] == [
        WALL + 3600, WALL + 3700,
    ]  # fmt: skip


def test_a_planned_stop_writes_what_waits():
    box = Box()
    registered(box, "200", "<sip:a@h>")
    box.wait(100)
    registered(box, "200", "<sip:a@h>")
    box.location.flush(box.now, box.wall)
    assert table("journal", box.files.data[JOURNAL]).rows[1]["expires"] == WALL + 3700


def test_the_journal_is_rewritten_before_it_grows_long():
    box = Box()
    for count in range(JOURNAL_SLACK):
        registered(box, "200", f"<sip:a{count}@h>")
        registered(box, "200", "*", expires=0)
        assert len(table("journal", box.files.data.get(JOURNAL) or HEADER).rows) <= 70
    registered(box, "200", "<sip:last@h>")
    assert uris(box.restart()) == ["sip:last@h"]


def test_a_full_medium_costs_persistence_only():
    box = Box()
    registered(box, "200", "<sip:a@h>")
    box.files.full = True
    registered(box, "201", "<sip:b@h>")
    assert uris(box, "201") == ["sip:b@h"]
    assert box.log.has("location is in memory only")


def test_what_could_not_be_written_is_written_when_there_is_room():
    box = Box()
    registered(box, "200", "<sip:a@h>")
    box.files.full = True
    registered(box, "201", "<sip:b@h>")
    registered(box, "200", "<sip:a@h>;expires=0")
    box.files.full = False
    box.wait(REFRESH_DELAY + 1)
    again = box.restart()
    assert uris(again, "201") == ["sip:b@h"] and uris(again) == []


def test_a_clock_that_starts_in_1970():
    box = Box()
    registered(box, "200", "<sip:a@h>")
    young = Box(files=box.files)
    young.wall = 100
    young.location.load(young.now, young.wall)
    assert young.location.bindings("200", young.now)[0].remaining(young.now) == 3600 + REFRESH_DELAY


def test_a_step_of_the_clock_ends_nothing():
    box = Box()
    registered(box, "200", "<sip:a@h>")
    box.wall += 10**8
    box.wait(1800)
    assert uris(box) == ["sip:a@h"]
    box.wait(1800)
    assert uris(box) == []


def test_text_of_every_kind_comes_back():
    box = Box()
    phone = Phone(box, "200")
    header = 'User-Agent: a:b\\c "d" \xe9'
    contact = 'Contact: <sip:%00:pw@[2001:db8::1]:5070;x=a?Route=%3Csip:h%3E>'
    reply = last(phone.register(headers=[header, contact], contact=None))
    assert reply.status == 200
    again = box.restart().location.bindings("200", box.now)[0]
    assert again.contact == "sip:%00:pw@[2001:db8::1]:5070;x=a?Route=%3Csip:h%3E"
    assert again.user_agent == 'a:b\\c "d" \xe9'


def test_a_location_table_of_ser_is_read():
    header = (
        "username(str) domain(str,null) contact(str,null) expires(int,null) q(double,null) "
        "callid(str,null) cseq(int,null) last_modified(str) replicate(int,null) state(int,null) "
        "flags(int) user_agent(str) received(str,null)\n"
    )
    row = f"200::sip\\:a@h:{WALL + 900}:0.50:c:7:2026-01-01:0:0:0:phone:sip\\:192.0.2.9\\:1024\n"
    files = Files()
    files.data[TABLE] = (header + row).encode()
    binding = Box(files=files).location.bindings("200", 1000.0)[0]
    assert (binding.contact, binding.received) == ("sip:a@h", "sip:192.0.2.9:1024")
    assert (binding.q, binding.cseq) == (0.5, 7)


def booted(files, wall):
    """-> Box on these files whose clock says `wall`."""
    box = Box()
    box.files = files
    box.location._store._files = files
    box.wall = wall
    box.location.load(box.now, wall)
    return box


def test_power_cuts_before_the_clock_is_set():
    """Each start dates what it has loaded anew, in 1970: the next start must understand it."""
    box = Box()
    registered(box, "200", "<sip:a@h>")
    for wall in (20, 25, 15):
        box = booted(box.files, wall)
        assert uris(box) == ["sip:a@h"], wall


def test_a_restart_after_the_clock_was_set():
    """The program ends and starts again an hour after boot; the binding was good for two."""
    box = Box()
    registered(box, "200", "<sip:a@h>", expires=7200)
    box = booted(box.files, 20)
    box.wait(40)
    box.wall = WALL + 60
    before = box.files.replacements
    box.wait(3600)
    assert box.files.replacements == before + 1  # once, not with every look at the clock
    again = booted(box.files, box.wall)
    assert uris(again) == ["sip:a@h"]
    left = again.location.bindings("200", again.now)[0].remaining(again.now)
    assert 3000 < left < 3600 + 2 * REFRESH_DELAY


def test_a_bad_block_costs_the_bindings_only():
    box = Box()
    registered(box, "200", "<sip:a@h>")

    def bad_block(path):
        raise OSError(5, "Input/output error")

    box.files.blocks = bad_block
    again = booted(box.files, WALL)
    assert uris(again) == [] and again.log.has("cannot be read")
    registered(again, "200", "<sip:a@h>")
    assert uris(again) == ["sip:a@h"]
