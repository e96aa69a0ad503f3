"""The accounting tables on the data partition: dbtext files that only ever grow at their end.

    acc/acc, acc/missed_calls, acc/acc_cdrs    what is written now, whole tables with a header
    acc/acc.1, acc/acc.2 ...                   what was written before, the younger first

A file that has reached its size gets the next number, and the oldest goes. A loss of power may
leave the last line of the present file torn; the next start takes that line out before anything
is written behind it. Kamailio's db_text reads the folder as it is: text:///data/acc.
"""

TEXTS = (
    "method(string) from_tag(string,null) to_tag(string,null) callid(string,null) "
    "sip_code(string) sip_reason(string,null) time(int) "
)
EXTRA_TEXTS = (
    "src_user(string,null) src_domain(string,null) src_ip(string,null) dst_ouser(string,null) "
    "dst_user(string,null) dst_domain(string,null)"
)
# Kamailio's tables acc version 5, missed_calls 4, acc_cdrs 3, with the extra columns of its
# default configuration; null where a message may have nothing to write.
ACC = "id(int,auto) " + TEXTS + EXTRA_TEXTS + "\n"
CDRS = (
    "id(int,auto) start_time(int) end_time(int) duration(double) callid(string,null) "
    "from_tag(string,null) to_tag(string,null) " + EXTRA_TEXTS + " ended(string)\n"
)
VERSIONS = (
    b"id(int,auto) table_name(string) table_version(int)\n"
    b"1:version:1\n2:acc:5\n3:missed_calls:4\n4:acc_cdrs:3\n"
)
OWN = ("acc", "missed_calls", "acc_cdrs")
TABLES_MAX = 8  # with those that a script names
NAME_MAX = 32
NAME = "abcdefghijklmnopqrstuvwxyz0123456789_"
RESERVE = 256 * 1024  # bytes of the medium that are for registrations and sites, not for us


class AccTables:
    """Writes and reads the files in `folder`.

    files: app/port/files.py with read, write_atomic, append, rename, remove, makedirs, exists
    and free_bytes; dbtext: load(data, name), dump(table) and TableError, as app/dbtext.
    """

    def __init__(self, files, folder, dbtext, log):
        self._files = files
        self._folder = folder
        self._dbtext = dbtext
        self._log = log
        self._size = 65536
        self._kept = 4
        self._present = {}  # name -> [bytes of the present file, id of its last row]
        self._is_full = False

    def use(self, size, kept):
        """size: bytes of a file that is long enough; kept: files of a table, the present too."""
        self._size = size
        self._kept = kept

    def takes(self, name):
        """-> bool: rows can go into a table of that name."""
        if name in OWN or name in self._present:
            return True
        is_name = 0 < len(name) <= NAME_MAX and not name.strip(NAME) and name != "version"
        return is_name and len(set(OWN) | set(self._present)) < TABLES_MAX

    def append(self, name, rows):
        """Writes rows ({column: value}) behind the others; on the medium on return.

        OSError: none of them counts as written.
        """
        self._open(name)
        if not self._make_room():
            raise OSError(28, "the data partition is full")
        if self._present[name][0] >= self._size:
            self._rotate(name)
        length, last = self._present[name]
        data = self._print(name, rows, last)
        if length:
            data = data[data.find(b"\n") + 1 :]
        known = self._present.pop(name)  # a write that fails may leave half a line
        self._files.append(self._path(name), data)
        self._present[name] = [known[0] + len(data), last + len(rows)]

    def last(self, name, count):
        """-> [{column: value}] of the last rows, the oldest first; the present file before."""
        found = []
        for number in range(self._kept):
            rows = self._read(name, number)
            found = rows[max(0, len(rows) + len(found) - count) :] + found
            if len(found) >= count:
                break
        return found

    # Files

    def _path(self, name, number=0):
        return f"{self._folder}/{name}.{number}" if number else f"{self._folder}/{name}"

    def _open(self, name):
        """Sees to it that the present file ends in a whole row, once a run."""
        if name in self._present:
            return
        if not self._present:
            self._files.makedirs(self._folder)
            if self._files.read(self._path("version")) != VERSIONS:
                self._files.write_atomic(self._path("version"), VERSIONS)
        data = self._files.read(self._path(name)) or b""
        header = _header(name).encode()
        rows = []
        if data.startswith(header):
            rows = self._rows(name, data)
            whole = data[: data.rfind(b"\n") + 1]
            if rows is None:
                whole = self._salvage(name, header, whole)
                rows = self._rows(name, whole)
            if whole != data:
                self._files.write_atomic(self._path(name), whole)
            length = len(whole)
        else:
            if b"\n" in data:  # columns of another version: it stays as it is
                self._shift(name)
            elif data:
                self._files.remove(self._path(name))
            length = 0
        before = rows or self._read(name, 1)
        self._present[name] = [length, before[-1]["id"] if before else 0]

    def _rotate(self, name):
        self._shift(name)
        self._present[name][0] = 0

    def _shift(self, name):
        """Gives the files of a table the next numbers. Each step leaves all rows readable."""
        for number in range(self._kept - 1, 64):
            if number and self._files.exists(self._path(name, number)):
                self._files.remove(self._path(name, number))
        if self._kept == 1:
            self._files.remove(self._path(name))
            return
        for number in range(self._kept - 2, -1, -1):
            if self._files.exists(self._path(name, number)):
                self._files.rename(self._path(name, number), self._path(name, number + 1))

    def _make_room(self):
        """Old records go before a registration lacks room. -> bool: there is room to write."""
        for number in range(self._kept - 1, 0, -1):
            for name in sorted(set(OWN) | set(self._present)):
                if self._files.free_bytes(self._folder) >= RESERVE:
                    self._is_full = False
                    return True
                self._files.remove(self._path(name, number))
        is_full = self._files.free_bytes(self._folder) < RESERVE
        if is_full and not self._is_full:
            self._log.error("accounting stops: the data partition has no room for more")
        self._is_full = is_full
        return not is_full

    # Rows

    def _print(self, name, rows, last):
        table, _ = self._dbtext.load(_header(name), name)
        number = last + len(rows)
        for row in reversed(rows):  # insert() puts a row in front
            table.insert(id=number, **row)
            number -= 1
        return self._dbtext.dump(table)

    def _rows(self, name, data):
        """-> [Row] of the whole lines of a file, None where one of them is no row."""
        try:
            return self._dbtext.load(data[: data.rfind(b"\n") + 1], name)[0].rows[:]
        except self._dbtext.TableError:
            return None

    def _salvage(self, name, header, data):
        """-> bytes: the lines that are rows. A medium may give back what nobody wrote."""
        lines = [header]
        for line in data[len(header) :].split(b"\n"):
            if line and self._rows(name, header + line + b"\n"):
                lines.append(line + b"\n")
            elif line:
                self._log.warning(f"accounting: a line of {self._path(name)} was left out")
        return b"".join(lines)

    def _read(self, name, number):
        """-> [{column: value}] of one file, [] where there is none that can be read."""
        data = self._files.read(self._path(name, number)) or b""
        if not data.startswith(_header(name).encode()):
            return []
        columns = [word.partition("(")[0] for word in _header(name).split()]
        return [
            dict([(column, row[column]) for column in columns])
            for row in self._rows(name, data) or ()
        ]


def _header(name):
    return CDRS if name == "acc_cdrs" else ACC
