"""What the host tools say: errors with a way out, and progress on long steps.

Standard library only: these run before anything is installed.
"""

import shutil
import sys
import time

CLEAR_LINE = "\r\x1b[K"


def die(message, hint=""):
    """Print what is wrong and how to mend it, then end with exit status 1."""
    print(f"\nerror: {message}", file=sys.stderr)
    for line in hint.splitlines():
        print(f"  {line}", file=sys.stderr)
    sys.exit(1)


def say(message):
    """Print a line at once, also into a pipe."""
    print(message, flush=True)


def duration(seconds):
    """Seconds as a person reads them: 7 s, 3 min 20 s."""
    minutes, rest = divmod(int(seconds + 0.5), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


class Progress:
    """A bar with the time left on a terminal; a line every tenth of the way in a log.

    `total` is in any unit; the time left is extrapolated from the share done.
    """

    def __init__(self, label, total, stream=None):
        self.label, self.total = label, max(1, total)
        self.stream = stream or sys.stderr
        self.live = self.stream.isatty()
        self.started = self.drawn = time.monotonic()
        self.tenth = 0

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        self.close(failed=kind is not None)

    def update(self, done):
        """Draw the bar for `done` of `total`."""
        share = min(1.0, done / self.total)
        now = time.monotonic()
        if self.live:
            if now - self.drawn >= 0.1 or share == 1.0:
                self.drawn = now
                self.stream.write(CLEAR_LINE + self._bar(share, now))
                self.stream.flush()
        elif int(share * 10) > self.tenth:
            self.tenth = int(share * 10)
            say(f"  {self.label}: {self.tenth * 10} %")

    def close(self, failed=False):
        """Leave one line that says how long it took."""
        word = "failed after" if failed else "done in"
        line = f"  {self.label}: {word} {duration(time.monotonic() - self.started)}"
        self.stream.write((CLEAR_LINE if self.live else "") + line + "\n")
        self.stream.flush()

    def _bar(self, share, now):
        spent = now - self.started
        left = f"{duration(spent / share - spent)} left" if share > 0.02 else "estimating"
        text = f"  {self.label} "
        width = max(8, min(40, shutil.get_terminal_size().columns - len(text) - 28))
        filled = int(share * width)
        return f"{text}[{'#' * filled}{'.' * (width - filled)}] {share * 100:3.0f} % {left}"
