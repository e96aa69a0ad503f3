"""What the tests of trunks share: a box with two of them, and who stands behind."""

from tests.proxy.box import Box, subscribers, table
from tests.proxy.phone import SDP, Phone, last, status

ONE, TWO = "203.0.113.1", "203.0.113.2"
DISPATCHER = (
    "id(int,auto) setid(int) destination(string) flags(int) priority(int) attrs(string,null) "
    "description(string,null)\n"
    "1:1:sip\\:203.0.113.1:0:10:{one}:\n"
    "2:1:sip\\:203.0.113.2:0:5:{two}:\n"
)
DBALIASES = (
    "alias_username(str) alias_domain(str,null) username(str) domain(str,null)\n"
    "5551200::200:example.org\n5551299::200:example.org\n5551201::201:example.org\n"
    "reception::200:example.org\n"
)


class Scene:
    """box: with the extensions 200 to 202, registered; one, two: the trunks; who calls is alice.

    tables: name=text more; attrs: of the two destinations; settings: of the Config.
    """

    def __init__(self, tables=(), one="", two="", **settings):
        every = {"dispatcher": DISPATCHER.format(one=one, two=two), "dbaliases": DBALIASES}
        every.update(dict(tables))
        every = {name: table(name, every[name]) for name in every if every[name]}
        every["subscriber"] = subscribers("200", "201", "202")
        self.box = Box(tables=every, **settings)
        self.box.proxy.modules.start(self.box.now)
        self.alice, self.bob = Phone(self.box, "200"), Phone(self.box, "201")
        self.one = Phone(self.box, "one", host=ONE, domain="one.example")
        self.two = Phone(self.box, "two", host=TWO, domain="two.example")
        self.alice.register()
        self.bob.register()

    def call(self, number="0301234", caller=None, headers=(), method="INVITE", **fields):
        """An extension dials; its challenge is answered. -> [status] that it hears at once."""
        caller = caller or self.alice
        uri = number if ":" in number else f"sip:{number}@example.org"
        body = SDP if method == "INVITE" else b""
        return status(caller.request(method, uri, headers, body, **fields))

    def reason(self, number="0301234", **fields):
        """-> str: the reason that a call is refused with."""
        caller = fields.pop("caller", self.alice)
        replies = caller.request("INVITE", f"sip:{number}@example.org", body=SDP, **fields)
        return replies[-1].reason


def asked(phone):
    """-> the last request that a trunk has got."""
    return last([message for message in phone.received() if message.is_request])
