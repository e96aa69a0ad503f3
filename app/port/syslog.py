"""A sender to the local syslog daemon: RFC 3164 datagrams to /dev/log."""

import socket
import time

try:
    from struct import pack

    socket.socket.getsockname  # noqa: B018  (CPython has it)

    def _unix_address(path):
        return path

except AttributeError:  # MicroPython: struct sockaddr_un

    def _unix_address(path):
        return pack("H", socket.AF_UNIX) + path.encode() + b"\0"


MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LOCAL0 = 16
SEVERITIES = {"error": 3, "warning": 4, "notice": 5, "info": 6, "debug": 7}  # RFC 3164 4.1.1
MAX_PACKET = 1024  # RFC 3164 4.1


class Syslog:
    """`send(severity, text)`; never blocks, never raises: `lost` counts what nobody took."""

    def __init__(self, tag, path="/dev/log", facility=LOCAL0):
        self.tag = tag
        self.path = path
        self.facility = facility
        self.lost = 0
        self._socket = None

    def send(self, severity, text):
        """Send one line; `severity` is a key of SEVERITIES."""
        line = packet(self.facility, severity, time.localtime(), self.tag, text)
        # a daemon that was restarted has a new socket behind the old name
        if not (self._try(line) or self._try(line)):
            self.lost += 1

    def close(self):
        """Give the socket back; a later send opens it again."""
        if self._socket:
            self._socket.close()
            self._socket = None

    def _try(self, line):
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self._socket.setblocking(False)
                self._socket.connect(_unix_address(self.path))
            self._socket.send(line)
            return True
        except OSError:
            self.close()
            return False


def packet(facility, severity, when, tag, text):
    """Return the bytes of RFC 3164 4.1 (without HOSTNAME, as local senders do it)."""
    priority = facility * 8 + SEVERITIES[severity]
    month, day, hour, minute, second = when[1:6]
    stamp = f"{MONTHS[month - 1]} {day:2d} {hour:02d}:{minute:02d}:{second:02d}"
    clean = text.replace("\n", " ").replace("\r", " ").replace("\0", " ")
    return f"<{priority}>{stamp} {tag}: {clean}".encode()[:MAX_PACKET]
