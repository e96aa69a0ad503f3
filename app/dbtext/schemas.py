"""What a table must look like for the application, in SER 0.9's schema or Kamailio's.

A column may be called what it likes and stand where it likes; what counts is that the
needed ones are there, hold the right kind of value, and that no two rows have one key.
"""

from app.dbtext.catalogue import KAMAILIO
from app.dbtext.table import Column, Table

MARKS = {"#": "int", "~": "double", "+": "int"}
BINDING_NUMBERS = ("expires", "q", "flags", "cseq")
URI_SCHEMES = ("sip:", "sips:", "tel:")


class Schema:
    """The demands on one table.

    needed: groups of column names, of each group one must be there and not NULL;
    keys: the first of these tuples whose first column the table has tells its rows apart;
    numbers: columns that are computed with, where the table has them;
    strict: whether a second row with the same key is refused, or only remarked upon.
    """

    def __init__(self, name, needed=(), keys=(), numbers=(), strict=True):
        self.name = name
        self.needed = needed
        self.keys = keys
        self.numbers = numbers
        self.strict = strict

    def faults(self, columns):
        """What is wrong with a header's columns: [(problem, remedy)]."""
        types = {}
        for column in columns:
            types[column.name.lower()] = column.type
        found = []
        for group in self.needed:
            if not [name for name in group if name in types]:
                found.append(_missing(group, self.name, group[0] in self.numbers))
            for name in group:
                if name in types and name not in self.numbers:
                    if types[name] not in ("str", "string"):
                        found.append(_mistyped(name, types[name], "str"))
        for name in self.numbers:
            if types.get(name) in ("str", "string", "blob"):
                right = "double" if name == "q" else "int"
                found.append(_mistyped(name, types[name], right))
        return found

    def example(self):
        """A header that will do, as text."""
        known = columns_of(self.name)
        return header_of(known) if known else "username(str) domain(str,null)"


def _missing(group, table, is_number):
    names = " or ".join(group)
    column = f"{group[0]}({'int' if is_number else 'str'})"
    return (
        f"the column {names} is missing, which {table} needs",
        f"add {column} to the header and its field to every row",
    )


def _mistyped(name, type, right):
    return (f"the column {name} is declared {type}", f"write {name}({right})")


class Rules:
    """A Schema held against a table's own columns: what to ask of every row."""

    def __init__(self, schema, columns):
        at = {}
        for index in range(len(columns)):
            at[columns[index].name.lower()] = index
        self.strict = schema.strict
        self.key = self._key(schema.keys, at)
        self._groups = []
        for group in schema.needed:
            indexes = [at[name] for name in group if name in at]
            # A column without null cannot be NULL: the reader has refused it by then.
            if not [index for index in indexes if not columns[index].null]:
                self._groups.append((indexes, " or ".join(group)))
        known = "contact" in [name for group in schema.needed for name in group]
        self._contact = at.get("contact") if known else None
        self._q = at.get("q") if known else None

    def _key(self, keys, at):
        for key in keys:
            if key[0] in at:
                return [at[name] for name in key if name in at]
        return []

    def faults(self, values):
        """The needed values that are NULL: [(column index, problem, remedy)]."""
        found = []
        for indexes, names in self._groups:
            if not [index for index in indexes if values[index] is not None]:
                found.append((indexes[0], f"{names} is empty", "write a value or delete the row"))
        return found

    def remarks(self, values):
        """What is odd about the values: [(column index, problem, remedy)]."""
        if self._contact is None and self._q is None:
            return ()
        found = []
        contact = values[self._contact] if self._contact is not None else None
        if contact and not contact.lower().startswith(URI_SCHEMES):
            plain = "@" in contact and ":" not in contact and "<" not in contact
            example = contact if plain else "1009@example.org"
            problem = "contact is not a SIP URI, so nothing can be routed to it"
            found.append((self._contact, problem, f"write it like sip\\:{example}"))
        q = values[self._q] if self._q is not None else None
        # Kamailio writes -1 for a contact that gave no q.
        if q is not None and not 0 <= q <= 1 and q != -1:
            found.append((self._q, f"q {q} is not between 0 and 1", "write a q from 0 to 1"))
        return found


SCHEMAS = (
    Schema("subscriber", (("username",), ("password", "ha1")), (("username", "domain"),)),
    Schema(
        "aliases",
        (("username",), ("contact",)),
        (("ruid",), ("username", "domain", "contact")),
        BINDING_NUMBERS,
    ),
    # A program writes this one, a row after another in a journal: the last one counts.
    Schema(
        "location",
        (("username",), ("contact",), ("expires",)),
        (("ruid",), ("username", "domain", "contact")),
        BINDING_NUMBERS,
        strict=False,
    ),
    Schema(
        "dbaliases",
        (("alias_username",), ("username",)),
        (("alias_username", "alias_domain"),),
    ),
    Schema(
        "version",
        (("table_name",), ("table_version",)),
        (("table_name",),),
        ("table_version",),
    ),
    Schema("domain", (("domain",),), (("domain",),)),
    Schema("domain_attrs", (("did",), ("name",)), (), ("type",)),
    Schema(
        "address",
        (("ip_addr",),),
        (("ip_addr", "mask", "port", "grp"),),
        ("grp", "mask", "port"),
    ),
    Schema("trusted", (("src_ip",),), (), ("priority",)),
    Schema(
        "dispatcher",
        (("setid",), ("destination",)),
        (("setid", "destination"),),
        ("setid", "flags", "priority"),
    ),
    Schema(
        "dialplan",
        (("dpid",), ("match_exp",)),
        (),
        ("dpid", "pr", "match_op", "match_len"),
    ),
    Schema("usr_preferences", (("username",), ("attribute",)), (), ("type",)),
    Schema(
        "userblocklist",
        (("username",),),
        (("username", "domain", "prefix"),),
        ("allowlist",),
    ),
    Schema("globalblocklist", (), (("prefix",),), ("allowlist",)),
    Schema("grp", (("username",), ("grp",)), (("username", "domain", "grp"),)),
    Schema("uri", (("username",), ("uri_user",)), (("username", "domain", "uri_user"),)),
    Schema(
        "speed_dial",
        (("username",), ("sd_username",), ("new_uri",)),
        (("username", "domain", "sd_username", "sd_domain"),),
    ),
    Schema(
        "uacreg",
        (("l_uuid",), ("r_username",), ("r_domain",), ("auth_username",), ("auth_proxy",)),
        (("l_uuid",),),
        ("expires", "flags", "reg_delay"),
    ),
)


def schema_of(name):
    """The Schema of a table by name; one without demands when we do not know it."""
    for schema in SCHEMAS:
        if schema.name == name.lower():
            return schema
    return Schema(name)


# The catalogue.


def columns_of(name, catalogue=KAMAILIO):
    """[Column] of a table in a catalogue (KAMAILIO or SER), or None."""
    words = _entry(name, catalogue)
    text = "string" if catalogue is KAMAILIO else "str"
    return [_column(word, text) for word in words[2:]] if words else None


def versions_of(name, catalogue=KAMAILIO):
    """The versions that a table has had: [int]."""
    words = _entry(name, catalogue)
    return [int(version) for version in words[1].split(",")] if words else []


def header_of(columns):
    """The header line of columns, as text without its newline."""
    return " ".join([repr(column) for column in columns])


def new_table(name, catalogue=KAMAILIO):
    """An empty Table of that schema, to fill and dump. KeyError when it is unknown."""
    columns = columns_of(name, catalogue)
    if columns is None:
        raise KeyError(name)
    return Table(name, columns)


def _entry(name, catalogue):
    start = catalogue.find(f"\n{name.lower()} ")
    if start < 0:
        return None
    end = catalogue.find("\n", start + 1)
    while catalogue[end + 1 : end + 2] == " ":
        end = catalogue.find("\n", end + 1)
    return catalogue[start + 1 : end].split()


def _column(word, text):
    name = word.rstrip("#~+?")
    marks = word[len(name) :]
    return Column(name, MARKS.get(marks[:1], text), null="?" in marks, auto="+" in marks)
