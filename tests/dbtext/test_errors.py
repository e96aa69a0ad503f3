"""What is refused, and the words that an operator reads."""

from app.dbtext import TableError, load
from tests.support import raises

OWNERS_HEADER = (
    b"username(str) domain(str,null) contact(str,null) expires(int,null) q(double,null)"
    b" callid(str,null) cseq(int,null) last_modified(str) replicate(int,null) state(int,null)"
    b" flags(int) user_agent(str) received(str,null)\n"
)
OWNERS_TAIL = b"2000000000:1.0:FourtyTwo:42:2000000000:0:0:128:SIP Express Router FIFO"


# A line feed of the file is written " / " here; what is indented is the error.
HEADERS = r"""
 / a(str)
    t:1:1: the first line is blank; begin the file with the header line
# c / a(str)
    t:1:1: dbtext has no comments, and the first line must be the header; delete this line
1002:x:y
    t:1:1: the first line is not a header; begin the file with one like: username(str)
    domain(str,null)
a b(str)
    t:1:1: the column 'a' has no type; write a(str), or (int) or (double)
a(str) b
    t:1:8: the column 'b' has no type; write name(str), name(int) or name(double)
(str)
    t:1:1: a column without a name; write name(type)
a(str b(int)
    t:1:2: a '(' inside the type of column 'a'; write a(str), and ')' before the next column
a(str
    t:1:2: the '(' of column 'a' is not closed; add the ')'
a(float)
    t:1:3: column 'a' has the unknown type 'float'; write str, string, int, double, blob or
    time
a()
    t:1:3: column 'a' has the unknown type ''; write str, string, int, double, blob or time
a(str,unique)
    t:1:7: column 'a' has the unknown attribute 'unique'; write ,null or ,auto or neither
a(str,auto)
    t:1:7: column 'a' is str and auto; only an int can be; write a(int,auto) or a(str)
a(int,auto) b(int,auto)
    t:1:13: a second auto column, 'b' after 'a'; write b(int)
a(str) A(int)
    t:1:8: the column 'A' appears twice; delete one, and its field in every row
a,b(str)
    t:1:1: the column name 'a,b' has a character that names do not have; write it with
    letters, digits and '_'
"""
ROWS = r"""
a(str) b(str) / x:y:z
    t:2:5: the row has 3 fields where the header has 2; delete what is too much; a ':' inside
    a value is written \:
a(str) b(str) / x:y::
    t:2:5: the row has 4 fields where the header has 2; delete what is too much; a ':' inside
    a value is written \:
a(str) b(str) / x
    t:2:2: the row has 1 field where the header has 2; b missing; write them all, an empty one
    as ':' alone
a(str) b(int,null) c(str,null) / x
    t:2:2: the row has 1 field where the header has 3; b, c missing; write them all, an empty
    one as ':' alone
a(str) b(int,null) c(str,null) / x:
    t:2:3: the row has 1 field where the header has 3; b, c missing; write them all, an empty
    one as ':' alone
a(str) b(str) / :y
    t:2:1: a is empty, and the header does not say null; write a value or declare a(str,null)
a(str) b(int) / x:
    t:2:3: b is empty, and the header does not say null; write a value or declare b(int,null)
a(str) b(int) / x:+1
    t:2:3: b '+1' is not a whole number; write digits only, such as 3600
a(str) b(int) / x: 1
    t:2:3: b ' 1' is not a whole number; write digits only, such as 3600
a(str) b(time) / x:2007-07-19
    t:2:3: b '2007-07-19' is not a whole number; write digits only, such as 3600
a(str) b(int) / x:-
    t:2:3: b '-' is not a whole number; write digits only, such as 3600
a(str) b(int) / x:1234567890123456789
    t:2:3: b '1234567890123456789' has 19 digits; write a number up to 2147483647
a(str) b(double) / x:.5
    t:2:3: b '.5' is not a decimal number; write it like 1 or 0.50
a(str) b(double) / x:1e3
    t:2:3: b '1e3' is not a decimal number; write it like 1 or 0.50
a(str) b(double) / x:1,5
    t:2:3: b '1,5' is not a decimal number; write it like 1 or 0.50
a(str) b(double) / x:1234567890123456
    t:2:3: b '1234567890123456' has 16 digits before the point; write a smaller number
a(str) / x\q
    t:2:2: a has the unknown escape \q; write \\ for a backslash (known: \: \\ \n \r \t \0)
a(str) / x\"
    t:2:2: a has the unknown escape \"; write \\ for a backslash (known: \: \\ \n \r \t \0)
a(str) / x\
    t:2:2: a ends in a lone backslash; write \\ for a backslash
a(int) b(str) / # no
    t:2:1: dbtext has no comments, so this is read as a row; delete this line
a(int) b(str) / #1:x
    t:2:1: dbtext has no comments, so this is read as a row; delete this line
"""


def check(cases):
    """Holds every file of such a list against its error."""
    files = []
    for line in cases.strip("\n").split("\n"):
        if line.startswith("    "):
            files[-1][1].append(line.strip())
        else:
            files.append((line.replace(" / ", "\n") + "\n", []))
    assert len(files) > 10
    for data, expected in files:
        assert error(data) == " ".join(expected), data


def errors(data, name="t", **options):
    with raises(TableError) as caught:
        load(data, name, **options)
    return [str(error) for error in caught.error.errors]


def error(data, name="t", **options):
    found = errors(data, name, **options)
    assert len(found) == 1, found
    return found[0]


def test_the_fields_of_an_error():
    with raises(TableError) as caught:
        load(b"a(str)\nx\\q\n", "t")
    found = caught.error
    assert (found.file, found.line, found.column) == ("t", 2, 2)
    assert found.problem == "a has the unknown escape \\q"
    assert found.remedy.startswith("write \\\\ for a backslash")
    assert str(found) == "t:2:2: " + found.problem + "; " + found.remedy
    assert found.errors == [found]


# The slip of the page: `\\:` where the file has `\:`.


def test_the_doubled_backslash_of_the_printed_page():
    row = b"1002::sip\\\\:1009@example.org:" + OWNERS_TAIL
    assert error(OWNERS_HEADER + row + b"::\n", "aliases") == (
        "aliases:2:10: '\\\\:' is a backslash and then the end of the field, so the row has 15"
        " fields where the header has 13; a page that printed this doubled the backslash;"
        " write sip\\:1009@example.org"
    )


def test_the_doubled_backslash_where_the_count_comes_out_right():
    row = b"1002::sip\\\\:1009@example.org:" + OWNERS_TAIL
    assert "doubled the backslash" in error(OWNERS_HEADER + row + b"\n", "aliases")
    data = b"alias_username(str) username(str) a(str,null)\n5551234:sip\\\\:200@example.org\n"
    assert "write sip\\:200@example.org" in error(data, "dbaliases")


def test_the_doubled_backslash_elsewhere_in_a_row_of_too_many_fields():
    data = b"a(str) b(str)\ntime 10\\\\:30:x\n"
    assert "write time 10\\:30" in error(data)


def test_a_value_may_end_in_a_backslash():
    table, notes = load(b"a(str) b(str)\nsecret\\\\:x\n", "t")
    assert table.rows[0]["a"] == "secret\\"
    assert notes == []


def test_every_row_of_the_page_is_reported_at_once():
    row = b"::sip\\\\:1009@example.org:" + OWNERS_TAIL + b"::\n"
    data = OWNERS_HEADER + b"1002" + row + b"1003" + row + b"1004" + row
    assert [each[:13] for each in errors(data, "aliases")] == [
        "aliases:2:10:",
        "aliases:3:10:",
        "aliases:4:10:",
    ]


def test_a_colon_without_its_backslash():
    row = b"1002::sip:1009@example.org:" + OWNERS_TAIL + b"::\n"
    assert error(OWNERS_HEADER + row, "aliases") == (
        "aliases:2:10: the row has 15 fields where the header has 13; a ':' inside a value"
        " ends the field; write sip\\:1009@example.org"
    )


# The whole file.


def test_an_empty_file_shows_a_header():
    assert error(b"", "dbaliases") == (
        "dbaliases:1:1: the file is empty; begin it with id(int,auto) alias_username(string)"
        " alias_domain(string) username(string) domain(string)"
    )
    assert "username(str)" in error(b"", "unknown")


def test_crlf_is_said_once():
    assert errors(b"a(str)\r\nx\r\ny\r\n", "aliases2") == [
        "aliases2:1:7: the line ends in CR LF, as Windows writes it; save the file with LF"
        " alone: sed -i 's/\\r$//' aliases2"
    ]
    assert errors(b"a(str)\nx\r\ny\r\n")[0].startswith("t:2:2: the line ends in CR LF")


def test_a_byte_order_mark():
    data = b"\xef\xbb\xbfa(str)\n"
    assert error(data).startswith("t:1:1: the file begins with a byte order mark")


def test_nul_bytes_of_a_damaged_file_or_utf16():
    assert error(b"a(str)\n\0\0\0\0").startswith("t:2:1: a NUL byte: the file is damaged")
    assert error(b"\xff\xfea\0(\0").startswith("t:1:4: a NUL byte")


# The header.


def test_headers():
    check(HEADERS)


def test_a_tab_in_the_header():
    assert error(b"a(str)\tb(str)\n") == (
        "t:1:7: a tab in the header; separate the columns by spaces"
    )


def test_a_missing_column_that_is_needed():
    assert error(b"username(str) domain(str)\n", "subscriber") == (
        "subscriber:1:1: the column password or ha1 is missing, which subscriber needs;"
        " add password(str) to the header and its field to every row"
    )
    assert len(errors(b"a(str)\n", "dbaliases")) == 2


def test_a_column_of_the_wrong_kind():
    assert error(b"username(int) password(str)\n", "subscriber") == (
        "subscriber:1:1: the column username is declared int; write username(str)"
    )
    data = b"username(str) contact(str) q(str)\n"
    assert error(data, "aliases").endswith("the column q is declared str; write q(double)")


def test_rows_are_looked_at_even_under_a_wrong_header():
    data = b"username(str) contact(int) q(double)\n1002:x:1\n1003:1:y\n"
    assert [each.split(" ")[0] for each in errors(data, "aliases")] == [
        "aliases:1:1:",
        "aliases:2:6:",
        "aliases:3:8:",
    ]
    data = b"username(blob)\nusername"
    assert len(errors(data, "subscriber")) == 2


# Rows.


def test_rows():
    check(ROWS)


def test_tabs_between_the_fields():
    assert error(b"a(str) b(str)\nx\ty\n") == (
        "t:2:2: the fields are separated by tabs; separate them by ':'"
    )
    # With as many as there may be in a text, they are text.
    assert load(b"a(str) b(str,null)\nx\ty\tz\n", "t")[0].rows[0]["a"] == "x\ty\tz"


def test_a_column_is_counted_in_characters():
    assert error("a(str) b(int)\n\u00fc\u00fc:x\n".encode()).startswith("t:2:4: ")


def test_control_characters_do_not_reach_the_console():
    assert "'\\x1b[2J'" in error(b"a(str) b(int)\nx:\x1b[2J\n")


def test_secrets_do_not_reach_the_log():
    data = b"username(str) password(int)\n200:hunter2\n"
    assert "hunter2" not in " ".join(errors(data, "t"))
    assert "hunter2" not in " ".join(errors(b"username(str) password(str)\n200:hunter2\\q\n"))


def test_all_errors_of_a_row_and_of_the_table():
    data = b"a(int) b(int) c(str)\nx:y:ok\n1:2:fine\n1:2:3:4\n"
    assert [each.split(" ")[0] for each in errors(data)] == ["t:2:1:", "t:2:3:", "t:4:7:"]


def test_errors_are_capped():
    assert len(errors(b"a(int)\n" + b"x\n" * 500)) == 50


def test_needed_values():
    data = b"username(str,null) contact(str,null)\n1002:\n:sip\\:1@example.org\n"
    assert errors(data, "aliases") == [
        "aliases:2:6: contact is empty; write a value or delete the row",
        "aliases:3:1: username is empty; write a value or delete the row",
    ]
    data = b"username(str) password(str,null) ha1(str,null)\n200::\n"
    assert error(data, "subscriber").startswith("subscriber:2:5: password or ha1 is empty")


# Keys.


def test_a_duplicate_subscriber():
    data = b"username(str) password(str) domain(str)\n200:a:example.org\n\n200:b:EXAMPLE.org\n"
    assert error(data, "subscriber") == (
        "subscriber:4:1: a second row for username 200, domain EXAMPLE.org; the first is in line 2;"
        " delete one of the two, or correct it"
    )


def test_the_same_name_in_another_domain_is_another():
    data = b"username(str) password(str) domain(str,null)\n200:a:a.org\n200:b:b.org\n200:b:\n"
    assert len(load(data, "subscriber")[0].rows) == 3
    assert "username 200, domain NULL" in error(data + b"200:c:\n", "subscriber")


def test_a_duplicate_alias():
    header = b"alias_username(str) alias_domain(str,null) username(str)\n"
    data = header + b"5551234::200\n5551234::201\n"
    assert "alias_username 5551234, alias_domain NULL" in error(data, "dbaliases")


def test_an_alias_may_have_several_contacts_but_not_one_twice():
    header = b"username(str) contact(str)\n"
    row = b"1002:sip\\:1009@example.org\n"
    assert len(load(header + row + b"1002:sip\\:1008@example.org\n", "aliases")[0].rows) == 2
    assert "a second row for username 1002, contact" in error(header + row + row, "aliases")


def test_kamailio_tells_its_bindings_apart_by_ruid():
    header = b"ruid(str) username(str) contact(str)\n"
    row = b":1002:sip\\:1009@example.org\n"
    assert len(load(header + b"a" + row + b"b" + row, "aliases")[0].rows) == 2
    assert "ruid a" in error(header + b"a" + row + b"a" + row, "aliases")


def test_unknown_tables_have_no_key():
    assert len(load(b"username(str)\n200\n200\n", "my_own")[0].rows) == 2
