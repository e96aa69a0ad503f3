"""The box's log: the last lines in memory for the console, every line to syslog."""

KEPT = 200  # lines in memory; about 20 KiB
MAX_TEXT = 400  # characters of a line


class Log:
    """`info`, `notice`, `warning`, `error`: one line each.

    `send(severity, text)` takes every line (app.port.syslog), `date()` gives the time as
    text. Followers are called with each new line; `lines` has the last KEPT.
    """

    def __init__(self, send, date):
        self._send = send
        self._date = date
        self.lines = []
        self.followers = []

    def write(self, severity, text):
        """Add a line of that severity ("error", "warning", "notice", "info", "debug")."""
        text = text[:MAX_TEXT]
        self._send(severity, text)
        line = f"{self._date()} {severity:7} {text}"
        self.lines.append(line)
        if len(self.lines) > KEPT:
            self.lines.pop(0)
        for follower in self.followers:
            follower(line)

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
