"""The first message of a TLS connection, read before any state of TLS is made for it.

    hello = ClientHello()
    hello.receive(data) -> MORE, WHOLE or WRONG; then hello.data, hello.name

It costs a few bytes where a TLS session costs 25 KB, so who comes without one is sent away
cheaply; and the name in it (RFC 6066 3) chooses the certificate. Everything else in it is for
the TLS library to judge.
"""

MORE, WHOLE, WRONG = 0, 1, 2

LIMIT = 8192  # bytes; one with a post-quantum key share has 1,800
RECORD = 5  # bytes of a record's header (RFC 8446 5.1)
HANDSHAKE = 22
CLIENT_HELLO = 1
SERVER_NAME, HOST_NAME = 0, 0


class ClientHello:
    """data: the bytes so far, for the TLS library. name: str in lower case, or None."""

    def __init__(self):
        self.data = b""
        self.name = None

    def receive(self, data):
        """Take bytes of the connection; return whether more are needed."""
        self.data = self.data + data if self.data else data
        message = _message(self.data)
        if message is None or len(self.data) > LIMIT:
            return WRONG
        if not _is_whole(message):
            return MORE
        try:
            self.name = _name(message[4:])
        except (IndexError, ValueError, UnicodeError):
            return WRONG
        return WHOLE


def _message(data):
    """-> bytes: the handshake message in records as far as it is there; None: no handshake."""
    message = b""
    while data:
        if data[0] != HANDSHAKE or (len(data) > 1 and data[1] != 3):
            return None
        if len(data) < RECORD:
            break
        size = data[3] << 8 | data[4]
        if not 0 < size <= 16384:
            return None
        message += data[RECORD : RECORD + size]
        data = data[RECORD + size :]
        if _is_whole(message):
            break
    if message and message[0] != CLIENT_HELLO:
        return None
    return message


def _is_whole(message):
    return len(message) >= 4 and len(message) >= 4 + _number(message, 1, 3)


def _name(body):
    """-> str | None of a ClientHello's body (RFC 8446 4.1.2). Raises what slicing raises."""
    place = 34  # legacy_version, random
    place += 1 + body[place]  # legacy_session_id
    place += 2 + _number(body, place, 2)  # cipher_suites
    place += 1 + body[place]  # legacy_compression_methods
    if place == len(body):
        return None
    end = place + 2 + _number(body, place, 2)
    if end > len(body):
        raise ValueError
    place += 2
    while place < end:
        kind, size = _number(body, place, 2), _number(body, place + 2, 2)
        place += 4
        if place + size > end:
            raise ValueError
        if kind == SERVER_NAME:
            return _host_name(body[place : place + size])
        place += size
    return None


def _host_name(data):
    """-> str of a server_name_list: its one host_name."""
    if data[2] != HOST_NAME:
        return None
    size = _number(data, 3, 2)
    name = data[5 : 5 + size]
    if not size or len(name) < size or size > 253:
        raise ValueError
    for octet in name:
        if not 33 <= octet <= 126:
            raise ValueError
    return name.decode().lower().rstrip(".")


def _number(data, place, width):
    number = 0
    for offset in range(width):
        number = number << 8 | data[place + offset]
    return number
