"""sipp: runs the scenarios of scenarios/*.xml against a box; a failure shows the messages.

A scenario is the file with `@name@` replaced (sipp itself knows no variables in expected
responses, retransmission times and the like); what sipp calls keywords, `[domain]`, is set
with its -key. Digest answers come from sipp's own [authentication].
"""

import csv
import itertools
import signal
from pathlib import Path

from tests.peers.address import LOOPBACK, free_ports, host_port
from tests.peers.process import Program, require
from tests.peers.site import DOMAIN, USERS

SCENARIOS = Path(__file__).resolve().parent / "scenarios"
DEFAULTS = {"hold": 100, "expires": 600}
TRACES = ("-trace_err", "-trace_msg", "-trace_stat",
          "-error_file", "errors", "-message_file", "messages", "-stf", "stat")  # fmt: skip
SHOWN = 6000  # characters of messages that a failure prints

_numbers = itertools.count(1)


class Sipp:
    """One run of one scenario as `user`, sending to `target` (address.Target).

    folder: for its files; port: local port, a free one unless given; callee: user part of the
    Request-URI; calls: ends after so many, 0: at stop(); rate: new calls a second; at_once: most
    calls at the same time; seconds: bound of the whole run; values: what replaces `@name@`.
    """

    def __init__(self, folder, target, scenario, user="200", callee="201", password=None, port=None,
                 host=LOOPBACK, calls=1, rate=10, at_once=10, seconds=40, transport="u1",
                 **values):  # fmt: skip
        program = require("sipp", "sip-tester")
        self.host = host
        self.transport = transport
        self.port = port or free_ports(1, host)
        self.seconds = seconds
        self.name = f"{next(_numbers):03d}-{scenario}"
        self.folder = Path(folder) / self.name
        self.folder.mkdir()
        self._script(scenario, values)
        word = USERS.get(user, "") if password is None else password
        arguments = [program, host_port(*target), "-sf", "scenario.xml", *TRACES]
        arguments += ["-t", transport]
        arguments += ["-i", host, "-p", self.port, "-cp", free_ports(1), "-nostdin"]
        arguments += ["-s", callee, "-au", user, "-ap", word]
        arguments += ["-key", "caller", user, "-key", "domain", DOMAIN]
        arguments += ["-r", rate, "-l", at_once, "-m", calls] if calls else []
        arguments += ["-max_invite_retrans", 10, "-max_non_invite_retrans", 12]
        arguments += ["-timeout", f"{seconds}s", "-timeout_error", "-skip_rlimit"]
        self.program = Program(arguments, self.folder, self.folder / "output", {"TERM": "dumb"})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.program.stop()

    def succeeded(self):
        """Wait for its end, which must be that of success. -> counters."""
        status = self.program.wait(self.seconds + 5)
        if status is None:
            self.program.kill()
        assert status == 0, self.report(status)
        return self.counters()

    def stop(self):
        """End a scenario without a number of calls once those in progress are over. -> counters.

        SIGUSR1 is sipp's "q": no more calls, and out.
        """
        self.program.signal(signal.SIGUSR1)
        return self.succeeded()

    def counters(self):
        """-> {name: int} of the cumulative figures, the last row of sipp's statistics."""
        with open(self.folder / "stat", newline="") as file:
            rows = list(csv.DictReader(file, delimiter=";"))
        found = {}
        for name, value in (rows[-1] if rows else {}).items():
            if name and name.endswith("(C)") and value.isdigit():
                found[name[:-3]] = int(value)
        return found

    def messages(self):
        """-> str: the messages that it sent and received."""
        return self._read("messages")

    def report(self, status):
        """-> str: what happened, for a person."""
        parts = [f"sipp {self.name} on {self.host}:{self.port} ended with {status}"]
        for name in ("errors", "messages"):
            parts.append(f"--- {name}\n{self._read(name)[-SHOWN:]}")
        if not (self.folder / "messages").exists():
            parts.append(self.program.tail())
        return "\n".join(parts)

    def _read(self, name):
        path = self.folder / name
        return path.read_text(errors="replace") if path.exists() else "(none)\n"

    def _script(self, scenario, values):
        text = (SCENARIOS / f"{scenario}.xml").read_text()
        for name, value in {**DEFAULTS, **values}.items():
            text = text.replace(f"@{name}@", str(value))
        if self.transport != "u1":
            text = text.replace("[local_port]>", "[local_port];transport=[transport]>")
        (self.folder / "scenario.xml").write_text(text)


def register(folder, target, user, port, expires=600, **options):
    """Have sipp register `user` at its own port; there another scenario can take calls."""
    with Sipp(folder, target, "register", user, port=port, expires=expires, **options) as run:
        run.succeeded()
