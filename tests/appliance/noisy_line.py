"""A serial line in memory between provision.py's parts and a console, with noise and breaks.

Time is the line's own: waiting for an answer that does not come costs no real second.
"""

import random

from app.appliance.console import Console
from app.appliance.log import Log
from app.appliance.services import Services
from app.port import hashes
from scripts.lib.serial_link import LinkLost
from tests.appliance.fakes import FakePhone, FakePort

KERNEL_MESSAGE = b"\r\n[ 1234.567890] e1000: eth0 NIC Link is Up 1000 Mbps\r\n"


class Noise:
    """Flips, drops and inserts bytes, and prints kernel messages; rates are per byte."""

    def __init__(self, seed=0, flip=0.0, drop=0.0, insert=0.0, message=0.0):
        self._random = random.Random(seed)
        self._rates = (flip, drop, insert, message)

    def spoil(self, data):
        """Return what of `data` arrives, and what else."""
        flip, drop, insert, message = self._rates
        arrived = bytearray()
        for byte in data:
            draw = self._random.random
            if draw() < message:
                arrived += KERNEL_MESSAGE
            if draw() < insert:
                arrived.append(self._random.randrange(256))
            if draw() < drop:
                continue
            if draw() < flip:
                byte ^= 1 << self._random.randrange(8)
            arrived.append(byte)
        return bytes(arrived)


class Box:
    """A box at the other end; `power_cycle` starts it anew on the same medium."""

    def __init__(self):
        self.port = FakePort()
        self.power_cycle(0.0)

    def power_cycle(self, now):
        log = Log(lambda severity, text: None, lambda: "")
        self.services = Services("0.1.0", "/data", self.port, log)
        self.services.phone = FakePhone()
        self.services.load()
        self.console = Console(self.services, hashes.sha256_digest)
        self.console.start(now)

    def site(self):
        """Return the files of the site in use, or None."""
        store = self.services.store
        return store.load(store.current()) if store.current() else None


class MemoryLink:
    """scripts.lib.serial_link.SerialLink without a port.

    `break_every`: after so many bytes to the box the cable is pulled; with
    `power_cycle` the box loses its power as well.
    """

    bytes_per_second = 11520.0

    def __init__(self, box, to_box=None, from_box=None, break_every=0, power_cycle=False):
        self._box = box
        self._to_box = to_box or Noise()
        self._from_box = from_box or Noise()
        self._break_every = break_every
        self._power_cycle = power_cycle
        self._time = 0.0
        self._received = b""
        self.written = 0
        self.breaks = 0

    def now(self):
        return self._time

    def write(self, data):
        self.written += len(data)
        if self._break_every and self.written >= self._break_every * (self.breaks + 1):
            self.breaks += 1
            self._box.console.feed(data[: len(data) // 2], self._time)
            if self._power_cycle:
                self._box.power_cycle(self._time)
            raise LinkLost("the cable was pulled")
        self._time += len(data) / self.bytes_per_second
        self._box.console.feed(self._to_box.spoil(data), self._time)

    def read(self, seconds):
        """Let time pass until something comes or the time is over."""
        end = self._time + seconds
        while True:
            self._collect()
            due = self._box.console.next_timer()
            if self._received or due is None or due > end:
                break
            self._time = max(self._time, due)
            self._box.console.handle_timers(self._time)
        if not self._received:
            self._time = end
        data, self._received = self._received, b""
        self._time += len(data) / self.bytes_per_second
        return data

    def reopen(self, seconds):
        self._received = b""

    def _collect(self):
        self._received += self._from_box.spoil(self._box.console.output())
