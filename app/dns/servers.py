"""The name servers that are asked: which one first, and what is known of each."""

QUIET = 30  # seconds that a server which did not answer comes last
SERVER_LIMIT = 3  # as resolv.conf(5) has it


class Server:
    """host: textual IP address; plain: it does not know EDNS0 (RFC 6891 6.2.2)."""

    def __init__(self, host, port):
        self.host = host
        self.port = port
        self.plain = False
        self.quiet_until = 0.0


class Servers:
    """In the order of the site; those that were silent lately come behind the others."""

    def __init__(self, addresses):
        self._servers = []
        self.use(addresses)

    def __len__(self):
        return len(self._servers)

    def use(self, addresses):
        """Takes [(host, port)]. -> bool: they are others than before."""
        addresses = list(addresses)[:SERVER_LIMIT]
        if addresses == [(each.host, each.port) for each in self._servers]:
            return False
        self._servers = [Server(host, port) for host, port in addresses]
        return True

    def order(self, now):
        """-> [Server], the one to ask first in front."""
        awake = [each for each in self._servers if each.quiet_until <= now]
        return awake + [each for each in self._servers if each.quiet_until > now]
