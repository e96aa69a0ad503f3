"""TLS under MicroPython with our C module `box`; see tls.py.

mbedTLS takes its memory from libc, not from MicroPython's heap: close() gives it back.
"""

import box
import tls

from app.port.tls_values import EPROTO, NO, PIECE, TLS12, TLS13, Layer, TlsError

CONN_EOF = -0x7280  # MBEDTLS_ERR_SSL_CONN_EOF: the end, without a close_notify


def server_context(certificate, key, authorities=None, clients=NO, minimum=TLS12):
    """Return what Tls takes for those who come."""
    context = tls.SSLContext(tls.PROTOCOL_TLS_SERVER)
    _use(context, certificate, key, authorities, minimum)
    context.verify_mode = clients
    return context, True


def client_context(authorities=None, certificate=None, key=None, minimum=TLS12):
    """Return what Tls takes for those whom we call."""
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    if authorities is None:
        context.verify_mode = tls.CERT_NONE
    _use(context, certificate, key, authorities, minimum)
    return context, False


def _use(context, certificate, key, authorities, minimum):
    try:
        if certificate is not None:
            context.load_cert_chain(certificate, key)
        if authorities is not None:
            context.load_verify_locations(authorities)
    except (OSError, ValueError) as error:
        raise TlsError(str(error))
    if minimum == TLS13:  # a suite of 1.3 is of no use to 1.2
        names = context.get_ciphers()
        context.set_ciphers([name for name in names if name.startswith("TLS1-3-")])


class Tls(Layer):
    """A tcp.Connection with TLS on it."""

    def __init__(self, context, connection, name=None, first=b""):
        super().__init__(connection)
        context, server = context
        self._tap = box.Tap(self.fd, first or None)
        self._tls = context.wrap_socket(
            self._tap, server_side=server, do_handshake_on_connect=False, server_hostname=name
        )

    def read(self):
        """Return the bytes that came, None where none did, b"" at the end."""
        try:
            return self._tls.read(PIECE)
        except OSError as error:
            if error.errno == CONN_EOF:
                return b""
            raise
        except ValueError as error:  # it is not whom it should be
            raise OSError(EPROTO, str(error).strip())

    def write(self, data):
        """Return how many of the bytes were taken: 0 while none are."""
        try:
            return self._tls.write(data) or 0
        except ValueError as error:
            raise OSError(EPROTO, str(error).strip())

    def wants_write(self):
        """Say whether the socket has to take bytes before anything goes on."""
        return self._tap.full

    def certificate(self):
        """Return the peer's certificate (DER), or None."""
        return self._tls.getpeercert(True)

    def version(self):
        """Return "1.2" or "1.3"."""
        return self._tls.cipher()[1][4:]

    def close(self):
        """Give the descriptor and mbedTLS's memory back; a second time does nothing."""
        if self.fd >= 0:
            self._tls.close()
            super().close()
