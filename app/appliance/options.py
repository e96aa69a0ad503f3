"""The command line of `waferpbx -m app`."""

from app.appliance.values import TRANSPORTS, BadValue, address_port, listen, port_range

USAGE = """\
usage: waferpbx -m app [OPTION...]        (or python3 -m app)

  --site DIR                site.conf and tables; without, the site that the state folder has
  --state DIR               where registrations are kept (default: state)
  --listen [TRANSPORT:]HOST[:PORT]    where to listen for SIP, instead of where the site says;
                            without a transport for UDP and TCP; may be given several times
  --advertise HOST[:PORT]   where telephones find us (default: the site's, or our address)
  --dns HOST[:PORT]         name server (default: the site's, or the system's)
  --rtp FIRST-LAST          UDP ports for media (default: the site's)
  --stats FILE              what the program holds, each second, for tests of endurance
  --console                 the console on this terminal
  --appliance               the whole box: --state /data --console, network, log to syslog only
"""


class UsageError(Exception):
    """The command line cannot be understood."""


class Options:
    """site, state: folders; stats: a file; advertise, dns: (host, port or None); rtp: (first,
    last).

    listen: as values.listen has it. Each None where it is not given. console, appliance: bool.
    """

    def __init__(self):
        self.site = self.state = self.listen = self.advertise = self.dns = self.rtp = None
        self.stats = None
        self.console = self.appliance = self.help = False


def parse_options(arguments):
    """Return the Options of a list of words; raises UsageError."""
    options = Options()
    rest = list(arguments)
    while rest:
        given = rest.pop(0)
        word, equals, value = given.partition("=")
        if given in FLAGS:
            setattr(options, word[2:], True)
        elif word in VALUES:
            if not equals:
                if not rest:
                    raise UsageError(f"{word} needs a value")
                value = rest.pop(0)
            found = _value(word, value)
            if word == "--listen":
                found = (options.listen or ()) + found
            setattr(options, word[2:], found)
        else:
            raise UsageError(f"unknown option {given}")
    if options.appliance and options.site:
        raise UsageError("--appliance takes the site of the data partition, --site names another")
    return options


def _value(word, text):
    try:
        return VALUES[word](text)
    except BadValue as bad:
        raise UsageError(f"{word} {text}: {bad.problem}; {bad.remedy}")


def _listen(text):
    if text.partition(":")[0].lower() in TRANSPORTS:
        return listen(text)
    host, port = address_port(text)
    return ("udp", host, port, None), ("tcp", host, port, None)


def _folder(text):
    return text.rstrip("/") or "/"


FLAGS = ("--console", "--appliance", "--help")
VALUES = {
    "--site": _folder,
    "--state": _folder,
    "--listen": _listen,
    "--advertise": address_port,
    "--dns": address_port,
    "--rtp": port_range,
    "--stats": _folder,
}
