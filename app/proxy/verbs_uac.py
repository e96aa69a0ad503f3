"""Verbs of Kamailio's uac: the accounts of the table uacreg."""

from app.proxy.uacreg import UNKNOWN
from app.sip.uri import Uri, escape, parse_uri

BY_USERNAME = 1  # modes of uac_reg_request_to


class UacVerbs:
    """Needs: proxy, config, now, ru, du, set_ruri. Sets account: the uacreg.Account whose
    credentials uac_auth() may give."""

    account = None

    def uac_reg_lookup(self, uuid=None):
        """-> bool: the request is for the contact of an account, and its Request-URI is what
        the row says now, l_username@l_domain. `uuid`: that of the Request-URI without.

        `r.uac_reg_lookup()`
        """
        if not self.ru.is_sip:
            return False
        account = self.proxy.modules.accounts.find(
            uuid or self.ru.params.get("line") or self.ru.aor[0] or ""
        )
        if account is None or not account.l_username:
            return False
        host = account.l_domain or self.ru.host
        self.set_ruri(Uri("sip", escape(account.l_username), host))
        return True

    def uac_reg_status(self, uuid):
        """-> int: 1 registered, -1 no such account, -2 under way, -3 disabled, -99 not registered.

        `if r.uac_reg_status("0301234") == 1: ...`
        """
        account = self.proxy.modules.accounts.find(uuid)
        return UNKNOWN if account is None else account.status(self.now)

    def uac_reg_request_to(self, user, mode=0):
        """-> bool: the request goes to where an account registers, in its domain, and uac_auth()
        has its credentials. `user` is an l_uuid, with mode 1 an l_username.

        `if r.uac_reg_request_to("0301234"): return relay(r)`
        """
        account = self.proxy.modules.accounts.find(user, bool(int(mode) & BY_USERNAME))
        peer = None if account is None else account.peer()
        if peer is None:
            return False
        there = parse_uri(account.registrar)
        self.set_ruri(Uri("sip", self.ru.user if self.ru.is_sip else None, there.host, there.port))
        self.du = peer
        self.account = account
        return True
