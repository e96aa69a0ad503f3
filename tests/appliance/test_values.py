from app.appliance import values
from tests.support import raises


def refused(kind, text):
    with raises(values.BadValue) as caught:
        kind(text)
    return caught.error


def test_ipv4_addresses():
    for text in ("0.0.0.0", "192.0.2.1", "255.255.255.255"):
        assert values.is_ipv4(text), text
    for text in ("", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.04", "1.2.3.", "1.2.3.-4", "a.b.c"):
        assert not values.is_ipv4(text), text
    assert not values.is_ipv4("1.2.3.\u0664")


def test_ipv6_addresses():
    for text in ("::", "::1", "2001:db8::1", "1:2:3:4:5:6:7:8", "1::8", "::ffff:192.0.2.1", "1::"):
        assert values.is_ipv6(text), text
    for text in (
        "",
        "1",
        ":",
        ":::",
        "1::2::3",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "12345::",
        "g::",
        "::1.2.3",
        "1.2.3.4::",
        "fe80::1%eth0",
        "[::1]",
    ):
        assert not values.is_ipv6(text), text


def test_host_names():
    for text in ("a", "pbx-1", "example.org", "xn--bcher-kva.example", "3com.com", "a" * 63):
        assert values.is_host_name(text), text
    for text in ("", ".", "a..b", "-a", "a-", "a_b", "a b", "a" * 64, "1.2.3.4", "12", "a.12"):
        assert not values.is_host_name(text), text


def test_numbers_are_plain_and_bounded():
    kind = values.integer(10, 20)
    assert kind("10") == 10 and kind("020") == 20
    for text in ("", "9", "21", "-10", "+10", "1_5", " 15", "0x10", "\u0661\u0662", "9" * 30):
        refused(kind, text)


def test_lists_say_where_the_wrong_one_is():
    kind = values.several(values.address, 3)
    assert kind("192.0.2.1, ::1  192.0.2.2") == ("192.0.2.1", "::1", "192.0.2.2")
    assert refused(kind, "192.0.2.1,  nonsense").offset == 12
    assert "at most 3" in refused(kind, "::1 ::2 ::3 ::4").remedy
    refused(kind, " , ")


def test_addresses_with_port():
    assert values.address_port("192.0.2.1") == ("192.0.2.1", None)
    assert values.address_port("192.0.2.1:5070") == ("192.0.2.1", 5070)
    assert values.address_port("2001:db8::1") == ("2001:db8::1", None)
    assert values.address_port("[2001:db8::1]:5070") == ("2001:db8::1", 5070)
    assert values.address_port("[2001:db8::1]") == ("2001:db8::1", None)
    for text in ("", "example.org", "192.0.2.1:", "192.0.2.1:0", "[192.0.2.1]:5060", "[::1]5060x"):
        refused(values.address_port, text)
    assert refused(values.address_port, "192.0.2.1:99999").offset == 10


def test_networks():
    assert values.network_address("192.0.2.10/24") == ("192.0.2.10", 24)
    for text in ("192.0.2.10", "192.0.2.10/", "192.0.2.10/33", "192.0.2.10/0", "::1/64", "/24"):
        refused(values.network_address, text)


def test_networks_to_hold_addresses_against():
    for text in ("192.168.0.0/16", "10.1.2.3", "2001:db8::/32", "::/0"):
        assert values.network(text) == text
    for text in ("", "house", "192.168.0.0/33", "::/129", "192.168.0.0/"):
        refused(values.network, text)


def test_routes():
    for text in ("sip:192.0.2.10;lr", "sips:pbx.example.org:5061;lr", "sip:[2001:db8::1]:5070;lr",
                 "sip:192.0.2.10;transport=tcp;lr"):
        assert values.route(text) == text
    for text in ("", "192.0.2.10;lr", "sip:192.0.2.10", "sip:a@192.0.2.10;lr", "sip:;lr",
                 "tel:1;lr", "sip:192.0.2.10:0;lr", "sip:pbx.example.org:x;lr", "sip:192.0.2.1;lr;",
                 "sip:192.0.2.1;lr>"):
        refused(values.route, text)
    assert refused(values.route, "sip:192.0.2.10:0;lr").offset == 15


def test_listening_addresses():
    assert values.listen("udp:0.0.0.0") == (("udp", "0.0.0.0", None, None),)
    assert values.listen("tcp:[::]:5070  advertise 192.0.2.1:1,wss:192.0.2.2") == (
        ("tcp", "::", 5070, ("192.0.2.1", 1)), ("wss", "192.0.2.2", None, None),
    )  # fmt: skip
    for text, offset in (
        ("", 0), ("192.0.2.1", 0), ("sctp:192.0.2.1", 0), ("udp:example.org", 4),
        ("udp:192.0.2.1:0", 14), ("advertise 192.0.2.1", 0), ("udp:192.0.2.1 advertise", 23),
        ("udp:192.0.2.1 advertise x", 24),
        ("udp:192.0.2.1 advertise 192.0.2.2 advertise 192.0.2.3", 34),
        ("udp:192.0.2.1, tcp:", 19), ("udp:192.0.2.1 " * 16, 0),
    ):  # fmt: skip
        assert refused(values.listen, text).offset == offset, text


def test_port_ranges():
    assert values.port_range("16384-16387") == (16384, 16387)
    assert values.port_range("16384 - 16783") == (16384, 16783)
    for text in ("", "16384", "16384-16386", "16385-17000", "80-1000", "5-", "-5", "20000-10000"):
        refused(values.port_range, text)


def test_choices_and_names():
    kind = values.choice("dhcp", "static")
    assert kind("DHCP") == "dhcp"
    assert refused(kind, "auto").remedy == "write dhcp or static"
    assert values.yes_no("Yes") is True and values.yes_no("no") is False
    assert values.domain("Example.ORG") == "example.org"
    for text in ("", "a b", "under_score.org"):
        refused(values.domain, text)
    refused(values.host_label, "pbx.example.org")
