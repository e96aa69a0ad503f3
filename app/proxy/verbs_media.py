"""Verbs of the media relay, under the names of Kamailio's rtpproxy module.

The relay itself (app/media) is handed in; without one the verbs leave every SDP as it is.
"""

from app.sip.errors import ParseError
from app.sip.sdp import sdp_body

NEGOTIATING = "INVITE|ACK|PRACK|UPDATE"  # what an SDP is an offer or an answer in: RFC 6337 2


class MediaVerbs:
    """Needs: msg, edits, peer, proxy, is_reply, nested."""

    def rtpproxy_offer(self, flags=""):
        """Puts the relay's address into an SDP offer. -> bool: False when no ports are left.

        `flags` "r" trusts the address in the SDP: media may go there before any has come from
        it. Without, it goes to where the message came from only, whoever the SDP names.
        `if not r.rtpproxy_offer(): return r.sl_send_reply(503, "No Media Ports")`
        """
        return self._relay(self._offer, "r" in flags)

    def rtpproxy_answer(self, flags=""):
        """Puts the relay's address into the SDP that answers an offer. `r.rtpproxy_answer()`"""
        return self._relay(self._answer, "r" in flags)

    def rtpproxy_destroy(self):
        """Ends the relaying of this call's media. `if r.is_method("BYE"): r.rtpproxy_destroy()`"""
        self.proxy.end_media(self.ci, self.ft)
        return True

    def rtpproxy_manage(self, flags=""):
        """Does whichever is due: by method, direction and by who made the offer (RFC 3264).

        An SDP in a request is an offer, in its reply the answer; where the INVITE had none,
        the reply has the offer and the ACK or PRACK the answer. BYE ends the relaying.
        `if not r.rtpproxy_manage(): return r.sl_reply_error()`
        """
        if not self.is_reply and self.is_method("BYE"):
            return self.proxy.calls.get(self.ci) is not self.within or self.rtpproxy_destroy()
        if not self.has_body("application/sdp"):
            return True
        return self.rtpproxy_answer(flags) if self._is_answer() else self.rtpproxy_offer(flags)

    def _is_answer(self):
        if self.is_reply:
            return self.request_had_sdp
        if self.is_method("ACK"):
            return True
        call = self.proxy.calls.get(self.ci)
        return self.is_method("PRACK") and call is not None and not call.offered

    def _relay(self, rewrite, trusted):
        media = self.proxy.media
        if not self.is_reply and self.proxy.track(self) is False:
            self.error = self.busy()
            return False
        if media is None or self.nested or not self._has_media():
            return True
        try:
            span = sdp_body(self.msg)
            if span is None:
                return True
            body = self.msg.body
            sdp = rewrite(media, body[span[0] : span[1]], trusted)
        except ParseError as error:
            # not ours to judge (RFC 3261 16.3): the telephone that gets it will
            self.proxy.log.notice(f"SDP from {self.peer.host} is passed on as it is: {error}")
            return True
        except media.NoPorts:
            self.error = (503, "No Media Ports", (f"Retry-After: {self.config.retry_after}",))
            return False
        self.edits.set_body(body[: span[0]] + sdp + body[span[1] :])
        self.proxy.note_media(self.ci)
        return True

    def _has_media(self):
        """-> bool: it is of a call, which ends, or of a dialog of ours that outlived a restart.

        Anything else with an SDP, a MESSAGE or an UPDATE of no dialog, would hold ports that
        no BYE gives back.
        """
        request = self.request if self.is_reply else self
        is_within = request.du is not None and request.has_totag()
        return request.call is not None or (is_within and self.is_method(NEGOTIATING))

    def _offer(self, media, sdp, trusted):
        """The one who sends the offer is the side that the message comes from."""
        tag = self.tt if self.is_reply else self.ft
        return media.offer(self.ci, tag, sdp, self.peer.host, self.media_to(), trusted)

    def _answer(self, media, sdp, trusted):
        tags = (self.ft, self.tt) if self.is_reply else (self.tt, self.ft)
        return media.answer(self.ci, tags[0], tags[1], sdp, self.peer.host, trusted)
