"""What the proxy is told about itself: the modparam lines of SER, with their defaults."""

from app.rules.hours import Hours
from app.rules.timezone import TimeZone
from app.sip.hosts import parse_host
from app.sip.interfaces import Interfaces
from app.sip.uri import host_port, without_dot

# name: default. Times in seconds, lengths in bytes.
DEFAULTS = {
    # core
    "domains": (),  # names (any port) and addresses (own ports) that are `myself`
    "interfaces": None,  # app.sip.interfaces.Interfaces; without, one of UDP at `advertise`
    "advertise": ("127.0.0.1", 5060),  # host and port that everybody knows us by
    "ports": None,  # ports that belong to our addresses; without, those of the interfaces
    "hosts": {},  # {name: (address, port)}: next hops by name
    "dns": False,  # other names are looked up (SER: dns=no); without, they lead nowhere
    "trunk_uri": "",  # where calls to the outside go when the table dispatcher has no set 1
    "trunk_host": "",  # its address, or its name for the DNS
    "trunk_username": "",  # what its challenges to calls are answered with
    "trunk_password": "",
    "trunk_realm": "",
    "identity": ("from",),  # how a trunk wants to be told who calls: from, pai, rpid
    "number": "",  # that extensions without one of their own call with
    "algorithm": 8,  # of ds_select_domain, for the trunks
    "emergency": (),  # numbers that may be called whatever the limits are
    "trunks": (),  # addresses whose requests need no credentials to reach us
    "max_len": 8192,  # msg:len beyond which 513 is due
    # usrloc and registrar
    "use_domain": False,  # the AOR is user@domain, not the user part alone
    "default_expires": 3600,
    "min_expires": 60,
    "max_expires": 7200,
    "max_contacts": 10,
    "flow_timer": 120,  # seconds between a connection's keep-alives (Flow-Timer of RFC 5626)
    "service_route": (),  # URIs that a telephone is to send its requests by (RFC 3608)
    "reg_watchers": (),  # users who may subscribe to anybody's registrations (RFC 3680)
    # nathelper
    "keepalive": 30,  # seconds between two pings of a contact behind NAT; 0: none
    "keepalive_method": "options",  # or "crlf"
    "keepalive_timeout": 0,  # without an answer to OPTIONS after which it is removed; 0: never
    # auth
    "nonce_expire": 300,
    "digest": ("md5",),  # algorithms that are offered, the preferred one first
    # pike, and who guesses passwords
    "reqs_density_per_unit": 16,  # requests of an unknown source that are too many; 0: no limit
    "sampling_time_unit": 2,  # within so many seconds
    "ban": 300,  # seconds that such a source gets no answer; 0: nobody is banned
    "wrong_passwords": 10,  # of an unknown source that are too many; 0: no limit
    "wrong_passwords_in": 600,  # within so many seconds
    "allow_group": 0,  # of the table address: never counted; 0: no group
    "deny_group": 0,  # of the table address: gets no answer; 0: no group
    "scanners": (),  # words in the User-Agent of who gets no answer, in lower case
    # tm
    "fr_inv_timer": 120,  # an INVITE that rings longer counts as not answered
    "timer_c": 181,  # RFC 3261 16.6 step 11: more than three minutes
    "max_branches": 12,  # of one request; SER's MAX_BRANCHES
    # dispatcher
    "ping_interval": 30,  # between two probes of a destination; 0: none is probed
    "probing_threshold": 1,  # probes in a row without an answer that make it inactive
    "inactive_threshold": 1,  # answers in a row that make it active again
    # limits of each extension's calls to the outside; 0: none
    "calls": 4,  # at a time
    "calls_per_hour": 60,
    "calls_per_day": 300,
    "minutes_per_day": 600,
    "trunk_calls": 0,  # at a time, of all extensions
    "hours": Hours(),  # of the week at which they may call
    "timezone": TimeZone(),
    # of our own
    "max_transactions": 2048,  # held at once; a call with its BYE needs some four for 32 s
    "max_calls": 250,  # INVITE dialogs tracked at once; more are refused with 503
    "max_call_time": 12 * 3600,  # a call without an end is forgotten after this
    "strangers": 4,  # one part in so many of the calls and transactions is for those unknown
    "retry_after": 10,  # what the 503 of an overloaded box asks for
    # acc
    "acc_db": True,  # rows of the tables acc, missed_calls and acc_cdrs are kept
    "acc_log": True,  # and lines written to syslog
    "acc_delay": 60,  # that a row may wait for others before all are written
    "acc_size": 65536,  # of a file; a longer one is put aside
    "acc_files": 4,  # of a table, the present one and those put aside
}

# Those that site.conf has under the same name in [sip].
SITE_SETTINGS = (
    "dns", "use_domain", "max_len", "max_contacts", "default_expires", "min_expires", "max_expires",
    "service_route",
    "digest", "keepalive", "keepalive_method", "keepalive_timeout", "reg_watchers",
    "max_calls", "max_transactions",
)  # fmt: skip

# And those of [security].
SECURITY_SETTINGS = (
    "reqs_density_per_unit", "sampling_time_unit", "ban", "wrong_passwords", "wrong_passwords_in",
    "scanners", "allow_group", "deny_group",
)  # fmt: skip


# Those of [trunk].
TRUNK_SETTINGS = (
    "identity", "number", "algorithm", "emergency", "ping_interval", "probing_threshold",
    "inactive_threshold",
)  # fmt: skip


# Those of [limits].
LIMIT_SETTINGS = (
    "calls", "calls_per_hour", "calls_per_day", "minutes_per_day", "trunk_calls", "hours",
)  # fmt: skip

# Those of [accounting]; here they have acc_ in front.
ACC_SETTINGS = ("db", "log", "delay", "size", "files")


class Config:
    """The settings of DEFAULTS as attributes: `Config(domains=("example.org",))`."""

    def __init__(self, **settings):
        for name in settings:
            if name not in DEFAULTS:
                known = ", ".join(sorted(DEFAULTS))
                raise ValueError(f"the proxy has no setting {name}; it knows {known}")
        for name in DEFAULTS:
            setattr(self, name, settings.get(name, DEFAULTS[name]))
        if self.interfaces is None:
            self.interfaces = Interfaces.of_sent_by(host_port(*self.advertise))
        first = self.interfaces.all[0]
        self.advertise = (first.advertised_host, first.advertised_port)
        self.ports = self.ports or self.interfaces.ports()
        secure = self.interfaces.has("tls") or self.interfaces.has("wss")
        # those that can be routed: numbers and urn:service:sos by a trunk
        self.schemes = (("sip", "sips") if secure else ("sip",)) + ("tel", "urn")
        self.domains = tuple([domain.lower() for domain in self.domains])
        self._ours = {host_key(domain): True for domain in self.domains}

    @classmethod
    def of_site(cls, site, interfaces, own):
        """-> Config of an app.appliance Site.

        interfaces: app.sip.interfaces.Interfaces; own: the machine's addresses.
        """
        sip, trunk = site.settings.sip, site.settings.trunk
        settings = {}
        for name in SITE_SETTINGS:
            settings[name] = getattr(sip, name)
        for name in SECURITY_SETTINGS:
            settings[name] = getattr(site.settings.security, name)
        for name in TRUNK_SETTINGS:
            settings[name] = getattr(trunk, name)
        for name in LIMIT_SETTINGS:
            settings[name] = getattr(site.settings.limits, name)
        settings["timezone"] = site.settings.system.timezone
        peers = tuple(trunk.sources) + ((trunk.address[0],) if trunk.address else ())
        for name in ACC_SETTINGS:
            settings["acc_" + name] = getattr(site.settings.accounting, name)
        hosts = {trunk.domain: trunk.address} if trunk.domain and trunk.address else {}
        return cls(
            domains=tuple(site.domains) + tuple(own), interfaces=interfaces, trunks=peers,
            hosts=hosts, trunk_uri=_trunk_uri(trunk),
            trunk_host=trunk.address[0] if trunk.address else trunk.domain or "",
            trunk_username=trunk.username or "", trunk_password=trunk.password or "",
            trunk_realm=trunk.realm or trunk.domain or "", **settings
        )  # fmt: skip

    def same_place(self, other):
        """-> bool: both have the same addresses, so nothing outside has changed."""
        return self.domains == other.domains and self.interfaces.same_as(other.interfaces)

    def is_myself(self, uri):
        """-> bool: SER's `uri == myself` for a Uri.

        A domain name matches with any port. An address matches with our own ports, or
        without one: a telephone behind the same address has a port of its own.
        """
        if not uri.is_sip or not self.is_our_host(uri.host):
            return False
        return uri.port is None or uri.port in self.ports or not is_address(uri.host)

    def is_our_host(self, host):
        """-> bool: a name or address is one of `domains`, however it is written."""
        return host_key(host) in self._ours

    def is_self_peer(self, peer):
        """-> bool: a message to this Peer would come back to us."""
        return peer.port in self.ports and self.is_our_host(peer.host) and is_address(peer.host)


def _trunk_uri(trunk):
    """-> str: where [trunk] leads, "" for nowhere; a domain without address is looked up."""
    if not trunk.address and not trunk.domain:
        return ""
    return "sip:" + (trunk.domain or host_port(*trunk.address))


def host_key(host):
    """-> what all spellings of a host have in common: case, a dot at the end, how an address is
    written (::ffff:192.0.2.10 is 192.0.2.10)."""
    return parse_host(host) or without_dot(host)


def is_address(host):
    """-> bool: a textual IP address, v4 or v6 without brackets; not a name."""
    if ":" in host:
        return True
    pieces = host.split(".")
    if len(pieces) != 4:
        return False
    for piece in pieces:
        if not piece or len(piece) > 3 or piece.strip("0123456789") or int(piece) > 255:
            return False
    return True
