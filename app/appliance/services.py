"""What the console shows and does: the one place where the appliance's parts meet.

`port` brings what app/port has: an object with `files`, `hashes`, `system`, `net`
(those modules), so that this one imports none of them. `phone` is the telephone side:

    phone.registrations(aor) -> [(AOR, contact, seconds to expiry, user agent)]
    phone.calls()         -> [(from, to, state, seconds)]
    phone.media()         -> [(from, to, text)] of each stream in progress
    phone.bans()          -> [(source, reason, seconds since, seconds left, messages dropped)]
    phone.lift_bans(address)  ends one ban, all of them for None -> how many those were
    phone.counters()      -> [(label, value)]
    phone.connections()   -> [(transport, host, port, seconds, silent seconds, user or None)]
    phone.trunks()        -> ([(set, destination, state, calls, description)],
                              [(account, registrar, state, seconds to what comes next)])
    phone.cdrs(count)     -> [(start, from, to, seconds, how it ended)], start as a date
    phone.stop()          writes what is in memory only, before a restart
    phone.reload(site)    -> uses another site without dropping calls, or raises
"""

from app.appliance import network, sites
from app.appliance.log import SYSLOG_PORT, RemoteLog
from app.appliance.provisioning import Provisioning
from app.appliance.settings import Settings, read_settings
from app.appliance.site import CONF, SCRIPT, check_site
from app.appliance.staging import Staging
from app.appliance.text import count, span

ID_SHOWN = 12  # characters of a site's id


class Services:
    """`site` is the Site in use or None; `root` the folder of the data partition.

    On the box, `manage_network` hands the site's network over to the system's scripts.
    """

    def __init__(self, version, root, port, log, manage_network=False, check_script=None):
        self.version = version
        self.log = log
        self.site = None
        self.site_id = None
        self.phone = None
        self.store = sites.Sites(port.files, root, port.hashes)
        self._port = port
        self._locked = None
        self._staging = Staging(port.files, root + "/staging", port.hashes)
        self._manage_network = manage_network
        self._check_script = check_script  # see site.check_site

    def load(self):
        """Read the stored site, or the one before where that is spoilt; log what is wrong.

        Returns the Site, or None on a box without one.
        """
        for site_id in (self.store.current(), self.store.previous()):
            if site_id and self.site is None:
                self._load_stored(site_id)
        self._apply_settings()
        return self.site

    def _load_stored(self, site_id):
        files = self.store.load(site_id)
        if files is None:
            self.log.error(f"site {site_id[:ID_SHOWN]}: the medium spoilt it")
            return
        self.site, errors, notes = check_site(files, False, self._check_script, True)
        if self.site is not None and self.site.script is None:
            errors = errors + [note for note in notes if note.file == SCRIPT]  # left out
        for error in errors:
            self.log.error(f"site {site_id[:ID_SHOWN]}: {error}")
        if self.site:
            self.site_id = site_id
        elif self._locked is None:
            # a site that this version refuses still locks the console and names the network
            self._locked = read_settings(files.get(CONF, b""))[0]

    def _apply_settings(self):
        self.apply_network()
        self._apply_remote_log()

    def _apply_remote_log(self):
        """Log to the site's syslog server, if it names one; on the box syslogd does it."""
        host, port = (None, None)
        if not self._manage_network:
            host, port = self.settings().system.syslog or (None, None)
        peer = (host, port or SYSLOG_PORT)
        remote = self.log.remote
        if remote and (remote.peer, remote.hostname) != (peer, self.hostname()):
            remote.close()
            remote = self.log.remote = None
        if host and not remote:
            socket = self._port.net.UdpSocket("::" if ":" in host else "0.0.0.0", 0)
            self.log.remote = RemoteLog(socket, self.hostname(), peer)

    def apply_network(self):
        """Hand the network of the site, or of a box without one, to the system's scripts."""
        if self._manage_network:
            if network.apply(self.settings(), self._port.files, self._port.system.start):
                self.log.notice("network: applied")

    # What console.py asks for.

    def settings(self):
        """Return the Settings in use."""
        if self.site:
            return self.site.settings
        return self._locked or Settings()

    def hostname(self):
        """Return the box's name."""
        return self.settings().system.hostname

    def password(self):
        """Return the console's PasswordHash, or None on a box without a site."""
        return self.settings().console.password

    def idle(self):
        """Return after how many seconds without a key the console logs out."""
        return self.settings().console.idle

    def provisioning(self):
        """Return a new session for provisioning."""
        return Provisioning(self._staging, self.store, self._take)

    # What commands.py asks for.

    def status(self):
        """Return [(label, value)]."""
        system = self._port.system
        total, available, own = system.memory()
        used = f"{_mib(total - available)} of {_mib(total)} in use, {_mib(own)} by waferpbx"
        lines = [
            ("version", self.version),
            ("slot", system.command_line().get("slot", "-")),
            ("site", self._site_line()),
            ("uptime", span(system.uptime())),
            ("load", system.load()),
            ("memory", used),
            ("registrations", self.phone.registration_count() if self.phone else 0),
            ("calls", len(self.calls())),
        ]
        return lines + (self.phone.counters() if self.phone else [])

    def registrations(self, aor=None):
        """Return [(AOR, contact, seconds to expiry, user agent)] of an AOR, of all for None."""
        return self.phone.registrations(aor) if self.phone else []

    def unregister(self, aor):
        """Forget where an AOR has registered; return how many bindings those were."""
        removed = self.phone.unregister(aor) if self.phone else 0
        if removed:
            self.log.notice(f"console: {removed} bindings of {aor} removed")
        return removed

    def calls(self):
        """Return [(from, to, state, seconds)]."""
        return self.phone.calls() if self.phone else []

    def cdrs(self, count):
        """Return [(start, from, to, seconds, how it ended)] of the last `count` calls."""
        return self.phone.cdrs(count) if self.phone else []

    def trunks(self):
        """Return ([(set, destination, state, calls, description)], [(account, registrar, state,
        seconds to what comes next or None)])."""
        return self.phone.trunks() if self.phone else ([], [])

    def media(self):
        """Return [(from, to, text)] of each stream in progress."""
        return self.phone.media() if self.phone else []

    def bans(self):
        """Return [(source, reason, seconds since, seconds left, messages dropped)]."""
        return self.phone.bans() if self.phone else []

    def lift_bans(self, address=None):
        """End the ban of an address, all for None; return how many those were."""
        lifted = self.phone.lift_bans(address) if self.phone else 0
        if lifted:
            self.log.notice(f"console: bans of {address or 'everybody'} lifted")
        return lifted

    def connections(self):
        """Return [(transport, host, port, seconds since, seconds silent, user or None)]."""
        return self.phone.connections() if self.phone else []

    def network(self):
        """Return [(label, value)]."""
        settings, files = self.settings(), self._port.files
        lines = [("host name", self.hostname()), ("mode", settings.network.mode)]
        for interface, address in self._port.net.interfaces():
            lines.append((interface, address))
        lines.append(("gateway", network.gateway(files) or "-"))
        lines.append(("name servers", " ".join(network.name_servers(files)) or "-"))
        lines.append(("time servers", " ".join(settings.system.ntp) or "-"))
        return lines

    def show_site(self):
        """Return lines."""
        previous = self.store.previous()
        lines = [f"site      {self._site_line()}"]
        if self.site:
            lines.append(f"domains   {' '.join(self.site.domains) or '-'}")
            for name in sorted(self.site.tables):
                rows = len(self.site.tables[name].rows)
                lines.append(f"table     {name}, " + count(rows, "row"))
            if self.site.script is not None:
                lines.append(f"script    {SCRIPT}, " + count(len(self.site.script), "byte"))
        lines.append(f"previous  {previous[:ID_SHOWN] if previous else '-'}")
        return lines

    def roll_back(self):
        """Use the previous site; return (done, [lines])."""
        done, lines = sites.roll_back(self.store, self.use, self._check_script)
        self._log_result("rollback", done)
        return done, lines

    def reboot(self):
        """Restart the machine."""
        self.log.notice("console: reboot")
        if self.phone:
            self.phone.stop()
        self._port.system.reboot()

    # Sites.

    def _take(self, files):
        done, lines = sites.take_site(self.store, files, self.use, self._check_script)
        self._log_result("provisioning", done)
        return done, lines

    def use(self, site):
        """Make the running system use a checked Site."""
        if self.phone:
            self.phone.reload(site)
        self.site = site
        self._apply_settings()

    def _log_result(self, what, done):
        self.site_id = self.store.current() if self.site else None
        if done:
            self.log.notice(f"{what}: site {self.site_id[:ID_SHOWN]} is in use")
        else:
            self.log.warning(f"{what}: refused, the site in use stays")

    def _site_line(self):
        if self.site is None or self.site_id is None:
            return "none"
        tables = self.site.tables
        extensions = len(tables["subscriber"].rows) if "subscriber" in tables else 0
        return self.site_id[:ID_SHOWN] + ", " + count(extensions, "extension")


def _mib(kib):
    return f"{kib / 1024:.1f} MiB"
