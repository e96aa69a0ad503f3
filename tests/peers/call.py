"""Calls of the test phone: the caller's leg and the callee's, each a dialog (RFC 3261 12)."""

from tests.peers import sip
from tests.peers.phone import PATIENCE


class Leg:
    """One party's view of a call. remote: URI of its next requests; routes: its Route set."""

    def __init__(self, phone, call_id, local, remote, cseq):
        self.phone = phone
        self.call_id = call_id
        self.local = local  # From of the requests we send
        self.remote = remote  # To of those
        self.cseq = cseq
        self.uri = None
        self.routes = []
        self.body = b""  # the SDP that the other party sent last

    def request(self, method, body=b"", headers=(), uri=None):
        """Send a request within the dialog."""
        if method != "ACK":
            self.cseq += 1
        self.phone.request(method, uri or self.uri, self._base(method, body) + list(headers), body)

    def _base(self, method, body):
        base = [("Route", route) for route in self.routes]
        base += [("From", self.local), ("To", self.remote), ("Call-ID", self.call_id)]
        base += [("CSeq", f"{self.cseq} {method}"), ("Contact", f"<{self.phone.contact}>")]
        return base + ([("Content-Type", "application/sdp")] if body else [])

    def expect(self, wanted, patience=PATIENCE):
        """-> the next Message of this call, which is `wanted` (see Phone.expect)."""
        message = self.phone.expect(wanted, patience, self.call_id)
        self.body = message.body or self.body
        return message

    def bye(self):
        """Hang up. -> the 200."""
        self.request("BYE")
        return self.expect(200)

    def hung_up(self):
        """Expect the other party's BYE and answer it. -> the BYE."""
        bye = self.expect("BYE")
        self.phone.reply(bye, 200, "OK")
        return bye

    def reinvite(self, body):
        """Send a re-INVITE. The other party answers with `reaccept`, then finish with `ack`."""
        self.request("INVITE", body)

    def reaccept(self, body):
        """Expect a re-INVITE and answer it. -> the INVITE."""
        invite = self.expect("INVITE")
        self.accept(invite, body)
        return invite

    def accept(self, invite, body):
        """200 to an INVITE, with our Contact."""
        headers = [("Contact", f"<{self.phone.contact}>")]
        headers += [("Content-Type", "application/sdp")] if body else []
        self.phone.reply(invite, 200, "OK", sip.parameter(self.local, "tag"), headers, body)


class Caller(Leg):
    """Sends the INVITE. `fields` replaces headers of it: From="<sip:...>;tag=1"."""

    def __init__(self, phone, uri, body=b"", headers=(), fields=None):
        local = f"<{phone.uri}>;tag={sip.token()}"
        super().__init__(phone, f"{sip.token(8)}@{phone.host}", local, f"<{uri}>", 0)
        self.local = (fields or {}).get("From", local)
        self.uri = uri
        self.offer = body
        self.headers = list(headers)
        self.invite()

    def invite(self, headers=()):
        self.via = self.phone.via()
        self.cseq += 1
        base = self._base("INVITE", self.offer)
        self.phone.request(
            "INVITE", self.uri, base + self.headers + list(headers), self.offer, self.via
        )

    def authenticate(self, user=None, password=None):
        """Expect 407, acknowledge it, and send the INVITE with credentials."""
        refused = self.expect(407)
        self.ack_failure(refused)
        phone = self.phone
        proof = sip.credentials(
            refused["proxy-authenticate"], "INVITE", self.uri,
            phone.user if user is None else user, phone.password if password is None else password,
        )  # fmt: skip
        self.invite([("Proxy-Authorization", proof)])
        return self

    def ack_failure(self, response):
        """RFC 3261 17.1.1.3: the ACK of a non-2xx belongs to the INVITE's transaction."""
        headers = [
            ("From", self.local),
            ("To", response["to"]),
            ("Call-ID", self.call_id),
            ("CSeq", f"{self.cseq} ACK"),
        ]
        self.phone.request("ACK", self.uri, headers, via=self.via)

    def refused(self, code):
        """Expect that final response and acknowledge it. -> the Message."""
        response = self.expect(code)
        self.ack_failure(response)
        return response

    def answered(self):
        """Expect 200, take the dialog from it and acknowledge. -> the Message."""
        response = self.expect(200)
        self.remote = response["to"]
        self.uri = response.contact or self.uri
        self.routes = response.all("record-route")[::-1]
        self.request("ACK")
        return response

    def cancel(self):
        """CANCEL the INVITE (RFC 3261 9.1). -> the 200 of the CANCEL."""
        headers = [
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{self.cseq} CANCEL"),
        ]
        self.phone.request("CANCEL", self.uri, headers, via=self.via)
        return self.expect(200)


class Callee(Leg):
    """Takes the INVITE that comes next."""

    def __init__(self, phone, patience=PATIENCE):
        self.invite = invite = phone.expect("INVITE", patience)
        self.tag = sip.token()
        local = f"{invite['to']};tag={self.tag}"
        super().__init__(phone, invite["call-id"], local, invite["from"], 0)
        self.uri = invite.contact
        self.routes = invite.all("record-route")
        self.body = invite.body

    def ring(self, code=180, reason="Ringing", body=b""):
        headers = [("Contact", f"<{self.phone.contact}>")]
        headers += [("Content-Type", "application/sdp")] if body else []
        self.phone.reply(self.invite, code, reason, self.tag, headers, body)

    def answer(self, body=b""):
        self.accept(self.invite, body)

    def acknowledged(self):
        """Expect the ACK. -> the Message."""
        return self.expect("ACK")

    def refuse(self, code, reason):
        """Answer with an error and expect its ACK."""
        self.phone.reply(self.invite, code, reason, self.tag)
        return self.expect("ACK")

    def cancelled(self):
        """Expect the CANCEL of the INVITE; answer 200, and 487 to the INVITE; expect its ACK."""
        cancel = self.expect("CANCEL")
        self.phone.reply(cancel, 200, "OK", self.tag)
        return self.refuse(487, "Request Terminated")


def connect(caller, callee, offer=b"", answer=b"", uri=None, patience=PATIENCE):
    """A call from one Phone to another, up to the ACK. -> (Caller, Callee).

    patience: seconds until the INVITE has to be there.
    """
    out = Caller(caller, uri or callee.uri, offer).authenticate()
    into = Callee(callee, patience)
    into.ring()
    out.expect(180)
    into.answer(answer)
    out.answered()
    into.acknowledged()
    return out, into
