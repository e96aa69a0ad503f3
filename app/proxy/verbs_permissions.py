"""Verbs of Kamailio's permissions: tables address and trusted, and the trunk of site.conf."""

from app.proxy.permissions import NOBODY, TRUNKS


class PermissionVerbs:
    """Needs: msg, peer, proxy, fu. Sets peer_tag: the tag of the row that matched last.

    An address is no proof over UDP: let such a request reach extensions, never the world.
    """

    peer_tag = ""

    def allow_source_address(self, group=TRUNKS):
        """-> bool: the message comes from an address of that group. Group 1 are the trunks: the
        rows of `address` with grp 1, and the addresses of site.conf's [trunk].

        `if r.allow_source_address(): ...`
        """
        return self.allow_address(group, self.peer.host, self.peer.port)

    def allow_address(self, group, host, port):
        """-> bool: an address, or a name that a row names, is in that group with this port.

        `if r.allow_address(2, r.ru.host, r.ru.port or 5060): ...`
        """
        tag = self.proxy.modules.permissions.find(int(group), host, int(port))
        if tag is not None:
            self.peer_tag = tag
        return tag is not None

    def allow_source_address_group(self):
        """-> int: the group that the source address is in, -1 for none.

        `if r.allow_source_address_group() == 3: ...`
        """
        return self.allow_address_group(self.peer.host, self.peer.port)

    def allow_address_group(self, host, port):
        """-> int: the group that an address is in, -1 for none.

        `group = r.allow_address_group("192.0.2.7", 5060)`
        """
        group, tag = self.proxy.modules.permissions.group_of(host, int(port))
        if group != NOBODY:
            self.peer_tag = tag
        return group

    def allow_trusted(self, host=None, proto=None, uri=None):
        """-> bool: a row of `trusted` has the source address (or `host`), the transport (or
        `proto`), and fits the From URI (or `uri`) and the Request-URI.

        `if r.allow_trusted(): ...`
        """
        target = "" if self.is_reply else str(self.ru)
        tag = self.proxy.modules.permissions.trusted(
            host or self.peer.host, (proto or self.peer.transport).lower(), uri or str(self.fu),
            target,
        )  # fmt: skip
        if tag is not None:
            self.peer_tag = tag
        return tag is not None
