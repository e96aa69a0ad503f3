"""site.conf and whole sites of any bytes: errors with places, never an exception."""

from hypothesis import given, settings
from hypothesis import strategies as st

from app.appliance import conf
from app.appliance.settings import SECTIONS, read_settings
from app.appliance.site import check_site
from app.rules.nearest import edit_distance

WORDS = sorted({key for keys in SECTIONS.values() for key in keys} | set(SECTIONS))
PIECES = st.sampled_from(
    [f"[{name}]" for name in SECTIONS]
    + WORDS
    + ["=", " = ", "\n", "\t", "#", ";", "[", "]", "192.0.2.1", "::1", "yes", "16384-16783", "5060"]
) | st.text(max_size=8)
CONF_TEXT = st.lists(PIECES, max_size=40).map("".join)


@given(CONF_TEXT.map(str.encode) | st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_with_a_place(data):
    found, errors = read_settings(data)
    lines = data.count(b"\n") + 1
    for error in errors:
        assert error.file == "site.conf" and 0 <= error.line <= lines
        assert error.problem and error.remedy
    for section, keys in SECTIONS.items():
        for key in keys:
            assert hasattr(getattr(found, section), key)


@given(st.dictionaries(st.sampled_from(["hostname", "ntp", "syslog"]), st.text(max_size=20)))
def test_entries_come_back_as_they_were_written(values):
    clean = {key: "".join(value.split()).replace("\0", "") for key, value in values.items()}
    reader = conf.ConfReader("x")
    text = "[system]\n" + "".join(f"{key} = {value}\n" for key, value in clean.items())
    reader.read(text.encode("utf-8", "surrogatepass").replace(b"\xef\xbb\xbf", b""))
    if not reader.errors:
        assert {e.key: e.value for e in reader.entries if e.key} == {
            key: value.replace("\ufeff", "") for key, value in clean.items()
        }


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
def test_the_edit_distance_is_a_metric(a, b, c):
    def distance(x, y):
        return edit_distance(x, y, 99)

    assert distance(a, b) == distance(b, a) <= max(len(a), len(b))
    assert (distance(a, b) == 0) == (a == b)
    assert distance(a, c) <= distance(a, b) + distance(b, c)


NAMES = st.sampled_from(["site.conf", "subscriber", "aliases", "dbaliases", "domain", "../x", "t"])
TABLE = st.lists(
    st.sampled_from(
        ["username(str)", "domain(str,null)", "password(str)", "contact(str)"]
        + [" ", "\n", ":", "200", "201", "example.org", "sip\\:201@example.org", "\\", "x"]
    ),
    max_size=30,
).map("".join)


@settings(max_examples=200)
@given(st.dictionaries(NAMES, TABLE.map(str.encode) | st.binary(max_size=80), max_size=5))
def test_any_files_are_a_site_or_errors_and_never_both(files):
    site, errors, notes = check_site(files)
    assert (site is None) == bool(errors)
    for each in errors + notes:
        assert str(each)
