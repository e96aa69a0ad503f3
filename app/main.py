"""The score: which parts there are, and who plays when. Everything else is in the parts.

    sockets    ──► service ──► sockets             app/transport, app/proxy, app/sip
    alarm      ──►         ──► media engine        app/media
    console    ──► services ──► service            app/appliance
"""

from app import dbtext, places, routes
from app.appliance.console import Console
from app.appliance.log import Log
from app.appliance.network import name_servers
from app.appliance.options import USAGE, UsageError, parse_options
from app.appliance.services import Services
from app.appliance.site import check_site
from app.dns.resolver import Resolver
from app.figures import Figures
from app.media.addresses import rules_of
from app.media.relay import Relay
from app.port import clock, files, hashes, loop, net, scripts, system
from app.port.asker import Asker
from app.port.engine import Engine
from app.port.heap import Heap
from app.port.syslog import Syslog
from app.port.tty import Tty
from app.proxy.bounded import Window
from app.proxy.config import Config
from app.proxy.script_check import ScriptChecker
from app.proxy.service import Service
from app.secrets import Secrets
from app.sip.interfaces import Interfaces
from app.sockets import Sockets

VERSION = "0.2.0"
DATA = "/data"  # the data partition of the box
SLICE = 8  # messages served before the sockets are looked at again
LOOK_AGAIN = 10  # seconds between looks at our addresses, which DHCP may change
LOOK_SOON = 0.5  # the same while there is none to be called by: the lease is on its way
DNS_PORT = 53
ANY = ("0.0.0.0", "::")
STARVED = 200  # times in STARVED_IN seconds that a task finds no memory, until we start again
STARVED_IN = 10
LINE_BUSY = 0.02  # seconds until a terminal that takes no more bytes is tried again


class Port:
    """What app/appliance/services.py wants of app/port."""

    files, hashes, system, net = files, hashes, system, net


class Box:
    """The running program: its parts, and one method a task."""

    def __init__(self, options):
        self.options = options
        self.log = Log(Syslog("waferpbx").send, lambda: clock.date(clock.wall()))
        self.state = options.state or (DATA if options.appliance else "state")
        self.checker = ScriptChecker(scripts, hashes, hashes.token)
        self.services = Services(
            VERSION, self.state, Port, self.log, options.appliance, self.check_script
        )
        self.services.phone = self
        self.alarm = loop.Sleeper(clock.now)
        self.heap = Heap()
        self.heap.follow(0)
        self.figures = Figures(options.stats, self) if options.stats else None
        self.site = None
        self.service = None  # app.proxy.service.Service, once there is a site
        self.sockets = Sockets(self.log, hashes.token, hashes.sha1_digest)
        self.places = ()  # what they listen on, as places.wanted() has it
        self.ports = ()
        self.asker = None  # carries questions to the name servers, where the site wishes so
        self.engine = None
        self.engine_ports = None  # what the engine was started with
        self.media_rules = None  # what the relay tells telephones
        self.look_at = None  # when to look at our addresses again
        self.tty = self.console = None
        self.tasks = {}
        self.starved = Window(STARVED_IN)  # times that a task has found no memory
        self.failed = False  # a task has ended that never should

    # The site: at the start, and whenever another one is taken.

    def load_site(self):
        """Use the site of --site, else the stored one. Return whether there is one."""
        if self.options.site is None:
            site = self.services.load()
        else:
            site = self.read_folder(self.options.site)
        if site is None:
            return False
        try:
            self.services.use(site)
        except OSError as error:
            port = site.settings.sip.port
            self.log.error(f"no SIP socket (port {port} or listen of the site, --listen): {error}")
            return False
        return True

    def read_folder(self, folder):
        """Return the Site in a folder, None with errors; the log has what is to be said."""
        if not files.is_folder(folder):
            self.log.error(f"--site {folder}: there is no such folder")
            return None
        found = {}
        for name in files.listdir(folder):
            if not name.startswith(".") and not files.is_folder(f"{folder}/{name}"):
                found[name] = files.read(f"{folder}/{name}")
        site, errors, notes = check_site(found, False, self.check_script)
        for note in notes:
            self.log.notice(str(note))
        for error in errors:
            self.log.error(str(error))
        return site

    def check_script(self, data, site, rehearsed):
        """See app.appliance.site.check_site: a site's routes.py, on an address of its own."""
        config = None
        if rehearsed:
            config = Config.of_site(site, Interfaces.of_sent_by("192.0.2.1:5060"), ("192.0.2.1",))
        return self.checker.check(data, config, site.tables)

    def reload(self, site):
        """Use a Site from now on; calls and bindings go on. OSError: nothing has changed."""
        script = None if site.script is None else self.checker.load(site.script)
        wanted = places.wanted(self.options.listen, site)
        secrets = Secrets(site)
        self.ports = self.sockets.open([each[:3] for each in wanted])
        self.sockets.use_site(site, secrets)
        self.places = wanted
        self.site = site
        self.use_config(self.make_config(site))
        self.service.proxy.script.use(script)
        if "sip" not in self.tasks:
            self.start("sip", self.sip_task)

    def make_config(self, site):
        """Return the Config of a Site, with the addresses that this machine has now."""
        given, sip = self.options.advertise, site.settings.sip
        interfaces = places.interfaces(self.places, self.ports, given, sip)
        own = [address for _, address in net.interfaces()]
        own += [each.advertised_host for each in interfaces.all]
        return Config.of_site(site, interfaces, own)

    def use_config(self, config):
        now, wall = clock.now(), clock.wall()
        tables = self.site.tables
        if self.service is None:
            self.service = Service(
                routes, config, tables, hashes, hashes.token, self.log, dbtext, files, self.state,
                scripts,
            )
            self.service.start(now, wall)
        else:
            self.service.use(config, tables, now, wall)
        self.sockets.use(self.service, config.interfaces)
        self.start_media()
        self.start_names()
        self.look_later()
        names = ", ".join([each.name for each in config.interfaces.all])
        host, port = config.advertise
        self.log.notice(f"SIP on {names}, known as {host}:{port}, {len(tables)} tables")

    def look_later(self):
        first = self.service.config.interfaces.all[0]
        provisional = first.host in ANY and not places.is_usable(first.advertised_host)
        self.look_at = clock.now() + (LOOK_SOON if provisional else LOOK_AGAIN)

    def look_around(self):
        """Follow what has changed outside: addresses, ports that wait for the last call."""
        self.look_later()
        self.sockets.secrets.warn(self.log, clock.wall())
        self.start_names()
        config = self.make_config(self.site)
        if not config.same_place(self.service.config):
            self.use_config(config)
        else:
            self.start_media()

    # Media.

    def start_media(self):
        """Have the engine run on the site's ports, and the relay name our address."""
        media = self.site.settings.media
        wanted = (self.options.rtp or media.ports, media.timeout)
        if self.engine_ports != wanted and not self.service.proxy.calls.all():
            self.start_engine(wanted)
        rules = rules_of(self.service.config.interfaces, media.address)
        relay = self.service.proxy.media
        if self.engine is None or (relay is not None and self.media_rules == rules):
            return
        self.media_rules = rules
        if relay is None:
            self.service.proxy.media = Relay(self.engine, rules)
        else:
            relay.use_addresses(rules)

    def start_engine(self, wanted):
        (first, last), timeout = self.engine_ports = wanted
        if self.engine is not None:
            self.tasks["media"].cancel()
            self.engine.destroy()
        self.engine = self.service.proxy.media = None
        try:
            self.engine = Engine(first, last, streams=(last - first + 1) // 4, timeout=timeout)
        except (ImportError, OSError) as error:
            self.log.error(f"media is not relayed, the engine does not start: {error}")
            return
        self.start("media", self.media_task, self.engine)

    # Names.

    def start_names(self):
        """Look names up where the site wishes so, at the servers that there are now."""
        if not self.site.settings.sip.dns:
            return
        if self.asker is None:
            resolver = Resolver(self.name_servers(), hashes.token)
            self.service.use_resolver(resolver)
            self.asker = Asker(resolver, self.spawn, self.answer)
        else:
            self.service.proxy.locator.resolver.use(self.name_servers())

    def name_servers(self):
        """Return [(host, port)]: of the command line, of the site, or as DHCP says."""
        if self.options.dns:
            return [(self.options.dns[0], self.options.dns[1] or DNS_PORT)]
        hosts = self.site.settings.network.dns or name_servers(files)
        return [(host, DNS_PORT) for host in hosts if net.is_address(host) and "%" not in host]

    def answer(self, data, host, port, source):
        """A datagram from a name server."""
        self.service.receive_answer(data, host, port, source, clock.now(), clock.wall())
        self.turn()

    # The tasks.

    def spawn(self, task, *arguments):
        return loop.spawn(self.watched("dns", task, arguments))

    def start(self, name, task, *arguments):
        self.tasks[name] = loop.spawn(self.watched(name, task, arguments))

    async def watched(self, name, task, arguments):
        """A fault in a task ends the program, which init starts again: better than a deaf box.

        A task that has found no memory goes on from its start: what it needs is in its objects.
        """
        while True:
            try:
                return await task(*arguments)
            except MemoryError as error:
                problem = error
                if self.starved.add(clock.now()) < STARVED:
                    continue
            except Exception as error:
                problem = error
            self.failed = True
            self.alarm.set(clock.now())
            self.log.error(f"fault in {name}: {problem!r}; the program starts again")
            return None

    async def sip_task(self):
        """Messages in; what they cause goes out at once."""
        while True:
            await loop.readable(self.sockets.fd)
            self.sockets.work()
            while self.serve():
                await loop.pause()
                self.sockets.work()
            await loop.pause()

    def serve(self):
        """Serve some of the messages that wait. Return whether more do."""
        served = 0
        while served < SLICE and self.service is not None:
            if not self.service.work(clock.now(), clock.wall()):
                break
            self.send()
            served += 1
        self.turn()
        return served == SLICE

    async def media_task(self, engine):
        """Calls that have fallen silent."""
        while True:
            await loop.readable(engine.fd)
            self.service.media_events(clock.now())
            self.turn()

    async def console_task(self):
        """Bytes that are typed."""
        while True:
            await loop.readable(self.tty.fd)
            data = self.tty.read()
            if data == b"":
                self.log.notice("console: the terminal is gone")
                self.console = None
                return
            if data:
                self.console.feed(data, clock.now())
            self.turn()

    async def alarm_task(self):
        """Everything that is due."""
        while not self.failed:
            await self.alarm.until_due()
            now = clock.now()
            if self.service is not None:
                self.service.handle_timers(now, clock.wall())
            self.sockets.handle_timers()
            while self.serve():
                await loop.pause()
            if self.console is not None:
                self.console.handle_timers(now)
            if self.look_at is not None and now >= self.look_at:
                self.look_around()
            if self.figures is not None:
                self.figures.handle_timers(now)
            self.turn()

    def turn(self):
        """After whatever happened: messages out, text out, the alarm set."""
        self.send()
        due = [self.look_at, self.sockets.next_timer()]
        if self.service is not None:
            due.append(self.service.next_timer())
            self.heap.follow(len(self.service.endpoint))
        if self.figures is not None:
            due.append(self.figures.next_timer())
        if self.console is not None:
            due.append(self.console.next_timer())
            if self.tty.write(self.console.output()):
                due.append(clock.now() + LINE_BUSY)
        due = [each for each in due if each is not None]
        self.alarm.set(min(due) if due else None)

    def send(self):
        self.sockets.flush()
        if self.asker is not None:
            self.asker.flush()

    # What app/appliance/services.py calls the telephone side.

    def registrations(self, aor=None):
        return self.service.registrations(clock.now(), aor) if self.service else []

    def registration_count(self):
        return self.service.registration_count() if self.service else 0

    def unregister(self, aor):
        return self.service.unregister(aor, clock.now(), clock.wall()) if self.service else 0

    def calls(self):
        return self.service.calls(clock.now()) if self.service else []

    def cdrs(self, count):
        rows = self.service.cdrs(count) if self.service else []
        return [(clock.date(row[0]),) + row[1:] for row in rows]

    def trunks(self):
        return self.service.trunks(clock.now()) if self.service else ([], [])

    def media(self):
        return self.service.media() if self.service else []

    def counters(self):
        found = self.service.counters() if self.service else []
        return found + self.sockets.counters()

    def connections(self):
        return self.sockets.list()

    def bans(self):
        return self.service.bans(clock.now()) if self.service else []

    def lift_bans(self, address=None):
        return self.service.lift_bans(address) if self.service else 0

    def stop(self):
        """Before the machine restarts: what waits for its write is written."""
        if self.service is not None:
            self.service.stop(clock.now(), clock.wall())

    # Start.

    async def play(self):
        """Run until the program is ended."""
        options = self.options
        if options.console or options.appliance:
            self.open_console()
        else:
            self.log.followers.append(print)
        if not self.load_site() and self.console is None:
            return 1
        if self.console is not None:
            self.console.start(clock.now())
            self.start("console", self.console_task)
        self.turn()
        await self.watched("alarm", self.alarm_task, ())
        return 1

    def open_console(self):
        try:
            self.tty = Tty()
        except OSError as error:
            self.log.followers.append(print)
            self.log.error(f"no console, standard input is no terminal: {error}")
            return
        self.console = Console(self.services, hashes.sha256_digest)


def main(arguments):
    """Run the program; return its exit status."""
    try:
        options = parse_options(arguments)
    except UsageError as error:
        print(f"waferpbx: {error}\n{USAGE}")
        return 2
    if options.help:
        print(USAGE)
        return 0
    box = Box(options)
    try:
        return loop.run(box.play())
    except KeyboardInterrupt:
        box.stop()
        return 130
