"""Verbs of Kamailio's dispatcher: destinations from the sets of the table of that name."""

from app.proxy.dispatcher import ANY_SET, IGNORE_PROTOCOL
from app.proxy.target import next_hop
from app.sip.errors import ParseError
from app.sip.uri import Uri, parse_uri


class DispatcherSourceVerbs:
    """For requests and replies alike. Needs: proxy, config, peer, avp."""

    def ds_is_from_list(self, setid=ANY_SET, mode=IGNORE_PROTOCOL, uri=""):
        """-> bool: the source address, or that of `uri`, is one of that set; -1: of any.

        `mode` adds up what is not compared, 1 the port, 2 the transport; 4: active ones only.
        The attributes of the row are in `r.avp["ds_attrs"]` then, the set in `r.avp["ds_setid"]`.
        `if r.ds_is_from_list(1, 3): ...`
        """
        peer = self._ds_peer(uri) if uri else self.peer
        found = None
        if peer is not None:
            found = self.proxy.modules.dispatcher.find_source(int(setid), int(mode), peer)
        if found is not None:
            self.avp["ds_attrs"], self.avp["ds_setid"] = found.body, found.setid
        return found is not None

    def _ds_peer(self, uri):
        """-> Peer | None."""
        try:
            there = parse_uri(uri)
        except ParseError:
            return None
        # an alias counts in dialogs alone: it would hide where the rest of the URI leads
        return next_hop(there, self.config, use_alias=False) if there.is_sip else None



class DispatcherVerbs(DispatcherSourceVerbs):
    """Needs: proxy, config, now, ru, du, set_ruri, call, is_emergency. Sets gateway: the
    Destination selected last; gateways: those that are left for ds_next_dst and its kin."""

    gateway = None
    gateways = ()

    def ds_select_dst(self, setid, algorithm, limit=0):
        """-> bool: a destination of that set is the next hop now; the Request-URI stays.

        Algorithms: 0 hash of Call-ID, 1 of From, 2 of To, 3 of the Request-URI's user, 4 round
        robin, 5 hash of the authenticated user, 6 random, 8 by priority, 9 by weight, 10 the
        least loaded, 11 by relative weight, 14 4 if all have one priority, else 8. `limit`: at
        most so many, 0 all, are tried one after the other.
        `if not r.ds_select_dst(1, 8): return r.sl_send_reply(503, "Service Unavailable")`
        """
        return self._ds_select(setid, algorithm, limit) and self.ds_next_dst()

    def ds_select_domain(self, setid, algorithm, limit=0):
        """-> bool: the same, with host and port of the Request-URI replaced by its own.

        `if not r.ds_select_domain(1, 8): return r.sl_send_reply(503, "Service Unavailable")`
        """
        return self._ds_select(setid, algorithm, limit) and self.ds_next_domain()

    def ds_next_dst(self):
        """-> bool: there is another destination, and it is the next hop now.

        `if r.t_check_status("408|5..") and r.ds_next_dst(): return r.t_relay()`
        """
        while self._ds_take():
            peer = next_hop(self.gateway.uri, self.config)
            if peer is not None:
                self.du = peer
                return True
        return False

    def ds_next_domain(self):
        """-> bool: the same, in the Request-URI.

        `if r.t_check_status("408|5..") and r.ds_next_domain(): return r.t_relay()`
        """
        while self._ds_take():
            there = self.gateway.uri
            if next_hop(there, self.config) is None:
                continue
            user = self.ru.user if self.ru.is_sip else None
            self.set_ruri(Uri(there.scheme, user, there.host, there.port, there.params.copy()))
            self.du = None
            return True
        return False

    def ds_mark_dst(self, state="i"):
        """-> bool: the destination selected last is in that state now: "a" active, "i" inactive,
        "t" one failure more, "d" disabled; with "p" it is probed. What is never probed is not
        marked, as nobody would find out that it is back. `r.ds_mark_dst("ip")`
        """
        if self.gateway is None:
            return False
        return self.proxy.modules.dispatcher.mark(self.gateway, state, self.now)

    def ds_list_exists(self, setid):
        """-> bool: the table has that set. `if r.ds_list_exists(2): ...`"""
        return int(setid) in self.proxy.modules.dispatcher.sets

    def ds_is_active(self, setid):
        """-> bool: a destination of that set is active. `if not r.ds_is_active(1): ...`"""
        every = self.proxy.modules.dispatcher.sets.get(int(setid), ())
        return [each for each in every if each.is_active] != []

    def _ds_select(self, setid, algorithm, limit):
        found = self.proxy.modules.dispatcher.select(
            int(setid), int(algorithm), self, any_state=self.is_emergency()
        )
        self.gateways = found[: int(limit)] if int(limit) else found
        return self.gateways != []

    def _ds_take(self):
        """-> bool: `gateway` is the next of those selected; the call counts as load of it."""
        if not self.gateways:
            return False
        self.gateway = self.gateways[0]
        self.gateways = self.gateways[1:]
        if self.call is not None:
            self.call.gateway = self.gateway
        return True
