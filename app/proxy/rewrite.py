"""Our own Record-Route: its text, how it is found again, how a response's seal is renewed."""

from app.proxy.seal import PARAM
from app.proxy.target import hop, next_hop
from app.sip.errors import ParseError
from app.sip.headers import parse_contact, parse_name_addr
from app.sip.uri import host_port


def own_route(config, seal):
    """-> str: a Record-Route value of ours. `lr=on` is what enable_full_lr asks for."""
    host, port = config.advertise
    return f"<sip:{host_port(host, port)};lr=on;{PARAM}={seal}>"


def is_own(uri, config):
    """-> bool: a Route URI is ours: our address, or one that a telephone has been set up with."""
    return config.is_myself(uri) and not uri.user


def way_back(request, contact, config):
    """-> hop that requests for the sender of `request` go to once they are past us.

    That is the next Record-Route, if a proxy before us wrote one, else the Contact
    (`contact`: its text, with the alias that the script has put in).
    """
    routes = request.headers("record-route")
    return _hop_of(parse_name_addr, routes[0] if routes else contact, config)


def reseal(response, edits, contact, seal, seals, config):
    """Renews our Record-Route in a response: sealed for the way to its sender.

    seal: what our request carried, which tells our value from others. A response without a
    To tag or a way back gets one for nowhere, so that no seal meant for the callee is shown
    to the caller.
    """
    routes = response.headers("record-route")
    for index in range(len(routes)):
        try:
            route = parse_name_addr(routes[index])
        except ParseError:
            continue
        if route.uri.params.get(PARAM) != seal:
            continue
        towards = routes[index - 1] if index else contact
        target = _hop_of(parse_name_addr, towards, config) if response.to.tag else ""
        renewed = seals.make(response.call_id, response.from_.tag, target)
        edits.replace("record-route", index, own_route(config, renewed))


def contact_hop(contact, config):
    """-> hop of a Contact value as text, "" when it names none."""
    return _hop_of(parse_contact, contact, config)


def _hop_of(parser, text, config):
    if not text:
        return ""
    try:
        found = parser(text)
    except ParseError:
        return ""
    return "" if found.uri is None else hop(next_hop(found.uri, config))
