"""dbtext, the tables of SER 0.9 and Kamailio: read, check, look up, change, write.

`load` reads a file's bytes into a Table and says what it found odd, `dump` gives the
bytes that Kamailio would write. Putting those onto the disk, atomically, is the caller's.
"""

from app.dbtext.errors import Note, TableError
from app.dbtext.reader import load
from app.dbtext.schemas import new_table
from app.dbtext.table import Column, Row, Table
from app.dbtext.versions import check_versions
from app.dbtext.writer import dump, dump_lines

__all__ = (
    "Column",
    "Note",
    "Row",
    "Table",
    "TableError",
    "check_versions",
    "dump",
    "dump_lines",
    "load",
    "new_table",
)
