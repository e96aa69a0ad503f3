"""What mbedtls.py and openssl.py share."""

EPROTO = 71
PIECE = 4096  # bytes of one read
TLS12, TLS13 = "1.2", "1.3"
NO, OPTIONAL, REQUIRED = 0, 1, 2  # whether a client is asked for its certificate


class TlsError(Exception):
    """A certificate, key or list of authorities that cannot be used; str says why."""


class Layer:
    """What of a connection is the same above and below TLS."""

    secure = True

    def __init__(self, below):
        self._below = below
        self.fd = below.fd

    def address(self):
        """Return the local (host, port)."""
        return self._below.address()

    def error(self):
        """Return the errno of what went wrong with the socket since the last call, or 0."""
        return self._below.error()

    def finish(self):
        """Send nothing more; what was sent still arrives."""
        self._below.finish()

    def close(self):
        """Give the descriptor back; a second time does nothing."""
        self.fd = -1
        self._below.close()
