"""Verbs that know calls in progress: Kamailio's dialog module."""

from app.sip.transport import same_place


class DialogVerbs:
    """Needs: msg, peer, proxy, ci, ft, tt; du, within, names."""

    def is_known_dlg(self):
        """-> bool: the request is of a call that passes here, and goes to the other party.

        For who leaves the Route set out, as sipp's own scenarios do. Call-ID and both tags must be
        the call's, and the source the very one that its INVITE came from, or went to and was
        answered. It takes a look at our memory, where loose_route() takes one at the seal; a
        restart ends it. With any Route it is False: a bad seal is not made good.
        `if r.loose_route() or r.is_known_dlg(): return within_dialog(r)`
        """
        call = self.proxy.calls.get(self.ci)
        if call is None or "route" in self.msg.spans or not self.tt or self.ft == self.tt:
            return False
        here, there = call.places.get(self.ft), call.places.get(self.tt)
        if here is None or there is None or not same_place(here, self.peer):
            return False
        self.du = there
        self.within = call
        self.names = call.names.get(self.ft)
        return True
