"""Verbs against floods, scanners and guessing: Kamailio's pike (app/proxy/pike.py)."""

FLOW = 600  # seconds that credentials vouch for the flow they came on


class PikeVerbs:
    """Needs: msg, peer, config, proxy, now; done, delay; within, ft."""

    @property
    def ua(self):
        """The User-Agent header, "" without one."""
        return self.msg.header("user-agent") or ""

    def pike_check_req(self):
        """-> bool: False when this source has sent too many requests; it is banned then.

        A trunk, and a telephone that has authenticated, may send as many as they like.
        `if not r.pike_check_req(): return r.drop()`
        """
        return self.proxy.pike.check(self.peer, self.msg.raw, self.now)

    def is_scanner(self):
        """-> bool: the User-Agent has one of the words of `[security] scanners`.

        `if r.is_scanner(): return r.drop()`
        """
        agent = self.ua.lower()
        for word in self.config.scanners if agent else ():
            if word in agent:
                return True
        return False

    def is_known_user(self):
        """-> bool: somebody has proved lately that he is a user, from where this comes, and it is
        not the stranger that began the call.

        `if not r.is_known_user(): return r.proxy_challenge("", 1)`
        """
        call = self.within
        if call is not None and call.is_strangers and call.tag == self.ft:
            return False
        return bool(self.proxy.pike.user_of(self.peer, self.now))

    # What the verbs of authentication tell.

    def _note_proof(self, credentials):
        """Credentials were right. -> bool: that counts; if not, the request gets no answer."""
        user = credentials.username.lower()
        if not self.proxy.pike.may_try(self.peer, user, self.now):
            self.refused(f"too many wrong passwords came from here; {user} is not heard")
            self.drop()
            return False
        lasts = self.config.max_expires if self.is_method("REGISTER") else FLOW
        self.proxy.pike.vouch(self.peer, user, self.now + lasts, self.now)
        return True

    def _note_failure(self, credentials):
        """Credentials were wrong: the answer waits a little, or there is none."""
        user = credentials.username
        self.delay = self.proxy.pike.failed(self.peer, user, self.msg.raw, self.now)
        if self.delay is None:
            self.drop()
