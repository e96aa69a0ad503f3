"""Rows, look-ups and changes."""

from app.dbtext import TableError, dump, load, new_table
from tests.support import raises


def subscribers():
    return load(
        b"username(str) domain(str,null) password(str) n(int,null) q(double,null)\n"
        b"200:example.org:one:1:0.5\n"
        b"Anna:example.org:two::\n"
        b"202::three:3:1\n"
        b"anna:example.com:four:3:0\n",
        "t",
    )[0]


def passwords(rows):
    return [row["password"] for row in rows]


def test_rows_by_name():
    row = subscribers().rows[0]
    assert row["password"] == "one"
    assert row.get("n") == 1
    assert row.get("n", 7) == 1
    assert row.values() == ["200", "example.org", "one", 1, 0.5]


def test_null_and_columns_that_are_not_there():
    row = subscribers().rows[1]
    assert row["n"] is None
    assert row.get("n") is None
    assert row.get("n", 7) == 7
    assert row.get("nosuch") is None
    assert row.get("nosuch", "x") == "x"
    with raises(KeyError):
        row["nosuch"]


def test_rows_are_a_sequence():
    table = subscribers()
    assert len(table.rows) == 4
    assert passwords(table.rows) == ["one", "two", "three", "four"]
    assert table.rows[-1]["password"] == "four"
    assert passwords(table.rows[1:3]) == ["two", "three"]
    assert table.rows[0] == table.rows[0]
    assert table.rows[0] != table.rows[1]


def test_find_the_first_in_file_order_whatever_the_case():
    table = subscribers()
    assert table.find(username="ANNA")["password"] == "two"
    assert passwords(table.find_all(username="anna")) == ["two", "four"]
    assert table.find(domain="EXAMPLE.COM", username="aNNa")["password"] == "four"
    assert table.find(username="203") is None
    assert table.find_all(username="203") == []


def test_case_is_folded_in_ascii_alone():
    table = load("a(str)\n\u00dcber\n".encode(), "t")[0]
    assert table.find(a="\u00dcBER")
    assert table.find(a="\u00fcber") is None


def test_find_null_and_numbers():
    table = subscribers()
    assert table.find(domain=None)["password"] == "three"
    assert table.find(domain="") is None
    assert passwords(table.find_all(n=3)) == ["three", "four"]
    assert table.find(q=1)["password"] == "three"
    assert table.find(q=0.5)["password"] == "one"


def test_a_column_that_is_not_there_is_null():
    table = subscribers()
    assert table.find(username="200", realm=None)["password"] == "one"
    assert table.find(username="200", realm="example.org") is None
    assert table.has_column("username")
    assert not table.has_column("realm")


def test_find_without_keys_is_the_whole_table():
    table = subscribers()
    assert table.find()["password"] == "one"
    assert len(table.find_all()) == 4


def test_keys_are_not_run_together():
    table = load(b"a(str,null) b(str,null)\nx:yz\nxy:z\n:xyz\n", "t")[0]
    assert table.find(a="x", b="yz") and table.find(a="xy", b="z")
    assert table.find(a="xyz", b=None) is None
    assert table.find(a=None, b="xyz")


def test_insert_comes_first_as_in_the_originals():
    table = subscribers()
    assert table.find(username="203") is None
    row = table.insert(username="203", password="five")
    assert row["domain"] is None
    assert table.rows[0] == row
    assert table.find(username="203") == row
    table.insert(username="anna", password="six")
    assert passwords(table.find_all(username="anna")) == ["six", "two", "four"]
    assert dump(table).split(b"\n")[1] == b"anna::six::"


def test_insert_counts_the_auto_column():
    table = new_table("version")
    assert table.insert(table_name="a", table_version=1)["id"] == 1
    assert table.insert(id=40, table_name="b", table_version=1)["id"] == 40
    assert table.insert(table_name="c", table_version=1)["id"] == 41
    table.update(table.find(table_name="a"), id=50)
    assert table.insert(table_name="d", table_version=1)["id"] == 51


def test_update_keeps_the_order_and_the_look_ups():
    table = subscribers()
    row = table.find(username="anna")
    table.update(row, password="new", n=9)
    assert passwords(table.rows) == ["one", "new", "three", "four"]
    assert row["n"] == 9
    table.update(table.find(username="200"), username="ANNA")
    assert table.find(username="200") is None
    assert passwords(table.find_all(username="anna")) == ["one", "new", "four"]


def test_delete():
    table = subscribers()
    first, second = table.find_all(username="anna")
    table.delete(first)
    assert table.find(username="anna") == second
    assert passwords(table.rows) == ["one", "three", "four"]
    with raises(KeyError):
        table.delete(first)
    table.delete(second)
    assert table.find(username="anna") is None
    table.insert(username="anna", password="again")
    assert passwords(table.find_all(username="anna")) == ["again"]


def test_one_of_two_equal_rows_is_deleted():
    table = load(b"a(str) b(str)\nx:1\nx:1\nx:1\n", "t")[0]
    rows = table.find_all(a="x")
    table.delete(rows[1])
    assert len(table.rows) == 2
    assert len(table.find_all(a="x")) == 2


def test_what_a_column_cannot_hold():
    table = subscribers()
    for change, problem in (
        ({"username": None}, "username is empty, and the header does not say null"),
        ({"username": ""}, "username is empty, and the header does not say null"),
        ({"username": 200}, "username is str and cannot hold this int"),
        ({"n": "3"}, "n is int and cannot hold this str"),
        ({"n": 10**18}, "n is int and cannot hold this int"),
        ({"q": "x"}, "q is double and cannot hold this str"),
        ({"q": float("inf")}, "q is double and cannot hold this float"),
        ({"realm": "x"}, "there is no column 'realm'"),
    ):
        before = dump(table)
        with raises(TableError) as caught:
            table.update(table.rows[0], **change)
        assert caught.error.problem == problem
        assert str(caught.error).startswith("t: " + problem)
        values = {"username": "9", "password": "x"}
        values.update(change)
        with raises(TableError):
            table.insert(**values)
        assert dump(table) == before


def test_an_empty_text_is_null_from_the_start():
    table = subscribers()
    assert table.insert(username="9", password="x", domain="")["domain"] is None
    table.update(table.rows[0], domain="here")
    table.update(table.rows[0], domain="")
    assert table.rows[0]["domain"] is None


def test_with_emptystring_it_is_a_text():
    table = load(b"a(str) b(str,null)\n", "t", emptystring=True)[0]
    table.insert(a="", b="")
    again = load(dump(table), "t", emptystring=True)[0]
    assert again.rows[0].values() == ["", ""]
    assert again.find(a="")


def test_a_large_table_and_one_key_for_all():
    lines = [b"u(str) d(str)\n"]
    for number in range(1000):
        lines.append(f"{number}:example.org\n".encode())
    table, _ = load(lines, "t")
    assert len(table.find_all(d="example.org")) == 1000
    for number in range(0, 1000, 7):
        assert table.find(u=str(number), d="example.org")["u"] == str(number)
