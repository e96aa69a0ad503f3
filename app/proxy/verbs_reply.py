"""Verbs that answer a request: SER's sl and the replying half of tm."""

from app.proxy.text import printable
from app.sip.build import response

CAPABILITIES = (
    "Allow: INVITE, ACK, CANCEL, BYE, REGISTER, OPTIONS, PRACK, UPDATE, INFO, MESSAGE, SUBSCRIBE, "
    "NOTIFY, PUBLISH, REFER",
    "Accept: application/sdp",
    "Accept-Encoding: identity",
    "Accept-Language: en",
    "Supported: path, outbound",
)


class ReplyVerbs:
    """Needs: msg, peer, proxy, now; done, server, reply_lines, error, delay; failure, in_branch."""

    def sl_send_reply(self, code, reason, headers=()):
        """Answers without keeping a transaction. -> True, so that a stage can return it.

        `return r.sl_send_reply(404, "Not Found")`
        """
        if self.failure is not None:
            return self.t_reply(code, reason, headers)  # there is a transaction to be answered
        if not self.done:
            self.done = True
            lines = list(headers) + self.reply_lines
            if self.delay:
                self.proxy.reply_later(self, code, reason, lines)
            else:
                self.proxy.endpoint.reply(self.msg, self.peer, code, reason, lines)
        return True

    def t_reply(self, code, reason, headers=()):
        """Answers in a transaction, so that a retransmission is answered alike.

        Only once somebody is authenticated: it costs memory for half a minute. A provisional
        response leaves the request to go on. `return r.t_reply(486, "Busy Here")`
        """
        if self.done:
            return True
        if not self.t_newtran():
            return self.sl_reply_error()
        self.done = code >= 200
        lines = list(headers) + self.reply_lines
        if self.failure is not None:
            self.failure.context.reply(code, reason, lines, self.now)
            return True
        tag = self.proxy.endpoint.to_tag(self.msg)
        data = response(self.msg, code, reason, to_tag=tag, headers=lines)
        self.proxy.endpoint.respond(self.server, data, self.now)
        self.proxy.account(self, code, reason, tag, self.ru, self.now)
        return True

    def send_reply(self, code, reason, headers=()):
        """Answers in the transaction if one was begun. `r.send_reply(480, "Gone")`"""
        if self.server is not None:
            return self.t_reply(code, reason, headers)
        return self.sl_send_reply(code, reason, headers)

    def sl_reply_error(self):
        """Answers with what the last verb failed of; 500 if none did.

        `if not r.t_relay(): return r.sl_reply_error()`
        """
        code, reason, lines = self.error or (500, "Server Internal Error", ())
        self.refused(f"{code} {reason}")
        if self.server is not None:
            return self.t_reply(code, reason, lines)
        return self.sl_send_reply(code, reason, lines)

    def send_reply_error(self):
        """Kamailio's name of sl_reply_error. `if not r.t_relay(): return r.send_reply_error()`"""
        return self.sl_reply_error()

    def t_reply_error(self):
        """The same, in a transaction. `if not r.t_relay(): return r.t_reply_error()`"""
        return self.t_newtran() and self.sl_reply_error()

    def t_send_reply(self, code, reason, headers=()):
        """t_reply, which begins a transaction as well. `return r.t_send_reply(404, "Not Found")`"""
        return self.t_reply(code, reason, headers)

    def options_reply(self):
        """Answers an OPTIONS for the box itself, with what it takes (RFC 3261 11.2). -> bool:
        it was one.

        `if r.is_method("OPTIONS") and r.is_myself(r.ru): return r.options_reply()`
        """
        if not self.is_method("OPTIONS"):
            return False
        return self.sl_send_reply(200, "OK", CAPABILITIES)

    def append_to_reply(self, line):
        """Adds a header line to the answers that follow. `r.append_to_reply("Retry-After: 60")`"""
        self.reply_lines.append(line.strip())
        return True

    def drop(self):
        """Lets the request go unanswered; in a branch route, leaves the branch out.

        `return r.drop()`
        """
        if self.in_branch:
            self.dropped = True
        else:
            self.done = True
        return True

    def refused(self, why):
        """Notes in the log that the request was not granted."""
        source = f"{self.peer.host}:{self.peer.port}"
        self.proxy.log.notice(printable(f"{self.msg.method} {self.msg.uri} from {source}: {why}"))
