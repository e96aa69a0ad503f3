from app.appliance.conf import MAX_SIZE, ConfReader
from app.rules.nearest import edit_distance, nearest


def read(text):
    reader = ConfReader("site.conf")
    reader.read(text if isinstance(text, bytes) else text.encode())
    return reader


def values(text):
    return [(entry.section, entry.key, entry.value) for entry in read(text).entries if entry.key]


def errors(text):
    return [str(error).partition(";")[0] for error in read(text).errors]


def test_sections_keys_and_values():
    text = "# comment\n; too\n\n[sip]\nport = 5060\n\tdomains=a.example  b.example \n[media]\nx ="
    assert values(text) == [
        ("sip", "port", "5060"),
        ("sip", "domains", "a.example  b.example"),
        ("media", "x", ""),
    ]


def test_a_value_may_hold_what_begins_a_comment_or_section():
    assert values("[a]\nb = c # d ; [e] = f") == [("a", "b", "c # d ; [e] = f")]


def test_windows_line_ends_and_byte_order_mark_are_read():
    assert values(b"\xef\xbb\xbf[a]\r\nb = c\r\n") == [("a", "b", "c")]


def test_places_count_from_one():
    entry = read("[a]\n  key =\t value").entries[1]
    assert (entry.line, entry.key_column, entry.column) == (2, 3, 10)


def test_every_error_has_its_place():
    text = b"key = early\n[sip\n  nonsense\n[]\n= x\n[ok]\n\xff\xfe\na\0b = c\n"
    assert errors(text) == [
        "site.conf:1:1: key stands before any section",
        "site.conf:2:1: [sip is no section",
        "site.conf:3:3: nonsense is no setting",
        "site.conf:4:1: [] is no section",
        "site.conf:5:1: = x is no setting",
        "site.conf:7:1: the line is not UTF-8",
        "site.conf:8:2: a NUL character",
    ]


def test_errors_and_size_are_bounded():
    assert len(read("x\n" * 1000).errors) == 50
    assert "longer than" in errors("#" * (MAX_SIZE + 1))[0]


def test_distance_is_levenshteins():
    for a, b, distance in (
        ("", "", 0),
        ("a", "", 1),
        ("kitten", "sitting", 3),
        ("port", "ports", 1),
        ("abc", "xyz", 3),
    ):
        assert edit_distance(a, b, 9) == distance
        assert edit_distance(b, a, 9) == distance
    assert edit_distance("abcdef", "uvwxyz", 3) == 3


def test_the_nearest_name_is_found_or_none():
    known = ("hostname", "ntp", "syslog", "ports")
    assert nearest("hostnam", known) == "hostname"
    assert nearest("Hostnmae", known) == "hostname"
    assert nearest("port", known) == "ports"
    assert nearest("ntpd", known) == "ntp"
    assert nearest("frobnicate", known) is None
