"""A whole proxy in memory: real endpoint, real script, tables from text; time is a number.

Portable: no pytest, no socket, no clock, no randomness but a counter.
"""

import binascii
import hashlib

from app import dbtext, routes
from app.proxy.config import Config
from app.proxy.core import Proxy
from app.proxy.location import Location
from app.proxy.store import LocationStore
from app.sip.endpoint import Endpoint
from app.sip.message import parse
from app.sip.transport import Peer, same_place

BOX = "192.0.2.10"
WALL = 1900000000
SUBSCRIBER = b"username(str) domain(str,null) password(str,null) ha1(str,null) ha1b(str,null)\n"


class Hashes:
    @staticmethod
    def md5(data):
        return binascii.hexlify(hashlib.md5(data).digest()).decode()

    @staticmethod
    def sha256(data):
        return binascii.hexlify(hashlib.sha256(data).digest()).decode()


class Counter:
    """token(n) for tests: every value once, the same in every run."""

    def __init__(self):
        self.count = 0

    def token(self, length):
        self.count += 1
        return Hashes.sha256(str(self.count).encode())[:length]


class Lines:
    """A log that keeps what it is told: lines is [(severity, text)]."""

    def __init__(self):
        self.lines = []

    def write(self, severity, text):
        self.lines.append((severity, text))

    def info(self, text):
        self.write("info", text)

    def notice(self, text):
        self.write("notice", text)

    def warning(self, text):
        self.write("warning", text)

    def error(self, text):
        self.write("error", text)

    def record(self, text):
        self.write("record", text)

    def has(self, text):
        return [line for _, line in self.lines if text in line]


class Files:
    """app.port.files in memory; `full` makes every write an OSError."""

    def __init__(self):
        self.data = {}
        self.appends = 0
        self.replacements = 0
        self.full = False
        self.free = 1 << 30

    def read(self, path):
        return self.data.get(path)

    def blocks(self, path, size=50):
        data = self.data.get(path) or b""
        for start in range(0, len(data), size):
            yield data[start : start + size]

    def replacement(self, path):
        return Replacement(self, path)

    def write_atomic(self, path, data):
        self._check()
        self.replacements += 1
        self.data[path] = data

    def append(self, path, data):
        self._check()
        self.appends += 1
        self.data[path] = self.data.get(path, b"") + data

    def remove(self, path):
        self.data.pop(path, None)

    def rename(self, path, other):
        self._check()
        self.data[other] = self.data.pop(path)

    def exists(self, path):
        return path in self.data

    def makedirs(self, path):
        pass

    def free_bytes(self, path):
        return self.free

    def _check(self):
        if self.full:
            raise OSError(28, "No space left on device")


class Replacement:
    """app.port.files.Replacement in memory."""

    def __init__(self, files, path):
        files._check()
        self.files = files
        self.path = path
        files.data[path + ".new"] = b""

    def write(self, data):
        self.files._check()
        self.files.data[self.path + ".new"] += data

    def commit(self):
        self.files._check()
        self.files.replacements += 1
        self.files.rename(self.path + ".new", self.path)

    def abandon(self):
        self.files.data.pop(self.path + ".new", None)


def table(name, text):
    """-> dbtext.Table of a text, str or bytes."""
    return dbtext.load(text if isinstance(text, bytes) else text.encode(), name)[0]


def subscribers(*users):
    """-> table of users, each with the password "secret" and its own name."""
    rows = b"".join([f"{user}::secret{user}::\n".encode() for user in users])
    return table("subscriber", SUBSCRIBER + rows)


class Box:
    """A Proxy for example.org at BOX:5060 with the extensions 200 to 203.

    sent: [(bytes, Peer)] that nobody has taken yet.
    """

    def __init__(self, script=routes, tables=None, media=None, files=None, limit=2048, **settings):
        self.now = 1000.0
        self.wall = WALL
        self.log = Lines()
        self.files = files or Files()
        self.sent = []
        self.phones = 0
        # what arrives at one moment of a test would be a flood: tests of that ask for a limit
        defaults = {
            "domains": ("example.org", BOX), "advertise": (BOX, 5060), "reqs_density_per_unit": 0,
        }  # fmt: skip
        defaults.update(settings)
        self.config = Config(**defaults)
        self.tables = {"subscriber": subscribers("200", "201", "202", "203")}
        self.tables.update(tables or {})
        counter = Counter()
        self.endpoint = Endpoint(self.config.interfaces, counter.token, Hashes, limit)
        store = LocationStore(self.files, "/state", dbtext, self.config.use_domain, self.log)
        self.location = Location(store, self.log)
        self.location.load(self.now, self.wall)
        self.proxy = Proxy(
            self.endpoint, script, self.tables, self.location, media, self.config, Hashes,
            counter.token, self.log, secret="s" * 32,
        )  # fmt: skip

    def receive(self, data, peer):
        """A datagram arrives; what it causes is in `sent` afterwards."""
        if self.proxy.pike.admits(data, peer, self.now):
            self.endpoint.receive(data, peer, self.now)
        self.settle()

    def settle(self):
        self.proxy.run(self.now, self.wall)
        item = self.endpoint.to_send()
        while item is not None:
            self.sent.append(item)
            item = self.endpoint.to_send()

    def wait(self, seconds):
        """Lets time pass, with every timer at its moment."""
        end = self.now + seconds
        due = self.next_timer()
        while due is not None and due <= end:
            self.wall += int(max(due, self.now)) - int(self.now)
            self.now = max(due, self.now)
            self.endpoint.handle_timers(self.now)
            self.proxy.handle_timers(self.now, self.wall)
            self.settle()
            due = self.next_timer()
        self.wall += int(end) - int(self.now)
        self.now = end

    def next_timer(self):
        due = [self.endpoint.next_timer(), self.proxy.next_timer()]
        due = [each for each in due if each is not None]
        return min(due) if due else None

    def to(self, peer):
        """-> [Message] sent to a Peer since the last look, and forgotten here."""
        found = [parse(data) for data, target in self.sent if same_place(target, peer)]
        self.sent = [item for item in self.sent if not same_place(item[1], peer)]
        return found

    def restart(self):
        """-> a new Box on the same files, as after a loss of power."""
        box = Box(files=self.files, tables=self.tables)
        box.now, box.wall, box.phones = self.now, self.wall, self.phones
        box.location.load(box.now, box.wall)
        return box


def phone_peer(number):
    return Peer("udp", f"192.0.2.{number}", 5060, 0)
