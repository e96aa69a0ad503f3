"""The location table on the data partition: Kamailio's columns, a journal, atomic compaction.

Three files, each with its header line, so that each of them loads in a real Kamailio:

- `location`: a whole table, replaced atomically.
- `location.journal`: appended to, each time on the medium before anything is answered.
- `location.older`: the journal of before, while a new table is being written.

They are read in the order table, older, journal. A later row replaces an earlier one with
the same ruid, and one that expires at GONE removes it. So it does not matter at which of its
steps a new table is interrupted: begin() gives the journal its other name, write() fills a
file beside the table, commit() has it take the table's place and then removes `older`, whose
rows the table has. What changes meanwhile goes into a new journal, which is read last.

A loss of power, or a full medium, may leave the last line of a file torn. It has no newline
then, or is no row, and is left out: its 200 OK never left. What is appended behind it begins
with a newline. Blocks that a file system has lost are no rows either.
"""

from app.proxy.aor import aor_of_row
from app.proxy.location import PERMANENT, Binding
from app.proxy.target import received_source
from app.sip.transport import is_reliable

# Table location, version 9 (Kamailio utils/kamctl/dbtext/kamailio/location).
HEADER = (
    "id(int,auto) ruid(string) username(string) domain(string,null) contact(string) "
    "received(string,null) path(string,null) expires(int) q(double) callid(string) cseq(int) "
    "last_modified(int) flags(int) cflags(int) user_agent(string) socket(string,null) "
    "methods(int,null) instance(string,null) reg_id(int) server_id(int) connection_id(int) "
    "keepalive(int) partition(int)\n"
)
JOURNAL = "location.journal"
OLDER = "location.older"
GONE = 1  # expires of a row that removes: long past, and not the 0 that means permanent
NO_Q = -1.0  # Q_UNSPECIFIED of Kamailio's usrloc
UNKNOWN = "n/a"  # what Kamailio writes where a column takes no NULL
JOURNAL_SLACK = 64  # rows that the journal may have beyond one a binding
LINES = 64  # that are read at a time
MAX_LINE = 16384  # bytes; no row of ours comes near


class LocationStore:
    """Reads and writes the three files in `folder`.

    files: blocks(path), append(path, data), replacement(path), rename(path, other),
    remove(path), exists(path), as app/port/files.py; dbtext: load(lines, name), Table,
    dump_lines(table) and TableError, as app/dbtext.
    """

    def __init__(self, files, folder, dbtext, use_domain=False, log=None):
        self._files = files
        self._dbtext = dbtext
        self._use_domain = use_domain
        self._log = log
        self._table = folder + "/location"
        self._journal = folder + "/" + JOURNAL
        self._older = folder + "/" + OLDER
        self._columns = dbtext.load(HEADER, "location")[0].columns
        self._rows = 0  # in the journal; 0: there is none worth keeping
        self._torn = True  # the journal may end in the middle of a line
        self._new = None  # the table that is being written
        self._left = False  # an `older` is there whose table was never finished

    def load(self, now, wall, grace):
        """-> [Binding] of the files that are still valid, each granted `grace` seconds."""
        self._rows = 0
        self._torn = True
        self._left = self._files.exists(self._older)
        found = {}
        for path in (self._table, self._older, self._journal):
            for row in self._read(path):
                binding = binding_of(row, self._use_domain, now, wall, grace)
                if binding is None:
                    found.pop(_ruid_of(row), None)
                else:
                    found[binding.ruid] = binding
                if path == self._journal:
                    self._rows += 1
        return [found[ruid] for ruid in sorted(found)]

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
        header, lines = self._print(rows)
        if not self._rows:
            if self._torn:
                self._files.remove(self._journal)
            lines = header + lines
        elif self._torn:
            lines = b"\n" + lines
        self._torn = True
        self._files.append(self._journal, lines)
        self._torn = False
        self._rows += len(rows)

    def is_long(self, count):
        """-> bool: with this many bindings, what was appended is worth a new table."""
        return self._left or self._rows > count + JOURNAL_SLACK

    # A new table, in any number of steps.

    def begin(self):
        """Begins a table that will take the present one's place, without the journal's rows.

        Where an earlier attempt has left its `older`, the journal goes on as it is.
        """
        if self._rows and not self._files.exists(self._older):
            self._files.rename(self._journal, self._older)
            self._rows = 0
        self._new = self._files.replacement(self._table)
        self._new.write(HEADER.encode())

    def write(self, bindings, now, wall):
        if bindings:
            self._new.write(self._print([self._row(each, now, wall) for each in bindings])[1])

    def commit(self):
        self._new.commit()
        self._new = None
        self._left = True
        self._files.remove(self._older)
        self._left = False

    def abandon(self):
        """The table stays as it is. No error: what could not be removed is in nobody's way."""
        new, self._new = self._new, None
        if new is not None:
            new.abandon()

    # Rows and lines.

    def _row(self, binding, now, wall):
        row = row_of(binding, now, wall)
        username, at, domain = binding.aor.rpartition("@")
        if self._use_domain and at:
            row["username"], row["domain"] = username, domain
        return row

    def _print(self, rows):
        """-> (header line, rows as lines) as bytes."""
        table = self._dbtext.Table("location", self._columns)
        for row in rows:
            table.append([table.next_auto] + [row[column.name] for column in self._columns[1:]])
        lines = list(self._dbtext.dump_lines(table))
        return lines[0], b"".join(lines[1:])

    def _read(self, path):
        """Yields a Row for each whole line of a file; lines that are not rows are left out."""
        lines = _lines(self._files.blocks(path))
        header = next(lines, None)
        left_out = []
        batch = []
        for line in lines:
            batch.append(line)
            if len(batch) == LINES:
                yield from self._rows_of(header, batch, left_out)
                batch = []
        yield from self._rows_of(header, batch, left_out)
        if left_out:
            self._warn(f"{path}: {len(left_out)} lines were left out; {left_out[0]}")

    def _rows_of(self, header, lines, left_out):
        """-> [Row] of some lines; what is wrong with the others is added to `left_out`."""
        if not lines:
            return []
        try:
            return list(self._dbtext.load([header] + lines, "location")[0].rows)
        except self._dbtext.TableError as error:
            if len(lines) == 1:
                left_out.append(error.problem)
                return []
        rows = []
        for line in lines:
            rows.extend(self._rows_of(header, [line], left_out))
        return rows

    def _warn(self, text):
        if self._log:
            self._log.warning(text)


def _lines(blocks):
    """Yields the whole lines of blocks of bytes; a torn last line, and what is too long, not."""
    rest = b""
    for block in blocks:
        pieces = (rest + block).split(b"\n")
        rest = pieces.pop()
        for piece in pieces:
            if len(piece) <= MAX_LINE:
                yield piece + b"\n"
        if len(rest) > MAX_LINE:
            rest = rest[: MAX_LINE + 1]


def row_of(binding, now, wall):
    """-> {column: value} of a Binding; expires is 0 for one that never does.

    last_modified is when the row is written, by the same clock as expires: see binding_of.
    """
    remaining = binding.remaining(now)
    if remaining is not None:
        remaining -= binding.grace
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
        "cflags": binding.cflags,
        "user_agent": binding.user_agent or UNKNOWN,
        "socket": binding.socket,
        "methods": binding.methods,
        "instance": binding.instance,
        "reg_id": binding.reg_id,
        "server_id": 0,
        "connection_id": binding.flow // 16 if binding.flow else -1,
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
    cflags = row.get("cflags", 0)
    if not isinstance(cflags, int):
        cflags = 0
    deadline = None
    if not is_permanent(row):
        left = expires - max(wall, modified)
        if expires == GONE or left + grace <= 0:
            return None
        deadline = now + left + grace
    q = row.get("q", NO_Q)
    agent = row.get("user_agent", "")
    binding = Binding(
        aor, contact, deadline, grace=grace, q=None if q < 0 else q, modified=modified,
        callid=row.get("callid", ""), cseq=row.get("cseq", 0), ruid=_ruid_of(row),
        user_agent="" if agent == UNKNOWN else agent, received=row.get("received") or None,
        path=row.get("path") or None, socket=row.get("socket") or None,
        instance=row.get("instance") or None, methods=row.get("methods"),
        reg_id=row.get("reg_id") or 0, cflags=cflags,
    )  # fmt: skip
    # what came on a connection has lost it meanwhile
    peer = received_source(binding.received)
    lost = peer is not None and is_reliable(peer)
    return None if lost and not binding.lose_connection() else binding


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
