"""Verbs that look at a message or add to it, for requests and replies alike (textops, siputils)."""

from app.proxy.rewrite import is_own
from app.proxy.verbs_text import header_of
from app.sip.errors import ParseError
from app.sip.headers import parse_name_addr
from app.sip.sdp import sdp_body


class MessageVerbs:
    """Needs: edits, config.

    Pseudo-variables, by Kamailio's names: rm (method), ci (Call-ID), ft, tt (tags),
    si, sp (source address and port), fu, tu (From and To as Uri).
    """

    def read_message(self, msg, peer):
        """Sets msg, peer and the pseudo-variables, once: every verb looks at them."""
        self.msg = msg
        self.peer = peer
        self.rm = msg.cseq.method
        self.ci = msg.call_id
        self.fu = msg.from_.uri
        self.tu = msg.to.uri
        self.ft = msg.from_.tag or ""
        self.tt = msg.to.tag or ""
        self.si = peer.host
        self.sp = peer.port

    @property
    def msg_len(self):
        """Bytes of the message: SER's `msg:len`. `if r.msg_len >= 8192: ...`"""
        return len(self.msg.raw)

    def src_ip(self):
        """-> str: the address the message came from. `if r.src_ip() == "192.0.2.7": ...`"""
        return self.peer.host

    def is_method(self, names):
        """-> bool: the method, in a reply that of its CSeq, is one of `"INVITE|BYE"`.

        Methods are case-sensitive (RFC 3261 7.1). `if r.is_method("REGISTER"): ...`
        """
        return self.rm in names.split("|")

    def has_totag(self):
        """-> bool: the To header has a tag, so it claims to be of a dialog.

        `if r.has_totag() and not r.loose_route(): ...`
        """
        return bool(self.tt)

    def has_body(self, kind=None):
        """-> bool: there is a body, of this content type. `if r.has_body("application/sdp"): ...`

        For application/sdp a part of a multipart body counts as well.
        """
        if not self.msg.body:
            return False
        if kind == "application/sdp":
            return self._has_sdp()
        return kind is None or (self.msg.header("content-type") or "").lower().startswith(kind)

    def is_first_hop(self):
        """-> bool: the sender is the one who made the message, no proxy stands between.

        A request has one Via then; a reply has our own Record-Route first, if it has any.
        `if r.is_first_hop() and r.nat_uac_test(19): r.add_contact_alias()`
        """
        if not self.is_reply:
            return len(self.msg.headers("via")) == 1
        routes = self.msg.headers("record-route")
        try:
            return not routes or is_own(parse_name_addr(routes[0]).uri, self.config)
        except ParseError:
            return False

    def is_present_hf(self, name):
        """-> bool: the received message has this header. `if r.is_present_hf("Replaces"): ...`"""
        return self.msg.header(name) is not None

    def _has_sdp(self):
        try:
            return sdp_body(self.msg) is not None
        except ParseError:
            return False

    def append_hf(self, line):
        """Adds a header behind the others of what is sent on. `r.append_hf("P-hint: outbound")`

        The line break that SER wants at the end may be left out.
        """
        name, value = header_of(line)
        self.edits.append(name, value)
        return True

    def remove_hf(self, name):
        """Takes a header out of what is sent on. -> bool: it was there.

        `r.remove_hf("X-Debug")`
        """
        return self.edits.remove(name.lower())
