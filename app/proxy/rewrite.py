"""Our own Record-Route: its text, how it is found again, how a response's seal is renewed."""

from app.proxy.seal import MARK, ON, PARAM
from app.proxy.target import hop, next_hop
from app.sip.errors import ParseError
from app.sip.headers import parse_name_addr
from app.sip.uri import host_port


def own_route(config, seal):
    """-> str: a Record-Route value of ours. `lr=on` is what enable_full_lr asks for."""
    host, port = config.advertise
    return f"<sip:{host_port(host, port)};lr=on;{PARAM}={seal}>"


def is_own(uri, config):
    """-> bool: a Route URI is ours: our address, or one that a telephone has been set up with."""
    return config.is_myself(uri) and not uri.user


def way_back(request):
    """-> hop that requests for the sender of a RoutingRequest go to once they are past us.

    That is the next Record-Route, if a proxy before us wrote one, else the Contact (with the
    alias that the script has put in).
    """
    routes = request.msg.headers("record-route")
    return _hop_of(routes[0], request.config) if routes else request.contact_hop()


def reseal(reply, seal, seals):
    """Renews our Record-Route in a RoutingReply: sealed for the way to its sender.

    seal: what our request carried, which tells our value from others. A response without a
    To tag or a way back gets one for nowhere, so that no seal meant for the callee is shown
    to the caller.
    """
    routes = reply.msg.headers("record-route")
    for index in range(len(routes)):
        try:
            route = parse_name_addr(routes[index])
        except ParseError:
            continue
        if route.uri.params.get(PARAM) != seal:
            continue
        target = ""
        if reply.tt:
            target = _hop_of(routes[index - 1], reply.config) if index else reply.contact_hop()
        renewed = seals.make(ON, reply.ci, reply.ft, target, seal[:MARK])
        reply.edits.replace("record-route", index, own_route(reply.config, renewed))


def _hop_of(route, config):
    try:
        return hop(next_hop(parse_name_addr(route).uri, config))
    except ParseError:
        return ""
