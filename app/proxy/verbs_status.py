"""Verbs of a reply route: what the response says, and what is made of it."""

from app.proxy.matching import search


class StatusVerbs:
    """Needs: msg, edits, status, request; dropped."""

    def t_check_status(self, pattern):
        """-> bool: the status matches a pattern. `if r.t_check_status("18[03]"): ...`"""
        return search(pattern, str(self.status)) is not None

    def t_get_status_code(self):
        """-> int: the status. `if r.t_get_status_code() == 183: ...`"""
        return self.status

    @property
    def rs(self):
        """The status, Kamailio's $rs."""
        return self.status

    @property
    def rr(self):
        """The reason phrase, Kamailio's $rr."""
        return self.msg.reason

    def drop(self):
        """Keeps a provisional response back; a final one goes on in any case. `r.drop()`"""
        self.dropped = True
        return True

    def change_reply_status(self, code, reason):
        """Has the caller get another status of the same class; 3xx to 6xx count as one.

        -> bool: it is. `if r.rs == 603: r.change_reply_status(480, "Not Now")`
        """
        code = int(code)
        kinds = [min(each // 100, 3) for each in (code, self.status)]
        if kinds[0] != kinds[1] or code > 699 or code == 100:
            return False
        self.edits.set_status(code, reason)
        return True
