"""What the routing script gets: the request or reply at hand, with the verbs as its methods."""

from app.proxy.target import Target, is_located
from app.proxy.verbs_acc import AccVerbs, FlagVerbs
from app.proxy.verbs_address import AddressVerbs, RportVerbs
from app.proxy.verbs_auth import AuthVerbs
from app.proxy.verbs_dialog import DialogVerbs
from app.proxy.verbs_dialplan import DialplanVerbs
from app.proxy.verbs_dispatcher import DispatcherSourceVerbs, DispatcherVerbs
from app.proxy.verbs_failure import FailureVerbs
from app.proxy.verbs_group import GroupVerbs
from app.proxy.verbs_identity import IdentityVerbs, PrivacyVerbs
from app.proxy.verbs_limits import LimitVerbs
from app.proxy.verbs_media import MediaVerbs
from app.proxy.verbs_message import MessageVerbs
from app.proxy.verbs_nat import UNREAD, NatVerbs
from app.proxy.verbs_permissions import PermissionVerbs
from app.proxy.verbs_pike import PikeVerbs
from app.proxy.verbs_registrar import RegistrarVerbs
from app.proxy.verbs_reply import ReplyVerbs
from app.proxy.verbs_rr import RecordRouteVerbs, parsed_routes
from app.proxy.verbs_sanity import SanityVerbs
from app.proxy.verbs_status import StatusVerbs
from app.proxy.verbs_subscribe import SubscribeVerbs
from app.proxy.verbs_text import TextVerbs
from app.proxy.verbs_tm import TransactionVerbs
from app.proxy.verbs_uac import UacVerbs
from app.proxy.verbs_uri import UriTests, UriVerbs
from app.proxy.verbs_values import ValueVerbs
from app.sip.edits import Edits
from app.sip.uri import parse_uri


class LookingVerbs(
    MessageVerbs, ValueVerbs, FlagVerbs, TextVerbs, UriTests, AddressVerbs, NatVerbs, MediaVerbs,
    PermissionVerbs, PrivacyVerbs,
):  # fmt: skip
    """What requests and replies have in common."""


class RoutingRequest(
    LookingVerbs, SanityVerbs, ReplyVerbs, AuthVerbs, RecordRouteVerbs, RegistrarVerbs,
    RportVerbs, PikeVerbs, SubscribeVerbs, TransactionVerbs, FailureVerbs, UriVerbs, AccVerbs,
    DialplanVerbs, GroupVerbs, DispatcherVerbs, LimitVerbs, UacVerbs, IdentityVerbs,
    DialogVerbs,
):  # fmt: skip
    """A request on its way through the script.

    msg: app.sip Request; edits: what will be sent differently; peer: where it came from;
    now, wall: when; script: the module that routes it. targets: where it may go, the first one
    being the Request-URI `ru`; route_set: [NameAddr] still ahead; du: Peer that overrides where
    it goes next. consumed: the Request-URI has its branch already (in a failure route, until it
    or `du` is set anew).
    """

    is_reply = False

    def __init__(self, proxy, msg, peer, now, wall, script=None):
        self.proxy = proxy
        self.script = script or proxy.script.in_force(now)
        self.config = proxy.config
        self.read_message(msg, peer)
        self.edits = Edits(msg)
        self.now = now
        self.wall = wall
        self.targets = [Target(parse_uri(msg.uri), None, None)]
        self.contacts = []  # of t_load_contacts
        self.route_set = parsed_routes(msg)
        self.routes_changed = False
        self.record_routed = False
        self.names = None  # names.Names: what is said differently further on
        self.send_socket = None  # Interface of force_send_socket
        self.flow = None  # Peer that the token in its Route names
        self.flow_failed = False  # its Route names a flow that is gone (RFC 5626 5.3)
        self.du = None
        self.credentials = None  # verified ones
        self.stale = False
        self.algorithms = None  # of auth_algorithm, instead of config.digest
        self.auth_result = None  # of the last verification: Kamailio's return code
        self.received = None  # for save()
        self.contact = UNREAD
        self.server = None  # transaction
        self.reply_lines = []
        self.error = None  # (code, reason, lines) of the verb that failed
        self.delay = 0.0  # seconds that an answer is held back, after wrong passwords
        self.done = False  # answered, sent on or dropped
        self.call = None  # that it began
        self.within = None  # the Call that it is of, when its seal says so
        self.nested = False  # it passes here a second time: see Proxy.track
        self.flags = 0  # setflag()
        self.avp = {}  # {name: value}: what verbs find, and what the script keeps for itself
        self.accounted = []  # To tags of the answers that have been: see acc.py
        self._begin_tm()

    def _begin_tm(self):
        """Functions of the script, seconds, and what the route at hand is about."""
        self.on_failure = self.on_branch = self.on_reply = None
        self.fr_inv, self.fr = self.config.fr_inv_timer, None
        self.failure = None
        self.in_branch = self.dropped = False
        self.bflags = 0
        self._vouched = None

    @property
    def targets(self):
        return self._targets

    @targets.setter
    def targets(self, targets):
        self._targets = targets
        self.consumed = False

    @property
    def du(self):
        return self._du

    @du.setter
    def du(self, peer):
        """A Peer, None for none; a script writes a URI: `r.du = "sip:192.0.2.1:5080"`, or ""."""
        self._du = self._hop_of(peer) if isinstance(peer, str) else peer
        self.consumed = False

    @property
    def ru(self):
        """The Request-URI as it stands: a Uri; a script may write it as text."""
        return self.targets[0].uri

    @ru.setter
    def ru(self, uri):
        self._must(self.seturi(uri), "ru", uri)

    @property
    def is_stranger(self):
        """-> bool: neither a password, a dialog's seal nor a trunk's address vouches for it."""
        if self._vouched is not None:
            return not self._vouched
        known = self.credentials is not None or self.sealed
        return not known and not self.allow_source_address() and not self.ds_is_from_list(1, 3)

    def media_to(self):
        """-> address that this goes to, as far as one can say before it is sent, or None."""
        peer = self._peer_of(self.targets[0])
        return peer.host if peer is not None and is_located(peer) else None

    def set_ruri(self, uri):
        """Replaces the Request-URI by a Uri; other targets stay."""
        self.targets = [Target(uri, None, None)] + self.targets[1:]

    def enter_failure(self, failure, now):
        """Makes it what it was when it was relayed, for the failure route to begin with."""
        self._vouched = not self.is_stranger
        self.failure = failure
        self.wall += int(now - self.now)
        self.now = now
        self.msg.restore()
        self.edits = failure.context.edits.copy()
        self.targets = [failure.context.target]
        self.du = None
        self.consumed = True
        self.reply_lines = []
        self.error = None
        self.done = False

    def leave_failure(self):
        self.failure = None
        self.done = True
        self.msg.shrink()


class RoutingReply(LookingVerbs, StatusVerbs, DispatcherSourceVerbs):
    """A reply on its way back: `onreply_route` may edit it.

    request: the RoutingRequest that it answers; status: int.
    """

    is_reply = True

    def __init__(self, proxy, request, msg, edits, peer, bflags=0):
        self.proxy = proxy
        self.config = proxy.config
        self.request = request
        self.script = request.script
        self.read_message(msg, peer)
        # 8.2.6.2: they are the request's. Who answers with others speaks of another's dialog.
        self.ci = request.ci
        self.ft = request.ft
        self.edits = edits
        self.status = msg.status
        self.contact = UNREAD
        self.error = None
        self.nested = request.nested
        self.dropped = False
        self.avp = request.avp
        self.bflags = bflags
        self.request_had_sdp = request.has_body("application/sdp")

    @property
    def flags(self):
        """Those of the request: they are the transaction's."""
        return self.request.flags

    @flags.setter
    def flags(self, flags):
        self.request.flags = flags

    def media_to(self):
        return self.request.peer.host
