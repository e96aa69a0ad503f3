"""A dry run of a site's routes.py: sample calls through a proxy in memory, without a network.

Two extensions of the site register, one calls the other, who is busy, does not answer, answers;
strangers and the trunk call in, and outside is called. What the script raises on the way is
told with its line; what it decides is its own affair.
"""

from app.proxy.core import Proxy
from app.proxy.location import Location
from app.proxy.request import RoutingReply, RoutingRequest
from app.proxy.script import FILE, LIMIT, exceptions_of
from app.sip import build
from app.sip.digest import answer, parse_challenge
from app.sip.edits import Edits
from app.sip.endpoint import Endpoint
from app.sip.errors import ParseError
from app.sip.message import parse
from app.sip.transport import Peer

MAX_TOLD = 20
STEP = 10.0  # seconds between two acts: no flood
STRANGER = Peer("udp", "203.0.113.5", 5060, 0)
SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.99\r\ns=-\r\nc=IN IP4 192.0.2.99\r\nt=0 0\r\n" \
      b"m=audio 4000 RTP/AVP 0\r\n"  # fmt: skip
METHODS = ("MESSAGE", "SUBSCRIBE", "X-UNKNOWN")


def rehearse(module, config, tables, hashes, token, scripts, limit):
    """-> [(line, 0, problem, remedy)] of what the script `module` raises."""
    stage = Rehearsal(module, config, tables, hashes, token, scripts, limit)
    stage.play()
    return stage.found


class Rehearsal:
    """The proxy, the peers around it, and in the place of script.Script what notes faults."""

    def __init__(self, module, config, tables, hashes, token, scripts, limit=LIMIT):
        self.found = []
        self._module = module
        self._scripts = scripts
        self._limit = limit
        self.exceptions = exceptions_of(scripts)
        self._hashes = hashes
        self._token = token
        self._count = 0
        self._plan = []  # statuses that whoever gets a request answers with
        self._heard = []  # what the proxy has sent, bytes
        self._is_over = False  # a script that does not come back is not called again
        self.now = 1000.0
        self.wall = 1800000000
        log = Silence()
        self.endpoint = Endpoint(config.interfaces, token, hashes, limit=256)
        self.proxy = Proxy(
            self.endpoint, Nothing, tables, Location(None, log), None, config, hashes, token, log
        )
        self.proxy.script = self
        self.shipped = Nothing
        self._users = _users(tables, config)

    # What the proxy asks of script.Script.

    def in_force(self, now):
        return self._module

    def is_own(self, module):
        return module is self._module

    def run(self, module, function, r):
        return self._scripts.limited(self._limit, function, r)

    def failed(self, error, where, now):
        line = self._scripts.place_of(error, FILE)
        self._is_over = self._is_over or isinstance(error, self._scripts.OutOfTime)
        told = [each for each in self.found if each[0] == line]
        if not told and len(self.found) < MAX_TOLD:
            self.found.append((line, 0, f"{error!r} in {where}", "mend it"))

    # The play.

    def play(self):
        for user in self._users:
            self._request(user, "REGISTER", f"sip:{user.domain}", to=user.uri)
        domain = self._users[0].domain
        self._request(Stranger, "OPTIONS", f"sip:{domain}")
        callers = [self._users[0], Stranger]
        if self.proxy.config.trunks:
            callers.append(Caller("0301234567", self.proxy.config.trunks[0], STRANGER.host))
        for caller in callers:
            self._calls(caller, f"sip:{self._users[-1].name}@{domain}")
            for number in self._numbers():
                self._invite(caller, f"sip:{number}@{domain}", (404,))
            self._invite(caller, "sip:bob@elsewhere.example", (404,))
            for method in METHODS:
                self._request(caller, method, f"sip:{self._users[-1].name}@{domain}", (202,))

    def _calls(self, caller, uri):
        """One call for each way that it may go."""
        for plan in ((180, 486), (503,)):
            self._invite(caller, uri, plan)
        self._invite(caller, uri, (180,))
        self._pass(600)  # nobody answers
        invite = self._invite(caller, uri, (180,))
        self._send(caller, build.cancel_for(invite))
        invite = self._invite(caller, uri, (183, 200))
        answers = [each for each in self._responses() if each.status == 200]
        if answers:
            for method in ("ACK", "UPDATE", "INVITE", "INFO", "BYE"):
                self._within(caller, method, invite, answers[-1])

    def _numbers(self):
        """-> a few numbers that lead somewhere: aliases, and one that leads outside."""
        found = ["0301234567", "112"]
        for name, column in (("dbaliases", "alias_username"), ("aliases", "username")):
            table = self.proxy.tables.get(name)
            if table is not None and len(table.rows):
                found.append(table.rows[0].get(column) or "0")
        return found

    # What it is made of.

    def _invite(self, caller, uri, plan):
        return self._request(caller, "INVITE", uri, plan, body=SDP)

    def _request(self, caller, method, uri, plan=(200,), to=None, body=b""):
        """Sends a request, answers a challenge, and lets those answer who get it. -> bytes."""
        self._pass(STEP)
        data = self._make(caller, method, uri, to or uri, body)
        self._plan = plan
        self._send(caller, data)
        challenges = [each for each in self._responses() if each.status in (401, 407)]
        if challenges and caller.row is not None:
            if method == "INVITE":
                self._send(caller, build.ack_for(data, challenges[-1]))
            again = self._authenticated(caller, parse(data), challenges[-1])
            if again is not None:
                data = again
                self._send(caller, data)
        return data

    def _make(self, caller, method, uri, to, body, lines=(), call_id=None, from_=None):
        self._count += 1
        head = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {caller.peer.host};branch=z9hG4bKrehearsal{self._count};rport",
            "Max-Forwards: 70",
            "From: " + (from_ or f"<{caller.uri}>;tag=a{self._count}"),
            f"To: {to}" if "<" in to else f"To: <{to}>",
            f"Call-ID: {call_id or 'rehearsal' + str(self._count)}",
            f"CSeq: {self._count} {method}",
            f"Contact: <sip:{caller.name}@{caller.peer.host}>",
        ] + list(lines)  # fmt: skip
        if body:
            head.append("Content-Type: application/sdp")
        head.append(f"Content-Length: {len(body)}")
        return "\r\n".join(head + ["", ""]).encode() + body

    def _authenticated(self, caller, message, reply):
        """-> bytes of the request again with credentials, or None."""
        header, name = "www-authenticate", "Authorization"
        if reply.status == 407:
            header, name = "proxy-authenticate", "Proxy-Authorization"
        for value in reply.headers(header):
            challenge = parse_challenge(value)
            if challenge is None or "SHA" in value:
                continue
            password = caller.row.get("password")
            text = answer(
                self._hashes, challenge, message.method, message.uri, caller.row["username"],
                password, "rehearsal", 1, None if password else caller.row.get("ha1"),
            )  # fmt: skip
            self._count += 1
            edits = Edits(message)
            edits.replace("cseq", 0, f"{self._count} {message.method}")
            branch = message.via.branch
            edits.replace("via", 0, str(message.via).replace(branch, f"z9hG4bKr{self._count}x"))
            if text is not None:
                edits.set(name, text)
                return edits.to_bytes()
        return None

    def _within(self, caller, method, invite, answered):
        """A request in the dialog that the INVITE (bytes) and its 200 made."""
        self._pass(STEP)
        message = parse(invite)
        routes = ["Route: " + route for route in reversed(answered.headers("record-route"))]
        uri = f"sip:callee@{STRANGER.host}"
        self._plan = (200,)
        self._send(caller, self._make(
            caller, method, uri, answered.header("to"), SDP if method == "INVITE" else b"",
            routes, message.call_id, message.header("from"),
        ))  # fmt: skip

    def _send(self, caller, data):
        self._heard = []
        if self._is_over:
            return
        self.endpoint.receive(data, caller.peer, self.now)
        self._settle()

    def _pass(self, seconds):
        """Lets time pass, with every timer at its moment."""
        end = self.now + seconds
        for _ in range(1000):
            due = [each for each in (self.endpoint.next_timer(), self.proxy.next_timer()) if each]
            if self._is_over or not due or min(due) > end:
                break
            self.now = max(self.now, min(due))
            self._guarded(self.endpoint.handle_timers, self.now)
            self._guarded(self.proxy.handle_timers, self.now, self.wall)
            self._settle()
        self.now = end

    def _settle(self):
        """Runs the proxy, and the answers of those who get its requests, until all is quiet."""
        for _ in range(100):
            self._turn()
            item = self.endpoint.to_send()
            if item is None:
                return
            self._heard.append(item[0])
            if item[0][:7] != b"SIP/2.0":
                self._reply(parse(item[0]), item[1])

    def _turn(self):
        while not self._guarded(self.proxy.run, self.now, self.wall):
            pass

    def _guarded(self, function, *arguments):
        """-> bool: there was no fault, or one of ours, which is not what is looked for here."""
        try:
            function(*arguments)
            return True
        except Exception as error:
            if self._scripts.place_of(error, FILE):
                self.failed(error, "a call", self.now)
            return False

    def _reply(self, message, peer):
        if message.method == "ACK":
            return
        plan = (200,) if message.method == "CANCEL" else self._plan
        for status in plan:
            lines = [f"Contact: <sip:callee@{STRANGER.host}>"] if status < 400 else []
            body = SDP if message.method == "INVITE" and status in (183, 200) else b""
            if body:
                lines.append("Content-Type: application/sdp")
            data = build.response(message, status, "Rehearsed", "callee", lines, body)
            self.endpoint.receive(data, peer, self.now)
            self._turn()

    def _responses(self):
        found = []
        for data in self._heard:
            if data[:7] == b"SIP/2.0":
                try:
                    found.append(parse(data))
                except ParseError:
                    pass  # the script's own making
        return found

    # For the check of names: one request and one reply as scripts get them.

    def samples(self):
        """-> (RoutingRequest, RoutingReply)."""
        message = parse(self._make(Stranger, "INVITE", "sip:a@b", "sip:a@b", b""))
        request = RoutingRequest(
            self.proxy, message, STRANGER, self.now, self.wall, self._module
        )
        response = parse(build.response(message, 200, "OK", "t"))
        return request, RoutingReply(self.proxy, request, response, Edits(response), STRANGER)


class Nothing:
    """The script that goes on when the site's has failed: here nobody is to be told twice."""

    @staticmethod
    def request_route(r):
        r.sl_send_reply(500, "Server Internal Error")

    @staticmethod
    def onreply_route(r):
        pass


class Silence:
    """A log of which nobody reads a line, whatever it is asked to write."""

    def __getattr__(self, name):
        return self._write

    def _write(self, *arguments):
        pass


class Caller:
    """Who calls: name, domain, the row of subscriber (None for a stranger) and the Peer."""

    def __init__(self, name, host, domain, row=None):
        self.name = name
        self.domain = domain
        self.row = row
        self.uri = f"sip:{name}@{domain}"
        self.peer = Peer("udp", host, 5060, 0)


Stranger = Caller("stranger", STRANGER.host, "elsewhere.example")


def _users(tables, config):
    """-> [Caller]: two extensions of the table subscriber, or made up ones where it has none."""
    domain = config.domains[0] if config.domains else config.advertise[0]
    table = tables.get("subscriber")
    found = []
    for row in table.rows[:2] if table is not None else ():
        host = f"192.0.2.{201 + len(found)}"
        found.append(Caller(row["username"], host, row.get("domain") or domain, row))
    return found or [Caller("100", "192.0.2.201", domain)]
