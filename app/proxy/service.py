"""The telephone side as one sans-IO object: what main.py feeds and the console looks at.

    service = Service(routes, config, tables, hashes, token, log, dbtext, files, folder)
    service.start(now, wall)
    service.use(config, tables, now, wall)      # another site, without dropping calls
    service.arrive(data, peer, now); while service.work(now, wall): ...
    service.handle_timers(now, wall)
    service.to_send() -> (bytes, Peer) | None; service.next_timer() -> float | None
"""

from app.proxy.acc_tables import AccTables
from app.proxy.core import Proxy
from app.proxy.locate import Locator
from app.proxy.location import DEACTIVATED, Location
from app.proxy.overload import Intake
from app.proxy.store import LocationStore, static_bindings
from app.proxy.target import received_peer
from app.sip.endpoint import Endpoint
from app.sip.hosts import subscriber_network
from app.sip.transport import Peer

SECRET_FILE = "/secret"  # in the state folder: the seals of dialogs outlive a restart
SECRET_LENGTH = 64
ACC_FOLDER = "/acc"
FOREVER = float("inf")


class Service:
    """Endpoint, proxy, location and media of one box.

    files, folder: where bindings and the secret are kept (app/port/files.py), or None, None
    to keep nothing. dbtext: the package, for the location's files.
    """

    def __init__(
        self, routes, config, tables, hashes, token, log, dbtext, files=None, folder="",
        scripts=None,
    ):  # fmt: skip
        self.log = log
        self.config = config
        self.faults = 0  # messages that the code failed on
        store = None
        if files is not None:
            files.makedirs(folder)
            store = LocationStore(files, folder, dbtext, config.use_domain, log)
        self.location = Location(store, log)
        self.endpoint = Endpoint(config.interfaces, token, hashes, config.max_transactions)
        self.proxy = Proxy(
            self.endpoint, routes, tables, self.location, None, config, hashes, token, log,
            _secret(files, folder, token, log) if files is not None else None, scripts,
        )  # fmt: skip
        self.intake = Intake(self.proxy, token)
        self._picked = None
        if files is not None:
            self.proxy.acc.keep(AccTables(files, folder + ACC_FOLDER, dbtext, log))

    def start(self, now, wall):
        """Reads the bindings that were kept. Call it once, before the first receive()."""
        self.location.load(now, wall)
        self._use_static(self.proxy.tables, now, wall)
        self.proxy.modules.start(now)

    def use(self, config, tables, now, wall):
        """Takes another site: new calls follow it, present ones and bindings go on."""
        self.config = config
        if config.interfaces is not self.endpoint.interfaces:
            config.interfaces.succeed(self.endpoint.interfaces)
        self.endpoint.interfaces = config.interfaces
        self.endpoint.limit = config.max_transactions
        self.proxy.reload(tables, config)
        self._use_static(tables, now, wall)
        self.proxy.modules.start(now)

    # What the loop calls

    def arrive(self, data, peer, now):
        """A message has come: it waits for its turn."""
        self._guarded(self._take, data, peer, now)

    def _take(self, data, peer, now):
        if not self.intake.is_settled(data) and self.proxy.pike.admits(data, peer, now):
            self.intake.put(data, peer, now)

    def work(self, now, wall):
        """Serves the message whose turn it is. -> bool: there was one.

        A fault of ours costs this message, not the box.
        """
        self._guarded(self._pick, now)
        item, self._picked = self._picked, None
        if item is None:
            return False
        self._guarded(self.endpoint.receive, item[0], item[1], now)
        self._run(now, wall)
        return True

    def _pick(self, now):
        self._picked = self.intake.next(now)

    def receive(self, data, peer, now, wall):
        """One message, and whatever else waits, at once."""
        self.arrive(data, peer, now)
        while self.work(now, wall):
            pass

    def use_resolver(self, resolver):
        """Has names looked up, with an app.dns Resolver."""
        token = self.proxy.token
        self.proxy.locator = Locator(
            resolver, self.config, lambda limit: int(token(8), 16) % (limit + 1)
        )

    def receive_answer(self, data, host, port, source, now, wall):
        """One datagram from a name server."""
        self._guarded(self.proxy.locator.resolver.receive, data, host, port, source, now)
        self._run(now, wall)

    def handle_timers(self, now, wall):
        self._guarded(self.endpoint.handle_timers, now)
        self._guarded(self.proxy.handle_timers, now, wall)
        self._run(now, wall)

    def media_events(self, now):
        """The relay's descriptor was readable: calls fell silent."""
        for call_id, _ in self.proxy.media.events() if self.proxy.media else ():
            self._guarded(self.proxy.media_timeout, call_id, now)

    def to_send(self):
        return self.endpoint.to_send()

    def sent(self):
        """-> a mark of what to_send() gave last, for transport_error()."""
        return self.endpoint.sent()

    def transport_error(self, now, wall, sent=None):
        """What to_send() gave last could not be sent; or an earlier message, by its mark."""
        self._guarded(self.endpoint.transport_error, now, sent)
        self._run(now, wall)

    def connection_lost(self, peer, now, wall):
        """The connection that `peer` names by its flow is gone, or never came about."""
        self._guarded(self.proxy.connection_lost, peer, now, wall)
        self._guarded(self.endpoint.connection_lost, peer, now)
        self._run(now, wall)

    def known(self, peer, now):
        """-> str | None: the user who has proved to be at a Peer, "" for a trunk."""
        return self.proxy.pike.user_of(peer, now)

    def server_name(self, peer):
        """-> str | None: the name that led to a Peer, for its certificate (RFC 5922 4)."""
        for name in self.config.hosts:
            if self.config.hosts[name][0] == peer.host:
                return name
        locator = self.proxy.locator
        return None if locator is None else locator.name_of(peer)

    def is_denied(self, host):
        """-> bool: the operator wants no connection from there. A ban is no reason: behind the
        same address there may be telephones of ours, and what they send is looked at alone."""
        return self.proxy.pike.is_denied(Peer("tcp", host, 0, 0))

    def next_timer(self):
        due = [self.endpoint.next_timer(), self.proxy.next_timer()]
        due = [each for each in due if each is not None]
        return min(due) if due else None

    def stop(self, now, wall):
        """Before a planned end: writes what may still be in memory only."""
        self.proxy.stop(now, wall)

    # What the console shows and does

    def bans(self, now):
        """-> [(source, reason, seconds since, seconds left, messages dropped)], last first."""
        return [
            (ban.network, ban.reason, int(now - ban.since), int(ban.until - now), ban.dropped)
            for ban in self.proxy.pike.bans.all()
        ]

    def lift_bans(self, address=None):
        """Ends the ban that an address is under, all without one. -> how many those were."""
        network = None if address is None else subscriber_network(address)
        return self.proxy.pike.bans.lift(network)

    def registrations(self, now, aor=None):
        """-> [(AOR, contact, seconds to expiry or None for never, user agent)]; of one AOR."""
        found = self.location.all(now) if aor is None else self.location.bindings(aor, now)
        return [
            (each.aor, each.contact, each.remaining(now), each.user_agent) for each in found
        ]

    def registration_count(self):
        """-> int: bindings, those of the site's own table too."""
        return len(self.location) + self.location.fixed

    def unregister(self, aor, now, wall):
        """Ends the bindings of an AOR but those of the site. -> how many those were."""
        before = len(self.location)
        self.location.remove(self.location.bindings(aor, now), DEACTIVATED, now, wall)
        return before - len(self.location)

    def calls(self, now):
        """-> [(from, to, state, seconds)]."""
        return [
            (call.caller, call.callee, call.state, int(now - call.since))
            for call in self.proxy.calls.all()
        ]

    def trunks(self, now):
        """-> ([(set as text, destination, state, calls that went there, description)],
        [(account, registrar, state, seconds to what comes next or None)])."""
        dispatcher = self.proxy.modules.dispatcher
        sets = [
            (str(each.setid), each.text, each.state_name(), dispatcher.load(each),
             each.description)
            for each in dispatcher.all()
        ]  # fmt: skip
        return sets, self.proxy.modules.accounts.rows(now)

    def cdrs(self, count):
        """-> [(start as Unix seconds, from, to, seconds, how it ended)] of the last calls."""
        return [
            (row["start_time"], row["src_user"] or row["src_ip"],
             row["dst_user"] or row["dst_domain"], int(row["duration"]), row["ended"])
            for row in self.proxy.acc.last("acc_cdrs", count)
        ]  # fmt: skip

    def media(self):
        """-> [(from, to, report as text)] of each stream of the calls in progress."""
        found = []
        relay = self.proxy.media
        for call in self.proxy.calls.all() if relay else ():
            for report in relay.statistics(call.call_id):
                found.append((call.caller, call.callee, relay.line(report)))
        return found

    def counters(self):
        """-> [(label, value)] for the status page."""
        counters = self.endpoint.counters
        messages = f"{counters['received']} in, {counters['sent']} out"
        calls = self.proxy.calls
        names = [] if self.proxy.locator is None else self.proxy.locator.counters()
        return [
            ("SIP messages", f"{messages}, {counters['dropped']} dropped, {self.faults} faults"),
            ("transactions", f"{len(self.endpoint)} of {self.endpoint.limit}"),
            ("bans", f"{len(self.proxy.pike.bans)}, {self.proxy.pike.dropped} messages dropped"),
            ("calls so far", f"{calls.answered} answered, {calls.failed} not"),
            ("routing", self.proxy.script.status()),
            ("overload", f"{self.intake.shed} messages refused, {len(self.intake)} wait"),
        ] + names

    def _use_static(self, tables, now, wall):
        table = tables.get("location")
        self.location.set_static(static_bindings(table, self.config.use_domain, now, wall))
        self._know(self.location.all(now), now)

    def _know(self, bindings, now):
        """Telephones are known flows also behind a restart, and those with a fixed contact."""
        for binding in bindings:
            peer = received_peer(binding.received or binding.contact, self.config)
            if peer is not None:
                until = FOREVER if binding.deadline is None else binding.deadline
                self.proxy.pike.vouch(peer, binding.aor, until, now)

    def _run(self, now, wall):
        """Every event has its turn, also behind one that the code failed on."""
        while not self._guarded(self.proxy.run, now, wall):
            pass

    def _guarded(self, function, *arguments):
        """-> bool: there was no fault."""
        try:
            function(*arguments)
            return True
        except MemoryError:
            self.faults += 1
            self.log.error("out of memory; the message is lost")
        except Exception as error:
            self.faults += 1
            self.log.error(f"fault: {error!r}; the message is lost, please report it")
        return False


def _secret(files, folder, token, log):
    """-> str: the secret of the state folder, drawn once."""
    path = folder + SECRET_FILE
    try:
        kept = files.read(path)
        if kept is not None and len(kept) == SECRET_LENGTH:
            return kept.decode()
        secret = token(SECRET_LENGTH)
        files.write_atomic(path, secret.encode())
        return secret
    except (OSError, UnicodeError) as error:
        log.warning(f"{path}: {error}; dialogs will not survive a restart")
        return token(SECRET_LENGTH)
