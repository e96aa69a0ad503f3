"""A script that runs one function on a request, for tests of single verbs."""

from tests.proxy.box import Box
from tests.proxy.phone import Phone


class Probe:
    """`stage(r)` is the script; `reply(r)` its onreply_route. found: what the stage returned."""

    def __init__(self, stage, reply=None):
        self.stage = stage
        self.reply = reply
        self.found = None

    def request_route(self, r):
        self.found = self.stage(r)

    def onreply_route(self, r):
        if self.reply is not None:
            self.reply(r)


def probe(stage, method="INVITE", headers=(), uri="sip:201@example.org", **fields):
    """-> (what the stage returned, replies to the sender)."""
    script = Probe(stage)
    phone = Phone(Box(script), "200")
    replies = phone.send(phone.make(method, uri, headers, **fields))
    return script.found, replies


def passed(stage, method="MESSAGE", headers=(), uri="sip:201@192.0.2.201", **fields):
    """-> Request that comes out behind `stage` and t_relay."""
    def relayed(r):
        stage(r)
        assert r.t_relay(), r.error

    box = Box(Probe(relayed))
    phone, other = Phone(box, "200"), Phone(box, "201")
    phone.send(phone.make(method, uri, headers, **fields))
    (request,) = other.received()
    return request


def answered(reply, status=200, headers=(), body=b""):
    """-> Response that comes back once `reply` has seen it in onreply_route."""
    box = Box(Probe(lambda r: r.t_relay(), reply))
    phone, other = Phone(box, "200"), Phone(box, "201")
    phone.send(phone.make("MESSAGE", "sip:201@192.0.2.201"))
    other.reply(other.received()[-1], status, headers=headers, body=body)
    replies = phone.received()
    return replies[-1] if replies else None
