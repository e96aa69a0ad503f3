"""Kamailio's modules that live from tables: read once a site, indexed, then only looked at."""

from app.proxy.dialplan import Dialplans
from app.proxy.groups import Blocklists
from app.proxy.permissions import Permissions


class Modules:
    """permissions, dialplans, blocklists: what the verbs of those modules ask."""

    def __init__(self, proxy):
        self._proxy = proxy
        self.use(proxy.tables, proxy.config)

    def use(self, tables, config):
        """Takes another site's tables and settings."""
        log = self._proxy.log
        self.permissions = Permissions(tables, config, log)
        self.dialplans = Dialplans(tables.get("dialplan"), log)
        self.blocklists = Blocklists(tables, config.use_domain)
