"""Line editing on a serial terminal: bytes in, lines and echo out."""

MAX_LINE = 200
BACKSPACE = (0x08, 0x7F)
CTRL_C, CTRL_D, CTRL_U, CTRL_W = 0x03, 0x04, 0x15, 0x17
CR, LF, ESCAPE, BELL = 0x0D, 0x0A, 0x1B, b"\x07"
ERASE = b"\b \b"


class LineEditor:
    """`feed` a byte; returns a line (bytes), INTERRUPT, END or None; `echo` is what to print.

    With `hidden` nothing of the line is echoed.
    """

    INTERRUPT = 1  # Ctrl-C
    END = 2  # Ctrl-D on an empty line

    def __init__(self):
        self.hidden = False
        self.echo = bytearray()
        self._line = bytearray()
        self._after_cr = False
        self._escape = 0  # 1: after ESC, 2: within a control sequence

    def clear(self):
        """Forget what was typed of a line."""
        self._line = bytearray()
        self._escape = 0

    def feed(self, byte):
        """Take one byte (int)."""
        after_cr, self._after_cr = self._after_cr, byte == CR
        if self._escape:
            self._skip_escape(byte)
        elif byte == CR or byte == LF:
            if not (byte == LF and after_cr):  # CR LF is one line end
                return self._finish()
        elif byte == CTRL_C:
            self.clear()
            self.echo += b"^C\r\n"
            return self.INTERRUPT
        elif byte == CTRL_D:
            return None if self._line else self.END
        else:
            self._edit(byte)
        return None

    def _finish(self):
        line = bytes(self._line)
        self._line = bytearray()
        self.echo += b"\r\n"
        return line

    def _edit(self, byte):
        if byte in BACKSPACE:
            self._erase(1)
        elif byte == CTRL_U:
            self._erase(len(self._line))
        elif byte == CTRL_W:
            kept = bytes(self._line).rstrip().rpartition(b" ")
            self._erase(len(self._line) - len(kept[0] + kept[1]))
        elif byte == ESCAPE:
            self._escape = 1
        elif byte >= 0x20 and len(self._line) < MAX_LINE:
            self._line.append(byte)
            if not self.hidden:
                self.echo.append(byte)
        elif byte >= 0x20:
            self.echo += BELL

    def _erase(self, count):
        count = min(count, len(self._line))
        self._line = self._line[: len(self._line) - count]
        if not self.hidden:
            self.echo += ERASE * count

    def _skip_escape(self, byte):
        # ECMA-48 5.4: ESC [ parameters, then one final byte from @ to ~
        if self._escape == 1:
            self._escape = 2 if byte in b"[O" else 0
        elif 0x40 <= byte <= 0x7E:
            self._escape = 0
