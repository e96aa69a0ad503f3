"""The box's certificates as TLS uses them: which one for whom, and until when they are good."""

from app.port import tls

EINVAL = 22
DAY = 86400
SOON = 14 * DAY  # what is left when the log begins to say so
CLIENTS = {"no": tls.NO, "optional": tls.OPTIONAL, "yes": tls.REQUIRED}
VERSIONS = {"1.2": tls.TLS12, "1.3": tls.TLS13}


class Secrets:
    """Of an app.appliance Site. Raises OSError for what the TLS library cannot use.

    A connection keeps what it began with, so a site that brings a new certificate drops none.
    """

    def __init__(self, site):
        self._settings = site.settings.tls
        self._site = site
        self._servers = [(pair, self._server(pair)) for pair in site.pairs]
        self._client = None
        self._warned = None  # when the log was told last

    def _server(self, pair):
        """A context for those who come; one that needs no client's certificate asks for none."""
        settings = self._settings
        clients = CLIENTS[settings.verify_client]
        authorities = self._site.authorities if clients != tls.NO else None
        minimum = VERSIONS[settings.min_version]
        try:
            return tls.server_context(pair.certificate, pair.key, authorities, clients, minimum)
        except tls.TlsError as error:
            raise OSError(EINVAL, f"{pair.name}: {error}")

    def server(self, name):
        """Return the context for who asks for that server name (str or None), None: no TLS."""
        for pair, context in self._servers if name else ():
            if pair.serves(name):
                return context
        return self._servers[0][1] if self._servers else None

    def client(self):
        """Return the context for those whom we call; TlsError where nobody could be trusted."""
        if self._client is None:
            self._client = self._new_client()
        return self._client

    def _new_client(self):
        settings, site = self._settings, self._site
        if settings.verify_server and site.authorities is None:
            raise tls.TlsError("the site has no [tls] ca to trust servers by")
        authorities = site.authorities if settings.verify_server else None
        own = site.pairs[0] if site.pairs else None
        minimum = VERSIONS[settings.min_version]
        if own is None:
            return tls.client_context(authorities, minimum=minimum)
        return tls.client_context(authorities, own.certificate, own.key, minimum)

    def warn(self, log, wall):
        """Once a day, have the log tell of certificates that end soon; wall: Unix seconds."""
        if self._warned is not None and self._warned <= wall < self._warned + DAY:
            return
        self._warned = wall
        for pair, _ in self._servers:
            left = pair.until - wall
            if left <= 0:
                log.error(f"certificate {pair.name} has ended: send a site with a new one")
            elif left < SOON:
                log.warning(f"certificate {pair.name} ends in {left // DAY} days")
