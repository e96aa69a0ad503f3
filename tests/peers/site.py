"""Sites for tests: the tables and site.conf as text, written without any code of app/."""

from pathlib import Path

from tests.peers.sip import md5

DOMAIN = "example.org"
USERS = {
    "200": "sesame-200-open",
    "201": "sesame-201-open",
    "202": "sesame-202-open",
    "203": "sesame-203-open",
}

# Kamailio 5.6 schemas: utils/kamctl/dbtext/kamailio/{subscriber,dbaliases}
SUBSCRIBER = (
    "id(int,auto) username(string) domain(string) password(string) ha1(string) ha1b(string)"
)
DBALIASES = (
    "id(int,auto) alias_username(string) alias_domain(string) username(string) domain(string)"
)
# SER 0.9.6's aliases, as the owner's tables have it
ALIASES = (
    "username(str) domain(str,null) contact(str,null) expires(int,null) q(double,null) "
    "callid(str,null) cseq(int,null) last_modified(str) replicate(int,null) state(int,null) "
    "flags(int) user_agent(str) received(str,null)"
)
NEVER = 2000000000


def quoted(text):
    """-> str: a field as dbtext has it."""
    return str(text).replace("\\", "\\\\").replace(":", "\\:")


def table(header, rows):
    """-> str: a table of rows, each a list of fields."""
    lines = [header] + [":".join([quoted(field) for field in row]) for row in rows]
    return "\n".join(lines) + "\n"


def subscriber(users, domain=DOMAIN):
    """-> str: the table subscriber of {username: password}."""
    rows = []
    for number, (name, word) in enumerate(sorted(users.items()), 1):
        ha1 = md5(f"{name}:{domain}:{word}")
        ha1b = md5(f"{name}@{domain}:{domain}:{word}")
        rows.append([number, name, domain, word, ha1, ha1b])
    return table(SUBSCRIBER, rows)


def dbaliases(pairs, domain=DOMAIN):
    """-> str: the table dbaliases of {alias: username}."""
    rows = enumerate(sorted(pairs.items()), 1)
    return table(DBALIASES, [[i, alias, domain, name, domain] for i, (alias, name) in rows])


def aliases(pairs):
    """-> str: SER's table aliases of {alias: URI}."""
    rest = [NEVER, "1.0", "test", 1, NEVER, 0, 0, 128, "test", ""]
    return table(ALIASES, [[name, "", pairs[name]] + rest for name in sorted(pairs)])


def conf(sections):
    """-> str: a site.conf of {section: {key: value}}."""
    lines = []
    for section in sections:
        lines.append(f"[{section}]")
        lines.extend([f"{key} = {value}" for key, value in sections[section].items()])
    return "\n".join(lines) + "\n"


def write(folder, files):
    """Write {name: text} as a site into `folder`. -> Path."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in files:
        (folder / name).write_text(files[name])
    return folder


def demo(folder, users=USERS, domain=DOMAIN, sip=None, trunk=None, **tables):
    """Write a site with `users` in `domain` into `folder`. -> Path.

    sip, trunk: keys of those sections; tables: name=text, or name={...} of another section.
    """
    # no pings of its own between the messages that a test plays, unless it asks for them
    sections = {"sip": {"domains": domain, "keepalive": 0, **(sip or {})}}
    if trunk:
        sections["trunk"] = trunk
    sections.update({name: keys for name, keys in tables.items() if isinstance(keys, dict)})
    tables = {name: text for name, text in tables.items() if name not in sections}
    files = {"site.conf": conf(sections), "subscriber": subscriber(users, domain)}
    return write(folder, {**files, **tables})
