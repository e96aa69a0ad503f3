"""A telephone for tests: it makes requests and answers, one bytes object at a time."""

from app.sip import build
from app.sip.digest import answer, parse_challenge
from app.sip.edits import Edits
from app.sip.message import parse
from app.sip.transport import Peer
from app.sip.uri import host_port
from tests.proxy.box import Hashes

SDP = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.99\r\ns=-\r\nc=IN IP4 192.0.2.99\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0 8\r\n"
)


class Phone:
    """user "200" at `peer`; `contact` defaults to that address.

    address: what the telephone believes its own to be (behind a NAT not that of `peer`).
    transport, flow: of `peer`; the Contact names another than UDP.
    """

    def __init__(self, box, user, host=None, port=5060, address=None, domain="example.org",
                 transport="udp", flow=0):
        self.box = box
        self.user = user
        self.domain = domain
        self.peer = Peer(transport, host or f"192.0.2.{user}", port, flow)
        self.address = address or host_port(self.peer.host, port)
        self.contact = f"<sip:{user}@{self.address}>"
        if transport != "udp":
            self.contact = f"<sip:{user}@{self.address};transport={transport}>"
        self.uri = f"sip:{user}@{domain}"
        self.number = box.phones * 1000  # no two telephones use one branch
        box.phones += 1
        self.cseq = 0

    # Requests

    def make(self, method, uri, headers=(), body=b"", **fields):
        """-> bytes. fields: from_, to, call_id, cseq, via, max_forwards; "" leaves one out."""
        self.number += 1
        self.cseq += 1
        transport = self.peer.transport.upper()
        via = f"SIP/2.0/{transport} {self.address};branch=z9hG4bK{self.user}x{self.number};rport"
        lines = [f"{method} {uri} SIP/2.0", "Via: " + fields.get("via", via)]
        lines.append(f"Max-Forwards: {fields.get('max_forwards', 70)}")
        lines.append("From: " + fields.get("from_", f"<{self.uri}>;tag=f{self.user}"))
        lines.append("To: " + fields.get("to", f"<{uri}>"))
        lines.append("Call-ID: " + fields.get("call_id", f"call{self.number}-{self.user}"))
        lines.append(f"CSeq: {fields.get('cseq', self.cseq)} {method}")
        if method in ("INVITE", "REGISTER", "SUBSCRIBE", "UPDATE") and "contact" not in fields:
            lines.append(f"Contact: {self.contact}")
        lines.extend(headers)
        if body:
            lines.append("Content-Type: application/sdp")
        lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines + ["", ""]).encode() + body

    def send(self, data):
        """Sends and -> [Message] that come back to this telephone at once."""
        self.box.receive(data, self.peer)
        return self.received()

    def received(self):
        return self.box.to(self.peer)

    def request(self, method, uri, headers=(), body=b"", password=None, **fields):
        """Sends a request and answers a challenge. -> [Message] of the last attempt."""
        data = self.make(method, uri, headers, body, **fields)
        replies = self.send(data)
        if not replies or replies[-1].status not in (401, 407):
            return replies
        if method == "INVITE":
            self.send(build.ack_for(data, replies[-1]))
        return self.send(self.authenticated(data, replies[-1], password))

    def authenticated(self, data, reply, password=None, username=None, nc=1, choice=0, uri=None):
        """-> bytes of the same request again, with an answer to the challenge in `reply`.

        choice: which of several; uri: that the credentials name instead of the Request-URI.
        """
        message = parse(data)
        header, name = "www-authenticate", "Authorization"
        if reply.status == 407:
            header, name = "proxy-authenticate", "Proxy-Authorization"
        edits = Edits(message)
        self.number += 1
        self.cseq = max(self.cseq, message.cseq.number) + 1
        edits.replace("cseq", 0, f"{self.cseq} {message.method}")
        via = str(message.via).replace(message.via.branch, f"z9hG4bK{self.user}x{self.number}")
        edits.replace("via", 0, via)
        value = answer(
            Hashes, parse_challenge(reply.headers(header)[choice]), message.method,
            uri or message.uri, username or self.user,
            f"secret{self.user}" if password is None else password, "cnonce", nc, body=message.body,
        )  # fmt: skip
        edits.set(name, value)
        return edits.to_bytes()

    def register(self, expires=3600, headers=(), **fields):
        fields.setdefault("call_id", f"reg-{self.user}")
        uri = f"sip:{self.domain}"
        lines = [f"Expires: {expires}"] if expires is not None else []
        fields.setdefault("to", f"<{self.uri}>")
        return self.request("REGISTER", uri, lines + list(headers), **fields)

    # Answers

    def reply(self, request, code, reason="Whatever", tag=None, headers=(), body=b""):
        """Answers a Request that came here. -> nothing; the box has taken it."""
        lines = list(headers)
        if request.method == "INVITE" and 100 < code < 300:
            lines.append(f"Contact: {self.contact}")
        if body:
            lines.append("Content-Type: application/sdp")
        data = build.response(
            request, code, reason, to_tag=tag or f"t{self.user}", headers=lines, body=body
        )
        self.box.receive(data, self.peer)

    # Inside a dialog

    def within(self, method, first, remote, headers=(), is_caller=True, **fields):
        """-> bytes of a request in the dialog that the INVITE `first` and the 2xx `remote` made.

        `first` is this telephone's INVITE (bytes) when it is the caller; for the callee the
        Request as it came, and `remote` its own answer as sent (Message).
        """
        message = parse(first) if isinstance(first, bytes) else first
        routes = (remote if is_caller else message).headers("record-route")
        if is_caller:
            routes.reverse()
        target = (remote if is_caller else message).header("contact")
        target = target[target.find("<") + 1 : target.find(">")]
        ours, theirs = (message.header("from"), remote.header("to"))
        if not is_caller:
            ours, theirs = theirs, ours
        lines = ["Route: " + route for route in routes] + list(headers)
        fields.setdefault("call_id", message.call_id)
        return self.make(method, fields.pop("uri", target), lines, from_=ours, to=theirs, **fields)


def status(messages):
    """-> [int] of the responses among messages."""
    return [message.status for message in messages if not message.is_request]


def last(messages):
    assert messages, "nothing was received"
    return messages[-1]
