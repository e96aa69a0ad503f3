from app.transport.client_hello import LIMIT, MORE, WHOLE, WRONG, ClientHello


def sized(width, data):
    return bytes([len(data) >> 8, len(data) & 255][2 - width :]) + data


def extension(kind, data):
    return bytes([kind >> 8, kind & 255]) + sized(2, data)


def server_name(name):
    return extension(0, sized(2, b"\0" + sized(2, name)))


def hello(*extensions, tail=None):
    """-> the handshake message."""
    body = b"\3\3" + b"r" * 32 + sized(1, b"s" * 32) + sized(2, b"\x13\1\x13\2") + sized(1, b"\0")
    if tail is None:
        tail = sized(2, b"".join(extensions))
    body += tail
    return b"\1\0" + sized(2, body)


def records(message, size=16384):
    """-> the message in TLS records of so many bytes."""
    pieces = [message[place : place + size] for place in range(0, len(message), size)]
    return b"".join([b"\x16\3\1" + sized(2, piece) for piece in pieces])


def read(data):
    """-> (outcome, name), whichever way the bytes are cut."""
    whole = ClientHello()
    outcome = whole.receive(data)
    single = ClientHello()
    for place in range(len(data)):
        step = single.receive(data[place : place + 1])
        if step != MORE:
            break
    assert (step, single.name) == (outcome, whole.name)
    if outcome == WHOLE:
        assert whole.data == data
    return outcome, whole.name


def test_the_name():
    groups = extension(10, b"\0\2\0\x1d")
    for name in (b"sip.example.org", b"SIP.Example.org", b"sip.example.org."):
        expected = (WHOLE, "sip.example.org")
        assert read(records(hello(groups, server_name(name)))) == expected
        assert read(records(hello(server_name(name), groups))) == expected


def test_no_name():
    assert read(records(hello())) == (WHOLE, None)
    assert read(records(hello(extension(10, b"\0\2\0\x1d")))) == (WHOLE, None)
    assert read(records(hello(tail=b""))) == (WHOLE, None)  # TLS 1.2 has it so
    assert read(records(hello(extension(0, b"\0\4\1\0\1x")))) == (WHOLE, None)  # of another kind


def test_a_message_in_many_records():
    assert read(records(hello(server_name(b"example.org")), 7)) == (WHOLE, "example.org")


def test_part_of_it_is_not_enough():
    data = records(hello(server_name(b"example.org")))
    for end in range(1, len(data)):
        assert ClientHello().receive(data[:end]) == MORE


def test_what_is_no_handshake_is_told_at_once():
    for data in (
        b"OPTIONS", b"\x15", b"\x80", b"\x16\2",
        b"\x16\3\1\0\0", b"\x16\3\1\xff\xff", b"\x16\3\1\0\1\2",
    ):  # fmt: skip
        assert read(data)[0] == WRONG, data


def test_what_is_cut_short_inside_is_wrong():
    for tail in (
        b"\0", b"\0\5\0\0\0\1", sized(2, b"\0\0\0\5"), sized(2, b"\0"),
        sized(2, extension(0, b"")), sized(2, extension(0, b"\0\3\0\0\0")),
        sized(2, extension(0, b"\0\x08\0\0\5abc")), sized(2, server_name(b"a b")),
        sized(2, server_name(b"\xff")), sized(2, server_name(b"a" * 254)),
    ):  # fmt: skip
        assert read(records(hello(tail=tail)))[0] == WRONG, tail
    assert read(records(b"\1\0\0\5\3\3rrr"))[0] == WRONG


def test_it_is_bounded():
    long = ClientHello()
    assert long.receive(records(b"\1\1\0\0" + b"x" * LIMIT)) == WRONG
