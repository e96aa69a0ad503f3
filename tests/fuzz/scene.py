"""A box with telephones around it, of which everything that arrives is damaged.

The scene keeps to what the box itself has sent: it answers its requests, goes on with its
dialogs, repeats and cancels what is in progress, and takes its challenges. So the damage gets
past the first door. The clock is a number; what comes of one seed is always the same.
"""

from app.media.relay import Relay
from app.port.engine import Counts, Quality, Stats
from app.sip import build
from app.sip.check import check
from app.sip.errors import ParseError
from app.sip.message import parse
from app.sip.transport import Peer
from tests.fuzz.grammar import METHODS, mutate, splinter
from tests.fuzz.seeds import LINES, SDP, torture_messages
from tests.proxy.box import BOX, Box, table
from tests.proxy.phone import Phone

KEPT = 24  # of the messages that the box sent, for each purpose
SENT_MAX = 64  # messages upon one datagram: more would be an amplifier
USERS = ("200", "201", "202")
STATUSES = (100, 180, 183, 199, 200, 200, 200, 202, 301, 302, 380, 401, 404, 407, 408, 420, 423,
            480, 481, 486, 487, 491, 500, 503, 600, 603, 606, 699)  # fmt: skip
PAUSES = (0.01, 0.4, 0.6, 4, 5, 33, 65, 130, 310, 700)
TABLES = {
    "aliases": "username(str) contact(str)\n1002:sip\\:201@example.org\n1003:sip\\:9@192.0.2.3\n",
    "dbaliases": "alias_username(str) username(str)\n5550202:202\n",
}
TRUNK = "198.51.100.1"
NOTHING = Counts(0, 0, 0, 0, 0, 0, None)
UNHEARD = Quality(0, 0, 0, 0, 0, 0.0, 0.0, 0.0, None, None, 0, None)
SILENT = Stats(((NOTHING, NOTHING), (NOTHING, NOTHING)), (UNHEARD, UNHEARD), 60.0, True)


class FakeEngine:
    """The C engine's promises without its sockets: ports, and OSError for what is no address."""

    fd = 0
    timeout = 60

    def __init__(self, streams=8):
        self.open_streams = {}
        self._limit = streams
        self._next = 0

    def open(self, offerer, answerer):
        if len(self.open_streams) >= self._limit:
            raise OSError(98, "no ports")
        self._next += 1
        self.open_streams[self._next] = True
        port = 20000 + 4 * (self._next % 1000)
        return self._next, port, port + 2

    def set_peer(self, handle, side, allowed, rtp=None, rtcp=None, *flags):
        assert handle in self.open_streams and len(allowed) <= 4
        for place in (rtp, rtcp):
            assert place is None or 0 < place[1] < 65536, place

    def set_timeout(self, handle, seconds):
        assert handle in self.open_streams

    def stats(self, handle):
        assert handle in self.open_streams
        return SILENT

    def close(self, handle):
        del self.open_streams[handle]
        return SILENT

    def expired(self):
        return list(self.open_streams)


class Scene:
    """One box of its own. step(chance) lets one damaged datagram, or some time, come to it.

    history: [("udp", host, port, data) or ("wait", seconds)], of all that came; damaged: how
    many datagrams of it were.
    """

    def __init__(self, record=True):
        self._record = record
        self.engine = FakeEngine()
        tables = {name: table(name, TABLES[name]) for name in TABLES}
        self.box = Box(tables=tables, media=Relay(self.engine, BOX), trunks=(TRUNK,))
        self.phones = [Phone(self.box, user) for user in USERS]
        self.history = []
        self.damaged = 0
        self._torture = torture_messages()
        self._requests = []  # (Request, Peer) that the box sent
        self._answers = []  # Response, 2xx of an INVITE, that the box sent
        self._finals = []  # (data, Response) to be acknowledged
        self._challenges = {}  # user -> Response
        self._counts = {}
        self._invites = []  # (data, Peer) that went to the box
        self._pool = []  # header lines of the box's own
        for phone in self.phones:
            for _ in range(2):  # once without, once with credentials
                self.receive(self._register(phone), phone.peer)

    # One datagram

    def receive(self, data, peer):
        """The box gets `data`; what it sends is looked at and kept for later steps."""
        if self._record:
            self.history.append((peer.transport, peer.host, peer.port, data))
        self.box.receive(data, peer)
        self._take()

    def wait(self, seconds):
        if self._record:
            self.history.append(("wait", seconds))
        self.box.wait(seconds)
        self._take(len(self.box.sent))

    def _take(self, most=SENT_MAX):
        sent, self.box.sent = self.box.sent, []
        assert len(sent) <= most, f"{len(sent)} messages upon one datagram"
        for data, peer in sent:
            message = self._look(data) if len(data) < 8192 else None
            if message is None:
                continue
            if message.is_request:
                if message.method != "ACK":
                    self._keep(self._requests, (message, peer))
                self._keep(self._pool, b"Via: " + str(message.via).encode())
                for value in message.headers("record-route")[:2]:
                    self._keep(self._pool, b"Route: " + value.encode())
            else:
                self._take_response(message, peer)

    def _look(self, data):
        """What the box makes up or sends on is in order; an answer may quote what is not."""
        if not data.strip(b"\r\n"):
            return None  # a keep-alive
        try:
            message = parse(data)
            verdict = check(message)
        except ParseError as error:
            assert data.startswith(b"SIP/2.0 "), (error, data)
            return None
        if verdict is not None:
            assert not message.is_request, (verdict, data)
            return None
        return message

    def _take_response(self, message, peer):
        name = {401: "www-authenticate", 407: "proxy-authenticate"}.get(message.status)
        if name is not None:
            first = message.headers(name)[:1]
            if not first or 'realm="example.org"' not in first[0] or 'nonce="x"' in first[0]:
                return  # not the box's own
            for phone in self.phones:
                if phone.peer.host == peer.host:
                    self._challenges[phone.user] = message
                    self._counts[phone.user] = 0
        elif 200 <= message.status < 300 and message.cseq.method == "INVITE":
            self._keep(self._answers, message)

    def _keep(self, items, item):
        items.append(item)
        if len(items) > KEPT:
            del items[0]

    # The steps

    def step(self, chance):
        """One thing happens: nearly always one damaged datagram."""
        if chance.one_in(60):
            self.wait(chance.pick(PAUSES))
        elif chance.one_in(400):
            self.box.proxy.reload(self.box.tables, self.box.config)
        else:
            data, peer = chance.pick(STEPS)(self, chance)
            self.receive(data, peer)

    def stranger(self, chance):
        host = chance.pick(("203.0.113.66", TRUNK, "192.0.2.200", "2001:db8::66"))
        return self._hurt(chance.pick(self._torture), chance, 9), Peer("udp", host, 5060, 0)

    def request(self, chance):
        """A telephone's request, with an answer to the last challenge."""
        phone = chance.pick(self.phones)
        name = chance.pick(METHODS[:14]).decode() if chance.one_in(2) else "INVITE"
        if name == "REGISTER" or chance.one_in(6):
            return self._hurt(self._register(phone), chance), phone.peer
        target = "sip:" + chance.pick(USERS + ("1002", "1003", "5550202", "9")) + "@example.org"
        lines = [chance.pick(LINES) for _ in range(chance.below(3))] if chance.one_in(2) else []
        data = phone.make(name, target, lines, SDP if chance.one_in(2) else b"")
        if not chance.one_in(10):
            data = self._authenticated(phone, data)
        if name == "INVITE":
            self._keep(self._invites, (data, phone.peer))
        return self._hurt(data, chance), phone.peer

    def _register(self, phone):
        fields = {"to": f"<{phone.uri}>", "call_id": f"reg-{phone.user}"}
        return self._authenticated(phone, phone.make("REGISTER", "sip:example.org", **fields))

    def _authenticated(self, phone, data):
        challenge = self._challenges.get(phone.user)
        if challenge is None:
            return data
        self._counts[phone.user] += 1
        return phone.authenticated(data, challenge, nc=self._counts[phone.user])

    def _hurt(self, data, chance, whole=2):
        """-> data, damaged; one in `whole` stays as it is, or no dialog would ever come about."""
        if chance.one_in(whole):
            return data
        self.damaged += 1
        return mutate(data, chance, self._pool)

    def reply(self, chance):
        """Whoever got a request of the box answers it."""
        if not self._requests:
            return self.request(chance)
        request, peer = chance.pick(self._requests[-3:] if chance.below(4) else self._requests)
        status = 200 if chance.one_in(2) else chance.pick(STATUSES)
        lines = [f"Contact: <sip:x@{peer.host}>"] if chance.one_in(2) else []
        body = b""
        if status < 300 and chance.one_in(2):
            lines.append("Content-Type: application/sdp")
            body = SDP
        if status in (401, 407):
            realm = chance.pick(("example.org", "other", ""))
            lines.append(f'WWW-Authenticate: Digest realm="{realm}", nonce="x", qop="auth"')
        tag = chance.pick(("a", "b", f"t{peer.host}"))
        data = build.response(request, status, "Whatever", to_tag=tag, headers=lines, body=body)
        return self._hurt(data, chance), peer

    def within(self, chance):
        """A request in a dialog whose 2xx the caller has: by the caller or, turned, the callee."""
        if not self._answers:
            return self.reply(chance)
        answer = chance.pick(self._answers)
        phone = chance.pick(self.phones)
        name = chance.pick(("ACK", "ACK", "BYE", "INVITE", "UPDATE", "INFO", "REFER", "PRACK"))
        routes = answer.headers("record-route")
        routes.reverse()
        contact = answer.header("contact") or "<sip:x@192.0.2.201>"
        ours, theirs = answer.header("from"), answer.header("to")
        if chance.one_in(3):
            ours, theirs = theirs, ours
        cseq = answer.cseq.number if name == "ACK" else answer.cseq.number + chance.below(5)
        data = phone.make(
            name, contact[contact.find("<") + 1 : contact.find(">")],
            ["Route: " + each for each in routes], SDP if chance.one_in(3) else b"",
            from_=ours, to=theirs, call_id=answer.call_id, cseq=cseq,
        )  # fmt: skip
        return self._hurt(data, chance), phone.peer

    def again(self, chance):
        """A datagram that came before: repeated, acknowledged, cancelled, or hurt in its bytes."""
        if not self._invites:
            return self.request(chance)
        data, peer = chance.pick(self._invites)
        kind = chance.below(4)
        if kind == 0:
            return data, peer
        if kind == 1:
            self.damaged += 1
            return splinter(data, chance), peer
        name = "CANCEL" if kind == 2 else "ACK"
        end = data.find(b"\r\n\r\n")
        lines = [line for line in data[:end].split(b"\r\n") if not line.startswith(b"Content")]
        lines = [line.replace(b" INVITE", b" " + name.encode()) if line.startswith(b"CSeq") else
                 line for line in lines]  # fmt: skip
        lines[0] = name.encode() + lines[0][6:]
        made = b"\r\n".join(lines + [b"Content-Length: 0", b"", b""])
        return self._hurt(made, chance), peer

    # The end

    def drain(self):
        """Hours pass in silence: everything must have gone that is not meant to stay."""
        self.wait(14 * 3600)
        box = self.box
        for call_id, _ in box.proxy.media.events():
            box.proxy.media_timeout(call_id, box.now)
        held = {
            "transactions": len(box.endpoint), "calls": len(box.proxy.calls),
            "streams": len(self.engine.open_streams), "deadlines": box.endpoint.deadlines.held,
            "deadlines of the proxy": box.proxy.deadlines.held,
            "strangers": len(box.proxy._strangers), "bindings": len(box.location.all(box.now)),
            "messages to send": len(box.sent),
        }  # fmt: skip
        left = {name: held[name] for name in held if held[name] > ALLOWED.get(name, 0)}
        assert left == {}, f"still there after the calls have ended: {left}"


STEPS = (
    Scene.stranger, Scene.stranger, Scene.request, Scene.request, Scene.request, Scene.reply,
    Scene.reply, Scene.reply, Scene.within, Scene.again,
)  # fmt: skip
# What may stay: Deadlines keeps some cancelled entries, see app/sip/timers.py.
ALLOWED = {"deadlines": 40, "deadlines of the proxy": 40}
