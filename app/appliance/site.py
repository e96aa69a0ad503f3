"""A site: site.conf and the dbtext tables, read and checked as one."""

from app.appliance import crosscheck
from app.appliance.settings import Settings, read_settings
from app.appliance.tlscheck import TlsCheck, is_pem
from app.appliance.values import DIGITS, LETTERS, only
from app.dbtext import Note, TableError, load

CONF = "site.conf"
SCRIPT = "routes.py"  # the site's own routing script
# Tables that the application reads; others are kept and checked, but nothing uses them.
USED = (
    "subscriber", "aliases", "dbaliases", "domain", "domain_attrs", "address", "trusted",
    "dialplan", "dispatcher", "uacreg", "grp", "usr_preferences", "userblocklist",
    "globalblocklist",
)  # fmt: skip
IGNORED = ("version",)  # Kamailio wants it beside its tables; it says nothing to us
MAX_FILES = 64
MAX_NAME = 48
MAX_BYTES = 512 * 1024
NAME_CHARACTERS = LETTERS + DIGITS + "._-"


class Site:
    """What the box runs: `settings` (settings.Settings), `tables` ({name: dbtext.Table}) and
    `script`, the source of the site's routes.py or None.

    `domains` are the served ones in lower case: those of site.conf, of the table domain,
    and, where neither names one, those of the subscribers. `pairs`, `authorities`: of
    tlscheck.TlsCheck.
    """

    def __init__(self, settings, tables, pairs=(), authorities=None):
        self.settings = settings
        self.tables = tables
        self.script = None
        self.pairs = pairs
        self.authorities = authorities
        self.domains = crosscheck.served_domains(settings, tables)


def check_site(files, password_required=False, check_script=None, forgive_script=False):
    """Return (Site or None, errors, notes) of `files`, {name: bytes}.

    Never half accepts: with any error the site is None. All errors are collected; errors
    and notes are dbtext.Note, whose str is "file:line:column: problem; remedy".
    `password_required`: a site without a console password is an error.
    `check_script(data, site, rehearsed)` looks at its routes.py, and returns (errors, notes) as
    [(line, column, problem, remedy)]. `forgive_script`: of a site that was taken before, a
    script with an error is left out with a note.
    """
    errors = check_names({name: len(files[name]) for name in files})
    notes = []
    if errors:
        return None, errors, notes
    settings = _read_conf(files.get(CONF), errors, notes)
    if password_required and not settings.console.password and not errors:
        remedy = "add password to [console]: scripts/provision.py does it when it asks for one"
        errors.append(Note(CONF, 0, 0, "there is no console password", remedy))
    tables = {}
    for name in sorted(files):
        if name not in (CONF, SCRIPT) and not is_pem(name):
            _read_table(name, files[name], tables, errors, notes)
    secrets = TlsCheck(settings, files)
    for checks in (crosscheck.CrossCheck(settings, tables, files), secrets):
        checks.run()
        errors.extend(checks.errors)
        notes.extend(checks.notes)
    if errors:
        return None, errors, notes
    site = Site(settings, tables, secrets.pairs, secrets.authorities)
    if SCRIPT in files and check_script is not None:
        found, more = check_script(files[SCRIPT], site, not forgive_script)
        return _with_script(site, files[SCRIPT], found, more, forgive_script, notes)
    return site, errors, notes


def _with_script(site, data, found, more, forgiven, notes):
    """(Site or None, errors, notes) once the script's errors and notes are known."""
    found, more = [[Note(SCRIPT, *each) for each in kind] for kind in (found, more)]
    notes.extend(more)
    if found and not forgiven:
        return None, found, notes
    if found:
        notes.extend(found)
    else:
        site.script = data.decode()
    return site, [], notes


def check_names(sizes):
    """Return the errors in `sizes` ({name: bytes}) that make a site too large or unsafe."""
    errors = []
    for name in sorted(sizes):
        if not is_safe_name(name):
            shown = "".join([c if c in NAME_CHARACTERS else "?" for c in name[:MAX_NAME]])
            remedy = f"use 1 to {MAX_NAME} letters, digits, _ and -, no folder, no dot in front"
            errors.append(Note(shown, 0, 0, "not a name for a file of a site", remedy))
    if len(sizes) > MAX_FILES:
        problem = f"{len(sizes)} files, a site has at most {MAX_FILES}"
        errors.append(Note("site", 0, 0, problem, "send the site's own folder, nothing else"))
    total = sum([sizes[name] for name in sizes])
    if total > MAX_BYTES:
        problem = f"{total} bytes, a site has at most {MAX_BYTES}"
        errors.append(Note("site", 0, 0, problem, "send the site's own folder, nothing else"))
    return errors


def is_safe_name(name):
    """Say whether a file of a site may be called that: no path, no hidden file."""
    return len(name) <= MAX_NAME and only(name, NAME_CHARACTERS) and name[0] not in ".-"


def _read_conf(data, errors, notes):
    if data is None:
        remedy = "add one with [sip] domains; docs/site.md lists every key"
        notes.append(Note(CONF, 0, 0, "missing, so every setting has its default", remedy))
        return Settings()
    settings, wrong = read_settings(data, CONF)
    errors.extend(wrong)
    if not wrong and not settings.system.ntp:
        problem = "no time server: dates in tables and log follow the machine's own clock"
        notes.append(Note(CONF, 0, 0, problem, "add ntp = 192.0.2.1 (or a name) to [system]"))
    return settings


def _read_table(name, data, tables, errors, notes):
    try:
        table, found = load(data, name)
    except TableError as error:
        errors.extend(error.errors)
        return
    notes.extend(found)
    tables[name] = table
    if name == "location" and len(table.rows):
        remedy = "keep only what is not to register itself, such as a door station"
        problem = "its rows are fixed contacts, beside what telephones register"
        notes.append(Note(name, 0, 0, problem, remedy))
    elif name not in USED and name not in IGNORED and name != "location":
        remedy = "the tables in use are " + ", ".join(USED)
        notes.append(Note(name, 0, 0, "no part of this version reads the table", remedy))
