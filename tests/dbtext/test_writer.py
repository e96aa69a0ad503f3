"""What is written: byte for byte what Kamailio's dbt_print_table gives."""

from app.dbtext import dump, dump_lines, load, new_table
from app.dbtext.values import print_double


def rewritten(data, **options):
    return dump(load(data, "t", **options)[0])


def test_the_header_is_written_in_kamailios_words():
    assert rewritten(b" a (S)b(INT,automatic)  c(stri, nul) d(double,n) e(t) f(blob) \n") == (
        b"a(str) b(int,auto) c(string,null) d(double,null) e(time) f(blob)\n"
    )


def test_nulls_numbers_and_texts():
    assert rewritten(b"a(int) b(double) c(str,null) d(time,null)\n007:1:x:\n-5:0.999::1\n\n") == (
        b"a(int) b(double) c(str,null) d(time,null)\n7:1.00:x:\n-5:1.00::1\n"
    )


def test_escapes_are_exactly_these():
    data = b"a(str) b(str)\n\\n\\r\\t\\\\\\0\\::\t\r'\"\x01\xc3\xbc|\n"
    assert rewritten(data) == b"a(str) b(str)\n\\n\\r\\t\\\\\\0\\::\\t\\r'\"\x01\xc3\xbc|\n"


def test_another_delimiter_is_escaped_instead():
    data = b"a(str) b(str)\nsip:1@h|x\\|y\n"
    assert rewritten(data, delimiter="|") == data


def test_the_extra_delimiter_goes():
    assert rewritten(b"a(str) b(str)\nx:y:\n") == b"a(str) b(str)\nx:y\n"


def test_a_lone_null_does_not_vanish():
    assert rewritten(b"a(str,null)\n:\nx\n") == b"a(str,null)\n:\nx\n"


def test_doubles_have_two_places_rounded_as_c_does():
    for number, text in (
        (0.0, b"0.00"),
        (-0.0, b"-0.00"),
        (-0.001, b"-0.00"),
        (1.0, b"1.00"),
        (0.125, b"0.12"),
        (0.375, b"0.38"),
        (1.005, b"1.00"),
        (2.5, b"2.50"),
        (0.995, b"0.99"),
        (0.999, b"1.00"),
        (-3.75, b"-3.75"),
        (1e-300, b"0.00"),
        (123456789012345.0, b"123456789012345.00"),
        (1e22, b"10000000000000000000000.00"),
    ):
        assert print_double(number) == text, number


def test_doubles_that_the_originals_sum_up_unevenly():
    # 0.0 + 0/10. + 3/100. + 5/1000. is just below 0.035, and 0.075 so summed just above.
    assert rewritten(b"a(double)\n0.035\n0.075\n") == b"a(double)\n0.03\n0.08\n"


def test_lines_are_written_one_at_a_time():
    table = new_table("version")
    table.insert(table_name="acc", table_version=5)
    lines = dump_lines(table)
    assert next(lines) == b"id(int,auto) table_name(string) table_version(int)\n"
    assert list(lines) == [b"1:acc:5\n"]
