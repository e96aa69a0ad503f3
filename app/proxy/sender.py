"""Where a response goes whose connection is gone: RFC 3263 5, once RFC 3261 18.2.2 has failed.

The address that the request came from has been tried by the transaction itself. What is left
is the sent-by of its Via, if that is a name: who is meant by it the DNS knows. That name is the
sender's to choose, so it is looked up for those alone whom something vouches for.
"""

from app.proxy.config import is_address
from app.proxy.locate import NONE, WAIT
from app.sip.errors import ParseError
from app.sip.transport import Peer


def find_sender(proxy, transaction, now):
    """Sends the last response of a server transaction to where its Via says, if it may."""
    context = transaction.user
    if context is None or transaction.is_located or context.request.is_stranger:
        return
    peer = _sent_by(context.request.msg, transaction.peer)
    if peer is None:
        return

    def found(destination, then):
        if destination is not NONE:
            transaction.redirect(destination, then)

    search = proxy.search(peer, found)
    if search is None:
        return
    transaction.is_located = True
    destination = search.next(now)
    if destination is not WAIT:
        found(destination, now)


def _sent_by(request, peer):
    """-> Peer that is a name, or None: over UDP and WebSocket there is no other way."""
    if peer.transport not in ("tcp", "tls"):
        return None
    try:
        via = request.via
    except ParseError:
        return None
    if is_address(via.host):
        return None
    return Peer(peer.transport, via.host.lower(), via.port or 0, 0)
