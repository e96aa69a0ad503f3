"""The event package "reg" (RFC 3680): who asks is told where an extension is registered.

An extension may watch itself; users of [sip] reg_watchers may watch everybody. The first NOTIFY
and the one after each SUBSCRIBE are full, the others tell the contacts that have changed.
"""

from app.proxy.aor import aor_of, rows_of
from app.proxy.location import CHANGED, REFRESHED, REGISTERED
from app.proxy.registrar import Refused, qvalue
from app.proxy.text import printable

CREATED = "created"  # of a contact of the site's own table
NAMESPACE = "urn:ietf:params:xml:ns:reginfo"
ENTITIES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"))


class RegEvent:
    """A package for subscriptions.Subscriptions; hears of changes from proxy.location."""

    name = "reg"
    content_type = "application/reginfo+xml"
    default_expires = 3761  # RFC 3680 4.4
    max_expires = 7200
    pace = 5  # seconds between two NOTIFY: 4.10

    def __init__(self, proxy, subscriptions):
        self._proxy = proxy
        self._subscriptions = subscriptions
        proxy.location.listeners.append(self._changed)

    def judge(self, request):
        """-> AOR that an authenticated SUBSCRIBE is about; raises Refused: 4.6."""
        config = request.config
        aor = aor_of(request.ru, config.use_domain) if config.is_myself(request.ru) else ""
        if aor and aor == own_aor(request):
            return aor
        if request.au.lower() not in config.reg_watchers:
            raise Refused(403, "Forbidden")
        if not aor or not self._exists(request, aor):
            raise Refused(404, "Not Found")
        return aor

    def _exists(self, request, aor):
        user, host = request.ru.aor
        table = self._proxy.tables.get("subscriber")
        known = rows_of(table, user, host, request.config.use_domain)
        return bool(known) or bool(self._proxy.location.bindings(aor, request.now))

    def _changed(self, aor, changes, now):
        notes = {}
        for event in changes:
            if event != REFRESHED:  # nothing but the expiry, which the watcher can see coming
                for binding in changes[event]:
                    notes[binding.ruid] = (binding, event)
        if notes:
            self._subscriptions.changed(self.name, aor, lambda kept: kept.update(notes), now)

    def body(self, subscription, changes, now):
        """-> bytes: reginfo of everything, or of {ruid: (Binding, event)} (RFC 3680 5)."""
        version = 0 if subscription.state is None else subscription.state + 1
        subscription.state = version
        bindings = self._proxy.location.bindings(subscription.resource, now)
        if changes is None:
            changes = {}
            for binding in bindings:
                changes[binding.ruid] = (binding, CREATED if binding.static else REGISTERED)
            state, kind = ("active" if bindings else "init"), "full"
        else:
            state, kind = ("active" if bindings else "terminated"), "partial"
        aor = f"sip:{subscription.uri.user}@{subscription.uri.host.lower()}"
        lines = [
            '<?xml version="1.0"?>',
            f'<reginfo xmlns="{NAMESPACE}" version="{version}" state="{kind}">',
            f'<registration aor="{escaped(aor)}" id="a{escaped(subscription.resource)}"'
            f' state="{state}">',
        ]
        for ruid in sorted(changes):
            lines.extend(contact_lines(*changes[ruid], now))
        lines.extend(["</registration>", "</reginfo>", ""])
        return "\n".join(lines).encode()


def own_aor(request):
    """-> AOR of who has authenticated a RoutingRequest."""
    _, at, domain = request.credentials.username.partition("@")
    user = request.au.lower()
    if not request.config.use_domain:
        return user
    return f"{user}@{(domain if at else request.credentials.realm).lower()}"


def contact_lines(binding, event, now):
    """-> [line] of one contact element (RFC 3680 5.3)."""
    active = event in (REGISTERED, CHANGED, CREATED)
    state = "active" if active else "terminated"
    name = REFRESHED if event == CHANGED else event
    left = binding.remaining(now)
    words = f'<contact id="{escaped(binding.ruid)}" state="{state}" event="{name}"'
    if left is not None:
        words += f' expires="{max(0, left) if active else 0}"'
    if binding.q is not None:
        words += f' q="{qvalue(binding.q)}"'
    if binding.callid:
        words += f' callid="{escaped(binding.callid)}" cseq="{binding.cseq}"'
    lines = [words + ">", f"<uri>{escaped(binding.contact)}</uri>"]
    if binding.instance:
        instance = escaped(binding.instance)
        lines.append(f'<unknown-param name="+sip.instance">{instance}</unknown-param>')
    return lines + ["</contact>"]


def escaped(text):
    """-> text for an element or an attribute in quotation marks, without control characters."""
    text = printable(text, 1024)
    for letter, entity in ENTITIES:
        text = text.replace(letter, entity)
    return text
