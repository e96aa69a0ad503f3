"""The location table on the data partition: Kamailio's columns, a journal, atomic compaction.

`location` is a whole table, replaced atomically. `location.journal` is appended to: rows of
the same table, of which a later one replaces an earlier one with the same ruid, and one
that expires at GONE removes it. The journal has the header line too, so that each of the
two files loads in a real Kamailio.

A loss of power may leave the journal's last line torn. It has no newline then (or is not
a row), and is ignored: its 200 OK never left. Loading ends in a rewrite, so nothing is
ever appended behind a torn line.
"""

from app.proxy.aor import aor_of_row
from app.proxy.location import PERMANENT, Binding

# Table location, version 9 (Kamailio utils/kamctl/dbtext/kamailio/location).
HEADER = (
    "id(int,auto) ruid(string) username(string) domain(string,null) contact(string) "
    "received(string,null) path(string,null) expires(int) q(double) callid(string) cseq(int) "
    "last_modified(int) flags(int) cflags(int) user_agent(string) socket(string,null) "
    "methods(int,null) instance(string,null) reg_id(int) server_id(int) connection_id(int) "
    "keepalive(int) partition(int)\n"
)
JOURNAL = "location.journal"
GONE = 1  # expires of a row that removes: long past, and not the 0 that means permanent
NO_Q = -1.0  # Q_UNSPECIFIED of Kamailio's usrloc
UNKNOWN = "n/a"  # what Kamailio writes where a column takes no NULL
JOURNAL_SLACK = 64  # rows that the journal may have beyond four times the bindings


class LocationStore:
    """Reads and writes the two files in `folder`.

    files: read(path), write_atomic(path, data), append(path, data), remove(path), as
    app/port/files.py; dbtext: load(data, name), dump(table) and TableError, as app/dbtext.
    """

    def __init__(self, files, folder, dbtext, use_domain=False, log=None):
        self._files = files
        self._dbtext = dbtext
        self._use_domain = use_domain
        self._log = log
        self._table_path = folder + "/location"
        self._journal_path = folder + "/" + JOURNAL
        self._rows = 0  # in the journal; 0: there is none

    def load(self, now, wall, grace):
        """-> [Binding] of both files that are still valid, each granted `grace` seconds."""
        rows = {}
        for path, name in ((self._table_path, "location"), (self._journal_path, JOURNAL)):
            for row in self._read(path, name):
                rows[_ruid_of(row)] = row
        bindings = []
        for ruid in sorted(rows):
            binding = binding_of(rows[ruid], self._use_domain, now, wall, grace)
            if binding:
                bindings.append(binding)
        return bindings

    def append(self, changes, now, wall):
        """Writes (present, removed) bindings behind the others; on the medium on return."""
        present, removed = changes
        rows = [self._row(binding, now, wall) for binding in present]
        for binding in removed:
            row = self._row(binding, now, wall)
            row["expires"] = GONE
            rows.append(row)
        if not rows:
            return
        data = self._print(rows)
        if self._rows:
            data = data[data.find(b"\n") + 1 :]
        self._files.append(self._journal_path, data)
        self._rows += len(rows)

    def is_long(self, count):
        """-> bool: with this many bindings, the journal is worth a rewrite."""
        return self._rows > 4 * count + JOURNAL_SLACK

    def rewrite(self, bindings, now, wall):
        """Writes the whole table and starts a new journal.

        A loss of power between the two steps leaves the old journal behind the new table:
        its rows are not newer than the table's, and every one of them is in it.
        """
        data = self._print([self._row(binding, now, wall) for binding in bindings])
        if data != self._files.read(self._table_path):
            self._files.write_atomic(self._table_path, data)
        self._files.remove(self._journal_path)
        self._rows = 0

    def _row(self, binding, now, wall):
        row = row_of(binding, now, wall)
        username, at, domain = binding.aor.rpartition("@")
        if self._use_domain and at:
            row["username"], row["domain"] = username, domain
        return row

    def _print(self, rows):
        table, _ = self._dbtext.load(HEADER, "location")
        for row in reversed(rows):  # insert() puts a row in front
            try:
                table.insert(**row)
            except self._dbtext.TableError as error:
                self._warn(f"a binding of {row['username']} is not kept: {error}")
        return self._dbtext.dump(table)

    def _read(self, path, name):
        """-> [Row] of the whole lines of a file; lines that are not rows are left out."""
        data = self._files.read(path)
        if not data:
            return []
        whole = data[: data.rfind(b"\n") + 1]
        header, _, rest = whole.partition(b"\n")
        try:
            return list(self._dbtext.load(whole, name)[0].rows)
        except self._dbtext.TableError:
            return self._salvage(path, name, header + b"\n", rest)

    def _salvage(self, path, name, header, rest):
        rows = []
        for line in rest.split(b"\n"):
            try:
                rows.extend(list(self._dbtext.load(header + line + b"\n", name)[0].rows))
            except self._dbtext.TableError as error:
                self._warn(f"a line of {path} was left out: {error}")
        return rows

    def _warn(self, text):
        if self._log:
            self._log.warning(text)


def row_of(binding, now, wall):
    """-> {column: value} of a Binding; expires is 0 for one that never does.

    last_modified is when the row is written, by the same clock as expires: see binding_of.
    """
    remaining = binding.remaining(now)
    return {
        "ruid": binding.ruid,
        "username": binding.aor,
        "domain": None,
        "contact": binding.contact,
        "received": binding.received,
        "path": binding.path,
        "expires": 0 if remaining is None else wall + remaining,
        "q": NO_Q if binding.q is None else binding.q,
        "callid": binding.callid or UNKNOWN,
        "cseq": binding.cseq,
        "last_modified": wall,
        "flags": 0,
        "cflags": 0,
        "user_agent": binding.user_agent or UNKNOWN,
        "socket": binding.socket,
        "methods": binding.methods,
        "instance": binding.instance,
        "reg_id": 0,
        "server_id": 0,
        "connection_id": -1,
        "keepalive": 0,
        "partition": 0,
    }


def binding_of(row, use_domain, now, wall, grace=0):
    """-> Binding of a Row of SER's or Kamailio's location, or None when it has expired.

    A box without a battery starts in 1970: what was written later than "now" was valid
    then, and is counted from the row's own date.
    """
    aor, contact = aor_of_row(row, use_domain), row.get("contact")
    if not aor or not contact:
        return None
    expires = row.get("expires", 0)
    modified = row.get("last_modified", 0)
    if not isinstance(modified, int):  # SER keeps it as text
        modified = 0
    deadline = None
    if not is_permanent(row):
        left = expires - max(wall, modified)
        if expires == GONE or left + grace <= 0:
            return None
        deadline = now + left + grace
    q = row.get("q", NO_Q)
    agent = row.get("user_agent", "")
    return Binding(
        aor, contact, deadline, q=None if q < 0 else q, modified=modified,
        callid=row.get("callid", ""), cseq=row.get("cseq", 0), ruid=_ruid_of(row),
        user_agent="" if agent == UNKNOWN else agent, received=row.get("received") or None,
        path=row.get("path") or None, socket=row.get("socket") or None,
        instance=row.get("instance") or None, methods=row.get("methods"),
    )  # fmt: skip


def _ruid_of(row):
    """-> str: the row's own, or for SER's tables, which have none, what makes a binding one."""
    own = row.get("ruid")
    return own or f"{row.get('username', '')} {row.get('domain', '')} {row.get('contact', '')}"


def is_permanent(row):
    """-> bool: SER marks such a row with flag 128, Kamailio with expires 0."""
    return bool(row.get("flags", 0) & PERMANENT) or row.get("expires", 0) == 0


def static_bindings(table, use_domain, now, wall):
    """-> [Binding] of a location table that is the site's own: kept as long as they are valid."""
    found = []
    for row in table.rows if table is not None else ():
        binding = binding_of(row, use_domain, now, wall)
        if binding is not None:
            binding.static = True
            found.append(binding)
    return found
