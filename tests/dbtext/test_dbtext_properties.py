"""Properties: any bytes at all, and what is written is what is read."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.dbtext import Note, TableError, dump, dump_lines, load
from app.dbtext.reader import split_fields
from app.dbtext.table import Column, Table
from app.dbtext.values import parse_double, print_double, unescape

NAMES = ("subscriber", "aliases", "location", "dbaliases", "version", "sample")
# What a table is made of, so that random bytes get past the header.
PIECES = st.sampled_from(
    [b"username(str)", b"contact(str,null)", b"id(int,auto)", b"q(double,null)", b"raw(blob)"]
    + [b"at(time)", b" ", b"\n", b":", b"\\", b"\\:", b"\\\\:", b"sip", b"#", b"\t", b"\r"]
    + [b"0", b"-", b".", b"2147483648", b"n", b"q", b"\0", b"\xc3\xbc", b"\xe9", b"(", b")", b","]
)
SOUP = st.lists(PIECES, max_size=40).map(b"".join)
HEADER = b"username(str) contact(str,null) q(double,null) id(int,auto)\n"


def read_or_refuse(data, name, **options):
    try:
        table, notes = load(data, name, **options)
    except TableError as error:
        assert 0 < len(error.errors) <= 50
        for each in error.errors:
            place = f"{name}:{each.line}:{each.column}: "
            assert str(each) == place + each.problem + "; " + each.remedy
            assert str(each).isprintable()
        return None
    assert all(isinstance(note, Note) and str(note).isprintable() for note in notes)
    return table


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(NAMES), st.booleans())
@example(b"\xef\xbb\xbf", "sample", False)
@example(b"a(str)\n\\", "sample", False)
def test_any_bytes_are_read_or_refused(data, name, emptystring):
    read_or_refuse(data, name, emptystring=emptystring)


@settings(max_examples=300, deadline=None)
@given(SOUP, st.sampled_from(NAMES))
def test_any_soup_of_tables_is_read_or_refused(data, name):
    read_or_refuse(data, name)


@settings(max_examples=300, deadline=None)
@given(SOUP)
def test_any_rows_are_read_or_refused_and_what_is_read_can_be_written(rows):
    table = read_or_refuse(HEADER + rows, "aliases")
    if table is None:
        return
    written = dump(table)
    again, _ = load(written, "aliases")
    assert dump(again) == written


# What is written is what is read.

TEXT = st.text(max_size=12) | st.text(alphabet="\\:\n\r\t\0ab", max_size=6)
INT = st.integers(-(10**18) + 1, 10**18 - 1)
TWO_PLACES = st.integers(-(10**9), 10**9).map(lambda number: number / 100)
VALUES = {
    "str": TEXT,
    "string": TEXT,
    "int": INT,
    "time": INT,
    "double": TWO_PLACES,
    "blob": st.binary(max_size=12),
}


@st.composite
def tables(draw):
    types = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=6))
    columns = [
        Column(f"c{at}", types[at], null=draw(st.booleans()), auto=False)
        for at in range(len(types))
    ]
    table = Table("sample", columns, delimiter=draw(st.sampled_from(":|,;")))
    for _ in range(draw(st.integers(0, 5))):
        values = {}
        for column in columns:
            strategy = VALUES[column.type]
            if column.null:
                strategy = st.none() | strategy
            elif column.type in ("str", "string", "blob"):
                strategy = strategy.filter(len)
            values[column.name] = draw(strategy)
        table.insert(**values)
    return table


@settings(max_examples=300, deadline=None)
@given(tables())
def test_what_is_written_is_read_again(table):
    again, _ = load(dump(table), "sample", delimiter=table.delimiter)
    assert repr(again.columns) == repr(table.columns)
    assert again.rows[:] == table.rows[:]


@settings(max_examples=100, deadline=None)
@given(tables())
def test_lines_are_the_file(table):
    lines = list(dump_lines(table))
    assert b"".join(lines) == dump(table)
    assert load(lines, "sample", delimiter=table.delimiter)[0].rows[:] == table.rows[:]


@settings(max_examples=200, deadline=None)
@given(st.floats(-1e15, 1e15))
def test_doubles_are_printed_as_c_prints_them(number):
    assert print_double(number).decode() == f"{number:.2f}"


@given(st.decimals(-(10**6), 10**6, places=2))
def test_two_places_survive(number):
    text = f"{abs(number)}".encode()
    assert print_double(parse_double(text)) == text


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=6))
def test_fields_are_cut_where_they_were_joined(texts):
    table = Table("t", [Column(f"c{at}", "str", null=True) for at in range(len(texts))])
    table.insert(**{f"c{at}": texts[at] for at in range(len(texts))})
    line = dump(table).split(b"\n")[1]
    fields = split_fields(line, b":")[: len(texts)]
    assert [unescape(field, b":").decode() for field in fields] == texts


# Look-ups against a plain search.


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("aAb\u00e9\u00c9"), st.none() | st.sampled_from("xX"))),
    st.lists(st.tuples(st.sampled_from("iud"), st.integers(0, 9), st.sampled_from("aAb"))),
)
def test_look_ups_find_what_a_search_finds(rows, changes):
    table = Table("t", [Column("u", "str"), Column("d", "str", null=True)])
    for user, domain in rows:
        table.insert(u=user, d=domain)
    for change, number, user in changes:
        table.find(u=user)
        if change == "i":
            table.insert(u=user, d=None)
        elif len(table.rows) and change == "u":
            table.update(table.rows[number % len(table.rows)], u=user)
        elif len(table.rows):
            table.delete(table.rows[number % len(table.rows)])
    for user in "aAb\u00e9":
        for domain in (None, "x", "y"):
            found = table.find_all(u=user, d=domain)
            assert found == [row for row in table.rows if alike(row, u=user, d=domain)]
        assert table.find_all(u=user) == [row for row in table.rows if alike(row, u=user)]


def alike(row, **keys):
    return all(folded(row[name]) == folded(keys[name]) for name in keys)


def folded(value):
    return None if value is None else value.encode().lower()
