"""Verbs of Kamailio's group, userblocklist and domain: memberships, prefixes, own domains."""

from app.proxy.groups import attributes_of, is_member
from app.sip.uri import parse_uri


class GroupVerbs:
    """Needs: proxy, config, fu, tu, ru, credentials, au, avp."""

    # group

    def is_user_in(self, whose, group):
        """-> bool: the table grp has that user in that group. `whose` is "From", "To",
        "Request-URI", "Credentials", or a URI. `if not r.is_user_in("Credentials", "int"): ...`
        """
        user, domain = self._user_of(whose)
        table = self.proxy.tables.get("grp")
        return is_member(table, user, domain, group, self.config.use_domain)

    def _user_of(self, whose):
        """-> (user, domain)."""
        if whose.lower() == "credentials":
            return self.au, self.credentials.realm.lower() if self.credentials else ""
        places = {"from": self.fu, "to": self.tu, "request-uri": self.ru}
        uri = places.get(whose.lower()) or parse_uri(whose)
        user, domain = uri.aor if uri.is_sip else (None, "")
        return user or "", domain

    # userblocklist: the longest prefix of the number decides

    def check_user_blocklist(self, user, domain, number=None, table="userblocklist"):
        """-> bool: False when the user's row with the longest prefix of the number (that of the
        Request-URI) blocks it; True when it allows it, or there is none.

        `if not r.check_user_blocklist(r.au, r.fu.host): ...`
        """
        return self._listed(table, user, domain, number) is not False

    def check_user_allowlist(self, user, domain, number=None, table="userblocklist"):
        """-> bool: the user's row with the longest prefix of the number allows it.

        `if r.check_user_allowlist(r.au, r.fu.host): ...`
        """
        return self._listed(table, user, domain, number) is True

    def check_blocklist(self, table="globalblocklist"):
        """-> bool: False when the row with the longest prefix of the Request-URI's number blocks
        it. `if not r.check_blocklist(): return r.sl_send_reply(403, "Forbidden")`
        """
        return self._listed(table, "", "", None) is not False

    def check_allowlist(self, table="globalblocklist"):
        """-> bool: the row with the longest prefix of the number allows it.

        `if not r.check_allowlist(): return r.sl_send_reply(403, "Forbidden")`
        """
        return self._listed(table, "", "", None) is True

    def _listed(self, table, user, domain, number):
        if number is None:
            number = (self.ru.aor[0] if self.ru.is_sip else "") or ""
        return self.proxy.modules.blocklists.find(table, user, domain, number)

    # domain

    def is_from_local(self):
        """-> bool: the domain in From is one of ours. `if r.is_from_local(): ...`"""
        return self.fu.is_sip and self.is_domain_local(self.fu.host)

    def is_uri_host_local(self):
        """-> bool: the domain in the Request-URI is one of ours. `if r.is_uri_host_local(): ...`"""
        return self.ru.is_sip and self.is_domain_local(self.ru.host)

    def is_domain_local(self, domain):
        """-> bool: the table domain or site.conf has it, or it is an address of the box.

        `if r.is_domain_local(r.tu.host): ...`
        """
        return self.config.is_our_host(domain)

    def lookup_domain(self, domain, prefix=""):
        """-> bool: the table domain has it; its `did`, and what domain_attrs has for that, are
        in `r.avp` then, their names behind `prefix`.

        `if r.lookup_domain(r.fu.host, "from_"): number = r.avp["from_did"]`
        """
        found = attributes_of(self.proxy.tables, domain)
        if found is None:
            return False
        for name in found:
            self.avp[prefix + name] = found[name]
        return True
