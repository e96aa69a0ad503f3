"""What is read, and read alike by SER and Kamailio (but for the notes: see test_notes)."""

from app.dbtext import dump, load
from tests.support import raises

ALIASES = (
    b"username(str) domain(str,null) contact(str,null) expires(int,null) q(double,null)"
    b" callid(str,null) cseq(int,null) last_modified(str) replicate(int,null) state(int,null)"
    b" flags(int) user_agent(str) received(str,null)\n"
    b"1002::sip\\:1009@example.org:2000000000:1.0:FourtyTwo:42:2000000000:0:0:128:"
    b"SIP Express Router FIFO::\n"
    b"1003::sip\\:1009@example.org:2000000000:1.0:FourtyTwo:42:2000000000:0:0:128:"
    b"SIP Express Router FIFO::\n"
)


def read(data, name="t", **options):
    """The values of the rows; there must be no notes."""
    table, notes = load(data, name, **options)
    assert [str(note) for note in notes] == []
    return [row.values() for row in table.rows]


def columns(header):
    return repr(load(header + b"\n", "t")[0].columns)


def test_the_owners_aliases():
    table, notes = load(ALIASES, "aliases")
    assert notes == []
    assert len(table.rows) == 2
    row = table.find(username="1002")
    assert row["contact"] == "sip:1009@example.org"
    assert row["domain"] is None
    assert row["expires"] == 2000000000
    assert row["q"] == 1.0
    assert row["flags"] == 128
    assert row["user_agent"] == "SIP Express Router FIFO"
    assert row["received"] is None
    assert table.find(username="1009") is None


def test_the_owners_other_tables_are_headers():
    aliases = ALIASES[: ALIASES.find(b"\n") + 1]
    for name, header in (
        ("subscriber", b"username(str) password(str) ha1(str) domain(str) ha1b(str) rpid(str)\n"),
        ("version", b"table_name(str) table_version(int)\n"),
        ("location", aliases.replace(b"received(str,null)", b"received(str)")),
    ):
        table, notes = load(header, name)
        assert notes == []
        assert len(table.rows) == 0
        assert dump(table) == header


def test_header_spellings():
    assert columns(b"a(str)") == "[a(str)]"
    assert columns(b"  a  ( str )b(INT,null)   c(double, n)  ") == (
        "[a(str), b(int,null), c(double,null)]"
    )
    assert columns(b"a(string) b(S) c(Stri) d(blob) e(time) f(T)") == (
        "[a(string), b(str), c(string), d(blob), e(time), f(time)]"
    )
    assert columns(b"a(integer,auto) b(str,nothing,auto)") == "[a(int,auto), b(str,null)]"


def test_columns_are_found_by_name_in_any_case_and_order():
    table, _ = load(b"Password(str) USERNAME(str)\nsecret:200\n", "subscriber")
    assert table.find(username="200")["password"] == "secret"


def test_null_is_an_empty_field():
    assert read(b"a(str,null) b(int,null) c(double,null) d(time,null) e(blob,null)\n::::\n") == [
        [None, None, None, None, None]
    ]


def test_emptystring_makes_it_an_empty_text():
    data = b"a(str) b(int,null) c(string,null)\n::\n"
    assert read(data, emptystring=True) == [["", None, ""]]


def test_one_delimiter_behind_the_last_field_is_allowed():
    assert read(b"a(str) b(str)\nx:y:\nx:y\n") == [["x", "y"], ["x", "y"]]
    assert read(b"a(str) b(str,null)\nx::\nx:\nx\n") == [["x", None]] * 3


def test_blank_lines_are_skipped():
    assert read(b"a(str)\n\n\nx\n\ny\n\n") == [["x"], ["y"]]


def test_a_lone_null_is_a_delimiter():
    assert read(b"a(str,null)\n:\nx\n") == [[None], ["x"]]


def test_numbers():
    assert read(b"a(int) b(double) c(time)\n-1:2.:0\n007:-0.125:2147483647\n") == [
        [-1, 2.0, 0],
        [7, -0.125, 2147483647],
    ]


def test_two_places_are_read_exactly():
    assert read(b"a(double) b(double)\n0.15:0.35\n") == [[0.15, 0.35]]


def test_doubles_are_not_cut_at_nine_places():
    assert read(b"a(double) b(str)\n0.50000000000000000000:x\n") == [[0.5, "x"]]


def test_escapes():
    assert read(b"a(str) b(str)\n\\n\\r\\t\\\\\\0:\\:\n") == [["\n\r\t\\\0", ":"]]


def test_a_backslash_before_the_delimiter_counts_in_pairs():
    assert read(b"a(str) b(str)\nx\\\\:y\n") == [["x\\", "y"]]
    assert read(b"a(str) b(str)\nx\\\\\\:z:y\n") == [["x\\:z", "y"]]
    assert read(b"a(str) b(str)\n\\n\\::\\\\\\\\\n") == [["\n:", "\\\\"]]


def test_text_is_utf8_and_blobs_are_bytes():
    assert read("a(str) b(blob)\nM\u00fcller:\u00fc\\n\n") == [["M\u00fcller", b"\xc3\xbc\n"]]


def test_other_bytes_are_ordinary():
    assert read(b"a(str) b(str)\n a\tb :\x01\x7f\r.\n") == [[" a\tb ", "\x01\x7f\r."]]


def test_auto_counts_the_nulls_from_one_and_goes_on_behind_the_highest():
    table, _ = load(b"id(int,auto) a(str)\n:x\n5:y\n:z\n", "t")
    assert [row["id"] for row in table.rows] == [1, 5, 2]
    assert table.insert(a="w")["id"] == 6


def test_an_auto_column_may_repeat_a_number():
    assert read(b"id(int,auto) a(str)\n0:x\n0:y\n") == [[0, "x"], [0, "y"]]


def test_auto_in_a_row_that_was_looked_at_twice():
    # The Latin-1 byte sends the row the careful way, which must not count it again.
    table, _ = load(b"id(int,auto) a(str)\n:x\n:\xe9\n:z\n", "t")
    assert [row["id"] for row in table.rows] == [1, 2, 3]


def test_another_delimiter():
    assert read(b"a(str) b(str)\nsip:1@h|x\\|y\n", delimiter="|") == [["sip:1@h", "x|y"]]
    with raises(ValueError):
        load(b"a(str)\n", "t", delimiter="n")
    with raises(ValueError):
        load(b"a(str)\n", "t", delimiter="::")


def test_text_and_lines_of_a_file_are_sources_too():
    assert read("a(str)\nx\n") == [["x"]]
    assert read(bytearray(b"a(str)\nx\n")) == [["x"]]
    assert read([b"a(str)\n", b"x\n", b"y\n"]) == [["x"], ["y"]]


def test_kamailios_version_table():
    data = b"id(int,auto) table_name(string) table_version(int) \n0:version:1\n0:acc:5\n"
    assert read(data, "version") == [[0, "version", 1], [0, "acc", 5]]


def test_equal_texts_of_neighbours_are_one_object():
    table, _ = load(b"u(str) d(str)\n200:example.org\n201:example.org\n", "t")
    assert table.rows[0]["d"] is table.rows[1]["d"]
