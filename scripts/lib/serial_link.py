"""The serial line to a box: a device, a pseudo-terminal, or a socket://host:port URL."""

import select
import time

try:
    import serial
except ImportError:
    serial = None

BAUD = 115200
REOPEN_PAUSE = 0.5  # seconds between attempts to open a port that went away


class LinkError(Exception):
    """The port cannot be used; `hint` says what to do."""

    def __init__(self, message, hint=""):
        super().__init__(message)
        self.hint = hint


class LinkLost(Exception):
    """The port went away: a cable pulled, an emulator ended."""


class SerialLink:
    """Bytes over the port, opened 8N1 without flow control; `reopen` after LinkLost."""

    def __init__(self, port, baud=BAUD):
        if serial is None:
            raise LinkError("pyserial is missing", "apt install python3-serial")
        self.port = port
        self.bytes_per_second = baud / 10  # a start bit, eight bits, a stop bit
        self._baud = baud
        self._serial = None
        self._open()

    @staticmethod
    def now():
        """Return the seconds of the clock that time-outs on this link are of."""
        return time.monotonic()

    def read(self, seconds):
        """Return the bytes that came within that time, at once when some do; b"" for none."""
        try:
            ready, _, _ = select.select([self._serial.fileno()], [], [], max(0, seconds))
            if not ready:
                return b""
            data = self._serial.read(4096)
        except (OSError, ValueError, TypeError) as error:
            raise LinkLost(str(error)) from error
        if not data:  # readable, and nothing to read: the other end hung up
            raise LinkLost("the other end hung up")
        return data

    def write(self, data):
        """Send bytes."""
        try:
            self._serial.write(data)
            self._serial.flush()
        except (OSError, ValueError, AttributeError) as error:
            # pyserial's socket:// has no flush in some releases; the bytes are sent
            if isinstance(error, AttributeError):
                return
            raise LinkLost(str(error)) from error

    def drain(self):
        """Throw away what waits to be read."""
        while self.read(0):
            pass

    def reopen(self, seconds):
        """Open the port again, trying for that time; raises LinkError when it stays away."""
        self.close()
        end = time.monotonic() + seconds
        while True:
            try:
                return self._open()
            except LinkError:
                if time.monotonic() >= end:
                    raise
                time.sleep(REOPEN_PAUSE)

    def close(self):
        """Give the port back."""
        if self._serial is not None:
            try:
                self._serial.close()
            except OSError:
                pass
            self._serial = None

    def _open(self):
        try:
            self._serial = serial.serial_for_url(self.port, self._baud, timeout=0)
        except (OSError, ValueError) as error:
            raise LinkError(f"cannot open {self.port}: {error}", _hint(error)) from error


def _hint(error):
    text = str(error)
    if "Permission" in text:
        return "add yourself to the group of the port: sudo usermod -aG dialout $USER"
    if "busy" in text:
        return "another program has the port; end it (fuser -v PORT names it)"
    if "refused" in text:
        return "nothing listens there; is the emulator running, and is it that port?"
    return "PORT is a device (/dev/ttyUSB0), a pseudo-terminal, or socket://HOST:PORT"
