"""Verbs of Kamailio's uac: other names further on, credentials of ours, accounts of uacreg."""

from app.proxy.credentials import HEADERS, Answers, Credential
from app.proxy.names import MAX_AHEAD, MAX_TEXT, Names, plain
from app.proxy.uacreg import UNKNOWN
from app.sip.headers import NameAddr, parse_name_addr
from app.sip.uri import Uri, escape, parse_uri

BY_USERNAME = 1  # modes of uac_reg_request_to


class UacVerbs:
    """Needs: proxy, config, now, msg, edits, failure, targets, ru, du, set_ruri. Sets names:
    names.Names; answers: the credentials.Answers of this transaction for the server at the
    address answered_at."""

    answers = answered_at = None

    # From and To

    def uac_replace_from(self, display, uri=None):
        """Has From say another display name and URI further on: in this request, and in all
        of the dialog, while the sender finds its own in every response and request.

        "" as display name takes it away, "" as URI leaves that; with one argument, a URI, the
        display name stays. -> bool: False for what is too long to be carried along.
        `r.uac_replace_from("", "sip:0301234@provider.example")`
        """
        text = _replaced(self.msg.from_, display, uri)
        if not text:
            return False
        self._rename().from_ = text
        return True

    def uac_replace_to(self, display, uri=None):
        """The same with To. `r.uac_replace_to("", "sip:0301234@provider.example")`"""
        text = _replaced(self.msg.to, display, uri)
        if not text:
            return False
        self._rename().to = text
        return True

    def uac_restore_from(self):
        """-> bool: From is another one further on, as uac_replace_from has it in this dialog.

        Nothing is to be done for that: loose_route() has seen to it.
        `if r.uac_restore_from(): ...`
        """
        return self.names is not None and self.names.from_ != ""

    def uac_restore_to(self):
        """-> bool: the same of To. `if r.uac_restore_to(): ...`"""
        return self.names is not None and self.names.to != ""

    def _rename(self):
        """-> Names of this request's own, to be changed."""
        old = self.names or Names()
        self.names = Names(old.from_, old.to, old.cseq)
        return self.names

    # Credentials

    def uac_auth(self, mode=0):
        """-> bool: the challenge of the branch at hand is answered, and the request may be sent
        there again. In a failure route only. The credentials are those of the account in
        `uacreg`, or of site.conf's [trunk], that is at the challenger's address; its realm
        must be that of the challenge. CSeq goes on, in the dialog too. `mode` says nothing here:
        each of them knows whether it is a password or an HA1.

        `if r.t_check_status("401|407") and r.uac_auth(): return r.t_relay()`
        """
        branch = self.failure.branch if self.failure is not None else None
        if branch is None or branch.reply is None or branch.reply.status not in HEADERS:
            return False
        if branch.source.host != branch.peer.host or self._rename().cseq >= MAX_AHEAD:
            return False
        if self.answered_at != branch.peer.host:  # nobody is shown what another one was
            self.answered_at = branch.peer.host
            credentials = self._credentials_at((branch.peer.host, branch.asked.host))
            self.answers = Answers(credentials, self.proxy.hashes, self.proxy.token)
        if not self.answers.take(branch.reply):
            return False
        for line in self.answers.lines(self.msg.method, str(branch.target.uri)):
            self.append_hf(line)
        self.targets = [branch.target]
        self.du = branch.peer
        self.names.cseq += 1
        branch.dropped = branch.superseded = True  # a challenge that is answered is no result
        return True

    def _credentials_at(self, hosts):
        """-> [Credential] that are meant for the server at an address, or of a name."""
        found = []
        accounts = self.proxy.modules.accounts.all
        for uuid in sorted(accounts):
            peer = accounts[uuid].peer()
            if peer is not None and peer.host in hosts:
                found.append(accounts[uuid].credential)
        config = self.config
        if config.trunk_username and config.trunk_host in hosts:
            found.append(Credential(
                config.trunk_realm, config.trunk_username, config.trunk_password
            ))  # fmt: skip
        return found

    # uacreg

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
        """-> bool: the request goes to where an account registers, in its domain, where uac_auth()
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
        return True


def _replaced(name_addr, display, uri):
    """-> str: From or To without parameters, with another display name and URI; "" when it, or
    what it replaces, is too long."""
    if uri is None:
        display, uri = name_addr.display, display
    elif display[:1] == '"':
        display = parse_name_addr(f"{display} <sip:a>").display
    text = plain(NameAddr(parse_uri(uri) if uri else name_addr.uri, display))
    return text if max(len(text), len(plain(name_addr))) <= MAX_TEXT else ""
