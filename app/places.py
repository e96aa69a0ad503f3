"""Where the box listens and by which addresses it is known: command line, site, this machine."""

from app.port import net
from app.sip.interfaces import Interfaces, known_as, places_of

NOT_OURS_ALONE = ("127.", "169.254.", "::1", "fe80:")  # loopback and link-local addresses
# Of RFC 5737 and 3849: nobody's, and nothing is sent to them.
FAR_AWAY = {False: "198.51.100.1", True: "2001:db8::1"}


def wanted(given, site):
    """Return [(transport, host, port, advertised)]: of --listen, else of the site, else everywhere.

    given: as values.listen has it, or None. Everywhere is UDP and TCP, and TLS if the site has
    a certificate, over IPv4, and over IPv6 where the machine has that.
    """
    sip = site.settings.sip
    usual = ("udp", "tcp", "tls") if site.pairs else ("udp", "tcp")
    return places_of(given or sip.listen, sip.port, usual, net.has_ipv6())


def interfaces(places, ports, given, sip):
    """Return the Interfaces of the places that wanted() told, as open on `ports`.

    given: --advertise, (host, port or None), or None.
    """
    first = ports[0]
    open_places = [
        (transport, host, port, advertised)
        for (transport, host, _, advertised), port in zip(places, ports)
    ]
    found = known_as(open_places, first, given or sip.advertise or (None, None), own_address)
    return Interfaces(found, sip.local_net, net.source_address)


def own_address(host):
    """Return the address that the default route leaves from, else any that others can reach.

    host: "0.0.0.0" or "::": of that family.
    """
    six = ":" in host
    found = net.source_address(FAR_AWAY[six])
    if found is None or not is_usable(found):
        others = [
            address for _, address in net.interfaces()
            if (":" in address) == six and is_usable(address)
        ]  # fmt: skip
        found = others[0] if others else ("::1" if six else "127.0.0.1")
    return found


def is_usable(address):
    """-> bool: others can reach this machine by it."""
    return not address.startswith(NOT_OURS_ALONE)
