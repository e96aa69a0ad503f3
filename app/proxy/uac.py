"""Requests of our own, as a user agent client: RFC 3261 8.1, 22.2, 22.3.

OPTIONS probes, REGISTER at a provider, NOTIFY, pings. A request is built here and sent in a
client transaction; its final response, or what stands for it, is told once:

    proxy.uac.request("OPTIONS", "sip:192.0.2.1", now=now, done=told)  # told(status, message, now)

A challenge is answered with the credentials that the caller gives, and only when it comes from
where the request went and names their very realm: a digest for another realm, or shown to
somebody else, would help a man in the middle to speak in our name.
"""

from app.proxy.credentials import HEADERS, Answers
from app.proxy.locate import NONE, WAIT
from app.proxy.target import is_located, next_hop
from app.sip.endpoint import LimitReached
from app.sip.errors import ParseError
from app.sip.headers import parse_name_addr
from app.sip.uri import host_port, parse_uri

MAX_REQUESTS = 256  # of our own in progress; a forwarded INVITE needs transactions too
MAX_ROUNDS = 3  # challenges that one request answers: 401 and 407, and one nonce gone stale
TAG = 16  # hex digits
CALL_ID = 24


class ClientRequest:
    """One request until its final response; the user of its client transactions.

    call_id, cseq, tag: for who sends a next one in the same row (RFC 3261 10.2, 12.2.1.1).
    """

    def __init__(self, uac, method, uri, fields, headers, body, destination, answers, done):
        self.uac = uac
        self.method = method
        self.uri = uri
        self.from_, self.to, self.call_id, self.cseq = fields
        self.headers = headers
        self.body = body
        self.destination = destination
        self.answers = answers
        self.done = done
        self.rounds = 0
        self.search = None  # for the addresses of a destination that is a name
        self.heard = False  # there was a provisional response

    @property
    def tag(self):
        """-> str: of From."""
        return self.from_.tag

    def abandon(self):
        """Tells nobody of the response: who asked is no longer interested."""
        self.done = None

    def begin(self, now):
        """-> bool: it is out, or will be once its destination has an address; raises ParseError."""
        if is_located(self.destination):
            return self.send(now)
        self._data()
        self.search = self.uac.proxy.search(self.destination, self._located)
        return self.search is not None and self._try(self.search.next(now), now)

    def _try(self, found, now):
        """-> bool: there is a destination, or will be."""
        if found is WAIT:
            return True
        if found is NONE:
            return False
        self.destination = found
        return self.send(now)

    def _located(self, found, now):
        if not self._try(found, now):
            self._finish(self.search.status if found is NONE else 503, None, now)

    def send(self, now):
        """-> bool: it is out, with what answers the challenges so far; raises ParseError."""
        data = self._data()
        try:
            client = self.uac.proxy.endpoint.request(data, self.destination, now)
        except LimitReached:
            return False
        client.user = self
        return True

    def _data(self):
        """-> bytes; ParseError for a value that would add a line."""
        head = [
            f"{self.method} {self.uri} SIP/2.0",
            "Max-Forwards: 70",
            f"From: {self.from_}",
            f"To: {self.to}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq} {self.method}",
        ] + list(self.headers) + self.answers.lines(self.method, self.uri)  # fmt: skip
        head.append(f"Content-Length: {len(self.body)}")
        for line in head:
            if "\r" in line or "\n" in line:
                raise ParseError(500, "a line break in a header")
        return "\r\n".join(head + ["", ""]).encode() + self.body

    # What core.py tells the user of a client transaction.

    def receive(self, message, peer, now):
        if message.status < 200:
            self.heard = True
            return
        if message.status == 503 and self._next(now):
            return
        if message.status in HEADERS and self._answer(message, peer, now):
            return
        self._finish(message.status, message, now)

    def fail(self, status, now):
        """No response: 408 a time-out, 503 an error of the transport."""
        if self.heard or not self._next(now):
            self._finish(status, None, now)

    def _next(self, now):
        """-> bool: a name has another destination (RFC 3263 4.3), which is tried."""
        if self.search is None:
            return False
        self.uac.proxy.locator.blocklist.add(self.destination, now)
        return self._try(self.search.next(now), now)

    def _answer(self, message, peer, now):
        """Sends the request again with credentials (22.2). -> bool: it is out."""
        if self.rounds >= MAX_ROUNDS or peer.host != self.destination.host:
            return False
        if not self.answers.take(message):
            return False
        self.rounds += 1
        self.cseq += 1
        return self.send(now)

    def _finish(self, status, message, now):
        self.uac.count -= 1
        done, self.done = self.done, None
        if done is not None:
            done(status, message, now)


class Uac:
    """All requests of our own; at most MAX_REQUESTS at a time."""

    def __init__(self, proxy):
        self.proxy = proxy
        self.count = 0

    def request(
        self, method, uri, from_=None, to=None, headers=(), body=b"", destination=None, now=0.0,
        done=None, call_id=None, cseq=1, credentials=(),
    ):  # fmt: skip
        """Sends a request. -> ClientRequest, or None when the box is full or `uri` leads nowhere.

        uri: str; from_, to: header values as str, From gets a tag if it has none; headers: more
        lines, "Name: value" (Route, Contact, Event ...); destination: Peer, else where `uri`
        leads; credentials: [credentials.Credential] that challenges may be answered with;
        done(status, Response or None, now): the final response, 408 and 503 without one as in
        RFC 3261 8.1.3.1; not called when None is returned. No INVITE: it needs a dialog.
        Raises ParseError for values that do not belong into a message.
        """
        if method in ("INVITE", "ACK", "CANCEL"):
            raise ValueError(f"{method} is not sent alone")
        if destination is None:
            destination = next_hop(parse_uri(uri), self.proxy.config)
        if self.count >= MAX_REQUESTS or destination is None:
            return None
        fields = self._fields(uri, from_, to, call_id, cseq)
        answers = Answers(credentials, self.proxy.hashes, self.proxy.token)
        request = ClientRequest(
            self, method, uri, fields, headers, body, destination, answers, done
        )
        if not request.begin(now):
            return None
        self.count += 1
        return request

    def _fields(self, uri, from_, to, call_id, cseq):
        """-> (From, To, Call-ID, CSeq number) as NameAddr, NameAddr, str, int."""
        token, place = self.proxy.token, host_port(*self.proxy.config.advertise)
        sender = parse_name_addr(from_ or f"<sip:{place}>")
        if sender.tag is None:
            sender.params.set("tag", token(TAG))
        receiver = parse_name_addr(to or f"<{uri}>")
        return sender, receiver, call_id or token(CALL_ID), cseq
