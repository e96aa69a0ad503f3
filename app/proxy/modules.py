"""Kamailio's modules that live from tables: read once a site, indexed, then only looked at."""

from app.proxy.dialplan import Dialplans
from app.proxy.dispatcher import Dispatcher
from app.proxy.groups import Blocklists
from app.proxy.keepalive import Keepalive
from app.proxy.limits import Limits
from app.proxy.permissions import Permissions
from app.proxy.reg_event import RegEvent
from app.proxy.subscriptions import Subscriptions
from app.proxy.uacreg import Accounts


class Modules:
    """permissions, dialplans, blocklists, dispatcher, accounts (uacreg), limits: verbs ask.

    keepalive: what nathelper does by itself. subscriptions: to event packages of ours.
    """

    def __init__(self, proxy):
        self._proxy = proxy
        self.dispatcher = Dispatcher(proxy)
        self.accounts = Accounts(proxy)
        self.keepalive = Keepalive(proxy)
        self.limits = Limits()
        self.subscriptions = Subscriptions(proxy)
        self.subscriptions.add_package(RegEvent(proxy, self.subscriptions))
        self.use(proxy.tables, proxy.config)

    def use(self, tables, config):
        """Takes another site's tables and settings."""
        log = self._proxy.log
        self.permissions = Permissions(tables, config, log)
        self.dialplans = Dialplans(tables.get("dialplan"), log)
        self.blocklists = Blocklists(tables, config.use_domain)
        self.dispatcher.use(tables.get("dispatcher"), config)
        self.accounts.use(tables.get("uacreg"))
        self.keepalive.use(config)

    def start(self, now):
        """Begins what these modules do by themselves; again after each use()."""
        self.dispatcher.start(now)
        self.accounts.start(now)
        self.keepalive.start(now)
