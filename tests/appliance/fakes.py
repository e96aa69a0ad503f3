"""What the appliance's parts get as arguments, for tests: files in memory that lose power."""

from app.port import hashes


class PowerCut(BaseException):
    """The machine is off; a BaseException, so that no code can survive it."""


class MemoryFiles:
    """app.port.files over a dict; the power goes at the `cut`-th point where it can.

    The points are before, within and after every change, as app.port.files promises
    them: write_atomic leaves old or new (and perhaps a temporary file), append any
    first part of what was added, remove_tree any rest. `points` counts them.
    """

    def __init__(self, content=None, cut=None):
        self.content = dict(content or {})
        self.cut = cut
        self.points = 0

    def _point(self):
        self.points += 1
        if self.points == self.cut:
            raise PowerCut()

    def read(self, path):
        return self.content.get(path)

    def exists(self, path):
        return path in self.content or self.listdir(path) != []

    def listdir(self, path):
        names = set()
        for name in self.content:
            if name.startswith(path + "/"):
                names.add(name[len(path) + 1 :].partition("/")[0])
        return sorted(names)

    def makedirs(self, path):
        self._point()

    def write_atomic(self, path, data):
        self._point()
        for length in (0, len(data) // 2, len(data)):
            self.content[path + ".new"] = bytes(data[:length])
            self._point()
        del self.content[path + ".new"]
        self.content[path] = bytes(data)
        self._point()

    def append(self, path, data):
        self._point()
        before = self.content.get(path, b"")
        for length in (0, 1, len(data) // 2, len(data)):
            self.content[path] = before + bytes(data[:length])
            self._point()

    def remove(self, path):
        self._point()
        self.content.pop(path, None)
        self._point()

    def remove_tree(self, path):
        for name in sorted(self.content):
            if name == path or name.startswith(path + "/"):
                self.remove(name)


class BrokenFiles(MemoryFiles):
    """A medium that takes no more writes: read-only, or full."""

    def write_atomic(self, path, data):
        raise OSError(30, path)

    def append(self, path, data):
        raise OSError(28, path)


class FakeSystem:
    """app.port.system of a machine that never changes."""

    def __init__(self):
        self.started = []
        self.reboots = 0

    def memory(self):
        return 62000, 40000, 9000

    def uptime(self):
        return 93784

    def load(self):
        return "0.05"

    def command_line(self):
        return {"slot": "A"}

    def start(self, program, *arguments):
        self.started.append((program,) + arguments)

    def reboot(self):
        self.reboots += 1


class FakeSocket:
    """app.port.net.UdpSocket: records what is sent."""

    def __init__(self, host, port):
        self.host = host
        self.sent = []
        self.open = True

    def send(self, data, host, port):
        self.sent.append((data, host, port))
        return True

    def close(self):
        self.open = False


class FakeNet:
    """app.port.net with one interface."""

    UdpSocket = FakeSocket

    def interfaces(self):
        return [("eth0", "192.0.2.10"), ("lo", "127.0.0.1")]


class FakePhone:
    """The telephone side: records the sites it is to use, or refuses them."""

    def __init__(self):
        self.sites = []
        self.refusal = None
        self.bindings = []
        self.calls_now = []
        self.connections_now = []
        self.stopped = False
        self.bans_now = []
        self.lifted = []
        self.trunks_now = ([], [])

    def registrations(self, aor=None):
        return [each for each in self.bindings if aor in (None, each[0])]

    def registration_count(self):
        return len(self.bindings)

    def unregister(self, aor):
        kept = [each for each in self.bindings if each[0] != aor]
        removed, self.bindings = len(self.bindings) - len(kept), kept
        return removed

    def calls(self):
        return self.calls_now

    def connections(self):
        return self.connections_now

    def media(self):
        return [(caller, callee, "audio PCMU; nothing") for caller, callee, _, _ in self.calls_now]

    def trunks(self):
        return self.trunks_now

    def bans(self):
        return self.bans_now

    def lift_bans(self, address=None):
        self.lifted.append(address)
        kept = [] if address is None else [ban for ban in self.bans_now if ban[0] != address]
        lifted = len(self.bans_now) - len(kept)
        self.bans_now = kept
        return lifted

    def stop(self):
        self.stopped = True

    def counters(self):
        return [("transactions", "0 of 2048")]

    def reload(self, site):
        if self.refusal:
            raise self.refusal
        self.sites.append(site)


class FakePort:
    """What services.Services gets as `port`."""

    def __init__(self, files=None):
        self.files = files or MemoryFiles()
        self.hashes = hashes
        self.system = FakeSystem()
        self.net = FakeNet()


# of the password "opensesame"
HASH = (
    "pbkdf2-sha256:1000:000102030405060708090a0b0c0d0e0f:"
    "edbb0c32424069235f388d0fde19d51d30c8667a148e907257e188a10bdc5b6e"
)
CONF = (
    "[system]\nhostname = pbx1\nntp = 192.0.2.1\n[sip]\ndomains = example.org\n"
    "[console]\npassword = " + HASH + "\n"
).encode()
SUBSCRIBER = b"username(str) domain(str) password(str)\n200:example.org:correct-horse\n"


def site_files(**tables):
    """Return the files of a small valid site; `tables` replaces or adds some."""
    files = {"site.conf": CONF, "subscriber": SUBSCRIBER}
    for name in tables:
        files[name] = tables[name]
    return files
