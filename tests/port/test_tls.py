from app.port import tls
from tests.certificates import RSA, Folder
from tests.port.test_tcp import close, pair, until

MADE = {}


def folder():
    """-> the tests' Folder: an authority, "box" by it, and "other" by somebody else."""
    if not MADE:
        MADE["good"], MADE["bad"] = Folder(), Folder("stranger")
        MADE["good"].issue("box", ("sip.example.org", "127.0.0.1"))
        MADE["good"].issue("rsa", ("sip.example.org",), RSA)
        MADE["good"].issue("client", ("phone.example.org",))
        MADE["bad"].issue("box", ("sip.example.org",))
    return MADE["good"]


def server(name="box", **options):
    return tls.server_context(folder().read(name + ".pem"), folder().read(name + ".key"), **options)


def client(**options):
    return tls.client_context(folder().read("ca.pem"), **options)


def wrapped(server_context, client_context, name="sip.example.org"):
    listener, ours, theirs = pair()
    listener.close()
    return tls.Tls(client_context, ours, name), tls.Tls(server_context, theirs)


def drive(one, two, data=b"REGISTER"):
    """-> what `two` reads of what `one` sends; OSError of either. Both take turns."""
    sent = 0
    got = b""
    for _ in range(2000):
        if sent < len(data):
            sent += one.write(data[sent:])
        else:
            assert one.read() is None
        piece = two.read()
        if piece:
            got += piece
        if got == data:
            return got
    raise AssertionError(f"{got} of {data}")


def refused(one, two):
    """-> the message of the OSError that a side gave."""
    for side, other in ((one, two), (two, one)):
        try:
            drive(side, other)
        except OSError as error:
            close(one, two)
            return str(error)
    raise AssertionError("it was taken")


def test_bytes_go_both_ways():
    ours, theirs = wrapped(server(), client())
    drive(ours, theirs)
    drive(theirs, ours, b"200 OK")
    assert ours.secure
    assert ours.version() == theirs.version() == "1.3"
    assert theirs.certificate() is None
    assert ours.certificate()[:1] == b"0"
    close(ours, theirs, theirs)


def test_what_was_read_before_is_part_of_it():
    listener, below, theirs = pair()
    ours = tls.Tls(client(), below, "sip.example.org")
    assert ours.write(b"REGISTER") == 0
    hello = until(theirs.read)
    assert hello[:1] == b"\x16"
    theirs = tls.Tls(server(), theirs, None, hello)
    drive(ours, theirs)
    drive(theirs, ours)
    close(listener, ours, theirs)


def test_messages_longer_than_a_record():
    ours, theirs = wrapped(server("rsa"), client())
    data = bytes(range(256)) * 300
    assert drive(ours, theirs, data) == data
    assert drive(theirs, ours, data) == data
    close(ours, theirs)


def test_only_newer_versions_where_the_site_says_so():
    ours, theirs = wrapped(server(minimum=tls.TLS13), client(minimum=tls.TLS13))
    drive(ours, theirs)
    assert theirs.version() == "1.3"
    close(ours, theirs)


def test_a_server_by_another_authority_is_not_trusted():
    bad = MADE["bad"] if folder() else None
    context = tls.server_context(bad.read("box.pem"), bad.read("box.key"))
    assert refused(*wrapped(context, client()))


def test_a_server_of_another_name_is_not_trusted():
    assert refused(*wrapped(server(), client(), "sip.example.com"))


def test_a_server_may_be_an_address():
    ours, theirs = wrapped(server(), client(), "127.0.0.1")
    drive(ours, theirs)
    close(ours, theirs)
    assert refused(*wrapped(server(), client(), "127.0.0.2"))


def test_a_client_that_has_no_authorities_trusts_anybody():
    ours, theirs = wrapped(server(), tls.client_context(), "whatever.example")
    drive(ours, theirs)
    close(ours, theirs)


def test_clients_can_be_asked_for_their_certificate():
    strict = server(authorities=folder().read("ca.pem"), clients=tls.REQUIRED)
    own = {"certificate": folder().read("client.pem"), "key": folder().read("client.key")}
    ours, theirs = wrapped(strict, client(**own))
    drive(ours, theirs)
    assert b"phone.example.org" in theirs.certificate()
    close(ours, theirs)
    assert refused(*wrapped(strict, client()))


def test_rubbish_instead_of_a_handshake_is_an_error():
    listener, ours, theirs = pair()
    secure = tls.Tls(server(), theirs)
    ours.write(b"OPTIONS sip:example.org SIP/2.0\r\n\r\n")
    try:
        for _ in range(1000):
            assert not secure.read()
        raise AssertionError("it was taken")
    except OSError:
        pass
    close(listener, ours, secure)


def test_the_end_of_the_connection_is_the_end():
    ours, theirs = wrapped(server(), client())
    drive(ours, theirs)
    ours.close()
    for _ in range(1000):
        if theirs.read() == b"":
            break
    else:
        raise AssertionError("no end")
    close(theirs)


def test_an_end_amid_the_handshake_is_no_hang():
    listener, ours, theirs = pair()
    secure = tls.Tls(server(), theirs)
    ours.write(b"\x16\x03\x01")
    ours.close()
    try:
        for _ in range(1000):
            if secure.read() == b"":
                break
        else:
            raise AssertionError("no end")
    except OSError:
        pass
    close(listener, secure)


def test_what_cannot_be_used_is_told():
    pem, key = folder().read("box.pem"), folder().read("box.key")
    for certificate, secret in ((b"nonsense", key), (pem, b"nonsense"), (key, pem)):
        try:
            tls.server_context(certificate, secret)
            raise AssertionError("it was taken")
        except tls.TlsError as error:
            assert str(error)
    try:
        tls.client_context(b"nonsense")
        raise AssertionError("it was taken")
    except tls.TlsError:
        pass


def test_zz_remove():
    for each in MADE.values():
        each.remove()
    MADE.clear()
