"""A Box whose names are looked up in a Zone of the test's own. Portable."""

from app.dns.resolver import Resolver
from app.proxy.locate import Locator
from tests.dns.answers import Zone
from tests.proxy.box import Box, Counter

SERVER = ("192.0.2.53", 53)


class NamedBox(Box):
    """A Box with dns = yes. zone: what the name server knows; it answers at once, unless silent.

    draw: which of equal SRV records are chosen, as in app/proxy/locate.py.
    """

    def __init__(self, *records, draw=lambda limit: 0, **settings):
        super().__init__(dns=True, **settings)
        self.zone = Zone(*records)
        self.resolver = Resolver([SERVER], Counter().token)
        self.proxy.locator = Locator(self.resolver, self.config, draw)

    def settle(self):
        super().settle()
        while self._serve():
            super().settle()

    def _serve(self):
        """-> bool: the zone was asked something."""
        before = len(self.zone.asked)
        self.zone.serve(self.resolver, self.now)
        return len(self.zone.asked) > before
