from app.appliance import text


def test_tables_are_aligned():
    lines = text.table(("AOR", "contact"), [("200", "sip:200@192.0.2.1"), ("2001", "x")], "none")
    assert lines == ["AOR   contact", "200   sip:200@192.0.2.1", "2001  x"]


def test_an_empty_table_is_one_line():
    assert text.table(("a", "b"), [], "no calls") == ["no calls"]


def test_no_line_is_longer_than_the_terminal():
    rows = [("a" * 70, "b" * 70, 1), ("short", "c" * 10, 2)]
    lines = text.table(("first", "second", "n"), rows, "")
    assert max([len(line) for line in lines]) <= text.WIDTH
    assert "+" in lines[1] and lines[1].endswith("  1")


def test_bytes_that_move_the_cursor_are_not_printed():
    assert text.printable("a\x1b[2Jb\r\n\x9b\x7fc\u00e9") == "a?[2Jb????c\u00e9"
    assert "\x1b" not in "".join(text.table(("x",), [("\x1b]0;evil\x07",)], ""))


def test_pairs_have_their_values_under_one_another():
    assert text.pairs([("a", 1), ("long", "x")]) == ["a     1", "long  x"]


def test_one_is_singular():
    assert [text.count(n, "call") for n in (0, 1, 2)] == ["0 calls", "1 call", "2 calls"]


def test_time_spans():
    spans = [text.span(seconds) for seconds in (0, 59.9, 60, 725, 3600, 11220, 86400, 1051200)]
    assert spans == ["0s", "59s", "1m 00s", "12m 05s", "1h 00m", "3h 07m", "1d 00h", "12d 04h"]
