"""What the program holds, as a file: for tests of endurance (`--stats FILE`).

The file is replaced every EVERY seconds; a line is "name number". What goes up and does not come
down when the load has gone is a leak.
"""

from app.port import clock, files, heap, system

EVERY = 1.0  # seconds


class Figures:
    """box: the Box of app/main.py; path: of the file."""

    def __init__(self, path, box):
        self._path = path
        self._box = box
        self._due = 0.0

    def next_timer(self):
        """Return when to call handle_timers()."""
        return self._due

    def handle_timers(self, now):
        """Write the file, if it is time."""
        if now < self._due:
            return
        self._due = now + EVERY
        lines = [f"{name} {number}\n" for name, number in self._take(now)]
        files.write_atomic(self._path, "".join(lines).encode())

    def _take(self, now):
        """Return [(name, int)]; `heap` behind a collection."""
        service = self._box.service
        found = [("second", int(clock.now())), ("descriptors", system.descriptors())]
        if service is not None:
            proxy, endpoint = service.proxy, service.endpoint
            found += [
                ("transactions", len(endpoint)),
                ("deadlines", endpoint.deadlines.held + proxy.deadlines.held),
                ("calls", len(proxy.calls)),
                ("streams", 0 if proxy.media is None else len(proxy.media)),
                ("bindings", len(service.registrations(now))),
                ("waiting", len(service.intake)),
                ("refused", service.intake.shed),
                ("answered", proxy.calls.answered),
                ("faults", service.faults),
            ]
        return found + [("heap", heap.held())]
