"""The routing script in force: the site's own where it has one, else the shipped one.

A site's routes.py is laid over the shipped script: a function of it takes the place of the
shipped one of that name. When it fails on a message, that message is routed by the shipped
script; when it fails again and again, the shipped one is in force for a while.
"""

from app.proxy.text import printable

FILE = "routes.py"
LIMIT = 2.0  # seconds of the processor that the site's script has for a message
FAULTS = 5  # of the site's script ...
WITHIN = 60.0  # ... in so many seconds, and
REST = 300.0  # for so many seconds it is left out


class Script:
    """shipped: the module app.routes; log; tools: app.port.scripts, or None."""

    def __init__(self, shipped, log, tools=None):
        self.shipped = shipped
        self.own = None
        self.faults = 0  # since the site's script was taken
        self._log = log
        self.tools = tools
        self.limit = LIMIT
        self._recent = []  # `now` of the last faults
        self._rests_until = None
        self._now = 0.0

    def use(self, own):
        """Takes a site's script (a module), or none (None)."""
        self.own = own
        self.faults = 0
        self._recent = []
        self._rests_until = None

    def in_force(self, now):
        """-> the module that routes a request which comes now."""
        self._now = now
        if self.own is None:
            return self.shipped
        if self._rests_until is not None:
            if now < self._rests_until:
                return self.shipped
            self._rests_until = None
            self._log.notice(f"{FILE} of the site is tried again")
        return self.own

    @property
    def exceptions(self):
        """-> exceptions that a script may end with; a MemoryError among them is nobody's fault."""
        return exceptions_of(self.tools)

    def is_own(self, module):
        """-> bool: it is the site's, so a fault in it need not be the end of the message."""
        return module is not self.shipped

    def run(self, module, function, r):
        """Calls a function of a script with a request or reply; the site's has LIMIT for it."""
        if self.tools is None or not self.is_own(module):
            return function(r)
        return self.tools.limited(self.limit, function, r)

    def failed(self, error, where, now):
        """Notes a fault of the site's script; `where`: what it was at, for the log."""
        line = 0 if self.tools is None else self.tools.place_of(error, FILE)
        place = f"{FILE}:{line}" if line else FILE
        what = printable(f"{error!r}")
        self._log.error(f"{place}: {what} in {where}; the shipped script goes on with it")
        self.faults += 1
        self._recent = [each for each in self._recent if now - each < WITHIN] + [now]
        if len(self._recent) >= FAULTS:
            self._recent = []
            self._rests_until = now + REST
            self._log.error(
                f"{FILE} of the site failed {FAULTS} times within {int(WITHIN)} s: "
                f"the shipped script is in force for {int(REST)} s"
            )

    def status(self):
        """-> str for the status page, as of the last request."""
        if self.own is None:
            return "as shipped"
        if self._rests_until is not None:
            left = max(0, int(self._rests_until - self._now))
            return f"as shipped for {left} s, {FILE} of the site failed {self.faults} times"
        return f"{FILE} of the site, {self.faults} faults"


def exceptions_of(tools):
    """-> exceptions that a script may end with, where it runs by these tools."""
    return (Exception,) if tools is None else (Exception, tools.OutOfTime)


def route_named(script, route):
    """-> function of a script, for `t_on_failure("name")`; None for "". ValueError: no such."""
    if not route or callable(route):
        return route or None
    found = getattr(script, route, None)
    if not callable(found):
        raise ValueError(f"the script has no function {route}")
    return found
