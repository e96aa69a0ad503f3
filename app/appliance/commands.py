"""The console's commands: a table, and one function each that returns lines."""

from app.appliance.text import count, pairs, span, table
from app.appliance.values import DIGITS, is_ipv4, is_ipv6, only
from app.rules.nearest import nearest

STAY, LOGOUT, FOLLOW, PROVISION = range(4)
LOG_LINES = 20
CDR_LINES = 20
BINDINGS = 200  # that one command shows


class Usage(Exception):
    """A command that was called with words it does not take."""


def run(text, services, provisioned):
    """Run a line; return (action, [lines]). Unknown ones say what was probably meant."""
    words = text.split()
    if not words:
        return STAY, []
    allowed = [name for name in COMMANDS if provisioned or COMMANDS[name][3]]
    name = _find(words[0].lower(), allowed)
    if name is None:
        return STAY, [_unknown(words[0].lower(), allowed, provisioned)]
    function, usage = COMMANDS[name][:2]
    try:
        return function(services, words[1:], provisioned)
    except Usage:
        return STAY, [f"usage: {usage}"]


def _find(word, allowed):
    if word in allowed:
        return word
    starting = [name for name in allowed if name.startswith(word)]
    return starting[0] if len(starting) == 1 else None


def _unknown(word, allowed, provisioned):
    if not provisioned and _find(word, COMMANDS):
        return f"{word}: this box has no site yet; run scripts/provision.py on the other end"
    guess = nearest(word, allowed)
    hint = f"did you mean {guess}?" if guess else "help lists the commands"
    return f"unknown command {word}; {hint}"


def _wanted(words, default):
    """Return the number of lines that the words of a command ask for."""
    if not words:
        return default
    if len(words) > 1 or not only(words[0], DIGITS) or len(words[0]) > 4:
        raise Usage
    return int(words[0])


def _none(words):
    if words:
        raise Usage


def _help(services, words, provisioned):
    _none(words)
    rows = []
    for name in sorted(COMMANDS):
        if provisioned or COMMANDS[name][3]:
            rows.append(COMMANDS[name][1:3])
    return STAY, table(("command", "what it does"), rows, "")


def _status(services, words, provisioned):
    _none(words)
    return STAY, pairs(services.status())


def _registrations(services, words, provisioned):
    if len(words) > 1:
        raise Usage
    found = services.registrations(*[word.lower() for word in words])
    rows = [
        (aor, contact, "never" if expires is None else span(expires), agent or "-")
        for aor, contact, expires, agent in found[:BINDINGS]
    ]
    lines = table(("AOR", "contact", "expires", "user agent"), rows, "no registrations")
    if len(found) > BINDINGS:
        lines.append(f"the first {BINDINGS} of {len(found)}; registrations AOR shows one's")
    elif found:
        lines.append(count(len(found), "binding"))
    return STAY, lines


def _unregister(services, words, provisioned):
    if len(words) != 1:
        raise Usage
    aor = words[0].lower()
    removed = services.unregister(aor)
    if removed:
        return STAY, [count(removed, "binding") + f" of {aor} removed"]
    return STAY, [f"{aor} has not registered; registrations lists who has"]


def _calls(services, words, provisioned):
    _none(words)
    rows = [
        (caller, callee, state, span(seconds))
        for caller, callee, state, seconds in services.calls()
    ]
    lines = table(("from", "to", "state", "duration"), rows, "no calls")
    return STAY, lines + ([count(len(rows), "call")] if rows else [])


def _cdr(services, words, provisioned):
    rows = [
        (start, caller, callee, span(seconds), ended)
        for start, caller, callee, seconds, ended in services.cdrs(_wanted(words, CDR_LINES))
    ]
    return STAY, table(("start", "from", "to", "duration", "how it ended"), rows, "no calls yet")


def _trunks(services, words, provisioned):
    _none(words)
    sets, accounts = services.trunks()
    rows = [
        (setid, place, state, str(calls), text or "-") for setid, place, state, calls, text in sets
    ]
    heads = ("set", "destination", "state", "calls", "description")
    lines = table(heads, rows, "no trunks")
    if accounts:
        rows = [
            (name, where, state, "-" if seconds is None else span(seconds))
            for name, where, state, seconds in accounts
        ]
        lines += [""] + table(("account", "registrar", "state", "next"), rows, "")
    return STAY, lines


def _media(services, words, provisioned):
    _none(words)
    lines = []
    for caller, callee, text in services.media():
        lines.append(f"{caller} to {callee}")
        lines.extend(["  " + part.strip() for part in text.split(";")])
    return STAY, lines or ["no media"]


def _bans(services, words, provisioned):
    if words[:1] == ["lift"] and len(words) == 2:
        return STAY, _lift(services, words[1].lower())
    _none(words)
    rows = [
        (source, reason, span(since), span(left), dropped)
        for source, reason, since, left, dropped in services.bans()
    ]
    lines = table(("source", "reason", "since", "for", "dropped"), rows, "nobody is banned")
    return STAY, lines + ([count(len(rows), "ban")] if rows else [])


def _lift(services, word):
    if word == "all":
        return [count(services.lift_bans(), "ban") + " lifted"]
    address = word.partition("/")[0]
    if not (is_ipv4(address) or is_ipv6(address)):
        raise Usage
    if services.lift_bans(address):
        return [f"the ban of {word} is lifted"]
    return [f"{word} is not banned; bans lists who is"]


def _connections(services, words, provisioned):
    _none(words)
    rows = [
        (f"{transport}:[{host}]:{port}" if ":" in host else f"{transport}:{host}:{port}",
         span(age), span(silent), {None: "-", "": "trunk"}.get(user, user))
        for transport, host, port, age, silent, user in services.connections()
    ]  # fmt: skip
    lines = table(("peer", "since", "last message", "user"), rows, "no connections")
    return STAY, lines + ([count(len(rows), "connection")] if rows else [])


def _log(services, words, provisioned):
    if words == ["follow"]:
        return FOLLOW, ["following the log; any key ends it"]
    wanted = _wanted(words, LOG_LINES)
    lines = services.log.lines
    return STAY, lines[max(0, len(lines) - wanted) :] if wanted else []


def _network(services, words, provisioned):
    _none(words)
    return STAY, pairs(services.network())


def _site(services, words, provisioned):
    if words == ["rollback"]:
        done, lines = services.roll_back()
        return STAY, lines + (["the previous site is in use again"] if done else [])
    if words and words != ["show"]:
        raise Usage
    return STAY, services.show_site()


def _provision(services, words, provisioned):
    _none(words)
    return PROVISION, ["ready for provision.py; Ctrl-C ends"]


def _reboot(services, words, provisioned):
    calls = len(services.calls())
    if words not in ([], ["now"]):
        raise Usage
    if calls and not words:
        return STAY, [count(calls, "call") + " would be cut; reboot now does it all the same"]
    services.reboot()
    return STAY, ["the box restarts"]


def _logout(services, words, provisioned):
    _none(words)
    return LOGOUT, []


# name: (function, usage, what it does, also on a box without a site)
COMMANDS = {
    "help": (_help, "help", "this list", True),
    "status": (_status, "status", "uptime, memory, calls, registrations, version", True),
    "registrations": (
        _registrations, "registrations [AOR]", "who is registered, and where", False,
    ),
    "unregister": (_unregister, "unregister AOR", "forget where it has registered", False),
    "calls": (_calls, "calls", "the calls in progress", False),
    "cdr": (_cdr, "cdr [LINES]", "the last calls that were answered", False),
    "trunks": (_trunks, "trunks", "where calls go out, and whether it is alive", False),
    "media": (_media, "media", "loss, jitter, delay and MOS of the calls", False),
    "bans": (_bans, "bans [lift ADDRESS|all]", "who gets no answer; end a ban, or all", False),
    "connections": (_connections, "connections", "who is connected by TCP, TLS, WebSocket", False),
    "log": (_log, "log [LINES|follow]", "the last lines of the log, or each new one", False),
    "network": (_network, "network", "addresses, gateway and name servers", True),
    "site": (_site, "site [show|rollback]", "the site in use, or back to the one before", False),
    "provision": (_provision, "provision", "take a site from scripts/provision.py", True),
    "reboot": (_reboot, "reboot [now]", "restart the box", True),
    "logout": (_logout, "logout", "end this session (Ctrl-D)", False),
}
