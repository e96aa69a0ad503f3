"""Many calls at once over a bad line, by one small program: sipp gives up when it rains.

One user calls, another answers; each repeats what RFC 3261 17 has it repeat, so that a call
fails only when the box fails. The line between them and the box loses the first copy of a
message, doubles messages, and holds some back so that others overtake them.
"""

import heapq
import random
import selectors
import socket
import time
from collections import Counter

from tests.peers import sip
from tests.peers.address import LOOPBACK
from tests.peers.site import DOMAIN, USERS

T1, T2 = 0.5, 4.0
PATIENCE = 64 * T1  # seconds that a step of a call may take
HELD_BACK = 0.03  # seconds: others overtake
BUFFER = 4 * 1024 * 1024


def compose(start, lines, body=b""):
    """-> bytes of a message of header lines; Content-Length is added."""
    text = "\r\n".join([start, *lines, f"Content-Length: {len(body)}", "", ""])
    return text.encode() + body


class Line:
    """How bad it is. lost, doubled, late: shares of all messages, 0 to 1; seed: of the choices."""

    def __init__(self, lost=0.0, doubled=0.0, late=0.0, seed=1):
        self.lost, self.doubled, self.late = lost, doubled, late
        self.random = random.Random(seed)
        self.counted = Counter()

    def delays(self, data, seen):
        """-> [seconds] of each copy that arrives; seen: set, of what has come of this call."""
        mark = hash(data)
        first = mark not in seen
        seen.add(mark)
        chance = self.random.random
        if first and chance() < self.lost:
            self.counted["lost"] += 1
            return ()
        delay = 0.0
        if chance() < self.late:
            self.counted["late"] += 1
            delay = HELD_BACK
        if chance() < self.doubled:
            self.counted["doubled"] += 1
            return delay, delay
        self.counted["passed"] += 1
        return (delay,)


class Call:
    """state: calling, talking, ending; repeat: (data, interval) until an answer comes."""

    def __init__(self, number, now):
        self.id = f"{number}-{sip.token(4)}@load"
        self.tag = sip.token(4)
        self.cseq = 0
        self.state = "calling"
        self.since = now
        self.branch = self.invite = self.ack = self.repeat = None
        self.seen = set()
        self.dialog = None  # (target, [Route lines], To line)


class Answer:
    """The callee's side of a call."""

    def __init__(self):
        self.tag = sip.token(4)
        self.response = None
        self.wait = None  # interval of the 200's repetition, None: it is acknowledged
        self.seen = set()


class Load:
    """rate: new calls a second; hold: seconds that they talk.

    strays: share of the calls that send a CANCEL that comes too late and one of nothing.
    results: Counter of "good" and of what went wrong.
    """

    def __init__(self, target, rate, hold=0.2, line=None, strays=0.0, caller="200",
                 callee="201", host=LOOPBACK):  # fmt: skip
        self.target = tuple(target)
        self.rate, self.hold = rate, hold
        self.line = line or Line()
        self.strays = strays
        self.caller, self.callee = caller, callee
        self.results = Counter()
        self._here, self._there = self._socket(host), self._socket(host)
        self._by_id = {}
        self._answers = {}
        self._timers = []
        self._order = 0
        self._challenge, self._count = None, 0

    def close(self):
        self._here.close()
        self._there.close()

    def _socket(self, host):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        made.bind((host, 0))
        made.setblocking(False)
        return made

    def _place(self, opened):
        return "{}:{}".format(*opened.getsockname())

    # The loop

    def run(self, calls):
        """Make so many calls, after register(). -> results of these."""
        self.results = Counter()
        with selectors.DefaultSelector() as selector:
            selector.register(self._here, selectors.EVENT_READ, self._caller_got)
            selector.register(self._there, selectors.EVENT_READ, self._callee_got)
            started, began = 0, time.monotonic()
            while started < calls or self._by_id:
                now = time.monotonic()
                while started < calls and now >= began + started / self.rate:
                    self._start(started, now)
                    started += 1
                self._fire(now)
                for key, _ in selector.select(self._pause(began, started, calls)):
                    self._read(key.fileobj, key.data)
        return self.results

    def _pause(self, began, started, calls):
        due = [self._timers[0][0]] if self._timers else []
        if started < calls:
            due.append(began + started / self.rate)
        return max(0.0, min(due) - time.monotonic()) if due else 0.1

    def _read(self, opened, got):
        for _ in range(200):
            try:
                data = opened.recv(65535)
            except (BlockingIOError, ConnectionRefusedError):
                return
            if data.strip():
                got(data, sip.Message(data))

    def _after(self, seconds, function, *arguments):
        self._order += 1
        entry = (time.monotonic() + seconds, self._order, function, arguments)
        heapq.heappush(self._timers, entry)

    def _fire(self, now):
        while self._timers and self._timers[0][0] <= now:
            _, _, function, arguments = heapq.heappop(self._timers)
            function(*arguments)

    def _send(self, opened, data, seen):
        for delay in self.line.delays(data, seen):
            if delay:
                self._after(delay, self._send_now, opened, data)
            else:
                self._send_now(opened, data)

    def _send_now(self, opened, data):
        try:
            opened.sendto(data, self.target)
        except BlockingIOError:
            pass  # it is repeated

    # The caller

    def _start(self, number, now):
        call = Call(number, now)
        self._by_id[call.id] = call
        self._invite(call)
        self._after(PATIENCE * 3, self._give_up, call)

    def _give_up(self, call):
        if self._by_id.pop(call.id, None) is not None:
            self.results["no answer while " + call.state] += 1

    def _end(self, call, result):
        if self._by_id.pop(call.id, None) is not None:
            self.results[result] += 1

    def _request(self, call, method, uri, to, lines=(), body=b"", branch=None):
        self.branch = branch or "z9hG4bK" + sip.token(8)
        headers = [
            f"Via: SIP/2.0/UDP {self._place(self._here)};branch={self.branch};rport",
            "Max-Forwards: 70", f"From: <sip:{self.caller}@{DOMAIN}>;tag={call.tag}", f"To: {to}",
            f"Call-ID: {call.id}", f"CSeq: {call.cseq} {method}", *lines,
        ]  # fmt: skip
        return compose(f"{method} {uri} SIP/2.0", headers, body)

    def _invite(self, call):
        call.cseq += 1
        uri = f"sip:{self.callee}@{DOMAIN}"
        lines = [f"Contact: <sip:{self.caller}@{self._place(self._here)}>"]
        if self._challenge:
            self._count += 1
            password = USERS[self.caller]
            answer = sip.credentials(
                self._challenge, "INVITE", uri, self.caller, password, self._count
            )
            lines.append("Proxy-Authorization: " + answer)
        call.invite = self._request(call, "INVITE", uri, f"<{uri}>", lines)
        call.branch = self.branch
        self._repeat(call, call.invite, T1, None)

    def _repeat(self, call, data, interval, most):
        """Send until `call.repeat` is something else; most: the longest interval, None: none."""
        if self._by_id.get(call.id) is not call:
            return
        call.repeat = data
        self._send(self._here, data, call.seen)
        self._after(interval, self._again, call, data, 2 * interval, most)

    def _again(self, call, data, interval, most):
        if call.repeat is data and interval <= PATIENCE:
            self._repeat(call, data, interval if most is None else min(interval, most), most)

    def _caller_got(self, data, message):
        call = self._by_id.get(message["call-id"])
        if call is None or not message.status:
            return
        if not self.line.delays(data, call.seen):
            return
        if message.method == "INVITE":
            self._invite_answered(call, message)
        elif message.method == "BYE" and message.status >= 200:
            self._end(call, "good" if message.status == 200 else f"{message.status} to BYE")

    def _invite_answered(self, call, message):
        if int(message["cseq"].split()[0]) != call.cseq:
            if message.status >= 300:  # a copy of a challenge
                self._acknowledge_failure(call, message, int(message["cseq"].split()[0]))
            return
        if message.status < 200:
            call.repeat = None
        elif message.status < 300:
            self._answered(call, message)
        else:
            self._refused(call, message)

    def _refused(self, call, message):
        self._acknowledge_failure(call, message, call.cseq)
        if message.status == 407 and call.cseq < 4:
            if sip.challenge_of(message["proxy-authenticate"]) != self._challenge:
                self._challenge, self._count = message["proxy-authenticate"], 0
            self._invite(call)
        else:
            self._end(call, f"{message.status} to INVITE")

    def _acknowledge_failure(self, call, message, cseq):
        former, call.cseq = call.cseq, cseq
        ack = self._request(call, "ACK", f"sip:{self.callee}@{DOMAIN}", message["to"],
                            branch=message.branch)  # fmt: skip
        call.cseq = former
        self._send(self._here, ack, call.seen)

    def _answered(self, call, message):
        if call.state == "calling":
            call.state, call.repeat = "talking", None
            routes = [f"Route: {value}" for value in reversed(message.all("record-route"))]
            call.dialog = (message.contact, routes, message["to"])
            call.ack = self._request(call, "ACK", call.dialog[0], call.dialog[2], routes)
            self._after(self.hold, self._hang_up, call)
        self._send(self._here, call.ack, call.seen)

    def _hang_up(self, call):
        if self._by_id.get(call.id) is not call:
            return
        if self.line.random.random() < self.strays:
            self._stray_cancels(call)
        call.state = "ending"
        call.cseq += 1
        target, routes, to = call.dialog
        self._repeat(call, self._request(call, "BYE", target, to, routes), T1, T2)

    def _stray_cancels(self, call):
        """One for an INVITE that has its final answer, one for an INVITE that never was."""
        uri = f"sip:{self.callee}@{DOMAIN}"
        for branch in (call.branch, None):
            cancel = self._request(call, "CANCEL", uri, f"<{uri}>", branch=branch)
            self._send(self._here, cancel, call.seen)
        self.results["stray CANCELs"] += 2

    # The callee

    def _callee_got(self, data, message):
        if message.status:
            return
        answer = self._answers.setdefault(message["call-id"], Answer())
        if not self.line.delays(data, answer.seen):
            return
        if message.method == "INVITE":
            self._ring(answer, message)
        elif message.method == "ACK":
            answer.wait = None
        elif message.method in ("BYE", "CANCEL", "OPTIONS"):
            answer.wait = None
            self._send(self._there, self._response(message, answer.tag), answer.seen)
            if message.method == "BYE":
                self._after(PATIENCE, self._answers.pop, message["call-id"], None)

    def _ring(self, answer, message):
        if answer.response is None:
            answer.response = self._response(
                message, answer.tag, [f"Contact: <sip:{self.callee}@{self._place(self._there)}>"]
            )
            answer.wait = T1
            self._after(T1, self._repeat_answer, answer, T1)
        self._send(self._there, answer.response, answer.seen)

    def _repeat_answer(self, answer, interval):
        """RFC 3261 13.3.1.4: a 200 until its ACK."""
        if answer.wait is not None and interval < PATIENCE:
            self._send(self._there, answer.response, answer.seen)
            self._after(min(2 * interval, T2), self._repeat_answer, answer, min(2 * interval, T2))

    def _response(self, message, tag, lines=()):
        to = message["to"] if message.tag("to") else f"{message['to']};tag={tag}"
        headers = [f"Via: {value}" for value in message.all("via")]
        headers += [f"Record-Route: {value}" for value in message.all("record-route")]
        headers += [f"From: {message['from']}", f"To: {to}", f"Call-ID: {message['call-id']}",
                    f"CSeq: {message['cseq']}", *lines]  # fmt: skip
        return compose("SIP/2.0 200 OK", headers)

    def register(self):
        """The callee registers; it is done before any call."""
        uri, aor = f"sip:{DOMAIN}", f"<sip:{self.callee}@{DOMAIN}>"
        place, lines = self._place(self._there), []
        self._there.setblocking(True)
        self._there.settimeout(5)
        for cseq in range(1, 4):
            headers = [
                f"Via: SIP/2.0/UDP {place};branch=z9hG4bK{sip.token(8)};rport",
                "Max-Forwards: 70", f"From: {aor};tag=r", f"To: {aor}", f"Call-ID: reg-{place}",
                f"CSeq: {cseq} REGISTER", f"Contact: <sip:{self.callee}@{place}>", "Expires: 7200",
                *lines,
            ]  # fmt: skip
            self._there.sendto(compose(f"REGISTER {uri} SIP/2.0", headers), self.target)
            answer = sip.Message(self._there.recv(65535))
            if answer.status == 200:
                break
            value = sip.credentials(
                answer["www-authenticate"], "REGISTER", uri, self.callee, USERS[self.callee]
            )
            lines = ["Authorization: " + value]
        self._there.setblocking(False)
        assert answer.status == 200, str(answer)
