"""Calls against the C engine: offers, answers and their end.

A call is known by its Call-ID and the tags of its parties. Whoever makes its first offer is
side 0, the other party side 1; from then on a tag says which side speaks. Every m= line has a
stream of the engine, whose two pairs of ports stay the same as long as the call lasts, so that
repeated and re-sent descriptions come out alike.
"""

from app.media.addresses import Addresses
from app.media.errors import NoPorts
from app.media.quality import line, report
from app.media.rewrite import is_active, is_relayed, read_sdp, rewrite
from app.media.stream import REFUSED, SIDES, Stream, may_send, terms_of
from app.sip.hosts import UNSPECIFIED, family_of

SETUP_TIMEOUT = 300.0  # seconds a call may ring without media; beyond timer C (RFC 3261 16.6)
HOLD_TIMEOUT = 3600.0
MEDIA_MAX = 8  # m= lines of a call that ports are opened for
TAGS_MAX = 16  # answerers of a forked call that are told apart


class _Call:
    """tags: [first offerer's, [answerers']]; hosts: who we rewrite for, by side."""

    def __init__(self, call_id, tag):
        self.call_id = call_id
        self.tags = [tag, []]
        self.hosts = [None, None]
        self.streams = []  # [Stream | None] by m= line

    def side_of(self, tag):
        """-> 0, 1, or None for a tag that has no part in this call."""
        if tag == self.tags[0]:
            return 0
        return 1 if tag in self.tags[1] else None

    def join(self, tag):
        if self.side_of(tag) is None:
            self.tags[1] = (self.tags[1] + [tag])[-TAGS_MAX:]

    def stream(self, place):
        return self.streams[place] if place < len(self.streams) else None

    def put(self, place, stream):
        while len(self.streams) <= place:
            self.streams.append(None)
        self.streams[place] = stream

    def open_streams(self):
        return [stream for stream in self.streams if stream]


class Relay:
    """engine: an app.port.engine.Engine. addresses: Addresses, or what makes one.

    setup_timeout, hold_timeout: seconds of silence before the answer and on hold; in between
    the engine's own counts. For main.py: fd is readable while events() has something to tell.
    """

    NoPorts = NoPorts
    line = staticmethod(line)  # what a Report is in the log

    def __init__(
        self, engine, addresses, setup_timeout=SETUP_TIMEOUT, hold_timeout=HOLD_TIMEOUT
    ):
        self._engine = engine
        self.use_addresses(addresses)
        self._setup_timeout = setup_timeout
        self._hold_timeout = hold_timeout
        self._calls = {}  # Call-ID -> [_Call]: a stranger may send a Call-ID that is in use
        self._by_handle = {}
        self.fd = engine.fd

    def __len__(self):
        return len(self._calls)

    def use_addresses(self, addresses):
        """Tells other addresses from the next description on; calls in progress go on."""
        self._addresses = addresses if isinstance(addresses, Addresses) else Addresses(addresses)

    def offer(self, call_id, from_tag, sdp, source_host, to_host=None, trusted=False):
        """-> bytes: the description to hand on to the other party.

        from_tag: of who makes this offer. source_host: where the message came from; to_host:
        where it goes, if known. trusted: packets may go to what the SDP says, whoever that is.
        Raises NoPorts, and ParseError (app.sip.errors) for what is no SDP. Neither leaves
        anything open that was not open before.
        """
        offered = read_sdp(sdp)
        call = self._find(call_id, from_tag)
        if call and self._is_relayed_already(call, offered):
            return sdp
        call = call or _Call(call_id, from_tag)
        side = call.side_of(from_tag)
        call.hosts[side] = source_host
        call.hosts[1 - side] = to_host or call.hosts[1 - side]
        self._open(call, side, offered)
        decide = may_send(self._addresses, source_host, trusted)
        for media, stream in self._pairs(call, offered):
            stream.offer(side, _terms(media, stream, side, source_host, decide))
        return self._hand_on(call, 1 - side, offered)

    def answer(self, call_id, from_tag, to_tag, sdp, source_host, trusted=False):
        """-> bytes: the description to hand on to who made the offer.

        from_tag: of who made the offer; to_tag: of who answers it. Of several answers to one
        offer (early media of forks) the latest counts. An unknown call's comes back unchanged.
        """
        answered = read_sdp(sdp)
        call = self._find(call_id, from_tag) or self._find(call_id, to_tag)
        if not call or self._is_relayed_already(call, answered):
            return sdp
        call.join(to_tag)
        side = call.side_of(to_tag)
        call.hosts[side] = source_host
        decide = may_send(self._addresses, source_host, trusted)
        for media, stream in self._pairs(call, answered):
            terms = _terms(media, stream, side, source_host, decide)
            stream.answer(side, terms, self._engine.timeout, self._hold_timeout)
        result = self._hand_on(call, 1 - side, answered)
        self._close_refused(call)
        return result

    def delete(self, call_id, tag=None):
        """Ends a call. tag: of a party, where other calls may use the same Call-ID.

        -> [Report] of its streams (app/media/quality.py), or None for an unknown call.
        """
        found = self._calls.get(call_id, [])
        ended = [call for call in found if tag is None or call.side_of(tag) is not None]
        if not ended:
            return None
        figures = []
        for call in ended:
            for stream in call.open_streams():
                figures.append(report(stream.kind, stream.codec, self._close(stream)))
            self._forget(call)
        return figures

    def statistics(self, call_id):
        """-> [Report] of the streams of a call, as they are now; [] for an unknown call."""
        return [
            report(stream.kind, stream.codec, self._engine.stats(stream.handle))
            for call in self._calls.get(call_id, [])
            for stream in call.open_streams()
        ]

    def events(self):
        """-> [(call_id, "timeout")]: calls that have fallen silent in all their streams."""
        found = []
        for handle in self._engine.expired():
            call, stream = self._by_handle.get(handle, (None, None))
            if call is None:  # of an earlier Relay on this engine
                self._engine.close(handle)
            elif stream.refused:
                self._drop(call, stream)
            elif self._is_silent(call) and (call.call_id, "timeout") not in found:
                found.append((call.call_id, "timeout"))
        return found

    def _find(self, call_id, tag):
        for call in self._calls.get(call_id, []):
            if call.side_of(tag) is not None:
                return call
        return None

    def _is_silent(self, call):
        streams = [stream for stream in call.open_streams() if not stream.refused]
        return all(self._engine.stats(stream.handle).expired for stream in streams)

    def _is_relayed_already(self, call, sdp):
        """-> bool: it names our own ports; a request has come back to us (a spiral)."""
        ports = [port for stream in call.open_streams() for port in stream.ports]
        active = [media for media in sdp.media if is_active(media)]
        for media in active:
            ours = media.connection and self._addresses.is_ours(media.connection)
            if not ours or media.port not in ports:
                return False
        return bool(active)

    def _pairs(self, call, sdp):
        """-> [(Media, Stream)] of what is, or was, relayed."""
        pairs = []
        for place, media in enumerate(sdp.media):
            stream = call.stream(place)
            if stream and is_relayed(media):
                pairs.append((media, stream))
        return pairs

    def _locals(self, call, side, media, stream):
        """-> (Local, Local) by side: the party that speaks says its family, the other keeps it."""
        families = list(stream.families) if stream else [0, 0]
        stated = 0 if media.connection in UNSPECIFIED else family_of(media.connection)
        families[side] = stated or families[side] or family_of(call.hosts[side]) or 4
        other = 1 - side
        families[other] = families[other] or family_of(call.hosts[other]) or families[side]
        return tuple(
            self._addresses.for_peer(call.hosts[each], families[each]) for each in SIDES
        )

    def _open(self, call, side, sdp):
        """Opens what the offer needs; all of it, or NoPorts and nothing."""
        opened = []
        if len([media for media in sdp.media if is_active(media)]) > MEDIA_MAX:
            raise NoPorts(f"more than {MEDIA_MAX} media in one call")
        try:
            for place, media in enumerate(sdp.media):
                if is_active(media):
                    self._open_stream(call, side, place, media, opened)
        except NoPorts:
            for place, stream, before in opened:
                self._close(stream)
                call.put(place, before)
            raise
        for _, _, before in opened:
            if before:
                self._close(before)
        if call.open_streams() and call not in self._calls.get(call.call_id, []):
            self._calls.setdefault(call.call_id, []).append(call)

    def _open_stream(self, call, side, place, media, opened):
        before = call.stream(place)
        locals_ = self._locals(call, side, media, before)
        families = tuple(family_of(local.bind) for local in locals_)
        if before and before.families == families:
            return
        try:
            stream = Stream(self._engine, media.kind, locals_)
        except OSError as error:
            raise NoPorts(f"the media engine has no ports for {media.kind}: {error}")
        self._engine.set_timeout(stream.handle, self._setup_timeout)
        self._by_handle[stream.handle] = (call, stream)
        call.put(place, stream)
        opened.append((place, stream, before))

    def _hand_on(self, call, side, sdp):
        """-> bytes for the party on `side`: its packets are to come to our ports of that side."""
        streams = call.open_streams()
        ports = []
        for place in range(len(sdp.media)):
            stream = call.stream(place)
            ports.append(stream.ports[side] if stream else 0)
        if not streams:
            return sdp.to_bytes()
        local = self._addresses.for_peer(call.hosts[side], streams[0].families[side])
        return rewrite(sdp, local.advertised, ports)

    def _close_refused(self, call):
        for stream in call.open_streams():
            if stream.terms == [REFUSED, REFUSED]:
                self._drop(call, stream)

    def _drop(self, call, stream):
        self._close(stream)
        call.put(call.streams.index(stream), None)
        if not call.open_streams():
            self._forget(call)

    def _forget(self, call):
        calls = self._calls[call.call_id]
        calls.remove(call)
        if not calls:
            self._calls.pop(call.call_id)

    def _close(self, stream):
        self._by_handle.pop(stream.handle)
        return stream.close()


def _terms(media, stream, side, source_host, decide):
    if not media.port:
        return REFUSED
    return terms_of(media, source_host, stream.terms[side], decide)
