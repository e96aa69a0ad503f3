from app.port import loop, net


def exchange(host):
    one, two = net.UdpSocket(host, 0), net.UdpSocket(host, 0)
    assert one.receive() is None
    for payload in (b"", b"x", b"\x00\xff" * 30000):
        assert one.send(payload, host, two.port)
        loop.run(loop.readable(two.socket))
        assert two.receive() == (payload, host, one.port)
        assert two.receive() is None
    one.close()
    two.close()


def test_datagrams_arrive_whole_over_ipv4():
    exchange("127.0.0.1")


def test_datagrams_arrive_whole_over_ipv6():
    exchange("::1")


def test_the_descriptor_can_be_waited_for_by_number():
    one, two = net.UdpSocket("127.0.0.1", 0), net.UdpSocket("127.0.0.1", 0)
    one.send(b"x", "127.0.0.1", two.port)
    loop.run(loop.readable(two.fd))
    assert two.receive()[0] == b"x"


def test_names_and_nonsense_are_not_sent_to():
    sock = net.UdpSocket("127.0.0.1", 0)
    for host in ("localhost", "example.org", "1.2.3", "", "::1", "1.2.3.4.5"):
        assert not sock.send(b"x", host, 5060), host
    assert not sock.send(b"x" * 70000, "127.0.0.1", 5060)
    sock.close()


def test_a_port_that_is_taken_is_an_error():
    sock = net.UdpSocket("127.0.0.1", 0)
    try:
        net.UdpSocket("127.0.0.1", sock.port)
        raise AssertionError("bound twice")
    except OSError:
        pass
    sock.close()


def test_both_families_can_have_one_port():
    four = net.UdpSocket("0.0.0.0", 0)
    six = net.UdpSocket("::", four.port)
    assert six.port == four.port
    four.close()
    six.close()


def test_addresses_are_told_from_names():
    for text in ("127.0.0.1", "255.255.255.255", "::", "2001:db8::1", "::ffff:1.2.3.4"):
        assert net.is_address(text), text
    for text in ("", "localhost", "1.2.3", "256.1.1.1", "1.2.3.4:5060", "[::1]", "g::"):
        assert not net.is_address(text), text


def test_interfaces_name_the_loopback():
    addresses = net.interfaces()
    assert ("lo", "::1") in addresses or ("lo", "127.0.0.1") in addresses
    assert net.source_address("127.0.0.1") in ("127.0.0.1", None)
