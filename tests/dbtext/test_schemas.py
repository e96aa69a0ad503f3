"""The catalogue of tables, and the version table."""

from app.dbtext import TableError, check_versions, dump, load, new_table
from app.dbtext.catalogue import KAMAILIO, SER
from app.dbtext.schemas import SCHEMAS, columns_of, schema_of, versions_of
from tests.support import raises

# The marks of the catalogue as the headers have them.
LOCATION = (
    b"id(int,auto) ruid(string) username(string) domain(string,null) contact(string)"
    b" received(string,null) path(string,null) expires(int) q(double) callid(string) cseq(int)"
    b" last_modified(int) flags(int) cflags(int) user_agent(string) socket(string,null)"
    b" methods(int,null) instance(string,null) reg_id(int) server_id(int) connection_id(int)"
    b" keepalive(int) partition(int)\n"
)
SER_ALIASES = (
    b"username(str) domain(str,null) contact(str,null) expires(int,null) q(double,null)"
    b" callid(str,null) cseq(int,null) last_modified(str) replicate(int,null) state(int,null)"
    b" flags(int) user_agent(str) received(str,null)\n"
)


def names(catalogue):
    return [line.split()[0] for line in catalogue.split("\n") if line and line[0] != " "]


def test_a_table_of_the_catalogue():
    assert dump(new_table("location")) == LOCATION
    assert dump(new_table("aliases", SER)) == SER_ALIASES
    assert versions_of("location") == [9]
    assert versions_of("aliases", SER) == [6]
    assert versions_of("nosuch") == []
    with raises(KeyError):
        new_table("nosuch")


def test_every_table_of_the_catalogues_is_one_that_we_read():
    for catalogue in (KAMAILIO, SER):
        assert len(names(catalogue)) > 10
        for name in names(catalogue):
            table = new_table(name, catalogue)
            assert load(dump(table), name)[1] == []
            assert versions_of(name, catalogue)


def test_what_we_demand_is_in_the_catalogue():
    for schema in SCHEMAS:
        for catalogue in (KAMAILIO, SER):
            columns = columns_of(schema.name, catalogue)
            if columns:
                assert schema.faults(columns) == []
                known = [column.name for column in columns]
                for group in schema.needed:
                    assert [name for name in group if name in known]


def test_a_table_is_found_whatever_the_case_of_its_name():
    assert schema_of("SUBSCRIBER").needed
    assert not schema_of("nosuch").needed


def test_a_schema_of_ones_own():
    data = b"username(str)\n200\n200\n"
    table, notes = load(data, "dbaliases", schema=schema_of("nosuch"))
    assert len(table.rows) == 2
    assert notes == []


# Versions.


def versions(rows, **tables):
    table, _ = load(b"table_name(str) table_version(int)\n" + rows, "version")
    return [str(note) for note in check_versions(table, tables)]


def test_an_empty_version_table_is_fine():
    assert versions(b"", aliases=new_table("aliases")) == []


def test_versions_of_either_family():
    kamailio = new_table("aliases")
    ser = load(SER_ALIASES, "aliases")[0]
    assert versions(b"aliases:8\n", aliases=kamailio) == []
    assert versions(b"aliases:6\n", aliases=ser) == []
    assert versions(b"subscriber:3\n", subscriber=new_table("subscriber", SER)) == []
    assert versions(b"subscriber:5\n", subscriber=new_table("subscriber", SER)) == []


def test_a_version_of_the_other_family():
    ser = load(SER_ALIASES, "aliases")[0]
    assert versions(b"aliases:8\n", aliases=ser) == [
        "version: aliases has SER's columns and version 8, which SER would not take;"
        " write aliases:6"
    ]
    assert versions(b"aliases:6\n", aliases=new_table("aliases")) == [
        "version: aliases has Kamailio's columns and version 6, which Kamailio would not take;"
        " write aliases:8"
    ]


def test_a_table_that_only_kamailio_has():
    header = b"alias_username(str) username(str)\n"
    table = load(header, "dbaliases")[0]
    assert len(versions(b"dbaliases:2\n", dbaliases=table)) == 1
    assert versions(b"dbaliases:1\nnosuch:5\n", dbaliases=table) == []


def test_a_version_twice():
    with raises(TableError) as caught:
        versions(b"acc:5\nACC:4\n")
    assert str(caught.error).startswith("version:3:1: a second row for table_name ACC; the first")
