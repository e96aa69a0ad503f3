"""More messages than the box can serve: which wait, which go first, which get 503 at once.

    intake.put(data, peer, now)          a message has arrived
    intake.next(now) -> (data, peer)     whose turn it is, or None

Everything that has arrived is taken out of the sockets before the first of it is served, so that
nothing is lost by the kernel's choice. As long as few messages wait, they are served in
their order. With more, each has a class, and the first class goes first:

    0 FINISH     responses, and requests of what goes on: ACK, CANCEL, BYE, a known call's; and
                 emergency calls of known flows. They end what has been begun, or save a life.
    1 REFRESH    REGISTER of a known flow, requests within dialogs that are not known here,
                 emergency calls of anybody else
    2 OURS       requests of known flows (app/proxy/pike.py) and of trunks
    3 STRANGERS  the rest, REGISTER of nobody known too

A message of class 1 to 3 that has waited for MAX_AGE is answered with 503 and Retry-After,
without a transaction and without being parsed (app/sip/quick.py), unless it is the copy of a
request that is being served. So the box goes on at its full rate whatever is offered, and who is
refused knows before his first retransmission. While tables are nearly full, class 2 and 3 get 503
on arrival.
"""

from app.sip import quick

FINISH, REFRESH, OURS, STRANGERS = range(4)
CALM = 8  # messages that may wait before anybody asks who they are
MAX_AGE = 0.3  # seconds; the first retransmission comes after T1, 0.5 s
WAITING_MAX = 1000  # messages of all classes
BYTES_MAX = 1024 * 1024  # of them all
SPREAD = 8  # values of Retry-After, so that not all come back at once
NEWS = 10.0  # seconds without 503 after which the next is told in the log

# First words of what is of something that has begun already.
FINISHING = (b"SIP/2.0", b"ACK", b"CANCEL", b"BYE", b"PRACK", b"UPDATE", b"INFO")
SOS = b"urn:service:sos"  # RFC 5031


class Intake:
    """proxy: app.proxy.core.Proxy, for its endpoint, calls, pike, config and log.

    shed: how many messages got 503, or were let go; waiting: bytes of what waits.
    """

    def __init__(self, proxy, token):
        self.shed = 0
        self._proxy = proxy
        self._tag = ("busy" + token(16)).encode()
        self._fresh = []  # (data, peer, since), in order, not looked at
        self._classes = [[], [], [], []]  # (data, peer, since, Quick | None)
        self._bytes = 0
        self._told = None

    def __len__(self):
        return len(self._fresh) + sum([len(each) for each in self._classes])

    def is_settled(self, data):
        """-> bool: it is the ACK of a 503 that was given here: there is nothing to do."""
        return data[:4] == b"ACK " and self._tag in data

    def put(self, data, peer, now):
        self._fresh.append((data, peer, now))
        self._bytes += len(data)

    def next(self, now):
        """-> (data, peer) to be served now, or None when nothing waits. Some get 503 here."""
        if len(self._fresh) > CALM or self._any_class():
            self._sort(now)
            self._shed_old(now)
            for waiting in self._classes:
                if waiting:
                    return self._taken(waiting.pop(0))
        if self._fresh:
            return self._taken(self._fresh.pop(0))
        self._bytes = 0  # nothing waits, whatever was lost on the way
        return None

    def _any_class(self):
        first, second, third, last = self._classes
        return first or second or third or last

    def _taken(self, item):
        self._bytes -= len(item[0])
        return item[0], item[1]

    # Who comes first

    def _sort(self, now):
        full = self._is_full()
        while self._fresh:
            # one by one, and not counted meanwhile: where memory runs out, this one is lost
            data, peer, since = self._fresh.pop(0)
            self._bytes -= len(data)
            which, request = self._class_of(data, peer, now)
            item = (data, peer, since, request)
            refused = full and which >= OURS and not self._is_served(request)
            if not refused:
                self._classes[which].append(item)
            self._bytes += len(data)
            if refused:
                self._refuse(item, now)
        while len(self) > WAITING_MAX or self._bytes > BYTES_MAX:
            self._refuse(self._last(), now)

    def _class_of(self, data, peer, now):
        """-> (class, Quick | None)"""
        if data[: data.find(b" ")] in FINISHING:
            return FINISH, None
        request = quick.read(data)
        if request is None:
            return STRANGERS, None
        if request.has_totag:
            known = self._proxy.calls.get(request.call_id) is not None
            return (FINISH if known else REFRESH), request
        known = self._proxy.pike.is_known(peer, now)
        if request.method == b"INVITE" and self._is_emergency(request.uri):
            return (FINISH if known else REFRESH), request
        if not known:
            return STRANGERS, request
        return (REFRESH if request.method == b"REGISTER" else OURS), request

    def _is_emergency(self, uri):
        numbers = self._proxy.config.emergency
        if not numbers:
            return False
        user = uri[uri.find(b":") + 1 :].partition(b"@")[0].partition(b";")[0]
        return uri.lower().startswith(SOS) or (len(user) < 32 and user.decode() in numbers)

    def _is_full(self):
        proxy = self._proxy
        return proxy.is_crowded() or len(proxy.calls) >= proxy.config.max_calls

    # Who is refused

    def _shed_old(self, now):
        for which in (STRANGERS, OURS, REFRESH):
            waiting = self._classes[which]
            while waiting and now - waiting[0][2] > MAX_AGE:
                self._refuse_unless_served(waiting.pop(0), now)

    def _refuse_unless_served(self, item, now):
        if self._is_served(item[3]):
            self._classes[FINISH].append(item)
        else:
            self._refuse(item, now)

    def _is_served(self, request):
        """-> bool: it is the copy of a request that has its transaction: cheap, and said once."""
        key = None if request is None else request.key()
        return key is not None and self._proxy.endpoint.serves(key)

    def _last(self):
        """-> the item of the last class that has waited longest, taken out."""
        for which in (STRANGERS, OURS, REFRESH, FINISH):
            if self._classes[which]:
                return self._classes[which].pop(0)
        return self._fresh.pop(0) + (None,)

    def _refuse(self, item, now):
        data, peer, _, request = item
        self._bytes -= len(data)
        self.shed += 1
        self._tell(now)
        if request is None:
            return  # it takes a closer look, for which there is no time
        seconds = self._proxy.config.retry_after + self.shed % SPREAD
        answer, target = request.busy(peer, self._tag, (f"Retry-After: {seconds}",))
        self._proxy.endpoint.queue(answer, target, None)

    def _tell(self, now):
        """A line in the log for each time that the box has too much to do."""
        if self._told is None or now - self._told > NEWS:
            why = "tables are nearly full" if self._is_full() else "messages wait for too long"
            self._proxy.log.warning(f"overload: {why}; new requests get 503")
        self._told = now
