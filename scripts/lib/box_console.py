"""Through the box's console, from whatever state it is in, into provisioning."""

import re

PASSWORD = re.compile(rb"Password: ")
PROMPT = re.compile(rb"waferpbx(?:@[\w.-]+| \(unprovisioned\))> ")
INCORRECT = re.compile(rb"Login incorrect")
INTERRUPT = b"\x03"
LOGIN_SECONDS = 60  # a wrong password's delay is 30 at most
MAX_HEARD = 65536


class WrongPassword(Exception):
    """The box does not take the password."""


class NoAnswer(Exception):
    """Nothing that a console of WaferPBX says has come."""


class BoxConsole:
    """`enter()` leaves the box waiting for frames.

    `ask_password()` is called when the box wants one, and again after a wrong one; it
    returns None when there is no other to try.
    """

    def __init__(self, link, ask_password):
        self._link = link
        self._ask_password = ask_password
        self._password = None
        self._heard = b""
        self.unprovisioned = False

    def enter(self, attempts=5):
        """Log in where that is needed, and start the command provision."""
        for _ in range(attempts):
            found = self._interrupt()
            if found is PASSWORD:
                found = self._log_in()
            if found is PROMPT:
                self._send(b"provision\r")
                if self._wait((re.compile(rb"provision\.py"),), 2):
                    return
        raise NoAnswer

    def leave(self):
        """End the session, as far as the line lets us."""
        self._send(b"\r")
        if self._wait((PROMPT, PASSWORD), 2) is PROMPT and not self.unprovisioned:
            self._send(b"logout\r")
            self._wait((PASSWORD,), 2)

    def _interrupt(self):
        """Return PASSWORD or PROMPT, whichever the box shows after Ctrl-C."""
        self._send(b"\r" + INTERRUPT)
        found = self._wait((PASSWORD, PROMPT), 2)
        # an empty password is asked for once more; let that pass before answering
        while found and self._wait((PASSWORD, PROMPT), 0.3):
            pass
        return found

    def _log_in(self):
        """Return PROMPT, or None when the line spoilt the try."""
        if self._password is None:
            self._password = self._ask_password()
        if self._password is None:
            raise WrongPassword
        self._send(self._password.encode() + b"\r")
        found = self._wait((PROMPT, INCORRECT), LOGIN_SECONDS)
        if found is INCORRECT:
            self._wait((PASSWORD,), 2)
            self._password = None
        return found if found is PROMPT else None

    def _send(self, data):
        self._heard = b""
        self._link.write(data)

    def _wait(self, patterns, seconds):
        """Return the first of `patterns` that comes within that time, or None."""
        end = self._link.now() + seconds
        while True:
            for pattern in patterns:
                match = pattern.search(self._heard)
                if match:
                    if pattern is PROMPT:
                        self.unprovisioned = b"unprovisioned" in match.group()
                    self._heard = self._heard[match.end() :]
                    return pattern
            left = end - self._link.now()
            if left <= 0:
                return None
            self._heard = (self._heard + self._link.read(left))[-MAX_HEARD:]
