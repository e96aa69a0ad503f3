"""A box on a real terminal, for tests: INTERPRETER box_on_line.py TERMINAL DATA_FOLDER.

Runs under both interpreters: the console, provisioning and store with app/port below
them, and no telephone.
"""

import sys

from app.appliance.console import Console
from app.appliance.log import Log
from app.appliance.services import Services
from app.port import clock, files, hashes, loop, net, system, tty


class Port:
    """What Services takes as `port`."""


Port.files, Port.hashes, Port.net, Port.system = files, hashes, net, system


class Box:
    """The wiring: bytes from the line to the console, and its timers."""

    def __init__(self, terminal, folder):
        log = Log(lambda severity, text: None, lambda: clock.date(clock.wall()))
        services = Services("test", folder, Port, log)
        services.load()
        self.line = tty.Tty(terminal)
        self.console = Console(services, hashes.sha256_digest)
        self.sleeper = loop.Sleeper(clock.now)

    async def run(self):
        """Run until the line hangs up."""
        task = loop.spawn(self.keep_time())
        self.console.start(clock.now())
        while True:
            self.show()
            await loop.readable(self.line.fd)
            data = self.line.read()
            if data == b"":
                break
            if data:
                self.console.feed(data, clock.now())
        task.cancel()

    async def keep_time(self):
        """Run the console's timers."""
        while True:
            await self.sleeper.until_due()
            self.sleeper.set(None)
            self.console.handle_timers(clock.now())
            self.show()

    def show(self):
        """Send what the console says; the test's line takes everything in time."""
        self.line.write(self.console.output())
        self.sleeper.set(self.console.next_timer())


if __name__ == "__main__":
    loop.run(Box(sys.argv[1], sys.argv[2]).run())
