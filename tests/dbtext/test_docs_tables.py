"""docs/tables.md: every example is read as it says, every message is the one that it shows."""

import pathlib

import pytest

from app.dbtext import TableError, load
from app.dbtext.catalogue import KAMAILIO, SER
from app.dbtext.schemas import columns_of, schema_of, versions_of

TEXT = (pathlib.Path(__file__).parents[2] / "docs" / "tables.md").read_text(encoding="utf-8")
TABLES = (
    "subscriber", "aliases", "dbaliases", "domain", "location", "version", "domain_attrs",
    "address", "trusted", "dialplan", "dispatcher", "uacreg", "grp", "usr_preferences",
    "userblocklist", "globalblocklist",
)  # fmt: skip


def blocks():
    """[(info words, text)] of the fenced blocks; an example's message is the block after it."""
    found = []
    for piece in TEXT.split("\n```")[0:]:
        info, _, body = piece.partition("\n")
        if info.startswith(("dbtext", "text")):
            found.append((info.split(), body + "\n"))
    return found


def examples():
    every = blocks()
    for at in range(len(every)):
        info, body = every[at]
        if info[0] == "dbtext":
            follower = every[at + 1] if at + 1 < len(every) else (["-"], "")
            yield info[1:], body, follower[1] if follower[0] == ["text"] else ""


def said(name, data):
    """What `load` says of a table: ("refused" or "noted" or "", lines)."""
    try:
        notes = load(data, name)[1]
    except TableError as error:
        return "refused", "".join([f"{each}\n" for each in error.errors])
    return "noted" if notes else "", "".join([f"{note}\n" for note in notes])


@pytest.mark.parametrize(("info", "body", "message"), list(examples()))
def test_an_example(info, body, message):
    data = body.replace("\u2192", "\t").replace("\u21b5", "\r")
    if "cut" in info:
        data = data[:-1]
    outcome = info[1] if len(info) > 1 else ""
    if not outcome:
        message = ""
    assert said(info[0], data) == (outcome, message)


def test_there_are_examples_of_every_kind():
    kinds = [(info[0], info[1] if len(info) > 1 else "") for info, _, _ in examples()]
    for name in TABLES:
        assert (name, "") in kinds
    assert len([kind for kind in kinds if kind[1] == "refused"]) > 10
    assert len([kind for kind in kinds if kind[1] == "noted"]) > 4


def section(name):
    return TEXT.split(f"\n## {name}\n")[1].split("\n## ")[0]


def described(name):
    """{column: whether it is said to be needed} of a section's table."""
    found = {}
    for line in section(name).split("\n"):
        if line.startswith("| `"):
            names, needed = [cell.strip() for cell in line.split("|")[1:3]]
            for column in names.split("`")[1::2]:
                found[column] = needed == "yes" or f"`{column}`" in needed
    return found


@pytest.mark.parametrize("name", TABLES)
def test_the_needed_columns_are_the_ones_that_are_checked(name):
    needed = [group[0] for group in schema_of(name).needed if len(group) == 1]
    assert sorted([column for column, is_needed in described(name).items() if is_needed]) == sorted(
        needed
    )


@pytest.mark.parametrize(
    "name",
    ["subscriber", "dbaliases", "location", "version", "address", "trusted", "dialplan",
     "dispatcher", "uacreg",
     "userblocklist", "globalblocklist"],
)  # fmt: skip
def test_every_column_of_either_schema_is_described(name):
    columns = columns_of(name) + (columns_of(name, SER) or [])
    missing = [column.name for column in columns if column.name not in described(name)]
    # SER's `location` has two more, which are described with its aliases.
    missing = [column for column in missing if column not in described("aliases")]
    assert [column for column in missing if column != "id"] == []


def test_the_versions_are_those_of_the_catalogue():
    for info, body, _ in examples():
        if info != ["version"]:
            continue
        catalogue = KAMAILIO if "id(int,auto)" in body else SER
        for row in load(body, "version")[0].rows:
            assert row["table_version"] in versions_of(row["table_name"], catalogue)
