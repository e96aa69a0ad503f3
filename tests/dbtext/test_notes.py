"""What SER or Kamailio drop or misread in silence, and we read right with a note."""

from app.dbtext import TableError, load
from tests.support import raises


def read(data, name="t"):
    table, notes = load(data, name)
    return [row.values() for row in table.rows], [str(note) for note in notes]


def test_the_last_row_without_a_newline():
    assert read(b"a(str) b(str)\nx:y\nz:w") == (
        [["x", "y"], ["z", "w"]],
        [
            "t:3:4: the last line has no newline, so SER and Kamailio would drop this line;"
            " end it with a newline"
        ],
    )


def test_a_header_without_a_newline():
    rows, notes = read(b"a(str) b(str)")
    assert rows == []
    assert notes == [
        "t:1:14: the last line has no newline, so SER and Kamailio would crash on this file;"
        " end it with a newline"
    ]


def test_dates_past_2038():
    rows, notes = read(b"a(str) expires(int) t(time)\nx:2147483648:4297967296\n")
    assert rows == [["x", 2147483648, 4297967296]]
    assert notes == [
        "t:2:3: expires '2147483648' is past 2^31, so SER and Kamailio would read -2147483648;"
        " write at most 2147483647 (as a date 2038-01-19; 2000000000 is the usual 'never')",
        "t:2:14: t '4297967296' is past 2^31, so SER and Kamailio would read 3000000;"
        " write at most 2147483647 (as a date 2038-01-19; 2000000000 is the usual 'never')",
    ]
    assert read(b"a(int) b(int)\n2147483647:-2147483648\n")[1] == []
    assert len(read(b"a(int) b(int)\n2147483648:-2147483649\n")[1]) == 2


def test_text_that_a_short_row_lacks():
    rows, notes = read(b"a(str) b(str) c(str,null) d(str,null)\nx\nx:y:\n")
    assert rows == [["x", "", None, None], ["x", "y", None, None]]
    assert notes == [
        "t:2:2: the row has 1 field where the header has 4; b, c, d missing, read as empty;"
        " write an empty field as ':' alone",
        "t:3:5: the row has 2 fields where the header has 4; c, d missing, read as empty;"
        " write an empty field as ':' alone",
    ]


def test_bytes_that_are_not_utf8():
    rows, notes = read(b"a(str) b(str)\n200:Jos\xe9\n")
    assert rows == [["200", "Jos\u00e9"]]
    assert notes == [
        "t:2:5: b is not UTF-8 and was read as Latin-1; save the file as UTF-8"
        " (iconv -f latin1 -t utf-8)"
    ]


def test_a_row_that_looks_like_a_comment():
    rows, notes = read(b"a(str) b(str)\n#31#:x\n")
    assert rows == [["#31#", "x"]]
    assert notes == [
        "t:2:1: dbtext has no comments, so this line is a row like others;"
        " delete it if it is meant to be off"
    ]


def test_a_field_that_is_longer_than_sers_buffer():
    text = b"y" * 4096
    rows, notes = read(b"a(str) b(str)\nx:" + text + b"\n")
    assert rows == [["x", text.decode()]]
    assert notes[0].startswith("t:2:3: b has 4096 bytes; SER has room for 4095")
    assert read(b"a(str) b(str)\nx:" + text[1:] + b"\n")[1] == []


def test_contacts_and_preferences():
    header = b"username(str) contact(str) q(double,null)\n"
    rows, notes = read(header + b"1002:1009@example.org:1.5\n1003:sip\\:1@h:-1\n", "aliases")
    assert [row[2] for row in rows] == [1.5, -1.0]
    assert notes == [
        "aliases:2:6: contact is not a SIP URI, so nothing can be routed to it;"
        " write it like sip\\:1009@example.org",
        "aliases:2:23: q 1.5 is not between 0 and 1; write a q from 0 to 1",
    ]


def test_a_binding_twice_is_worth_a_note_and_not_the_table():
    header = b"username(str) contact(str) expires(int)\n"
    row = b"200:sip\\:200@192.0.2.1:2000000000\n"
    rows, notes = read(header + row + row, "location")
    assert len(rows) == 2
    assert notes[0].startswith("location:3:1: a second row for username 200, contact sip:200@192")


def test_errors_come_first():
    with raises(TableError):
        load(b"a(str) b(int)\nx:z", "t")


def test_notes_are_capped_and_counted():
    notes = read(b"a(str) b(int)\n" + b"x:2147483648\n" * 60)[1]
    assert len(notes) == 51
    assert notes[-1] == "t: 10 more notes are not shown; mend these first"
