"""What a REGISTER does to the bindings of its AOR: RFC 3261 10.3, steps 6 to 8.

Who may do so (steps 1 to 5) is the routing script's: it authenticates first.
"""

from app.proxy.location import NATTED, Binding, Outcome
from app.proxy.target import next_hop, uri_for
from app.proxy.text import printable
from app.sip.errors import ParseError
from app.sip.grammar import quote, seconds
from app.sip.headers import parse_contact
from app.sip.uri import parse_uri, same_uri

MAX_TEXT = 512  # bytes of a Contact URI, Call-ID, User-Agent or instance that we keep
EQUIVALENT = 3600  # RFC 3261 20.19: what a malformed Expires counts as


class Refused(Exception):
    """The REGISTER fails as a whole: answer with code, reason and header lines.

    why: for the log, where the reason phrase does not say it.
    """

    def __init__(self, code, reason, headers=(), why=None):
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.headers = headers
        self.why = why or reason


class Registration(Outcome):
    """One authenticated REGISTER against the present bindings of its AOR.

    way: way.Way that it came; config: config.Config; reg: the script's own "max_contacts",
    "expires", "q"; alone: other contacts of the AOR are removed. flows: how many of its
    contacts are flows (RFC 5626).
    After run() its four lists say what happened: added, changed (it is elsewhere now),
    refreshed (nothing but its expiry), removed. Raises Refused, and changes nothing then.
    """

    def __init__(self, request, aor, bindings, config, now, wall, way, token, reg=None,
                 alone=False):
        super().__init__()
        self.request = request
        self.aor = aor
        self.config = config
        self.now = now
        self.wall = wall
        self.way = way
        self.flows = 0
        self.token = token
        self.reg = reg or {}
        self.alone = alone
        self.old = [binding for binding in bindings if not binding.static]
        self._last = None  # Binding that the REGISTER names last, to be kept
        self._renewals = []  # [(Binding, fields)] carried out once all contacts are judged

    def run(self):
        contacts = self._contacts()
        if contacts and contacts[0].star:
            self._remove_all(contacts)
        else:
            for contact in contacts:
                self._take(contact)
            if self.alone:
                self._remove_others()
            self._check_count()
            self._check_flows(contacts)
        self._carry_out()

    def _contacts(self):
        try:
            return [parse_contact(value) for value in self.request.headers("contact")]
        except ParseError as error:
            raise Refused(error.code, error.reason)

    def _remove_all(self, contacts):
        """RFC 3261 10.2.2, 10.3 step 6: `*` stands alone and asks for zero seconds."""
        if len(contacts) > 1 or self._header_expires() != 0:
            raise Refused(400, "Bad Request: Contact * needs Expires 0 and no other Contact")
        for binding in self.old:
            if self._is_newer(binding):
                self.removed.append(binding)

    def _take(self, contact):
        """Step 7 for one Contact."""
        self._check(contact)
        expires = self._expires(contact)
        binding = self._find(contact)
        if expires > 0:
            self._last = binding
        if binding is not None and not self._is_newer(binding):
            return
        if expires == 0:
            self._remove(binding)
        elif binding is None:
            self._last = self._add(self._fields(contact, expires))
        else:
            self._renewals.append((binding, self._fields(contact, expires)))
            if binding not in self.added:
                moved = self._is_moved(binding, contact)
                (self.changed if moved else self.refreshed).append(binding)

    def _remove(self, binding):
        if binding in self.added:
            self.added.remove(binding)
        elif binding is not None and binding not in self.removed:
            self.removed.append(binding)

    def _remove_others(self):
        """save() with flag 4: the contact that the REGISTER names last stays, the others go."""
        if self._last is not None:
            for binding in self.old + self.added:
                if binding is not self._last:
                    self._remove(binding)

    def _carry_out(self):
        """What was renewed and then removed by one REGISTER is removed."""
        self.changed = [each for each in self.changed if each not in self.removed]
        self.refreshed = [each for each in self.refreshed if each not in self.removed]
        for binding, fields in self._renewals:
            if binding not in self.removed:
                for name in fields:
                    setattr(binding, name, fields[name])

    def _add(self, fields):
        fresh = Binding(self.aor, fields.pop("contact"), fields.pop("deadline"), **fields)
        fresh.ruid = "uloc-" + self.token(16)
        self.added.append(fresh)
        return fresh

    def _check(self, contact):
        if contact.star:
            raise Refused(400, "Bad Request: Contact * next to another Contact")
        if not contact.uri.is_sip:
            raise Refused(400, "Bad Request: a Contact that is no SIP URI cannot be called")
        if len(str(contact.uri)) > MAX_TEXT or len(self.request.call_id) > MAX_TEXT:
            raise Refused(400, "Bad Request: Contact or Call-ID too long")

    def _expires(self, contact):
        """-> seconds that are granted (step 7, 10.2.1.1, 20.19)."""
        asked = contact.expires
        if asked is None:
            asked = self._header_expires()
        if asked is None:
            asked = self.config.default_expires
        if asked > 0 and "expires" in self.reg:
            return self.reg["expires"]
        # an hour is never too short: 10.3 step 7
        if 0 < asked < min(self.config.min_expires, 3600):
            raise Refused(
                423, "Interval Too Brief", (f"Min-Expires: {self.config.min_expires}",)
            )
        return min(asked, self.config.max_expires)

    def _header_expires(self):
        text = self.request.header("expires")
        return None if text is None else seconds(text, EQUIVALENT)

    def _find(self, contact):
        """-> Binding of an equal URI (19.1.4), also one that this REGISTER has just made.

        A flow is known by its instance and reg-id instead, whatever its URI (RFC 5626 6).
        """
        reg_id = self.way.reg_id(contact)
        instance = contact.params.get("+sip.instance", "").lower()
        known = self.old + self.added
        for binding in known if reg_id else ():
            if binding.reg_id == reg_id and (binding.instance or "").lower() == instance:
                return binding
        for binding in known:
            if reg_id and binding.reg_id:
                continue  # another flow, or of another telephone
            if same_uri(parse_uri(binding.contact), contact.uri):
                return binding
        return None

    def _is_newer(self, binding):
        """-> bool: the request is not a repetition; one that was overtaken is refused.

        RFC 3261 10.3 step 7 aborts for any CSeq that is not higher; an equal one is the
        same request again, whose 200 was lost, and gets the same answer.
        """
        if binding.callid != self.request.call_id or binding in self.added:
            return True
        number = self.request.cseq.number
        if number < binding.cseq:
            raise Refused(400, "Bad Request: CSeq is lower than that of an earlier REGISTER")
        return number > binding.cseq

    def _fields(self, contact, expires):
        instance = contact.params.get("+sip.instance")
        if instance is not None and len(instance) > MAX_TEXT:
            instance = None
        return {
            "contact": str(contact.uri),
            "deadline": self.now + expires,
            "grace": 0,
            "q": self.reg.get("q", contact.q),
            "callid": self.request.call_id,
            "cseq": self.request.cseq.number,
            "user_agent": printable(self.request.header("user-agent") or ""),
            "received": self._received(contact),
            "path": self.way.path,
            "socket": self.way.socket,
            "flow": self.way.flow,
            "instance": instance,
            "reg_id": self.way.reg_id(contact) if instance else 0,
            "cflags": NATTED if self.way.natted else 0,
            "modified": self.wall,
        }

    def _received(self, contact):
        """-> URI | None: where the contact is reached, unless it says so itself."""
        if self.way.flow:
            return self.way.received
        # as lookup() goes there: an alias counts in dialogs alone
        own = next_hop(contact.uri, self.config, use_alias=False)
        return None if own is not None and uri_for(own) == self.way.received else self.way.received

    def _is_moved(self, binding, contact):
        return (
            binding.received != self._received(contact) or binding.contact != str(contact.uri)
            or binding.path != self.way.path or binding.flow != self.way.flow
        )

    def _check_flows(self, contacts):
        """RFC 5626 6: one REGISTER is about one flow."""
        asked = [each for each in contacts if self.way.reg_id(each)]
        lasting = [each for each in contacts if self._expires(each)]
        if asked and len(lasting) > 1:
            raise Refused(400, "Bad Request: a Contact with reg-id stands alone")
        self.flows = len([each for each in asked if self._expires(each)])

    def _check_count(self):
        """As Kamailio's registrar answers it."""
        limit = self.reg.get("max_contacts", self.config.max_contacts)
        count = len(self.old) - len(self.removed) + len(self.added)
        if self.added and count > limit:
            error = "P-Registrar-Error: Too many registered contacts"
            why = f"more than {limit} contacts"
            raise Refused(503, "Service Unavailable", (error,), why)


def contact_line(bindings, now):
    """-> "Contact: ..." listing every Binding with the seconds it has left (step 8), or None."""
    if not bindings:
        return None
    return "Contact: " + ", ".join([_listed(binding, now) for binding in bindings])


def _listed(binding, now):
    text = f"<{binding.contact}>"
    if binding.q is not None:
        text += ";q=" + qvalue(binding.q)
    remaining = binding.remaining(now)
    # a permanent contact has to say something: 2^31-1, as far as everybody counts
    text += f";expires={2147483647 if remaining is None else remaining}"
    if binding.instance:
        text += ";+sip.instance=" + binding.instance
        if binding.reg_id:
            text += f";reg-id={binding.reg_id}"
    if binding.received:
        text += ";received=" + quote(binding.received)
    return text


def qvalue(q):
    """-> qvalue of RFC 3261 25.1: at most three digits, no trailing zeros."""
    text = f"{q:.3f}".rstrip("0")
    return text + "0" if text.endswith(".") else text
