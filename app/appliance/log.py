"""The box's log: the last lines in memory for the console, every line to syslog.

A site can name a syslog server on the network as well; on the box syslogd forwards to it.
"""

KEPT = 200  # lines in memory; about 20 KiB
MAX_TEXT = 400  # characters of a line
LOCAL0 = 16
SEVERITIES = {"error": 3, "warning": 4, "notice": 5, "info": 6, "debug": 7}  # RFC 5424 6.2.1
SYSLOG_PORT = 514  # RFC 5426 3.3


class Log:
    """`info`, `notice`, `warning`, `error`: one line each.

    `send(severity, text)` takes every line (app.port.syslog), `date()` gives the time as
    text. Followers are called with each new line; `lines` has the last KEPT.
    """

    def __init__(self, send, date):
        self._send = send
        self._date = date
        self.remote = None  # RemoteLog, where the site names one
        self.lines = []
        self.lost = 0
        self.followers = []

    def write(self, severity, text):
        """Add a line of that severity ("error", "warning", "notice", "info", "debug").

        Where there is no memory for it, the line is lost, and nothing else.
        """
        try:
            self._add(severity, text)
        except MemoryError:
            self.lost += 1

    def _add(self, severity, text):
        text = text[:MAX_TEXT]
        self._send(severity, text)
        date = self._date()
        if self.remote:
            self.remote.send(severity, date, text)
        line = f"{date} {severity:7} {text}"
        self.lines.append(line)
        if len(self.lines) > KEPT:
            self.lines.pop(0)
        for follower in self.followers:
            follower(line)

    def record(self, text):
        """Send a line to syslog that is for machines: the console's log does not show it."""
        self._send("info", text)
        if self.remote:
            self.remote.send("info", self._date(), text)

    def debug(self, text):
        """For the one who looks for a fault."""
        self.write("debug", text)

    def info(self, text):
        """Something happened as it should."""
        self.write("info", text)

    def notice(self, text):
        """Something that the operator will want to have known."""
        self.write("notice", text)

    def warning(self, text):
        """Something is wrong, the box copes."""
        self.write("warning", text)

    def error(self, text):
        """Something does not work."""
        self.write("error", text)


class RemoteLog:
    """Sends every line to a syslog server: RFC 5424 in UDP datagrams (RFC 5426).

    `socket` has `send(data, host, port) -> bool` and `close()`; `peer` is (host, port).
    """

    def __init__(self, socket, hostname, peer):
        self.hostname = hostname
        self.peer = peer
        self.lost = 0
        self._socket = socket

    def send(self, severity, date, text):
        """Send one line of a time such as "2026-03-01 12:00:00" in UTC."""
        priority = LOCAL0 * 8 + SEVERITIES[severity]
        stamp = date.replace(" ", "T") + "Z"
        clean = text.replace("\n", " ").replace("\r", " ").replace("\0", " ")
        # RFC 5424 6: no PROCID, MSGID and structured data
        line = f"<{priority}>1 {stamp} {self.hostname} waferpbx - - - {clean}"
        if not self._socket.send(line.encode(), *self.peer):
            self.lost += 1

    def close(self):
        """Give the socket back."""
        self._socket.close()
