"""Programs under test or used for it: found or skipped, their output kept, ended by process id."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

SEARCH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
PATIENCE = 20.0  # seconds that a step of a program may take before a test gives up


def missing(what, remedy, required):
    """Skip the test for lack of `what`; fail it where the environment `required` says "1"."""
    text = f"{what} is missing ({remedy})"
    if os.environ.get(required) == "1":
        pytest.fail(text)
    pytest.skip(text)


def require(program, package):
    """-> path of a foreign program; skips, or fails under WAFERPBX_REQUIRE_PEERS=1."""
    found = shutil.which(program, path=SEARCH)
    if not found:
        missing(program, f"apt install {package}", "WAFERPBX_REQUIRE_PEERS")
    return found


def wait_until(condition, what, patience=PATIENCE, pause=0.02):
    """-> the first true value of condition(); AssertionError naming `what` after `patience`.

    what: str, or a function that makes one when it is needed.
    """
    limit = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > limit:
            text = what() if callable(what) else what
            raise AssertionError(f"not within {patience:g} s: {text}")
        time.sleep(pause)


class Program:
    """A program that runs beside the test; its output goes to the file `log`.

    arguments: words of the command; folder: its working directory. stop() is safe at any time.
    """

    def __init__(self, arguments, folder, log, environment=None):
        self.arguments = [str(word) for word in arguments]
        self.log = Path(log)
        with open(self.log, "ab") as output:
            self._process = subprocess.Popen(
                self.arguments,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )

    @property
    def pid(self):
        return self._process.pid

    @property
    def status(self):
        """-> exit status, None while it runs."""
        return self._process.poll()

    def wait(self, seconds):
        """-> exit status; None when it still runs after that."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def signal(self, number):
        """Send it a signal, if it still runs."""
        if self.status is None:
            self._process.send_signal(number)

    def stop(self, patience=5.0):
        """Ask it to end (SIGTERM), then insist (SIGKILL). -> exit status."""
        self.signal(signal.SIGTERM)
        if self.wait(patience) is None:
            self.kill()
        self._end_children()
        return self.status

    def kill(self):
        """End it as a loss of power would: SIGKILL."""
        if self.status is None:
            self._process.kill()
        self._process.wait()
        self._end_children()

    def _end_children(self):
        """Some leave processes of theirs behind (Chromium); they are of its session."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def output(self):
        """-> str: what it has written so far."""
        return self.log.read_text(errors="replace")

    def tail(self, lines=60):
        """-> str: the last lines of the output, for messages of failures."""
        return "\n".join(self.output().splitlines()[-lines:])
