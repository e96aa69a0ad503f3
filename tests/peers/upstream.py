"""A double of the owner's upstream: a trunk that runs Asterisk, and answers by itself.

It takes calls, plays them until somebody hangs up, wants digest if told so, and registers. As
chan_sip does, it takes an INVITE with a CSeq that it has seen for a retransmission, whatever its
branch. And it does with REFER what the owner's upstream does: 202, NOTIFYs that tell of progress
(RFC 3515), and nothing else.
"""

import socket
import threading

from tests.peers import sip
from tests.peers.address import LOOPBACK, Target
from tests.peers.process import wait_until

PATIENCE = 10.0
PROGRESS = ("SIP/2.0 100 Trying", "SIP/2.0 180 Ringing", "SIP/2.0 200 OK")


class Upstream:
    """with Upstream(...) as trunk: it answers on `target`.

    users: {name: password} that must prove themselves to `realm`, by INVITE (407) and REGISTER
    (401); without, nobody has to. status: what an INVITE is answered with; alive: whether it
    answers at all; probes: the status for OPTIONS. Lists of what has arrived: `seen`, [Message];
    `bindings`, {user: Contact URI}.
    """

    def __init__(self, host=LOOPBACK, port=0, users=None, realm="asterisk", status=200, expires=60):
        self.users = users or {}
        self.realm = realm
        self.status = status
        self.expires = expires
        self.probes = 200
        self.alive = True
        self.seen = []
        self.bindings = {}
        self.faults = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, port))
        self._socket.settimeout(0.1)
        self.target = Target(*self._socket.getsockname())
        self._answers = {}  # (Call-ID, CSeq) -> bytes of the last answer: as chan_sip finds them
        self._tags = {}  # Call-ID -> our tag
        self._nonces = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self._socket.close()
        assert self.faults == [], self.faults

    # What a test asks

    def of(self, method):
        """-> [Message]: requests of that method, each once."""
        found = {}
        for message in list(self.seen):
            if message.method == method and not message.status:
                found.setdefault((message.branch, message.uri), message)
        return list(found.values())

    def wait_for(self, method, count=1):
        """-> the count-th request of that method, from 1."""
        wait_until(
            lambda: len(self.of(method)) >= count,
            lambda: f"{count} {method} at the upstream, which has\n"
            + "\n".join(message.start for message in self.seen),
            PATIENCE,
        )
        return self.of(method)[count - 1]

    def request(self, method, invite, headers=(), body=b""):
        """Send a request in the dialog of an INVITE that it has answered."""
        base = [
            ("Via", f"SIP/2.0/UDP {self._place};rport;branch=z9hG4bK{sip.token()}"),
            ("Max-Forwards", "70"),
        ]
        base += [("Route", route) for route in invite.all("record-route")]
        base += [
            ("From", f"{invite['to']};tag={self._tags[invite['call-id']]}"),
            ("To", invite["from"]),
            ("Call-ID", invite["call-id"]),
            ("CSeq", f"{len(self.seen) + 100} {method}"),
            ("Contact", f"<sip:asterisk@{self._place}>"),
        ]
        start = f"{method} {invite.contact} SIP/2.0"
        self._socket.sendto(sip.compose(start, base + list(headers), body), invite.source)

    # The thread

    def _run(self):
        while not self._stop.is_set():
            try:
                data, source = self._socket.recvfrom(65535)
            except (TimeoutError, ConnectionRefusedError):
                continue
            message = sip.Message(data, source)
            self.seen.append(message)
            if not self.alive or message.status:
                continue
            try:
                self._answer(message)
            except Exception as error:  # told by the test that ends the thread
                self.faults.append(f"{message.start}: {error!r}")

    def _answer(self, request):
        key = (request["call-id"], request["cseq"])
        if request.method != "ACK" and key in self._answers:
            self._socket.sendto(self._answers[key], request.source)
            return
        answer = getattr(self, "_" + request.method.lower(), None)
        if answer is not None:
            answer(request)
        elif request.method != "ACK":
            self._reply(request, 501, "Method Not Implemented")

    def _options(self, request):
        self._reply(request, self.probes, "Whatever")

    def _register(self, request):
        if not self._proven(request, "authorization", 401, "WWW-Authenticate"):
            return
        user = sip.uri_of(request["to"]).partition(":")[2].partition("@")[0]
        wanted = sip.parameter(request["contact"], "expires") or request["expires"]
        if wanted == "0":
            self.bindings.pop(user, None)
        else:
            self.bindings[user] = request.contact
        granted = min(int(wanted or self.expires), self.expires)
        self._reply(request, 200, "OK", [("Contact", f"<{request.contact}>;expires={granted}")])

    def _invite(self, request):
        if not self._proven(request, "proxy-authorization", 407, "Proxy-Authenticate"):
            return
        self._reply(request, 100, "Trying")
        if self.status >= 300:
            self._reply(request, self.status, "Whatever")
            return
        contact = ("Contact", f"<sip:asterisk@{self._place}>")
        self._reply(request, 180, "Ringing", [contact])
        headers = [contact, ("Content-Type", "application/sdp")]
        self._reply(request, 200, "OK", headers, sip.sdp(self.target.host, 40000))

    def _bye(self, request):
        self._reply(request, 200, "OK")

    def _cancel(self, request):
        self._reply(request, 200, "OK")

    def _message(self, request):
        self._reply(request, 202, "Accepted")

    def _refer(self, request):
        """The owner's upstream: it says yes, tells of progress, and nothing happens."""
        self._reply(request, 202, "Accepted")
        for number, line in enumerate(PROGRESS, 1):
            over = number == len(PROGRESS)
            state = "terminated;reason=noresource" if over else "active;expires=60"
            headers = [
                ("Via", f"SIP/2.0/UDP {self._place};rport;branch=z9hG4bK{sip.token()}"),
                ("Max-Forwards", "70"),
                ("From", f"{request['to']}"),
                ("To", request["from"]),
                ("Call-ID", request["call-id"]),
                ("CSeq", f"{100 + number} NOTIFY"),
                ("Event", "refer"),
                ("Subscription-State", state),
                ("Content-Type", "message/sipfrag"),
            ]
            data = sip.compose(f"NOTIFY {request.contact} SIP/2.0", headers, line.encode())
            self._socket.sendto(data, request.source)

    # Pieces

    @property
    def _place(self):
        return f"{self.target.host}:{self.target.port}"

    def _reply(self, request, code, reason, headers=(), body=b""):
        copied = [pair for pair in request.headers if pair[0] in ("via", "record-route")]
        to = request["to"]
        if code > 100 and not request.tag("to"):
            to += ";tag=" + self._tags.setdefault(request["call-id"], sip.token())
        rest = [("From", request["from"]), ("To", to), ("Call-ID", request["call-id"])]
        rest.append(("CSeq", request["cseq"]))
        data = sip.compose(f"SIP/2.0 {code} {reason}", copied + rest + list(headers), body)
        self._answers[request["call-id"], request["cseq"]] = data
        self._socket.sendto(data, request.source)

    def _proven(self, request, header, code, name):
        """-> bool: it carries the right digest, or needs none; else it has been challenged."""
        if not self.users:
            return True
        given = sip.challenge_of(request[header])
        if given.get("nonce") in self._nonces and given.get("username") in self.users:
            words = given["username"], given["realm"], self.users[given["username"]]
            ha1, ha2 = sip.md5(":".join(words)), sip.md5(f"{request.method}:{given['uri']}")
            middle = [given[key] for key in ("nc", "cnonce", "qop")]
            right = sip.md5(":".join([ha1, given["nonce"], *middle, ha2]))
            if given["realm"] == self.realm and given["response"] == right:
                return True
        nonce = sip.token()
        self._nonces.add(nonce)
        challenge = f'Digest algorithm=MD5, realm="{self.realm}", nonce="{nonce}", qop="auth"'
        self._reply(request, code, "Unauthorized", [(name, challenge)])
        return False
