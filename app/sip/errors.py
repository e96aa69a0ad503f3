"""The one exception that received bytes may cause in this folder."""


class ParseError(Exception):
    """What arrived is not SIP.

    code, reason: the status that RFC 3261 gives such a request ("400", "Bad Request: why").
    message: the Request as far as it could be read, when it may be answered with that
        status (build.response copies from it); None when it is to be dropped in silence:
        a response, an ACK, or bytes in which no request can be made out.
    """

    def __init__(self, code, reason, message=None):
        super().__init__(code, reason)
        self.code = code
        self.reason = reason
        self.message = message

    def __str__(self):
        return f"{self.code} {self.reason}"


def bad(why):
    """-> ParseError: 400 with the phrase that says what is wrong (RFC 3261 21.4.1)."""
    return ParseError(400, "Bad Request: " + why)
