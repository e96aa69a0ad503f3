"""The serial console, sans-IO: bytes and `now` in, bytes out.

    console = Console(services, sha256_digest)
    console.start(now)
    console.feed(data, now); console.output() -> bytes
    console.next_timer() -> float | None; console.handle_timers(now)

A box without a site asks for no password: whoever reaches its serial port can replace
its flash as well, and there is nothing on it to protect. It then obeys no commands but
those that set it up. From the first site on, the site's password is asked for.
`services` is services.Services, what the commands show and do.
"""

from app.appliance import commands
from app.appliance.editor import CTRL_C, LineEditor
from app.appliance.passwords import Verifier

LOGIN, CHECKING, WAITING, SHELL, FOLLOWING, PROVISIONING = range(6)
DELAYS = (1, 2, 4, 8, 16, 30)  # seconds after the first, second, ... wrong password
PROVISIONING_IDLE = 60  # seconds without a byte until the prompt comes back



class Console:
    """One terminal. See the module's text for its use."""

    def __init__(self, services, sha256_digest):
        self._services = services
        self._sha256_digest = sha256_digest
        self._editor = LineEditor()
        self._output = bytearray()
        self._state = LOGIN
        self._deadline = None
        self._failures = 0
        self._verifier = None
        self._logged_in = False
        self._session = None  # provisioning.Provisioning
        self._line_start = True

    def start(self, now):
        """Greet, and ask for the password or show the prompt."""
        services = self._services
        self._print(f"\nWaferPBX {services.version} on {services.hostname()}")
        if services.password() is None:
            self._print("This box has no site yet: run scripts/provision.py on the other end.")
        self._reset(now)

    def feed(self, data, now):
        """Take bytes that were typed."""
        at = 0
        while at < len(data):
            if self._state == PROVISIONING:
                at += self._feed_session(data[at:], now)
            else:
                self._take_byte(data[at], now)
                at += 1

    def output(self):
        """Return the bytes to show."""
        data = bytes(self._output)
        self._output = bytearray()
        return data

    def next_timer(self):
        """Return when `handle_timers` is due, or None."""
        return self._deadline

    def handle_timers(self, now):
        """Do what is due: a slice of checking a password, a prompt, a logout."""
        if self._deadline is not None and now >= self._deadline:
            TIMERS[self._state](self, now)

    # Bytes.

    def _take_byte(self, byte, now):
        if self._state in (CHECKING, WAITING):
            return
        if self._state == FOLLOWING:
            self._stop_following(now)
            return
        found = self._editor.feed(byte)
        self._output += self._editor.echo
        self._editor.echo = bytearray()
        if self._state == SHELL:
            self._deadline = self._idle_deadline(now)
        if found is not None:
            LINES[self._state](self, found, now)

    def _feed_session(self, data, now):
        """Give a line to the provisioning; return how many bytes were taken.

        A Ctrl-C at the start of a line is for the console: it ends the session.
        """
        if self._line_start and data[0] == CTRL_C:
            self._end_session(now)
            return 1
        end = _after_line(data)
        self._line_start = data[end - 1] in b"\r\n"
        self._deadline = now + PROVISIONING_IDLE
        self._session.feed(data[:end])
        self._output += self._session.output()
        if self._session.ended:
            self._end_session(now)
        return end

    # Login.

    def _reset(self, now):
        """Ask for the password, or go on without where there is none."""
        if self._services.password() is None:
            self._enter_shell(now)
        else:
            self._enter_login()

    def _enter_login(self):
        self._state = LOGIN
        self._deadline = None
        self._logged_in = False
        self._editor.clear()
        self._editor.hidden = True
        self._write(b"Password: ")

    def _take_password(self, line, now):
        stored = self._services.password()
        if line == LineEditor.INTERRUPT or line == LineEditor.END or not line or not stored:
            self._reset(now)
            return
        self._verifier = Verifier(self._sha256_digest, stored, line)
        self._state = CHECKING
        self._deadline = now

    def _check_password(self, now):
        right = self._verifier.step()
        if right is None:
            return
        self._verifier = None
        if right:
            self._failures = 0
            self._logged_in = True
            self._services.log.notice("console: login")
            self._enter_shell(now)
            return
        delay = DELAYS[min(self._failures, len(DELAYS) - 1)]
        self._failures += 1
        self._services.log.warning(f"console: wrong password ({self._failures} in a row)")
        self._state = WAITING
        self._deadline = now + delay

    def _refuse_password(self, now):
        self._print("Login incorrect")
        self._enter_login()

    def _log_out(self):
        self._services.log.notice("console: logout")
        self._print("")
        self._enter_login()

    # The shell.

    def _enter_shell(self, now):
        if self._services.password() is None:
            self._logged_in = False
        self._state = SHELL
        self._editor.clear()
        self._editor.hidden = False
        self._deadline = self._idle_deadline(now)
        self._prompt()

    def _prompt(self):
        name = self._services.hostname()
        where = " (unprovisioned)" if self._services.password() is None else "@" + name
        self._write(f"waferpbx{where}> ".encode())

    def _idle_deadline(self, now):
        return now + self._services.idle() if self._services.password() else None

    def _take_command(self, line, now):
        if line == LineEditor.END:
            line = b"logout"
        if line == LineEditor.INTERRUPT:
            line = b""
        try:
            text = line.decode()
        except UnicodeError:
            text = "?"
        provisioned = self._services.password() is not None
        action, lines = commands.run(text, self._services, provisioned)
        for each in lines:
            self._print(each)
        ACTIONS[action](self, now)

    def _idle_logout(self, now):
        if self._state == FOLLOWING:
            self._services.log.followers.remove(self._show_line)
        self._print("\nidle")
        self._log_out()

    def _leave(self, now):
        if self._services.password() is None:
            self._print("There is no password yet, so there is nothing to log out of.")
            self._enter_shell(now)
        else:
            self._log_out()

    # log follow

    def _follow(self, now):
        self._state = FOLLOWING
        self._deadline = self._idle_deadline(now)
        self._services.log.followers.append(self._show_line)

    def _show_line(self, line):
        self._print(line)

    def _stop_following(self, now):
        self._services.log.followers.remove(self._show_line)
        self._enter_shell(now)

    # provision

    def _provision(self, now):
        self._state = PROVISIONING
        self._deadline = now + PROVISIONING_IDLE
        self._line_start = True
        self._session = self._services.provisioning()

    def _end_session(self, now):
        self._session.close()
        self._session = None
        self._print("\nprovisioning ended")
        if self._services.password() is not None and not self._logged_in:
            self._log_out()
        else:
            self._enter_shell(now)

    # Output.

    def _print(self, line):
        self._write(line.replace("\n", "\r\n").encode() + b"\r\n")

    def _write(self, data):
        self._output += data


def _after_line(data):
    """Return the index after the first line end, or the length without one."""
    for index in range(len(data)):
        if data[index] in b"\r\n":
            return index + 1
    return len(data)


LINES = {LOGIN: Console._take_password, SHELL: Console._take_command}
TIMERS = {
    CHECKING: Console._check_password,
    WAITING: Console._refuse_password,
    SHELL: Console._idle_logout,
    FOLLOWING: Console._idle_logout,
    PROVISIONING: Console._end_session,
}
ACTIONS = {
    commands.STAY: Console._enter_shell,
    commands.LOGOUT: Console._leave,
    commands.FOLLOW: Console._follow,
    commands.PROVISION: Console._provision,
}
