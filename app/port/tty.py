"""The serial console as raw bytes: stdin and stdout, or a device such as /dev/ttyS0."""

import os
import termios

try:
    import tty as _cpython_tty

    def _open(path):
        return os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)

    def _set_raw(descriptor):
        _cpython_tty.setraw(descriptor, termios.TCSANOW)

    def _read(descriptor, size):
        try:
            return os.read(descriptor, size)
        except BlockingIOError:
            return None

    def _write(descriptor, data):
        try:
            return os.write(descriptor, data)
        except BlockingIOError:
            return 0

    _close = os.close

except ImportError:  # MicroPython with our C module
    from box import close as _close
    from box import open_tty as _open
    from box import read as _read
    from box import write as _write

    _set_raw = termios.setraw

EIO = 5
ENOTTY = 25
BACKLOG = 65536  # bytes waiting for a line that takes none; older ones are dropped beyond


class Tty:
    """Raw, non-blocking bytes of a terminal.

    `path` None stands for the terminal that stdin is. It is opened anew, because
    O_NONBLOCK on the descriptor itself would reach every program that shares it.
    """

    def __init__(self, path=None, baud=None):
        self.path = path or "/proc/self/fd/0"
        self.fd = _open(self.path)
        self._waiting = b""
        self._before = _attributes(self.fd)
        if self._before is None:
            _close(self.fd)
            raise OSError(ENOTTY, path or "stdin")
        _set_raw(self.fd)
        if baud:
            self._set_speed(baud)
        self._raw = _attributes(self.fd)

    def read(self):
        """Return the bytes that came, b"" at the end of the line (hang-up), None where none did."""
        try:
            return _read(self.fd, 4096)
        except OSError as error:
            if error.errno == EIO:  # the other end of a pseudo-terminal is gone
                return b""
            raise

    def write(self, data):
        """Take bytes to send; what the line does not take now goes with the next `flush`."""
        self._stay_raw()
        self._waiting += data
        if len(self._waiting) > BACKLOG:
            self._waiting = self._waiting[-BACKLOG:]
        return self.flush()

    def flush(self):
        """Send what waits; return how many bytes still do."""
        while self._waiting:
            try:
                taken = _write(self.fd, self._waiting[:1024])
            except OSError as error:
                if error.errno != EIO:
                    raise
                self._waiting = b""  # nobody is there to read it; `read` tells so
                break
            if not taken:
                break
            self._waiting = self._waiting[taken:]
        return len(self._waiting)

    def close(self):
        """Give the terminal back as it was found."""
        termios.tcsetattr(self.fd, termios.TCSANOW, self._before)
        _close(self.fd)

    def _stay_raw(self):
        """Undo what another process did to the line: its echo would show a password.

        busybox init makes the console "sane" whenever it starts a process on it.
        """
        now = _attributes(self.fd)
        if now is not None and now[:4] != self._raw[:4]:
            _set_raw(self.fd)

    def _set_speed(self, baud):
        attributes = termios.tcgetattr(self.fd)
        attributes[4] = attributes[5] = getattr(termios, f"B{baud}")
        termios.tcsetattr(self.fd, termios.TCSANOW, attributes)


def _attributes(descriptor):
    """Return the terminal's attributes, or None for what is no terminal."""
    try:
        return termios.tcgetattr(descriptor)
    except Exception:  # OSError, or CPython's termios.error, which is no OSError
        return None
