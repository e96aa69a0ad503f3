"""The proxy itself: the endpoint's events in, runs of the routing script out."""

from app.proxy.acc import FLT_ACC, Accounting, parties
from app.proxy.auth import Authenticator
from app.proxy.calls import ANSWERED, Calls
from app.proxy.flow import Flows
from app.proxy.locate import NONE, WAIT
from app.proxy.location import DEACTIVATED
from app.proxy.modules import Modules
from app.proxy.permissions import TRUNKS
from app.proxy.pike import Pike
from app.proxy.routing import Routing
from app.proxy.script import Script
from app.proxy.seal import MARK, Seals
from app.proxy.sender import find_sender
from app.proxy.target import is_located
from app.proxy.text import printable
from app.proxy.uac import Uac
from app.proxy.upstream import REASONS
from app.proxy.way import Connected
from app.sip import events
from app.sip.check import check
from app.sip.connections import FIRST_CONNECTION
from app.sip.digest import Nonces
from app.sip.timers import Deadlines
from app.sip.transaction import ClientTransaction

MAX_WAITING = 64  # ACKs to names that are being looked up; each holds its message
ENDED = "ended"  # by a BYE
SPARE = 16
RESERVE = 8  # calls beyond max_calls for emergencies
CALL_SWEEP = 60  # seconds between two looks for calls without an end
MAX_HELD = 64  # answers to wrong passwords that are held back; others are dropped


class Proxy(Routing):
    """The services of app/routes.py: location, registrar, authentication, forwarding.

    endpoint: app.sip.endpoint.Endpoint; routes: a module or object with request_route(r)
    and onreply_route(r); tables: {name: dbtext.Table}; location: location.Location; media:
    app.media Relay or None; config: config.Config; hashes, token: docs/architecture.md;
    log: app.appliance Log; secret: random text that survives restarts, so that dialogs do;
    scripts: app.port.scripts, for the script of a site.
    """

    def __init__(self, endpoint, routes, tables, location, media, config, hashes, token, log,
                 secret=None, scripts=None):
        self.endpoint = endpoint
        self.script = Script(routes, log, scripts)
        self.tables = tables
        self.location = location
        self.media = media
        self.config = config
        self.hashes = hashes
        self.token = token
        self.log = log
        secret = secret or token(32)
        self.seals = Seals(hashes, secret)
        self.flows = Flows(hashes, secret, token(32))
        self.authenticator = Authenticator(hashes, Nonces(hashes, token(32), config.nonce_expire))
        self.connected = Connected(location)
        self.calls = Calls(log)
        self.acc = Accounting(config, log)
        self.wall = 0  # Unix seconds, of the latest run() or handle_timers()
        self._strangers = {}  # transactions for requests of strangers
        self.deadlines = Deadlines()  # of whatever has time_out(now): Branches, modules
        self.held = 0  # answers that wait for their time: see reply_later()
        self.uac = Uac(self)
        self._waiting = 0  # ACKs to names that are being looked up
        self.locator = None  # locate.Locator, where names are looked up
        self.modules = Modules(self)
        self.pike = Pike(config, self.deadlines, log, self._is_in_group, hashes)
        self._sweep_at = None

    def reload(self, tables, config):
        """Takes new tables and settings; calls and bindings go on as they are."""
        self.tables = tables
        self.config = config
        self.acc.use(config)
        self.pike.use(config)
        if self.locator is not None:
            self.locator.config = config
        self.modules.use(tables, config)

    def _is_in_group(self, group, peer):
        if self.modules.permissions.find(group, peer.host, peer.port) is not None:
            return True
        return group == TRUNKS and self.modules.dispatcher.find_source(1, 3, peer) is not None

    # Events

    def run(self, now, wall):
        """Handles all that the endpoint has to tell."""
        self.wall = wall
        event = self.endpoint.next_event()
        while event is not None:
            self._handle(event, now, wall)
            event = self.endpoint.next_event()
        while self.locator is not None and self.locator.run(now):
            pass

    def _handle(self, event, now, wall):
        kind = type(event)
        if kind is events.Request:
            self._request(event.message, event.peer, now, wall)
        elif kind is events.Response:
            self._response(event.transaction, event.message, event.peer, now)
        elif kind is events.Ack:
            self._ack(event.message, event.peer, now, wall)
        elif kind is events.Cancel:
            if event.transaction.user is not None:
                event.transaction.user.cancel(event.message, now)
        elif kind is events.Malformed:
            self._decline(event.message, event.peer, now, event.code, event.reason)
        elif kind is events.Timeout:
            self._failed(event.transaction, 408, now)
        elif kind is events.TransportError:
            # what a connection has broken under is RFC 5626's to mend; see fork.py
            flow = event.transaction.peer.flow >= FIRST_CONNECTION
            self._failed(event.transaction, 430 if flow else 503, now)
        elif kind is events.Ended:
            self._strangers.pop(event.transaction, None)
        elif kind is events.StrayResponse:
            # of a ping; any other is dropped (RFC 6026 7.3)
            self.modules.keepalive.answered(event.message, event.peer, now)

    def _request(self, message, peer, now, wall):
        problem = check(message, supported=(), schemes=self.config.schemes)
        if problem is not None:
            code, reason, lines = problem
            self._decline(message, peer, now, code, reason, lines)
        elif message.method == "CANCEL":
            # 16.10: its INVITE is not, or no longer, in progress. We forward no request
            # statelessly, so nobody further on could know it either.
            self._decline(message, peer, now, 481, "Call/Transaction Does Not Exist")
        else:
            self._run(message, peer, now, wall)

    def _decline(self, message, peer, now, code, reason, lines=()):
        """Answers what does not reach the script; it counts there as well: see pike.py."""
        if self.pike.check(peer, message.raw, now):
            self.endpoint.reply(message, peer, code, reason, lines)

    def _ack(self, message, peer, now, wall):
        if check(message, supported=None) is None:
            self._run(message, peer, now, wall)

    def reply_later(self, request, code, reason, lines):
        """Answers a request statelessly when its `delay` is over."""
        if self.held < MAX_HELD:
            data, peer = self.endpoint.answer(request.msg, request.peer, code, reason, lines)
            self.held += 1
            self.deadlines.add(request.now + request.delay, HeldReply(self, data, peer))

    def _refuse(self, request, code, reason):
        """What the script has begun does not stay: a transaction ends by its response alone."""
        context = None if request.server is None else request.server.user
        if context is not None:
            self.give_up(context, request.now)
        elif request.server is not None:
            request.done = False
            request.t_reply(code, reason)
        else:
            request.sl_send_reply(code, reason)

    def give_up(self, context, now):
        """Ends a ResponseContext that the code failed on, with its call."""
        if not context.is_open():
            return
        context.abort(now)
        call = context.call
        if call is not None and self.calls.get(call.call_id) is call:
            self._end_call(call.call_id, now, "given up")

    def _abandon(self, request):
        """The script answered an INVITE that it had counted, or begun a call for, already."""
        if request.counted:
            self.modules.limits.over(request.ci, request.now)
        if request.call is not None:
            self.calls.drop(request.ci)
            self._delete_media(request.call)

    def _response(self, transaction, message, peer, now):
        """The `user` of a client transaction (Branch, uac.ClientRequest) hears of responses
        by receive(message, peer, now), of their absence by fail(status, now)."""
        user = transaction.user
        if user is None:
            return
        if check(message) is None:
            user.receive(message, peer, now)
        elif message.status >= 200:  # unusable; it has ended the transaction all the same
            user.fail(500, now)

    def _failed(self, transaction, status, now):
        if not isinstance(transaction, ClientTransaction):
            if status == 503:
                find_sender(self, transaction, now)
        elif transaction.user is not None:
            transaction.user.fail(status, now)

    def flow_failed(self, target, now):
        """An edge says that a flow which has registered is gone (RFC 5626 7)."""
        binding = target.binding
        if binding is not None and binding.reg_id:
            self.location.remove([binding], DEACTIVATED, now, self.wall)

    def connection_lost(self, peer, now, wall):
        """The connection that `peer` names by its flow is gone: so are the flows of RFC 5626."""
        for gone in self.connected.lost(peer.flow, now):
            for binding in gone:
                where = printable(f"{binding.aor} at {binding.contact}")
                self.log.info(f"connection lost, unregistered {where}")
            self.location.remove(gone, DEACTIVATED, now, wall)

    # Time

    def next_timer(self):
        """-> `now` of the next handle_timers(), None for never; the endpoint's is its own."""
        due = [self.deadlines.next(), self.location.next_timer(), self._sweep_at]
        due.append(self.acc.next_timer())
        if self.locator is not None:
            due.append(self.locator.resolver.next_timer())
        due = [each for each in due if each is not None]
        return min(due) if due else None

    def handle_timers(self, now, wall):
        self.wall = wall
        item = self.deadlines.pop(now)
        while item is not None:
            item.time_out(now)
            item = self.deadlines.pop(now)
        self.location.handle_timers(now, wall)
        self.acc.handle_timers(now)
        if self.locator is not None:
            self.locator.resolver.handle_timers(now)
        if self._sweep_at is not None and now >= self._sweep_at:
            self._sweep(now)

    def _sweep(self, now):
        for call in self.calls.overdue(now, self.config.max_call_time):
            self._end_call(call.call_id, now, "given up")
        self._sweep_at = now + CALL_SWEEP if len(self.calls) else None

    # Calls and media: what verbs and response contexts report

    def track(self, request):
        """Notes the call that an INVITE begins, where its parties are, and that a BYE ends it.

        -> Call, None for a request that begins none, False when there are too many. A
        request with the Call-ID of a call that it is not `within` has been here before (an
        alias sent it outside, and it came back) or is a stranger's: it is `nested`, and
        touches neither the call nor its media.
        """
        known = self.calls.get(request.ci)
        if known is not None and known not in (request.call, request.within):
            request.nested = True
            return None
        if not request.is_method("INVITE") or request.has_totag():
            self._within(request)
            return None
        if request.call is None:
            if not self._has_room_for_call(request):
                return False
            request.call = self._new_call(request)
        return request.call

    def has_room(self, request):
        """-> bool: a transaction may begin for this request.

        Strangers have a part of them only: a flood leaves room for our own. What goes on, and
        an emergency call, may have all of them: what begins leaves room for the end of it.
        """
        limit = self.endpoint.limit // self.config.strangers
        if request.is_stranger and len(self._strangers) >= limit:
            return False
        return not self.is_crowded() or request.has_totag() or request.is_urgent()

    def is_crowded(self):
        """-> bool: nothing is to begin, for transactions are needed to end what there is.

        Each call will want two for its BYE; one part in SPARE is for all else within dialogs.
        """
        limit = self.endpoint.limit
        wanted = len(self.endpoint) + 2 * len(self.calls) + 4
        return wanted > limit - limit // SPARE

    def search(self, peer, found, is_stranger=False):
        """-> locate.Search for a Peer that is a name, None where names are not looked up."""
        if self.locator is None:
            return None
        return self.locator.search(peer, found, is_stranger)

    def forward(self, edits, peer, now):
        """Sends an ACK on, without a transaction; one to a name when it has an address."""
        if is_located(peer):
            self.endpoint.forward(edits, peer, now)
            return

        def found(destination, then):
            self._waiting -= 1
            if destination is not NONE:
                self.endpoint.forward(edits, destination, then)

        search = self.search(peer, found) if self._waiting < MAX_WAITING else None
        if search is not None:
            self._waiting += 1
            destination = search.next(now)
            if destination is not WAIT:
                found(destination, now)

    def note(self, transaction, request):
        """A transaction has begun for a request; it counts until it has ended."""
        if request.is_stranger:
            self._strangers[transaction] = True

    def _has_room_for_call(self, request):
        limit = self.config.max_calls + (RESERVE if request.is_urgent() else 0)
        if request.is_stranger and self.calls.of_strangers() >= limit // self.config.strangers:
            return False
        return len(self.calls) < limit

    def _within(self, request):
        """A request within a dialog: of a known call it may say something."""
        if request.within is None:
            return
        if request.is_method("BYE"):
            self._end_call(request.ci, request.now, ENDED)
        elif request.is_method("INVITE|UPDATE"):
            request.within.moved(request.ft, request.contact_hop())

    def _new_call(self, request):
        caller, callee = printable(str(request.fu)), printable(str(request.tu))
        call = self.calls.start(
            request.ci, request.ft, caller, callee, request.now, self.token(MARK)
        )
        call.is_strangers = request.is_stranger
        call.gateway = request.gateway
        call.offered = request.has_body("application/sdp")
        call.places[request.ft] = request.peer
        call.moved(request.ft, request.contact_hop())
        if self._sweep_at is None:
            self._sweep_at = request.now + CALL_SWEEP
        return call

    def _note_hop(self, reply, request):
        """Who answers says where it is: RFC 3261 12.1.2, 12.2.1.2, RFC 3311. Only for itself."""
        call = request.call or request.within
        if call is None or not reply.is_method("INVITE|UPDATE") or reply.tt == reply.ft:
            return
        if request.call is not None or reply.tt == request.tt:
            call.moved(reply.tt, reply.contact_hop())

    def call_answered(self, context, branch, message, now):
        if context.call is not None:
            call, tag = context.call, message.to.tag or ""
            call.places[tag] = branch.peer
            if branch.names is not None:
                call.names[call.tag] = branch.names
                call.names[tag] = branch.names.other_side(context.request.msg)
            self.calls.answer(context.call.call_id, now)

    def call_failed(self, context, code, reason):
        if context.call is not None and self.calls.get(context.call.call_id) is context.call:
            call = self.calls.fail(context.call.call_id, code, reason)
            if call is not None:
                self._delete_media(call)

    def note_media(self, call_id):
        call = self.calls.get(call_id)
        if call is not None:
            call.media = True

    def end_media(self, call_id, tag):
        """Ends the relaying of the call that the party `tag` is in; the log has how it was."""
        if self.media is None:
            return
        for report in self.media.delete(call_id, tag) or ():
            if report.heard[0].packets or report.heard[1].packets:
                self.log.info(f"media of {printable(call_id)}: {self.media.line(report)}")

    def media_timeout(self, call_id, now):
        """The relay has heard nothing from either party for too long: a call without its BYE."""
        if self.calls.get(call_id) is None:  # its dialog is older than this program
            self.end_media(call_id, None)
        self._end_call(call_id, now, "ended without media")

    def _end_call(self, call_id, now, why):
        if why != ENDED:  # of a call with a BYE the limits hear when that is answered
            self.modules.limits.over(call_id, now)
        call = self.calls.end(call_id, now, why)
        if call is None:
            return
        self._delete_media(call)
        if call.state == ANSWERED and call.parties is not None:
            self.acc.call_ended(call, why, now, self.wall)

    def stop(self, now, wall):
        """Before a planned end: calls are over, for their media is; what waits is written."""
        self.wall = wall
        for call in self.calls.all():
            self._end_call(call.call_id, now, "ended by a restart")
        self.acc.flush(now)
        self.location.flush(now, wall)

    def account_failure(self, request, branch, now):
        """All branches have failed, and the failure route may go on: the callee has missed it."""
        if not request.flags:
            return
        status, reply = branch.status, branch.reply
        if reply is not None and reply.status == status:
            reason, tag = reply.reason, reply.to.tag or ""
        else:
            reason, tag = REASONS.get(status, ""), self.endpoint.to_tag(request.msg)
        self.acc.failed(request, status, reason, tag, branch.target.uri, now, self.wall)

    def account(self, request, status, reason, to_tag, uri, now):
        """A response has gone out in the transaction of `request`; uri: who it is from."""
        if status >= 200:
            self.modules.limits.replied(request, status, to_tag, now)
        if status < 200 or not request.flags:
            return
        self.acc.answered(request, status, reason, to_tag, uri, now, self.wall)
        call = request.call
        if call is not None and status < 300 and call.parties is None:
            if request.isflagset(FLT_ACC):
                call.to_tag, call.parties = to_tag, parties(request, uri)

    def _delete_media(self, call):
        if call.media:
            self.end_media(call.call_id, call.tag)

class HeldReply:
    """An answer that waits among the deadlines: bytes, and the Peer that gets them."""

    def __init__(self, proxy, data, peer):
        self.proxy = proxy
        self.data = data
        self.peer = peer

    def time_out(self, now):
        self.proxy.held -= 1
        self.proxy.endpoint.queue(self.data, self.peer, None)
