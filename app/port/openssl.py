"""TLS under CPython; see tls.py."""

import ssl
from os import close, memfd_create, write

from app.port.tls_values import EPROTO, NO, PIECE, TLS12, TLS13, Layer, TlsError

VERSIONS = {TLS12: ssl.TLSVersion.TLSv1_2, TLS13: ssl.TLSVersion.TLSv1_3}


def server_context(certificate, key, authorities=None, clients=NO, minimum=TLS12):
    """Return what Tls takes for those who come."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _use(context, certificate, key, authorities, minimum)
    context.verify_mode = ssl.VerifyMode(clients)
    return context


def client_context(authorities=None, certificate=None, key=None, minimum=TLS12):
    """Return what Tls takes for those whom we call."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authorities is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    _use(context, certificate, key, authorities, minimum)
    return context


def _use(context, certificate, key, authorities, minimum):
    context.minimum_version = VERSIONS[minimum]
    try:
        if certificate is not None:
            _load(context, certificate, key)
        if authorities is not None:
            context.load_verify_locations(cadata=authorities.decode())
    except (OSError, ValueError) as error:
        raise TlsError(str(error))


def _load(context, certificate, key):
    """The module takes certificates from files alone: give it two in memory."""
    files = [memfd_create("certificate"), memfd_create("key")]
    try:
        for file, data in zip(files, (certificate, key)):
            write(file, data)
        paths = [f"/proc/self/fd/{file}" for file in files]
        context.load_cert_chain(*paths, password=lambda: b"")
    finally:
        for file in files:
            close(file)


class Tls(Layer):
    """A tcp.Connection with TLS on it."""

    def __init__(self, context, connection, name=None, first=b""):
        super().__init__(connection)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._in.write(first)
        self._waiting = b""  # records that the socket has not taken yet
        server = context.protocol == ssl.PROTOCOL_TLS_SERVER
        self._tls = context.wrap_bio(self._in, self._out, server, name)

    def read(self):
        """Return the bytes that came, None where none did, b"" at the end."""
        while True:
            try:
                return self._tls.read(PIECE)
            except ssl.SSLWantReadError:
                if not self._flush() or not self._fill():
                    return None
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""
            except ssl.SSLError as error:
                self._give_up(error)

    def write(self, data):
        """Return how many of the bytes were taken: 0 while none are."""
        while self._flush():
            try:
                taken = self._tls.write(data)
                self._flush()
                return taken
            except ssl.SSLWantReadError:
                if not self._flush() or not self._fill():
                    break
            except ssl.SSLError as error:
                self._give_up(error)
        return 0

    def wants_write(self):
        """Say whether the socket has to take bytes before anything goes on."""
        return bool(self._waiting)

    def certificate(self):
        """Return the peer's certificate (DER), or None."""
        return self._tls.getpeercert(True)

    def version(self):
        """Return "1.2" or "1.3"."""
        return self._tls.version()[4:]

    def _give_up(self, error):
        self._flush()  # the alert that tells the peer
        raise OSError(EPROTO, getattr(error, "verify_message", None) or error.reason or "TLS")

    def _flush(self):
        """-> bool: everything is with the kernel."""
        self._waiting += self._out.read()
        if self._waiting:
            self._waiting = self._waiting[self._below.write(self._waiting) :]
        return not self._waiting

    def _fill(self):
        """-> bool: the socket had something."""
        data = self._below.read()
        if data:
            self._in.write(data)
        elif data is not None:
            self._in.write_eof()
        return data is not None
