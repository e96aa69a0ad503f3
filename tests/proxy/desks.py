"""Several telephones of one extension, and a call to it."""

from tests.proxy.box import Box
from tests.proxy.phone import SDP, Phone, last, status


class Desk:
    """One more telephone of an extension, at an address of its own."""

    def __init__(self, box, number):
        self.phone = Phone(box, "201", host=f"192.0.2.{number}")
        self.phone.contact = f"<sip:desk{number}@192.0.2.{number}>"

    def got(self):
        return self.phone.received()

    def invite(self):
        requests = [each for each in self.got() if each.is_request and each.method == "INVITE"]
        return last(requests)


def desks(box, *qualities):
    """-> [Desk] all registered for 201, the n-th with that q (None: without)."""
    found = []
    for number in range(len(qualities)):
        desk = Desk(box, 20 + number)
        q = "" if qualities[number] is None else f";q={qualities[number]}"
        line = "Contact: " + desk.phone.contact + q
        fields = {"call_id": f"reg-{number}", "contact": None}
        assert status(desk.phone.register(headers=[line], **fields)) == [200]
        found.append(desk)
    return found


def scene(*qualities, **settings):
    box = Box(**settings)
    found = desks(box, *qualities)
    alice = Phone(box, "200")
    assert status(alice.request("INVITE", "sip:201@example.org", body=SDP)) == [100]
    return box, alice, found


def methods(messages):
    return [each.method for each in messages if each.is_request]


def cancel_of(box, alice, headers=(), uri="sip:201@example.org"):
    """-> bytes of the CANCEL of the INVITE that this telephone has out."""
    held = [each for each in box.endpoint._servers.values() if each.method == "INVITE"]
    request = [each.request for each in held if each.request.from_.uri.user == alice.user][-1]
    return alice.make(
        "CANCEL", uri, headers, via=str(request.via).partition(";received")[0],
        call_id=request.call_id, cseq=request.cseq.number,
    )  # fmt: skip
