"""The verb of subscriptions to this box: Kamailio's presence module."""


class SubscribeVerbs:
    """Needs: msg, config, proxy, peer, now; ru, credentials."""

    def handle_subscribe(self):
        """-> bool: it was a SUBSCRIBE for an event package of ours, and has been answered.

        Packages: "reg" (RFC 3680). Others go on to the extension that they are for. Behind
        proxy_authorize and check_from only: 403 without credentials.
        `if r.handle_subscribe(): return None`
        """
        subscriptions = self.proxy.modules.subscriptions
        if not self.is_method("SUBSCRIBE") or not self.config.is_myself(self.ru):
            return False
        if subscriptions.package_of(self.msg) is None:
            return False
        unknown = self.msg.headers("require")
        if self.credentials is None:
            self.refused("subscription without a password")
            return self.sl_send_reply(403, "Forbidden")
        if unknown:
            self.t_reply(420, "Bad Extension", ["Unsupported: " + ", ".join(unknown)])
        else:
            subscriptions.subscribe(self)
        return True
