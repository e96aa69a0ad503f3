"""Pseudo-variables of the script, and its lines in the log: core, pv, xlog.

`$fU` of Kamailio is `r.fU` here; header values are `r.hdr("Subject")`.
"""

from app.proxy.text import printable
from app.sip.errors import ParseError
from app.sip.hosts import UNSPECIFIED, family_of
from app.sip.uri import unescape

LEVELS = {"L_ALERT": "error", "L_BUG": "error", "L_CRIT": "error", "L_ERR": "error",
          "L_WARN": "warning", "L_NOTICE": "notice", "L_INFO": "info", "L_DBG": "info"}  # fmt: skip


class ValueVerbs:
    """Needs: msg, peer, proxy, script, config, fu, tu."""

    # Where the message came from and to

    @property
    def pr(self):
        """The transport it came by: "udp", "tcp", "tls", "ws", "wss"; Kamailio's `proto`."""
        return self.peer.transport

    @property
    def Ri(self):
        """The address of ours that it came to."""
        here = self.config.interfaces.for_peer(self.peer)
        if here is None or family_of(here.host) == 0 or here.host in UNSPECIFIED:
            return self.config.interfaces.told(self.peer)[0]
        return here.host

    @property
    def Rp(self):
        """The port of ours that it came to."""
        here = self.config.interfaces.for_peer(self.peer)
        return self.config.interfaces.told(self.peer)[1] if here is None else here.port

    def src_port(self):
        """-> int: the port it came from. `if r.src_port() != 5060: ...`"""
        return self.peer.port

    def dst_ip(self):
        """-> str: the address of ours that it came to. `if r.dst_ip() == "192.0.2.10": ...`"""
        return self.Ri

    def dst_port(self):
        """-> int: the port of ours that it came to. `if r.dst_port() == 5080: ...`"""
        return self.Rp

    def proto(self):
        """-> str: the transport it came by. `if r.proto() == "tls": ...`"""
        return self.peer.transport

    # What it says

    @property
    def fU(self):
        """The user of From, unescaped; "" without one."""
        return unescape(self.fu.user or "")

    @property
    def fd(self):
        """The host of From."""
        return self.fu.host or ""

    @property
    def fn(self):
        """The display name of From, as it is written."""
        return self.msg.from_.display or ""

    @property
    def tU(self):
        """The user of To, unescaped; "" without one."""
        return unescape(self.tu.user or "")

    @property
    def td(self):
        """The host of To."""
        return self.tu.host or ""

    @property
    def tn(self):
        """The display name of To, as it is written."""
        return self.msg.to.display or ""

    @property
    def cs(self):
        """The number of CSeq."""
        return self.msg.cseq.number

    @property
    def rb(self):
        """The body, bytes."""
        return self.msg.body

    def hdr(self, name):
        """-> str: the first value of a header as it came, "" without one: Kamailio's $hdr.

        `if r.hdr("Subject") == "x": ...`
        """
        return self.msg.header(name.lower()) or ""

    def hdrs(self, name):
        """-> [str]: all values of a header, comma lists split; [] for one that is malformed.

        `if "100rel" in r.hdrs("Supported"): ...`
        """
        try:
            return self.msg.headers(name)
        except ParseError:
            return []

    def is_request(self):
        """-> bool: no reply. `if r.is_request(): ...`"""
        return not self.is_reply

    # The log

    def xlog(self, level, text=None):
        """Writes a line to the log; L_ERR, L_WARN, L_NOTICE, L_INFO (also without a level).

        Python's f-strings take the place of the pseudo-variables. Control characters are
        replaced. `r.xlog("L_NOTICE", f"{r.fU} calls {r.rU}")`
        """
        if text is None:
            level, text = "L_INFO", level
        write = getattr(self.proxy.log, LEVELS.get(level, "info"))
        write(printable(str(text).rstrip("\n"), 400))
        return True

    def log(self, level, text=None):
        """xlog. `r.log("L_INFO", "here")`"""
        return self.xlog(level, text)

    # Routes

    def check_route_exists(self, name):
        """-> bool: the script has a function of this name. `if r.check_route_exists("x"): ...`"""
        return callable(getattr(self.script, name, None))

    def route_if_exists(self, name):
        """Runs the function of this name, if there is one. -> what it returns, or False.

        `r.route_if_exists("local_rules")`
        """
        return self.check_route_exists(name) and getattr(self.script, name)(self)
