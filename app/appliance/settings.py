"""Every key that site.conf knows: kind, default, meaning. docs/site.md explains them.

tests/appliance/test_settings.py holds that document against this table.
"""

from app.appliance import conf, values
from app.appliance.passwords import password_hash
from app.dbtext import Note
from app.rules.hours import Hours
from app.rules.nearest import nearest
from app.rules.timezone import TimeZone

DIGEST = ("sha-256", "md5", "sha-256-sess", "md5-sess")  # algorithms of a challenge
# What scanners call themselves that nobody telephones with.
SCANNERS = (
    "friendly-scanner", "sipvicious", "sipcli", "pplsip", "sip-scan", "sundayddr", "sivus",
)  # fmt: skip

# section: {key: (kind, default)}
SECTIONS = {
    "system": {
        "hostname": (values.host_label, "waferpbx"),
        "ntp": (values.several(values.host, 4), ()),
        "syslog": (values.address_port, None),
        "timezone": (values.timezone, TimeZone()),
    },
    "network": {
        "mode": (values.choice("dhcp", "static"), "dhcp"),
        "interface": (values.host_label, "eth0"),
        "address": (values.network_address, None),
        "gateway": (values.ipv4, None),
        "dns": (values.several(values.address, 3), ()),
    },
    "sip": {
        "domains": (values.several(values.domain, 32), ()),
        "port": (values.integer(1, 65535), 5060),
        "advertise": (values.address_port, None),
        "listen": (values.listen, ()),
        "service_route": (values.several(values.route, 8), ()),
        "local_net": (values.several(values.network, 16), ()),
        "dns": (values.yes_no, False),
        "use_domain": (values.yes_no, False),
        "max_len": (values.integer(1300, 65535, " bytes"), 8192),
        "default_expires": (values.integer(30, 86400, " seconds"), 3600),
        "min_expires": (values.integer(10, 3600, " seconds"), 60),
        "max_expires": (values.integer(60, 604800, " seconds"), 7200),
        "max_contacts": (values.integer(1, 32), 10),
        "reg_watchers": (values.several(values.username, 32), ()),
        "keepalive": (values.integer(0, 3600, " seconds"), 30),
        "keepalive_method": (values.choice("options", "crlf"), "options"),
        "keepalive_timeout": (values.integer(0, 86400, " seconds"), 0),
        "max_calls": (values.integer(1, 20000), 250),
        "max_transactions": (values.integer(64, 65536), 2048),
        "digest": (values.distinct(values.choice(*DIGEST), 4), ("md5",)),
    },
    "tcp": {
        "max_connections": (values.integer(8, 4096), 256),
        "max_per_address": (values.integer(1, 4096), 32),
        "connect_timeout": (values.integer(1, 120, " seconds"), 10),
        "handshake_timeout": (values.integer(1, 120, " seconds"), 10),
        "first_message": (values.integer(1, 3600, " seconds"), 30),
        "message_timeout": (values.integer(1, 120, " seconds"), 10),
        "send_timeout": (values.integer(1, 120, " seconds"), 10),
        "connection_lifetime": (values.integer(10, 86400, " seconds"), 120),
        "origins": (values.words, ()),
    },
    "tls": {
        "certificate": (values.distinct(values.file_name, 8), ()),
        "key": (values.several(values.file_name, 8), ()),
        "ca": (values.file_name, None),
        "verify_client": (values.choice("no", "optional", "yes"), "no"),
        "verify_server": (values.yes_no, True),
        "min_version": (values.choice("1.2", "1.3"), "1.2"),
    },
    "media": {
        "ports": (values.port_range, (16384, 16783)),
        "timeout": (values.integer(5, 3600, " seconds"), 60),
        "address": (values.address, None),
    },
    "trunk": {
        "address": (values.address_port, None),
        "domain": (values.domain, None),
        "sources": (values.several(values.address, 32), ()),
        "identity": (values.distinct(values.choice("from", "pai", "rpid"), 3), ("from",)),
        "number": (values.phone_number, ""),
        "username": (values.word, None),
        "password": (values.word, None),
        "realm": (values.word, None),
        "algorithm": (values.integer(0, 14), 8),
        "emergency": (values.several(values.phone_number, 16), ()),
        "ping_interval": (values.integer(0, 3600, " seconds, 0 for none"), 30),
        "probing_threshold": (values.integer(1, 10), 1),
        "inactive_threshold": (values.integer(1, 10), 1),
    },
    "limits": {
        "calls": (values.integer(0, 250), 4),
        "calls_per_hour": (values.integer(0, 9999), 60),
        "calls_per_day": (values.integer(0, 99999), 300),
        "minutes_per_day": (values.integer(0, 99999), 600),
        "trunk_calls": (values.integer(0, 250), 0),
        "hours": (values.hours, Hours()),
    },
    "accounting": {
        "db": (values.yes_no, True),
        "log": (values.yes_no, True),
        "delay": (values.integer(0, 3600, " seconds"), 60),
        "size": (values.integer(4096, 262144, " bytes"), 65536),
        "files": (values.integer(1, 16), 4),
    },
    "security": {
        "reqs_density_per_unit": (values.integer(0, 10000), 16),
        "sampling_time_unit": (values.integer(1, 60, " seconds"), 2),
        "ban": (values.integer(0, 86400, " seconds"), 300),
        "wrong_passwords": (values.integer(0, 1000), 10),
        "wrong_passwords_in": (values.integer(10, 86400, " seconds"), 600),
        "scanners": (values.words, SCANNERS),
        "allow_group": (values.integer(0, 999999999), 0),
        "deny_group": (values.integer(0, 999999999), 0),
    },
    "console": {
        "password": (password_hash, None),
        "idle": (values.integer(30, 86400, " seconds"), 600),
    },
}


class Section:
    """The settings of one section as attributes."""

    def __init__(self, keys):
        for key in keys:
            setattr(self, key, keys[key][1])


class Settings:
    """`settings.sip.port`: a Section an attribute, filled with defaults."""

    def __init__(self):
        self.places = {}  # (section, key) -> (line, column) of what the file sets
        for name in SECTIONS:
            setattr(self, name, Section(SECTIONS[name]))

    def is_set(self, section, key):
        """Say whether the file sets that key."""
        return (section, key) in self.places

    def place(self, section, key):
        """Return (line, column) of a value; (0, 0) for a default."""
        return self.places.get((section, key), (0, 0))


def read_settings(data, name="site.conf"):
    """Return (Settings, [errors]) of a conf file's bytes; an error is a dbtext.Note."""
    reader = conf.ConfReader(name)
    reader.read(data)
    settings = Settings()
    errors = reader.errors
    for entry in reader.entries:
        problem = _apply(settings, entry)
        if problem and len(errors) < conf.MAX_ERRORS:
            column, text, remedy = problem
            errors.append(Note(name, entry.line, column, text, remedy))
    if not errors:
        errors = _check_whole(settings, name)
    return settings, sorted(errors, key=lambda error: (error.line, error.column))


def _apply(settings, entry):
    """Take one entry; return None, or (column, problem, remedy)."""
    keys = SECTIONS.get(entry.section)
    if entry.key is None:
        if keys is None:
            return _unknown(entry, f"[{entry.section}]", entry.section, SECTIONS, "the sections")
        return None
    if keys is None:  # reported where the section begins
        return None
    if entry.key not in keys:
        where = f"{entry.key} in [{entry.section}]"
        return _unknown(entry, where, entry.key, keys, "its keys")
    if settings.is_set(entry.section, entry.key):
        line = settings.place(entry.section, entry.key)[0]
        problem = f"{entry.key} is already set in line {line}"
        return entry.key_column, problem, "leave one of the two out"
    try:
        value = keys[entry.key][0](entry.value)
    except values.BadValue as bad:
        return entry.column + bad.offset, f"{entry.key}: {bad.problem}", bad.remedy
    settings.places[entry.section, entry.key] = (entry.line, entry.column)
    setattr(getattr(settings, entry.section), entry.key, value)
    return None


def _unknown(entry, what, word, known, plural):
    guess = nearest(word, known)
    if guess:
        remedy = f"did you mean {guess}?"
    else:
        remedy = f"{plural} are " + ", ".join(sorted(known))
    return entry.key_column, f"unknown {what}", remedy


def _check_whole(settings, name):
    """Return the errors that concern two keys at once."""
    errors = []

    def refuse(section, key, problem, remedy):
        line, column = settings.place(section, key)
        errors.append(Note(name, line, column, problem, remedy))

    _check_network(settings, refuse)
    _check_sip(settings.sip, settings.is_set, refuse)
    if settings.media.ports[0] <= settings.sip.port <= settings.media.ports[1]:
        problem = f"ports: the SIP port {settings.sip.port} lies within the media ports"
        refuse("media", "ports", problem, "choose a range without it, such as 16384-16783")
    _check_trunk(settings.trunk, settings.sip.dns, settings.is_set, refuse)
    return errors


def _check_trunk(trunk, dns, is_set, refuse):
    """A trunk has an address, or a name that is looked up."""
    remedy = "add address = 198.51.100.1 to [trunk]"
    if not dns:
        remedy += ", or dns = yes to [sip]" if trunk.domain else ""
    for key in ("domain", "sources", "username", "password"):
        if is_set("trunk", key) and not trunk.address and not (dns and trunk.domain):
            refuse("trunk", key, f"{key} without address", remedy)
    for key, other in (("username", "password"), ("password", "username")):
        if is_set("trunk", key) and not is_set("trunk", other):
            refuse("trunk", key, f"{key} without {other}", f"add {other} = ... to [trunk]")
    if trunk.username and not trunk.realm and not trunk.domain:
        remedy = "add realm = ..., as the provider's challenges have it (WWW-Authenticate)"
        refuse("trunk", "username", "username without realm or domain", remedy)


def _check_network(settings, refuse):
    network = settings.network
    if network.mode == "static" and not network.address:
        remedy = "add address = 192.0.2.10/24 to [network], or write mode = dhcp"
        refuse("network", "mode", "mode: static without an address", remedy)
    if network.mode == "dhcp":
        for key in ("address", "gateway"):
            if settings.is_set("network", key):
                problem = f"{key}: mode is dhcp, which brings its own"
                refuse("network", key, problem, "leave it out, or write mode = static")
    elif network.address and network.gateway:
        own, prefix = network.address
        if network_of(own, prefix) != network_of(network.gateway, prefix):
            problem = f"gateway: {network.gateway} is not in the network {own}/{prefix}"
            refuse("network", "gateway", problem, "write the router's address in that network")


def _check_sip(sip, is_set, refuse):
    if sip.min_expires <= sip.default_expires <= sip.max_expires:
        return
    bounds = f"{sip.min_expires} to {sip.max_expires}"
    problem = f"default_expires: {sip.default_expires} is outside of {bounds}"
    remedy = "let min_expires <= default_expires <= max_expires"
    given = [key for key in ("default_expires", "min_expires", "max_expires") if is_set("sip", key)]
    refuse("sip", given[0], problem, remedy)


def network_of(quad, prefix):
    """Return the network part of an IPv4 address as an int."""
    number = 0
    for octet in quad.split("."):
        number = number * 256 + int(octet)
    return number >> (32 - prefix)
