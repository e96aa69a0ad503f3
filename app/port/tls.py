"""TLS 1.2 and 1.3 over a tcp.Connection: mbedTLS under MicroPython, OpenSSL under CPython.

    server = server_context(certificate, key)           # PEM, bytes; raises TlsError
    connection = Tls(server, connection)                # has the interface of tcp.Connection
    client = client_context(authorities)
    connection = Tls(client, connection, "sip.example.org")

server_context(certificate, key, authorities=None, clients=NO, minimum=TLS12)
    certificate: ours, followed by those that lead to the root. authorities: who may vouch for
    clients. clients: NO, OPTIONAL, REQUIRED. minimum: TLS12 or TLS13.
client_context(authorities=None, certificate=None, key=None, minimum=TLS12)
    authorities: who may vouch for the servers that we call; None: nobody has to.
Tls(context, connection, name=None, first=b"")
    name: whom we call, for its certificate and for SNI. first: bytes that were read from the
    connection before. .certificate() is the peer's (DER or None), .version() "1.2" or "1.3";
    both once something was read.

The handshake is part of the first reads and writes. What the peer does wrong, and that it is
not whom it should be, is an OSError that says so. A write() that took less than all wants
the very rest next: the library may hold a part of it.
"""

from app.port.tls_values import NO, OPTIONAL, REQUIRED, TLS12, TLS13, TlsError  # noqa: F401

try:
    from app.port.mbedtls import Tls, client_context, server_context  # noqa: F401
except ImportError:
    from app.port.openssl import Tls, client_context, server_context  # noqa: F401
