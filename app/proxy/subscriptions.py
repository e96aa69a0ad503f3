"""Subscriptions to this box: the notifier of RFC 6665, whatever the event package.

A package says who may subscribe to what, and what a NOTIFY holds; see reg_event.RegEvent. Here
are the dialogs: SUBSCRIBE and its answers, refresh, expiry, NOTIFY one after the other. What
changes while a NOTIFY is out, or too soon after the last one, goes into the next one.

    proxy.modules.subscriptions.add_package(package)
    subscriptions.changed(package_name, resource, change, now)      # a package tells of news
"""

from app.proxy.registrar import Refused
from app.proxy.target import next_hop
from app.proxy.text import printable
from app.sip.errors import ParseError
from app.sip.grammar import parse_params, seconds
from app.sip.headers import parse_contact, parse_name_addr, split_list
from app.sip.uri import host_port

MAX_SUBSCRIPTIONS = 512
MAX_OF_RESOURCE = 16  # subscriptions to one thing
MAX_TEXT = 512  # characters of a Contact, an Event or a Call-ID that is kept
MAX_ROUTES = 1024  # of a Record-Route
MIN_EXPIRES = 60
RETRY = 5  # seconds until a NOTIFY that found no room is tried again

ACTIVE = "active"
TERMINATED = "terminated"


class Subscription:
    """One subscriber's dialog, its only use of it (RFC 6665 4.5.2).

    resource: str, what it is about, as the package names it; watcher: str, the authenticated
    user; uri: Uri that was asked for; event: value of the header Event; local, remote: From
    and To of a NOTIFY; target: URI of the subscriber's Contact; routes: [str], Record-Route
    values; peer: Peer that it came from, for a subscriber without routes; contact: ours.
    changes: what the package notes until the next NOTIFY, None: that one tells everything;
    in_flight: the uac.ClientRequest of the latest one; state: the package's own.
    """

    def __init__(self, package, resource, request):
        message = request.msg
        self.package = package
        self.resource = resource
        self.watcher = request.au.lower()
        self.uri = request.ru
        self.event = message.header("event")
        self.call_id = message.call_id
        self.local_tag = request.proxy.endpoint.to_tag(message)
        self.remote_tag = message.from_.tag or ""
        self.local = f"<{message.to.uri}>;tag={self.local_tag}"
        self.remote = str(message.from_)
        self.routes = message.headers("record-route")
        self.changes = None
        self.state = None
        self.cseq = 0
        self.deadline = 0
        self.notify_at = 0  # not before
        self.is_dirty = False
        self.in_flight = None
        self.entry = None
        self.subscriptions = None
        self.refresh(request)

    @property
    def key(self):
        return key_of(self.call_id, self.local_tag, self.remote_tag)

    def refresh(self, request):
        """Takes what each SUBSCRIBE says anew: CSeq, Contact, where it comes from."""
        message = request.msg
        self.remote_cseq = message.cseq.number
        self.target = _contact_of(message)
        direct = len(message.headers("via")) == 1
        self.peer = request.peer if direct and not self.routes else None
        endpoint = request.proxy.endpoint
        own = host_port(*endpoint.interfaces.told(request.peer))
        transport = request.peer.transport
        self.contact = f"<sip:{own}>"
        if transport != "udp":
            self.contact = f"<sip:{own};transport={transport}>"

    def time_out(self, now):
        """proxy.deadlines: it expires, or a NOTIFY is due."""
        self.entry = None
        self.subscriptions.due(self, now)


class Subscriptions:
    """All of them: at most MAX_SUBSCRIPTIONS, MAX_OF_RESOURCE to one thing."""

    def __init__(self, proxy):
        self._proxy = proxy
        self._all = {}  # key -> Subscription
        self._of = {}  # package name, resource -> [Subscription]
        self._packages = {}

    def __len__(self):
        return len(self._all)

    def add_package(self, package):
        self._packages[package.name] = package

    def package_of(self, message):
        """-> event package that a SUBSCRIBE asks for, None for one that is not ours."""
        return self._packages.get(event_of(message)[0])

    def allow_events(self):
        """-> header line (RFC 6665 8.2.2)."""
        return "Allow-Events: " + ", ".join(sorted(self._packages))

    # SUBSCRIBE: 4.2.1

    def subscribe(self, request):
        """Answers a SUBSCRIBE (RoutingRequest of an authenticated user) for a package of ours."""
        try:
            package = self.package_of(request.msg)
            _check_accept(request.msg, package)
            expires = self._expires(request.msg, package)
            if request.has_totag():
                self._refresh(request, package, expires)
            else:
                self._begin(request, package, expires)
        except Refused as refusal:
            request.refused(f"{refusal.code} {refusal.reason}")
            request.t_reply(refusal.code, refusal.reason, refusal.headers)

    def _expires(self, message, package):
        text = message.header("expires")
        asked = package.default_expires if text is None else seconds(text, package.default_expires)
        if 0 < asked < MIN_EXPIRES:
            raise Refused(423, "Interval Too Brief", (f"Min-Expires: {MIN_EXPIRES}",))
        return min(asked, package.max_expires)

    def _begin(self, request, package, expires):
        resource = package.judge(request)
        _check_lengths(request.msg)
        others = self._of.get((package.name, resource), ())
        if len(self._all) >= MAX_SUBSCRIPTIONS or len(others) >= MAX_OF_RESOURCE:
            raise Refused(503, "Service Unavailable", ("Retry-After: 60",))
        subscription = Subscription(package, resource, request)
        subscription.subscriptions = self
        if self._accept(request, subscription, expires):
            self._all[subscription.key] = subscription
            self._of.setdefault((package.name, resource), []).append(subscription)
            self._answered(subscription, expires, request.now)

    def _refresh(self, request, package, expires):
        """4.2.1.2 and RFC 3261 12.2.2."""
        message = request.msg
        tags = (message.to.tag, message.from_.tag or "")
        subscription = self._all.get(key_of(message.call_id, tags[0], tags[1]))
        if subscription is None or event_of(message) != event_of_text(subscription.event):
            raise Refused(481, "Call/Transaction Does Not Exist")
        if subscription.watcher != request.au.lower():
            raise Refused(403, "Forbidden")
        if message.cseq.number <= subscription.remote_cseq:
            raise Refused(500, "Server Internal Error: CSeq is lower than the last one")
        _check_lengths(message)
        subscription.refresh(request)
        if self._accept(request, subscription, expires):
            self._answered(subscription, expires, request.now)

    def _accept(self, request, subscription, expires):
        """-> bool: the 200 is out; there may be no room for its transaction."""
        lines = [f"Expires: {expires}", f"Contact: {subscription.contact}", self.allow_events()]
        request.t_reply(200, "OK", lines)
        return request.server is not None

    def _answered(self, subscription, expires, now):
        """Each SUBSCRIBE is followed by a NOTIFY of everything, the last one as well."""
        subscription.changes = None
        subscription.deadline = now + expires
        if expires:
            self._notify(subscription, now)
        else:
            self.end(subscription, "timeout", now)

    # News: 4.2.2

    def changed(self, name, resource, change, now):
        """The package `name` has news of a resource: change(dict) adds to the notes that a
        subscription has for its next NOTIFY."""
        for subscription in self._of.get((name, resource), ()):
            if subscription.changes is not None:
                change(subscription.changes)
            subscription.is_dirty = True
            self._schedule(subscription, now)

    def due(self, subscription, now):
        if now >= subscription.deadline:
            self.end(subscription, "timeout", now)
        elif subscription.is_dirty and subscription.in_flight is None:
            self._notify(subscription, now)
        else:
            self._schedule(subscription, now)

    def _told(self, subscription, cseq, status, now):
        """The answer to a NOTIFY (4.2.2): who does not take one has no subscription any more."""
        if self._all.get(subscription.key) is not subscription or cseq != subscription.cseq:
            return
        subscription.in_flight = None
        if 200 <= status < 300:
            self._schedule(subscription, now)
            return
        what = f"{subscription.package.name} of {subscription.resource} by {subscription.watcher}"
        self._proxy.log.notice(printable(f"subscription to {what} ends: NOTIFY got {status}"))
        self._forget(subscription)

    def end(self, subscription, reason, now):
        """Ends it with a last NOTIFY; reason: of 4.1.3, "timeout", "deactivated", "noresource"."""
        self._send(subscription, f"{TERMINATED};reason={reason}", now)
        self._forget(subscription)

    def _notify(self, subscription, now):
        left = max(1, int(subscription.deadline - now))
        self._send(subscription, f"{ACTIVE};expires={left}", now)
        self._schedule(subscription, now)

    def _schedule(self, subscription, now):
        """Sets its one deadline: its end, or the next NOTIFY if there is something to tell."""
        deadline = subscription.deadline
        if subscription.is_dirty and subscription.in_flight is None:
            deadline = min(deadline, max(now, subscription.notify_at))
        deadlines = self._proxy.deadlines
        if subscription.entry is not None:
            deadlines.cancel(subscription.entry)
        subscription.entry = deadlines.add(deadline, subscription)

    def _forget(self, subscription):
        self._all.pop(subscription.key, None)
        place = (subscription.package.name, subscription.resource)
        left = [each for each in self._of.get(place, ()) if each is not subscription]
        if left:
            self._of[place] = left
        else:
            self._of.pop(place, None)
        if subscription.entry is not None:
            self._proxy.deadlines.cancel(subscription.entry)
            subscription.entry = None

    # NOTIFY

    def _send(self, subscription, state, now):
        """Sends one; where there is no room for it, the next one tells everything."""
        package = subscription.package
        body = package.body(subscription, subscription.changes, now)
        uri, routes, destination = self._way(subscription)
        lines = ["Route: " + route for route in routes]
        lines += [
            f"Contact: {subscription.contact}", f"Event: {subscription.event}",
            f"Subscription-State: {state}", f"Content-Type: {package.content_type}",
        ]  # fmt: skip
        cseq = subscription.cseq = subscription.cseq + 1

        def told(status, message, now):
            self._told(subscription, cseq, status, now)

        try:
            sent = self._proxy.uac.request(
                "NOTIFY", uri, subscription.local, subscription.remote, lines, body, destination,
                now, told, subscription.call_id, cseq,
            )  # fmt: skip
        except ParseError:
            sent = None
        subscription.in_flight = sent
        subscription.is_dirty = sent is None
        subscription.changes = None if sent is None else {}
        subscription.notify_at = now + (RETRY if sent is None else package.pace)

    def _way(self, subscription):
        """-> (Request-URI, [Route], Peer | None): RFC 3261 12.2.1.1."""
        routes = list(subscription.routes)
        if not routes:
            return subscription.target, routes, subscription.peer
        first = parse_name_addr(routes[0])
        destination = next_hop(first.uri, self._proxy.config)
        if "lr" in first.uri.params:
            return subscription.target, routes, destination
        return str(first.uri), routes[1:] + [f"<{subscription.target}>"], destination


def key_of(call_id, local_tag, remote_tag):
    return f"{call_id}\n{local_tag}\n{remote_tag}"


def event_of(message):
    """-> (package in lower case, id | None) of the header Event; ("", None) without one."""
    return event_of_text(message.header("event") or "")


def event_of_text(text):
    name, _, rest = text.partition(";")
    try:
        number = parse_params(rest).get("id") if rest else None
    except ParseError:
        return "", None
    return name.strip(" \t").lower(), number


def _contact_of(message):
    """-> str: the URI of the Contact, which makes the dialog (RFC 3261 12.1.1)."""
    try:
        contact = parse_contact(message.header("contact") or "")
    except ParseError:
        raise Refused(400, "Bad Request: a SUBSCRIBE needs one Contact")
    if contact.star or not contact.uri.is_sip:
        raise Refused(400, "Bad Request: a SUBSCRIBE needs one Contact")
    contact.uri.headers = ""
    return str(contact.uri)


def _check_lengths(message):
    _contact_of(message)
    routes = ",".join(message.headers("record-route"))
    for value in message.headers("record-route"):
        if not parse_name_addr(value).uri.is_sip:
            raise Refused(400, "Bad Request: malformed Record-Route")
    texts = [message.header(name) or "" for name in ("contact", "event", "call-id", "from", "to")]
    if len(routes) > MAX_ROUTES or max([len(text) for text in texts]) > MAX_TEXT:
        raise Refused(400, "Bad Request: a header is too long to be kept")


def _check_accept(message, package):
    """RFC 6665 4.1.2.1: no Accept stands for the package's own type."""
    if message.header("accept") is None:
        return
    kind = package.content_type.partition("/")[0]
    for value in split_list(", ".join(message.headers("accept"))):
        found = value.partition(";")[0].strip(" \t").lower()
        if found in (package.content_type, kind + "/*", "*/*"):
            return
    raise Refused(406, "Not Acceptable", (f"Accept: {package.content_type}",))
