"""Verbs of the first stage: limits, and whose request this is (maxfwd, core)."""


class SanityVerbs:
    """Needs: msg, edits, config."""

    def mf_process_maxfwd_header(self, limit):
        """-> bool: False when Max-Forwards is used up; else it is counted down.

        `limit` is what a request without the header gets (RFC 3261 16.3 step 3, 16.6 step 3).
        `if not r.mf_process_maxfwd_header(10): return r.sl_send_reply(483, "Too Many Hops")`
        """
        left = self.msg.max_forwards
        if left is None:
            self.edits.append("Max-Forwards", str(limit))
            return True
        if left == 0:
            return False
        self.edits.replace("max-forwards", 0, str(left - 1))
        return True

    def sanity_check(self, msg_checks=0, uri_checks=0):
        """Kamailio's check of the message: here each has passed one before it comes to the script,
        or has been answered (app/sip/check.py). -> True. `if not r.sanity_check(): return None`
        """
        return True

    def is_myself(self, uri):
        """-> bool: a Uri names this box: SER's `uri == myself`. `if r.is_myself(r.ru): ...`"""
        return self.config.is_myself(uri)
