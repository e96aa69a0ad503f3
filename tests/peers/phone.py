"""A small SIP telephone that a test plays by hand: one message at a time, nothing by itself.

It repeats its last request (timer E of RFC 3261 17.1.2.2) while it waits for an answer, and
it drops messages that it has seen before, counting them in `repeated`.
"""

import socket
import time

from tests.peers import sip
from tests.peers.address import LOOPBACK, family_of
from tests.peers.site import DOMAIN, USERS

T1 = 0.5
PATIENCE = 10.0


class Phone:
    """User `user` of `domain`, talking to `target`, an address.Target.

    host: the local address; password: that of site.USERS unless given.
    """

    def __init__(self, target, user="200", password=None, domain=DOMAIN, host=LOOPBACK):
        self.target = target
        self.user = user
        self.password = USERS.get(user, "") if password is None else password
        self.domain = domain
        self.socket = socket.socket(family_of(host), socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.host, self.port = self.socket.getsockname()[:2]
        self.uri = f"sip:{user}@{domain}"
        self.contact = f"sip:{user}@{self.place}"
        self.registration = sip.token()  # Call-ID and tag of all our REGISTERs
        self.cseq = 0
        self.repeated = 0
        self.sent = []  # requests, as bytes
        self.waiting = []  # messages received that nobody has asked for yet
        self._seen = set()
        self._pending = None  # [bytes, when to repeat, interval] of a request without answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    # What goes out

    def send(self, data, to=None):
        self.socket.sendto(data, to or self.target)

    @property
    def place(self):
        """-> "host:port" of our end, as URIs have it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def via(self):
        return f"SIP/2.0/UDP {self.place};rport;branch=z9hG4bK{sip.token()}"

    def request(self, method, uri, headers, body=b"", via=None):
        """Send a request and remember to repeat it. -> its bytes.

        headers: [(name, value)] with From, To, Call-ID and CSeq; Via and Max-Forwards are added.
        """
        first = [("Via", via or self.via()), ("Max-Forwards", "70")]
        data = sip.compose(f"{method} {uri} SIP/2.0", first + list(headers), body)
        self.send(data)
        self.sent.append(data)
        if method != "ACK":
            self._pending = [data, time.monotonic() + T1, T1]
        return data

    def reply(self, request, code, reason, tag=None, headers=(), body=b""):
        """Answer a request that came in."""
        copied = [pair for pair in request.headers if pair[0] in ("via", "record-route")]
        to = request["to"]
        if tag and not request.tag("to"):
            to += f";tag={tag}"
        rest = [("From", request["from"]), ("To", to)]
        rest += [("Call-ID", request["call-id"]), ("CSeq", request["cseq"])]
        data = sip.compose(f"SIP/2.0 {code} {reason}", copied + rest + list(headers), body)
        self.send(data, request.source)

    # What comes in

    def expect(self, wanted, patience=PATIENCE, call_id=None):
        """-> the next Message that is `wanted`: a method, a status, or a tuple of several.

        100 Trying is passed over. Anything else that arrives meanwhile fails the test; what
        belongs to another Call-ID than call_id waits for its turn.
        """
        wanted = wanted if isinstance(wanted, tuple) else (wanted,)
        message = self.receive(patience, call_id)
        assert message is not None, f"{self.user} waited {patience:g} s for {wanted}"
        found = message.status or message.method
        assert found in wanted, f"{self.user} waited for {wanted} and got\n{message}"
        return message

    def receive(self, patience=PATIENCE, call_id=None):
        """-> the next Message (of call_id), None when there is none in `patience` seconds."""
        for message in self.waiting:
            if call_id in (None, message["call-id"]):
                self.waiting.remove(message)
                return message
        limit = time.monotonic() + patience
        while time.monotonic() < limit:
            message = self._read(limit)
            if message is None:
                continue
            if call_id in (None, message["call-id"]):
                return message
            self.waiting.append(message)
        return None

    def silence(self, seconds=0.3):
        """AssertionError if anything new arrives within that time."""
        message = self.receive(seconds)
        assert message is None, f"{self.user} should be left alone and got\n{message}"

    def _read(self, limit):
        """-> Message | None: one datagram, or time for a repetition, or `limit`."""
        due = self._pending[1] if self._pending else limit
        self.socket.settimeout(max(0.001, min(limit, due) - time.monotonic()))
        try:
            data, source = self.socket.recvfrom(65535)
        except TimeoutError:
            self._repeat()
            return None
        except ConnectionRefusedError:  # ICMP: nobody there just now
            return None
        message = sip.Message(data, source)
        if message.status and self._pending:
            self._pending = None
        return self._fresh(message)

    def _fresh(self, message):
        """-> the message, None for a 100 and for one that was here before."""
        key = (message.branch, message["cseq"], message.status, message.tag("to"), message.uri)
        if message.status == 100:
            return None
        if key in self._seen:
            self.repeated += 1
            return None
        self._seen.add(key)
        return message

    def _repeat(self):
        if self._pending and time.monotonic() >= self._pending[1]:
            data, _, interval = self._pending
            self.send(data)
            interval = min(2 * interval, 4.0)
            self._pending = [data, time.monotonic() + interval, interval]

    # Registration

    def register(self, expires=600, contact=None, password=None, headers=()):
        """REGISTER with credentials. -> the final Message, whatever it is.

        contact: the value of Contact; "" for a fetch; by default our own address.
        """
        if contact is None:
            contact = f"<{self.contact}>;expires={expires}"
        more = ([("Contact", contact)] if contact else []) + list(headers)
        answer = self.send_register(more)
        if answer.status == 401:
            word = self.password if password is None else password
            asked = answer["www-authenticate"]
            proof = sip.credentials(asked, "REGISTER", f"sip:{self.domain}", self.user, word)
            answer = self.send_register(more + [("Authorization", proof)])
        return answer

    def send_register(self, headers=()):
        """One REGISTER with just these headers. -> the final Message."""
        self.cseq += 1
        base = [
            ("From", f"<{self.uri}>;tag={self.registration}"),
            ("To", f"<{self.uri}>"),
            ("Call-ID", self.registration),
            ("CSeq", f"{self.cseq} REGISTER"),
        ]
        self.request("REGISTER", f"sip:{self.domain}", base + list(headers))
        answer = self.receive(call_id=self.registration)
        assert answer is not None, f"no answer to the REGISTER of {self.user}"
        return answer

    def bindings(self):
        """-> {contact URI: seconds left} of this AOR (RFC 3261 10.2.3: a fetch)."""
        answer = self.register(contact="")
        assert answer.status == 200, f"the fetch failed:\n{answer}"
        values = answer.all("contact")
        return {sip.uri_of(value): int(sip.parameter(value, "expires")) for value in values}

    def unregister(self):
        """Remove every contact of the AOR. -> the final Message."""
        return self.register(contact="*", headers=[("Expires", "0")])
