"""The `version` table: what SER's and Kamailio's modules would think of it.

SER 0.9 refuses a version that is too old, Kamailio any that is not its own; we refuse
none, as we go by the columns, and say what they would do.
"""

from app.dbtext.catalogue import KAMAILIO, SER
from app.dbtext.errors import Note
from app.dbtext.schemas import columns_of, versions_of


def check_versions(version, tables):
    """[Note] on the rows of a `version` Table about `tables`, a mapping of name to Table.

    An empty version table is fine, and so is a table that it does not mention.
    """
    notes = []
    for row in version.rows:
        name = row["table_name"]
        table = tables.get(name)
        known = versions_of(name, SER) + versions_of(name)
        if table is None or not known:
            continue
        family, right = _family(table)
        if row["table_version"] in right:
            continue
        notes.append(
            Note(
                version.name,
                0,
                0,
                f"{name} has {family}'s columns and version {row['table_version']}, which"
                f" {family} would not take",
                f"write {name}:{right[-1]}",
            )
        )
    return notes


def _family(table):
    """Whose columns a table has: all of Kamailio's, or else SER's if SER knows the table."""
    lacks = [each.name for each in columns_of(table.name) or () if not table.has_column(each.name)]
    if columns_of(table.name, SER) and lacks:
        return "SER", versions_of(table.name, SER)
    return "Kamailio", versions_of(table.name, KAMAILIO)
