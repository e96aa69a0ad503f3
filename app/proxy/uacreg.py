"""Kamailio's table uacreg: the box registers at providers, as a telephone would (RFC 3261 10.2).

Each row is an account of ours there. It is registered when the box starts, refreshed before it
ends, and tried again after growing waits when the registrar refuses or is silent. Nothing is
written down. Challenges are answered for the row's realm alone, and only when they come from
where the request went; a redirection is not followed, for it could lead a digest elsewhere.
"""

from app.proxy.credentials import Credential
from app.proxy.target import ANY_SECURE, next_hop
from app.proxy.text import printable
from app.sip.errors import ParseError
from app.sip.headers import parse_contact
from app.sip.uri import Uri, escape, parse_host_port, parse_uri

DISABLED = 1  # the bit of the column flags
EMPTY = ("", ".")  # how Kamailio's tools write no value
MAX_ACCOUNTS = 64
DEFAULT_EXPIRES = 600
MAX_EXPIRES = 86400
FRACTION = 0.8  # of what was granted, after which it is refreshed
SHORTEST = 5  # seconds between two REGISTERs of an account
FIRST_RETRY = 30  # seconds; doubled after each failure (RFC 5626 4.5)
LAST_RETRY = 1800
REFUSED_RETRY = 300  # the first wait after a refusal: a provider may lock who tries in haste
REFUSALS = (401, 403, 404, 407)

# ;transport of our Contact; where the DNS chooses, no more than the URI of the registrar says
NAMED = {"tcp": "tcp", "tls": "tls", "ws": "ws", "wss": "ws", ANY_SECURE: "tls"}

WAITING = "waiting"
REGISTERING = "registering"
REGISTERED = "registered"
OFF = "disabled"

# uac_reg_status
VALID, UNKNOWN, ONGOING, DISABLED_STATUS, NOT_VALID = 1, -1, -2, -3, -99


class Account:
    """One row: who we are there, and how far the registration is.

    until: `now` at which what was granted ends, 0.0 for never granted; due: of what comes next.
    Raises ParseError for values that make no message.
    """

    def __init__(self, proxy, row):
        self._proxy = proxy
        values = [(name, _text(row, name)) for name in COLUMNS]
        self.key = tuple([value for _, value in values] + [row.get(name, 0) for name in NUMBERS])
        for name, value in values:
            setattr(self, name, value)
        self.expires = min(row.get("expires", 0) or DEFAULT_EXPIRES, MAX_EXPIRES)
        self.delay = row.get("reg_delay", 0)
        self.is_off = bool(row.get("flags", 0) & DISABLED)
        self.aor = str(parse_uri(f"sip:{escape(self.r_username)}@{self.r_domain}"))
        self.registrar = str(parse_uri(f"sip:{self.r_domain}"))
        self.proxy_uri = parse_uri(self.auth_proxy or self.registrar)
        # without a realm of its own a row stands for its domain's alone
        self.credential = Credential(
            self.realm or self.r_domain, self.auth_username, self.auth_password, self.auth_ha1
        )
        self.state = OFF if self.is_off else WAITING
        self.reason = ""  # of the last failure
        self.until = 0.0
        self.due = None
        self._told = ""  # the contact of the last REGISTER
        self._call_id = None
        self._cseq = 0
        self._failures = 0
        self._raised = False  # the registrar wanted longer, 423
        self._entry = None
        self._request = None

    def is_valid(self, now):
        return now < self.until

    def status(self, now):
        """-> what uac_reg_status returns."""
        if self.is_valid(now):
            return VALID
        if self.is_off:
            return DISABLED_STATUS
        return ONGOING if self.state == REGISTERING else NOT_VALID

    def shown(self, now):
        """-> str for the console."""
        if self.state == REGISTERING or self.is_off or not self.reason:
            return self.state
        before = "registered, but" if self.is_valid(now) else "not registered:"
        return f"{before} {self.reason}"

    # Time

    def start(self, now, place):
        """Registers soon: after reg_delay, else each account a little behind the one before.

        Again when our own address has changed, or calls would go to the former one.
        """
        if self.is_off or self._request is not None:
            return
        if self._entry is not None and self._told not in ("", self.contact()):
            self._disarm()
            self._arm(now, now)
        elif self._entry is None:
            self._arm(now + (self.delay or place * 0.1), now)

    def _disarm(self):
        self._proxy.deadlines.cancel(self._entry)
        self._entry = None

    def stop(self, now):
        """The row is gone: what was registered is taken back, without waiting for an answer."""
        if self._entry is not None:
            self._disarm()
        if self._request is not None:
            self._request.abandon()
            self._request = None
        if self.is_valid(now):
            self._send(0, None, now)

    def _arm(self, deadline, now):
        self.due = max(deadline, now)
        self._entry = self._proxy.deadlines.add(self.due, self)

    def time_out(self, now):
        self._entry = None
        self._register(now)

    def _register(self, now):
        self.state = REGISTERING
        self._request = self._send(self.expires, self._done, now)
        if self._request is None:
            self._failed("it cannot be sent", now, FIRST_RETRY, 0)

    # Messages

    def _send(self, expires, done, now):
        """-> uac.ClientRequest, or None."""
        if self._call_id is None:
            self._call_id = self._proxy.token(24)
            self._cseq = 0
        self._told = self.contact()
        headers = [f"Contact: <{self._told}>;expires={expires}", f"Expires: {expires}"]
        return self._proxy.uac.request(
            "REGISTER", self.registrar, from_=f"<{self.aor}>", to=f"<{self.aor}>",
            headers=headers, destination=self.peer(), now=now, done=done,
            call_id=self._call_id, cseq=self._cseq + 1, credentials=[self.credential],
        )  # fmt: skip

    def peer(self):
        """-> Peer that our requests of this account go to, or None."""
        return next_hop(self.proxy_uri, self._proxy.config)

    def contact(self):
        """-> str: the URI that the provider is to call. Its user is l_uuid, or contact_user
        with the l_uuid in `line`; its place is contact_addr, or how the provider knows us."""
        peer = self.peer()
        transport = "udp" if peer is None else peer.transport
        if self.contact_addr:
            host, port = parse_host_port(self.contact_addr)
        else:
            config = self._proxy.config
            host, port = config.interfaces.told(peer) if peer else config.advertise
        uri = Uri("sip", escape(self.contact_user or self.l_uuid), host, port)
        if transport in NAMED:
            uri.params.set("transport", NAMED[transport])
        if self.contact_user:
            uri.params.set("line", self.l_uuid)
        return str(uri)

    def _done(self, status, message, now):
        self._cseq = self._request.cseq
        self._request = None
        if 200 <= status < 300:
            self._granted(_expires_in(message, self._told, self.expires), now)
        elif status == 423 and not self._raised and self._raise(message):
            self._register(now)
        else:
            reason = "no answer" if message is None else f"{status} {printable(message.reason)}"
            first = REFUSED_RETRY if status in REFUSALS else FIRST_RETRY
            self._failed(reason, now, first, _retry_after(message))

    def _raise(self, message):
        """423: asks for as long as the registrar wants. -> bool: it says how long."""
        wanted = message.header("min-expires") or ""
        if not wanted or wanted.strip("0123456789") or len(wanted) > 6:
            return False
        if not self.expires < int(wanted) <= MAX_EXPIRES:
            return False
        self.expires = int(wanted)
        self._raised = True
        return True

    def _granted(self, seconds, now):
        if seconds <= 0:
            self._failed("it was granted for no time", now, FIRST_RETRY, 0)
            return
        if self._failures or not self.is_valid(now):
            place = printable(self.aor)
            self._proxy.log.notice(f"registered as {place} for {seconds} s")
        self.state = REGISTERED
        self.reason = ""
        self.until = now + seconds
        self._failures = 0
        self._raised = False
        self._arm(now + max(seconds * FRACTION * self._jitter(), SHORTEST), now)

    def _failed(self, reason, now, first, retry_after):
        if reason != self.reason:
            self._proxy.log.warning(f"registration as {printable(self.aor)}: {reason}")
        self.state = WAITING
        self.reason = reason
        wait = min(first * 2 ** min(self._failures, 10), LAST_RETRY)
        self._failures += 1
        self._call_id = None  # whatever the registrar holds of the former one is not ours to say
        self._arm(now + max(wait * self._jitter(), retry_after, SHORTEST), now)

    def _jitter(self):
        """-> float from 0.9 to 1: not all boxes of a provider come back at once."""
        return 0.9 + int(self._proxy.token(4), 16) / 655360


# Columns that are text, and those that are numbers and say what the account is.
COLUMNS = (
    "l_uuid", "l_username", "l_domain", "r_username", "r_domain", "realm", "auth_username",
    "auth_password", "auth_ha1", "auth_proxy", "contact_addr", "contact_user",
)  # fmt: skip
NUMBERS = ("expires", "flags", "reg_delay")


class Accounts:
    """All rows, by l_uuid."""

    def __init__(self, proxy):
        self._proxy = proxy
        self._gone = []  # accounts of a former table that are to be taken back
        self.all = {}  # l_uuid -> Account

    def use(self, table):
        """Takes another table; accounts whose rows are the same go on as they are."""
        former, self.all = self.all, {}
        for row in table.rows if table is not None else ():
            try:
                made = Account(self._proxy, row)
                made.contact()
            except ParseError as error:
                self._proxy.log.warning(f"uacreg: {row.get('l_uuid')}: {error.reason}")
                continue
            kept = former.get(made.l_uuid)
            if kept is not None and kept.key == made.key:
                made = former.pop(made.l_uuid)
            if len(self.all) < MAX_ACCOUNTS:
                self.all[made.l_uuid] = made
        self._gone += list(former.values())

    def start(self, now):
        for account in self._gone:
            account.stop(now)
        self._gone = []
        place = 0
        for uuid in sorted(self.all):
            self.all[uuid].start(now, place)
            place += 1

    def find(self, text, by_user=False):
        """-> Account by l_uuid, or by l_username; None: there is none."""
        if not by_user:
            return self.all.get(text)
        for uuid in sorted(self.all):
            if self.all[uuid].l_username == text:
                return self.all[uuid]
        return None

    def rows(self, now):
        """-> [(l_uuid, registrar, state, seconds to what comes next or None)]."""
        found = []
        for uuid in sorted(self.all):
            account = self.all[uuid]
            due = None if account.due is None or account.is_off else max(int(account.due - now), 0)
            found.append((uuid, account.r_domain, account.shown(now), due))
        return found


def _text(row, name):
    value = row.get(name, "")
    return "" if value in EMPTY else value


def _expires_in(message, contact, asked):
    """-> int: for how long a 200 says that our contact is registered (RFC 3261 10.2.4)."""
    ours = parse_uri(contact)
    for value in message.headers("contact"):
        try:
            found = parse_contact(value)
        except ParseError:
            continue
        if found.star or not found.uri.is_sip or found.expires is None:
            continue
        if found.uri.user == ours.user and found.uri.host.lower() == ours.host.lower():
            return min(found.expires, MAX_EXPIRES)
    text = message.header("expires") or ""
    if text and not text.strip("0123456789") and len(text) < 9:
        return min(int(text), MAX_EXPIRES)
    return asked


def _retry_after(message):
    """-> seconds that a Retry-After asks for, 0 without one; an hour at most."""
    text = (message.header("retry-after") or "") if message is not None else ""
    digits = text.partition(";")[0].partition("(")[0].strip()
    if not digits or digits.strip("0123456789") or len(digits) > 9:
        return 0
    return min(int(digits), 3600)
