"""What the endpoint tells its user: pull them with `Endpoint.next_event()`.

A `transaction` is a ServerTransaction or ClientTransaction of app/sip/transaction.py, whose
`user` attribute is free for the user's own context. A `message` is a parsed Request or
Response; `peer` is where it came from.
"""

from collections import namedtuple

# A request of no known transaction. Call accept() or reply() before the next receive(), or let
# it go. A CANCEL comes here when it matches nothing (RFC 3261 16.10), an ACK never does.
Request = namedtuple("Request", ("message", "peer"))

# An ACK for a 2xx, or for something that is not ours: forward it statelessly.
Ack = namedtuple("Ack", ("message", "peer"))

# A CANCEL for `transaction`, an INVITE without a final response. Its 200 is sent already.
Cancel = namedtuple("Cancel", ("transaction", "message", "peer"))

# A response to a request of ours: provisional (100 too), final, and every repeated 2xx of an
# INVITE. The ACK of a final response other than 2xx is sent already.
Response = namedtuple("Response", ("transaction", "message", "peer"))

# A client transaction got no final response (timer B or F, or 64*T1 after its CANCEL): act as
# on a 408. A server transaction of an INVITE got no ACK (timer H): nothing to do but log.
Timeout = namedtuple("Timeout", ("transaction",))

# The transport could not send: a client transaction has ended, act as on a 503 (16.9).
TransportError = namedtuple("TransportError", ("transaction",))

# A response that carries our Via but matches no transaction. RFC 6026 7.3 wants a stateful
# proxy to drop it; it is told for the log and for stateless proxying.
StrayResponse = namedtuple("StrayResponse", ("message", "peer"))

# The transaction is forgotten: the last event about it.
Ended = namedtuple("Ended", ("transaction",))

# A request that cannot be read but answered, as its Via can be: `message` is what was made out
# of it, for Endpoint.reply(message, peer, code, reason). All else that is no SIP is dropped.
Malformed = namedtuple("Malformed", ("message", "peer", "code", "reason"))
