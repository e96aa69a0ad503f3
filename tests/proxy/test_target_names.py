"""Next hops that are names: what the URI says, and what it leaves to the DNS (RFC 3263 4.1)."""

from app.proxy.config import Config
from app.proxy.target import ANY, ANY_SECURE, hop, is_located, next_hop, peer_of
from app.sip.interfaces import Interfaces, interface
from app.sip.transport import Peer
from app.sip.uri import parse_uri


def config(*transports, **settings):
    found = [
        interface(1 + at, transports[at], "192.0.2.10", 5060 + at) for at in range(len(transports))
    ]
    settings.setdefault("dns", True)
    return Config(interfaces=Interfaces(found), **settings)


def hop_of(text, *transports, **settings):
    return next_hop(parse_uri(text), config(*(transports or ("udp",)), **settings))


def test_a_name_is_a_next_hop_where_the_dns_may_be_asked():
    assert hop_of("sip:a@Example.ORG", dns=False) is None
    assert hop_of("sip:a@Example.ORG") == Peer(ANY, "example.org", 0, 0)
    assert hop_of("sips:a@example.org", "tls") == Peer(ANY_SECURE, "example.org", 0, 0)
    assert not is_located(hop_of("sip:a@example.org"))
    assert is_located(hop_of("sip:a@192.0.2.1")) and is_located(hop_of("sip:a@[2001:db8::1]"))


def test_what_the_uri_says_is_kept():
    assert hop_of("sip:a@b.org:5080") == Peer("udp", "b.org", 5080, 0)
    assert hop_of("sip:a@b.org;transport=tcp", "udp", "tcp") == Peer("tcp", "b.org", 0, 0)
    assert hop_of("sips:a@b.org:5070", "tls") == Peer("tls", "b.org", 5070, 0)
    assert hop_of("sip:a@b.org;maddr=c.org") == Peer(ANY, "c.org", 0, 0)
    assert hop_of("sip:a@b.org;transport=udp;lr") == Peer("udp", "b.org", 0, 0)


def test_transports_that_we_have_not_lead_nowhere():
    assert hop_of("sip:a@b.org;transport=tcp") is None
    assert hop_of("sips:a@b.org:5061") is None
    assert hop_of("sip:a@b.org;transport=sctp") is None


def test_names_of_the_site_are_not_asked_for():
    hosts = {"trunk.org": ("192.0.2.1", 5070)}
    assert hop_of("sip:a@Trunk.org", hosts=hosts) == Peer("udp", "192.0.2.1", 5070, 0)


def test_a_broken_address_is_no_name():
    assert hop_of("sip:a@300.1.1.1") is None
    assert hop_of("sip:a@1.2.3.") is None


def test_a_host_that_the_script_names():
    assert peer_of("b.org", None, config("udp", "tcp"), "tcp") == Peer("tcp", "b.org", 0, 0)
    assert peer_of("b.org", 5070, config("udp"), "udp") == Peer("udp", "b.org", 5070, 0)
    assert peer_of("b.org", None, config("udp"), "tls") is None


def test_a_seal_holds_the_name_as_it_is_written():
    written = [hop(hop_of(text)) for text in ("sip:a@b.org", "sip:c@B.org;lr", "sip:a@b.org:5060")]
    assert written[0] == written[1] != written[2]
