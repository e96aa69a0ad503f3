"""What may go wrong with media, beside what is wrong with an SDP (app.sip.errors.ParseError)."""


class NoPorts(Exception):
    """The media of a call cannot be relayed: no ports, streams or fitting address left.

    The text says which. A proxy answers 503 (RFC 3261 21.5.4).
    """
