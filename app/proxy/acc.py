"""Accounting: what Kamailio's module acc reports of transactions and calls.

A script marks a request with flags; the response that goes out is what is accounted:

    FLT_ACC        transactions that succeed, into `acc`; a call gets its row of `acc_cdrs` too
    FLT_ACCMISSED  an INVITE that fails, into `missed_calls`, at the first failure
    FLT_ACCFAILED  with FLT_ACC, transactions that fail as well

The flags and the additional columns are those of Kamailio's default configuration. Each report
is a line of syslog at once, and a row of a table (acc_tables.py) within `acc_delay` seconds: many
rows are one write, for flash wears with every write. What waits is lost when power fails, and
nothing that waits is lost at a planned stop.
"""

from app.proxy.text import printable

FLT_ACC, FLT_ACCMISSED, FLT_ACCFAILED = 1, 2, 3

ANSWERED = "ACC: transaction answered: "
MISSED = "ACC: call missed: "
ACCOUNTED = "ACC: request accounted: "

# Columns, and how many characters of a value each keeps: Kamailio's acc-create.sql and the
# ALTER TABLE lines of its default configuration.
WIDTHS = {
    "method": 16, "from_tag": 128, "to_tag": 128, "callid": 255, "sip_code": 3,
    "sip_reason": 128, "src_user": 64, "src_domain": 128, "src_ip": 64, "dst_ouser": 64,
    "dst_user": 64, "dst_domain": 128, "ended": 32,
}  # fmt: skip
EXTRA = ("src_user", "src_domain", "src_ip", "dst_ouser", "dst_user", "dst_domain")
# What syslog calls the columns, in its order.
LOGGED = (
    ("method", "method"), ("from_tag", "from_tag"), ("to_tag", "to_tag"), ("callid", "call_id"),
    ("sip_code", "code"), ("sip_reason", "reason"),
)  # fmt: skip
LOGGED += tuple([(name, name) for name in EXTRA])
CDR_LOGGED = ("callid", "from_tag", "to_tag") + EXTRA + ("ended",)

ROWS_MAX = 256  # rows that wait for their write; one more writes all of them
ROWS_OF_STRANGERS = 64  # of those; a flood from outside neither wears the flash nor fills a table
TAGS_MAX = 12  # answers of one transaction that are accounted: as many as it has branches


class Accounting:
    """The reports of one proxy. `tables`: acc_tables.AccTables, or None to keep no rows.

    lost: rows that were not kept, because strangers caused too many or the medium took none.
    """

    def __init__(self, config, log, tables=None):
        self.lost = 0
        self._log = log
        self._tables = tables
        self._waiting = []  # [(table name, {column: value})]
        self._of_strangers = 0
        self._flush_at = None
        self.use(config)

    def use(self, config):
        """Take other settings: `acc_db`, `acc_log`, `acc_delay`, `acc_size`, `acc_files`."""
        self._config = config
        if self._tables is not None:
            self._tables.use(config.acc_size, config.acc_files)

    def keep(self, tables):
        """Keep rows from now on: acc_tables.AccTables."""
        self._tables = tables
        self.use(self._config)

    # What happens

    def answered(self, request, status, reason, to_tag, uri, now, wall):
        """A final response goes out in the transaction of `request`, a RoutingRequest.

        uri: where the branch went that answered, a Uri; to_tag: of the response.
        """
        flags = request.flags
        if not flags or to_tag in request.accounted or len(request.accounted) >= TAGS_MAX:
            return
        request.accounted.append(to_tag)
        row = self._row(request, status, reason, to_tag, uri, wall)
        if status >= 300:
            self._missed(request, row, now)
            if not is_set(flags, FLT_ACCFAILED):
                return
        if is_set(flags, FLT_ACC):
            self._log_row(ANSWERED, row)
            self._keep_row("acc", row, request.is_stranger, now)

    def failed(self, request, status, reason, to_tag, uri, now, wall):
        """Everybody who was asked so far has failed; the script may go on with others."""
        self._missed(request, self._row(request, status, reason, to_tag, uri, wall), now)

    def _missed(self, request, row, now):
        """The first failure alone is told, as in Kamailio: the flag goes with it."""
        if request.rm == "INVITE" and is_set(request.flags, FLT_ACCMISSED):
            request.flags &= ~(1 << FLT_ACCMISSED)
            self._log_row(MISSED, row)
            self._keep_row("missed_calls", row, request.is_stranger, now)

    def log_request(self, request, comment):
        """One line of syslog that the script asks for."""
        self._log_row(ACCOUNTED, self._commented(request, comment))

    def db_request(self, request, comment, table):
        """One row that the script asks for. -> bool: there can be a table of that name."""
        if self._tables is not None and not self._tables.takes(table):
            return False
        row = self._commented(request, comment)
        self._keep_row(table, row, request.is_stranger, request.now)
        return True

    def call_ended(self, call, why, now, wall):
        """An answered call is over: its row of acc_cdrs, from its 2xx to now (wall: Unix)."""
        duration = max(0.0, now - call.since)
        row = {"start_time": wall - int(duration), "end_time": wall, "duration": duration,
               "callid": call.call_id, "from_tag": call.tag, "to_tag": call.to_tag,
               "ended": why}  # fmt: skip
        row.update(call.parties)
        cut(row)
        if self._config.acc_log:
            fields = [f"start_time={wall - duration:.3f}", f"end_time={wall}.000",
                      f"duration={duration:.3f}"]  # fmt: skip
            fields.extend([f"{name}={row[name] or ''}" for name in CDR_LOGGED])
            self._log.record("; ".join(fields))
        self._keep_row("acc_cdrs", row, call.is_strangers, now)

    # Rows

    def _row(self, request, status, reason, to_tag, uri, wall):
        row = parties(request, uri)
        row.update({
            "method": request.rm, "from_tag": request.ft, "to_tag": to_tag,
            "callid": request.ci, "sip_code": f"{status:03d}", "sip_reason": reason,
            "time": wall,
        })  # fmt: skip
        return cut(row)

    def _commented(self, request, comment):
        """Kamailio's comment: "404 Not Found" is code and reason, other text a reason alone."""
        code, reason = 0, comment
        if len(comment) >= 3 and not comment[:3].strip("0123456789"):
            code, reason = int(comment[:3]), comment[3:].strip()
        return self._row(request, code, reason, request.tt, request.ru, request.wall)

    def _log_row(self, title, row):
        if self._config.acc_log:
            fields = [f"timestamp={row['time']}"]
            fields.extend([f"{label}={row[name] or ''}" for name, label in LOGGED])
            self._log.record(title + ";".join(fields))

    def _keep_row(self, table, row, of_stranger, now):
        if self._tables is None or not self._config.acc_db:
            return
        if of_stranger:
            if self._of_strangers >= ROWS_OF_STRANGERS:
                self.lost += 1
                return
            self._of_strangers += 1
        self._waiting.append((table, row))
        if len(self._waiting) >= ROWS_MAX:
            self.flush(now)
        elif self._flush_at is None:
            self._flush_at = now + self._config.acc_delay

    # Time

    def next_timer(self):
        """-> seconds of the monotonic clock | None."""
        return self._flush_at

    def handle_timers(self, now):
        if self._flush_at is not None and now >= self._flush_at:
            self.flush(now)

    def flush(self, now):
        """Writes what waits: when its time has come, and before a planned stop."""
        waiting, self._waiting = self._waiting, []
        self._of_strangers = 0
        self._flush_at = None
        names = sorted(set([name for name, _ in waiting]))
        for name in names:
            rows = [row for table, row in waiting if table == name]
            try:
                self._tables.append(name, rows)
            except OSError as error:
                self._log.error(f"accounting: {len(rows)} rows of {name} are not kept: {error}")
                self.lost += len(rows)

    def last(self, table, count):
        """-> [{column: value}] of the last `count` rows of a table, the oldest first."""
        rows = [row for name, row in self._waiting if name == table][-count:]
        if self._tables is not None and len(rows) < count:
            rows = self._tables.last(table, count - len(rows)) + rows
        return rows


def parties(request, uri):
    """-> {column: value} of EXTRA: who called whom, from where, and what became of the URI."""
    is_ours = uri is not None and uri.is_sip
    return {
        "src_user": request.fu.user if request.fu.is_sip else None,
        "src_domain": request.fu.host if request.fu.is_sip else None,
        "src_ip": request.si,
        "dst_ouser": request.tu.user if request.tu.is_sip else None,
        "dst_user": uri.user if is_ours else None,
        "dst_domain": uri.host if is_ours else None,
    }


def cut(row):
    """Texts as long as Kamailio's columns at most, without control characters; "" is NULL."""
    for name in row:
        if name in WIDTHS:
            row[name] = printable(row[name] or "", WIDTHS[name]) or None
    return row


def is_set(flags, number):
    """-> bool: Kamailio's isflagset."""
    return bool(flags >> number & 1)
