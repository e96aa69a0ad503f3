from app.port import loop, tcp
from app.port.poller import READ, WRITE, Poller, raise_descriptors

ECONNREFUSED = 111


def until(condition, *poller):
    """Wait, at most some seconds, until `condition` gives something; return that."""

    async def wait():
        for _ in range(5000):
            found = condition()
            if found:
                return found
            await loop.asyncio.sleep(0.001)
        raise AssertionError("nothing came")

    return loop.run(wait())


def pair(host="127.0.0.1"):
    """-> (listener, our end, the other's end) of a connection."""
    listener = tcp.Listener(host, 0)
    ours = tcp.connect(host, listener.port)
    theirs, address, port = until(listener.accept)
    assert (address, port) == ours.address()
    assert theirs.address() == (host, listener.port)
    return listener, ours, theirs


def close(*things):
    for each in things:
        each.close()


def exchange(host):
    listener, ours, theirs = pair(host)
    assert ours.error() == 0
    assert theirs.read() is None
    assert ours.write(b"INVITE") == 6
    assert until(lambda: theirs.peek(3)) == b"INV"
    assert theirs.read() == b"INVITE"
    assert theirs.read() is None
    ours.finish()
    assert until(lambda: theirs.read() == b"")
    assert theirs.write(b"200") == 3  # one way only was ended
    assert until(ours.read) == b"200"
    close(listener, ours, theirs, ours)


def test_bytes_go_both_ways_over_ipv4():
    exchange("127.0.0.1")


def test_bytes_go_both_ways_over_ipv6():
    exchange("::1")


def test_nobody_waits():
    listener = tcp.Listener("127.0.0.1", 0)
    assert listener.accept() is None
    listener.close()


def test_a_listener_for_each_family():
    six = tcp.Listener("::", 0)
    four = tcp.Listener("0.0.0.0", six.port)
    close(six, four)


def test_a_port_is_had_once_and_again_after_its_connections():
    listener, ours, theirs = pair()
    try:
        tcp.Listener("127.0.0.1", listener.port)
        raise AssertionError("the port was taken")
    except OSError:
        pass
    port = listener.port
    close(theirs, listener, ours)
    tcp.Listener("127.0.0.1", port).close()  # although the connection is in TIME_WAIT


def test_a_refused_connection_says_so_once_it_can_be_written_to():
    listener = tcp.Listener("127.0.0.1", 0)
    port = listener.port
    listener.close()
    poller = Poller()
    try:
        ours = tcp.connect("127.0.0.1", port)
    except OSError:  # it may be known at once
        return
    poller.watch(ours.fd, WRITE)
    assert until(poller.wait)[0][0] == ours.fd
    assert ours.error() == ECONNREFUSED
    close(ours, poller)


def test_names_are_never_looked_up():
    for host in ("localhost", "example.org", "127.0.0.1.", ""):
        try:
            tcp.connect(host, 5060)
            raise AssertionError(host)
        except OSError:
            pass


def test_the_local_address_can_be_chosen():
    listener = tcp.Listener("127.0.0.1", 0)
    ours = tcp.connect("127.0.0.1", listener.port, "127.0.0.2")
    assert until(listener.accept)[1] == "127.0.0.2"
    close(listener, ours)


def test_a_full_socket_takes_nothing_and_the_poller_tells_when_it_does():
    listener, ours, theirs = pair()
    while ours.write(b"x" * 65536):
        pass
    poller = Poller()
    poller.watch(ours.fd, WRITE)
    assert poller.wait() == []
    while theirs.read():
        pass
    assert until(poller.wait) == [(ours.fd, False, True)]
    close(listener, ours, theirs, poller)


def test_writing_to_who_has_gone_is_an_error_and_no_signal():
    listener, ours, theirs = pair()
    theirs.close()
    try:
        for _ in range(100):
            ours.write(b"x" * 1000)
            until(lambda: True)
        raise AssertionError("it took everything")
    except OSError:
        pass
    close(listener, ours)


def test_the_poller_tells_of_those_that_have_something():
    listener, ours, theirs = pair()
    poller = Poller()
    poller.watch(listener.fd, READ)
    poller.watch(theirs.fd, READ)
    assert poller.wait() == []
    ours.write(b"x")
    loop.run(loop.readable(poller.fd))
    assert poller.wait() == [(theirs.fd, True, False)]
    poller.watch(theirs.fd, READ | WRITE)
    assert until(poller.wait) == [(theirs.fd, True, True)]
    poller.watch(theirs.fd, 0)
    assert poller.wait() == []
    another = tcp.connect("127.0.0.1", listener.port)
    assert until(poller.wait) == [(listener.fd, True, False)]
    close(listener, ours, theirs, another, poller)


def test_there_are_descriptors_for_many_connections():
    assert raise_descriptors(300) >= 300
    assert raise_descriptors(10) >= 300
