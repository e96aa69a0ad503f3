"""Our own Record-Route: its text, how it is found again, how a response's seal is renewed."""

from app.proxy.flow import is_token
from app.proxy.names import PARAMS, writer_of
from app.proxy.seal import MARK, ON, PARAM
from app.proxy.target import hop, next_hop
from app.sip.errors import ParseError
from app.sip.headers import parse_name_addr
from app.sip.uri import host_port

TWICE = ";r2=on"  # Kamailio's mark of a Record-Route that has a twin (enable_double_rr)


def own_routes(config, seal, sender, receiver, scheme="sip", token=""):
    """-> [str]: our Record-Route values, the uppermost first, in what `sender` sends `receiver`.

    Who cannot be reached where the other one reaches us gets a value of its own (RFC 5658 5):
    the callee finds its side uppermost, and so does the caller, who reads them from below.
    token: of the sender's flow (flow.py), or "".
    """
    near, far = side_of(config, sender, scheme), side_of(config, receiver, scheme)
    user = token + "@" if token else ""
    if near == far:
        return [_route(scheme, user + near, "", seal)]
    return [_route(scheme, far, TWICE, seal), _route(scheme, user + near, TWICE, seal)]


def routed(request, branch, receiver):
    """-> Edits of a Branch with our Record-Route, if it has one, as it is for this Peer."""
    if branch.seal is None:
        return branch.edits
    edits = branch.edits.copy()
    routes = own_routes(
        request.config, branch.seal + branch.more, request.peer, receiver,
        branch.target.uri.scheme, request.flow_token(),
    )  # fmt: skip
    for route in reversed(routes):
        edits.push("Record-Route", route)
    return edits


def side_of(config, peer, scheme="sip"):
    """-> "host:port;transport=...": where a peer reaches us, in the parts of a URI."""
    place = host_port(*config.interfaces.told(peer))
    transport = peer.transport
    if transport == "udp" or (scheme == "sips" and transport == "tls"):
        return place
    # RFC 7118 5.2.4: a URI says ws of secure connections too
    return f"{place};transport={'ws' if transport == 'wss' else transport}"


def _route(scheme, side, mark, seal):
    # lr=on is what enable_full_lr asks for
    return f"<{scheme}:{side};lr=on{mark};{PARAM}={seal}>"


def is_own(uri, config):
    """-> bool: a Route URI is ours: our address, or one that a telephone has been set up with.

    With a user part only one that names a flow.
    """
    return config.is_myself(uri) and (not uri.user or is_token(uri.user))


def way_back(request):
    """-> hop that requests for the sender of a RoutingRequest go to once they are past us.

    That is the next Record-Route, if a proxy before us wrote one, else the Contact (with the
    alias that the script has put in).
    """
    routes = request.msg.headers("record-route")
    return _hop_of(routes[0], request.config) if routes else request.contact_hop()


def reseal(reply, seal, seals, names=None):
    """Renews our Record-Route in a RoutingReply: sealed for the way to its sender.

    seal: what our request carried, which tells our value from others. A response without a
    To tag or a way back gets one for nowhere, so that no seal meant for the callee is shown
    to the caller. So with the caller's flow token: the callee's takes its place, or none.
    names: what our request said differently from the caller's (names.py).
    """
    routes = reply.msg.headers("record-route")
    renewed = None
    more = writer_of(seals, reply.ci, reply.ft, seal).for_sender(names) if names else ""
    for index in range(len(routes)):
        route = _sealed(routes[index], seal)
        if route is None:
            continue
        if renewed is None:
            target = ""
            if reply.tt:
                target = _hop_of(routes[index - 1], reply.config) if index else reply.contact_hop()
            renewed = seals.make(ON, reply.ci, reply.ft, target, seal[:MARK], more)
            route.uri.user = reply.flow_token() or None
        else:
            route.uri.user = None
        for name in PARAMS:
            route.uri.params.remove(name)
        route.uri.params.set(PARAM, renewed + more)
        reply.edits.replace("record-route", index, str(route))


def _sealed(text, seal):
    """-> NameAddr of a Record-Route that has this seal, or None."""
    try:
        route = parse_name_addr(text)
    except ParseError:
        return None
    return route if route.uri.params.get(PARAM) == seal else None


def _hop_of(route, config):
    try:
        return hop(next_hop(parse_name_addr(route).uri, config))
    except ParseError:
        return ""
