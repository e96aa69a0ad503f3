"""One destination of the dispatcher, asked again and again whether it is alive."""

from app.proxy.destination import DISABLED, PROBING, TRYING
from app.proxy.target import next_hop
from app.sip.errors import ParseError
from app.sip.uri import parse_uri

DEAD = (408, 500, 502, 503, 504)  # answers, or what stands for none, that say it is not


class Probe:
    """OPTIONS to a Destination every `config.ping_interval` seconds, until stop().

    Any answer but those of DEAD says that somebody is there: many a provider refuses OPTIONS
    with 403 or 405, and is alive all the same.
    """

    def __init__(self, proxy, dispatcher, destination):
        self._proxy = proxy
        self._dispatcher = dispatcher
        self._destination = destination
        self._entry = None
        self._request = None

    def arm(self, deadline):
        self._entry = self._proxy.deadlines.add(deadline, self)

    def stop(self):
        if self._entry is not None:
            self._proxy.deadlines.cancel(self._entry)
            self._entry = None
        if self._request is not None:
            self._request.abandon()
            self._request = None

    # What core.py tells the owner of a deadline.

    def time_out(self, now):
        self._entry = None
        self.arm(now + self._proxy.config.ping_interval)
        if self._request is None:  # else one is still under way
            self._send(now)

    def _send(self, now):
        attrs = self._destination.attrs
        uri = self._destination.text
        sender = attrs.get("ping_from")
        try:
            self._request = self._proxy.uac.request(
                "OPTIONS", uri, from_=f"<{sender}>" if sender else None, now=now,
                destination=self._next_hop(attrs.get("obproxy") or uri), done=self._done,
            )  # fmt: skip
        except ParseError as error:
            self._proxy.log.warning(f"trunk {uri}: not probed, {error.reason}")

    def _next_hop(self, uri):
        return next_hop(parse_uri(uri), self._proxy.config)

    def _done(self, status, message, now):
        self._request = None
        if not self._destination.state & DISABLED:
            state = PROBING | (TRYING if status in DEAD else 0)
            self._dispatcher.update(self._destination, state, now)
