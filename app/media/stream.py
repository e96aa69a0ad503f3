"""One media line of a call, as one stream of the engine, and what its two parties have said."""

from collections import namedtuple

from app.sip.hosts import UNSPECIFIED, family_of, is_loopback, parse_host

SIDES = (0, 1)  # who made the first offer, who answered it
ALLOWED_MAX = 4
SPEECH_CLOCK = 8000  # Hz of the RTP timestamps of most codecs (RFC 3551)

# What one party's SDP says of one stream. allowed: (host, ...) that may send; rtp, rtcp:
# (host, port) to send to before the latch, or None; held: it does not want to receive, or
# does not send; muted: it is sent nothing; codec: (name, RTP clock in Hz) that it prefers, None.
Terms = namedtuple("Terms", ("allowed", "rtp", "rtcp", "held", "muted", "codec"))
REFUSED = Terms((), None, None, False, True, None)


def terms_of(media, source_host, before, may_send_to):
    """-> Terms of a Media whose message came from `source_host`.

    before: this party's earlier Terms (or None). may_send_to(host): whether packets may go to
    the address of the SDP before anything has come from it.
    """
    muted = media.connection in UNSPECIFIED
    host = media.connection if family_of(media.connection) and not muted else None
    if muted and before and before.allowed:
        return Terms(before.allowed, before.rtp, before.rtcp, True, True, media.codec)
    allowed = (host, source_host) if host != source_host else (host,)
    allowed = tuple([each for each in allowed if family_of(each)])
    rtp = rtcp = None
    if host and may_send_to(host):
        rtp = (host, media.port)
        same = media.rtcp_address in (None, host)
        rtcp = (host, media.rtcp) if same and media.rtcp else None
    held = muted or media.direction != "sendrecv"
    return Terms(allowed, rtp, rtcp, held, muted, media.codec)


def may_send(addresses, source_host, trusted):
    """-> function(host) for terms_of.

    Where signalling itself came from that host, a forged SDP cannot aim media at a stranger.
    `trusted` peers may name another one, but none of our own, lest two streams feed each other.
    """

    def decide(host):
        if parse_host(host) == parse_host(source_host):
            return True
        return trusted and not is_loopback(host) and not addresses.is_ours(host)

    return decide


class Stream:
    """kind: "audio"; ports: RTP port that each side sends to; families: 4 or 6 of each side."""

    def __init__(self, engine, kind, locals_):
        self.engine = engine
        self.kind = kind
        self.families = tuple(family_of(local.bind) for local in locals_)
        self.handle, *ports = engine.open(locals_[0].bind, locals_[1].bind)
        self.ports = tuple(ports)
        self.terms = [None, None]  # in force, by side
        self.offered = None  # Terms of an offer in an established call, until its answer
        self.answered = False

    @property
    def refused(self):
        """-> bool: a party wants no such media (port 0, RFC 3264 6); the other may not know yet."""
        return REFUSED in self.terms

    def offer(self, side, terms):
        """Takes the terms of an offer.

        They replace what was agreed only with the answer: a re-INVITE may be refused, and
        then the old session stands (RFC 3261 14.1). Until then both old and new hosts count.
        """
        before = self.terms[side]
        if not self.answered:
            self._put(side, terms)
            return
        self.offered = (side, terms)
        if before is not None and terms is not REFUSED and not _same_place(terms, before):
            hosts = [host for host in terms.allowed if host not in before.allowed]
            allowed = (before.allowed + tuple(hosts))[:ALLOWED_MAX]
            widened = Terms(allowed, terms.rtp, terms.rtcp, False, before.muted, terms.codec)
            self._tell(side, widened, True)

    def answer(self, side, terms, timeout, hold_timeout):
        """Takes the terms of an answer, and with it the offer's."""
        if self.offered and self.offered[0] != side:
            self._put(*self.offered)
        self.offered = None
        self._put(side, terms)
        self.answered = True
        held = any(each.held for each in self.terms if each)
        if not self.refused:
            self.engine.set_timeout(self.handle, hold_timeout if held else timeout)

    def _put(self, side, terms):
        before = self.terms[side]
        self.terms[side] = terms
        self._tell(side, terms, before is None or not _same_place(terms, before))

    def _tell(self, side, terms, relatch):
        clock = terms.codec[1] if terms.codec else SPEECH_CLOCK
        self.engine.set_peer(
            self.handle, side, terms.allowed, terms.rtp, terms.rtcp, relatch, terms.muted, clock
        )

    @property
    def codec(self):
        """-> name of what is spoken, "" before the answer or where it is unknown."""
        terms = self.terms[1] or self.terms[0]
        return terms.codec[0] if terms and terms.codec else ""

    def close(self):
        """-> the engine's last Stats."""
        return self.engine.close(self.handle)


def _same_place(terms, others):
    """-> bool: nothing but the codec differs, which opens no latch."""
    return terms[:-1] == others[:-1]
