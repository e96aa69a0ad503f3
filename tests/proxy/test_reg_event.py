"""Subscriptions to registrations: RFC 3680 as the package, RFC 6665 as the dialog."""

from app.proxy import subscriptions
from app.proxy.store import static_bindings
from app.proxy.subscriptions import MAX_OF_RESOURCE
from tests.proxy.box import Box, table
from tests.proxy.phone import Phone, last, status

EVENT = ["Event: reg", "Accept: application/reginfo+xml"]


class Watcher(Phone):
    """A Phone with one subscription; notifies: [NOTIFY] that have come, answered with `code`."""

    def subscribe(self, uri=None, expires=3600, headers=EVENT, **fields):
        """-> final response; takes the dialog from a 200."""
        self.call_id = fields.setdefault("call_id", f"sub{self.number}-{self.user}")
        lines = list(headers) + ([] if expires is None else [f"Expires: {expires}"])
        self.notifies = []
        found = self.request("SUBSCRIBE", uri or self.uri, lines, **fields)
        reply = [each for each in found if not each.is_request][-1]
        if reply.status == 200:
            self.dialog = reply
        self._take(found)
        return reply

    def again(self, expires, headers=EVENT, **fields):
        """The same dialog: refresh, or end with 0."""
        contact = self.dialog.header("contact")
        fields.setdefault("to", self.dialog.header("to"))
        fields.setdefault("call_id", self.call_id)
        lines = list(headers) + [f"Expires: {expires}"]
        uri = contact[contact.find("<") + 1 : contact.find(">")]
        found = self.request("SUBSCRIBE", uri, lines, **fields)
        self._take(found)
        return [each for each in found if not each.is_request][-1]

    def _take(self, messages, code=200):
        for message in messages:
            if message.is_request:
                assert message.method == "NOTIFY"
                self.notifies.append(message)
                if code:
                    self.reply(message, code)

    def wait(self, seconds, code=200):
        """-> [NOTIFY] that come within that time."""
        del self.notifies[:]
        end = self.box.now + seconds
        while self.box.now < end:
            self.box.wait(min(1, end - self.box.now))
            self._take(self.received(), code)
        return list(self.notifies)


def body(notify):
    return notify.body.decode()


def started(**settings):
    box = Box(**settings)
    box.proxy.modules.start(box.now)
    return box


def test_a_subscription_is_answered_and_told_everything_at_once():
    box = started()
    phone = Watcher(box, "200")
    phone.register()
    reply = phone.subscribe(expires=600)
    assert reply.status == 200 and reply.header("expires") == "600"
    assert reply.header("contact") == "<sip:192.0.2.10:5060>" and reply.to.tag
    assert reply.header("allow-events") == "reg"
    notify = last(phone.notifies)
    assert notify.uri == "sip:200@192.0.2.200:5060"
    assert notify.header("event") == "reg"
    assert notify.header("subscription-state") == "active;expires=600"
    assert notify.header("content-type") == "application/reginfo+xml"
    assert notify.header("contact") == "<sip:192.0.2.10:5060>"
    assert notify.from_.tag == reply.to.tag and notify.to.tag == "f200"
    assert notify.call_id == phone.call_id
    text = body(notify)
    assert 'version="0" state="full"' in text and 'aor="sip:200@example.org"' in text
    assert '<uri>sip:200@192.0.2.200:5060</uri>' in text and 'event="registered"' in text
    assert 'state="active"' in text and 'expires="3600"' in text
    assert phone.wait(100) == []


def test_changes_come_as_partial_state():
    box = started()
    phone, other = Watcher(box, "200"), Phone(box, "200", host="192.0.2.77")
    phone.subscribe()
    assert 'id="a200" state="init">' in body(last(phone.notifies))
    other.register(call_id="other")
    new = last(phone.wait(6))
    assert 'version="1" state="partial"' in body(new) and 'event="registered"' in body(new)
    assert phone.wait(10) == []
    other.register(call_id="other")  # a mere refresh is no news
    assert phone.wait(10) == []
    other.register(expires=0, call_id="other")
    gone = body(last(phone.wait(6)))
    assert 'id="a200" state="terminated">' in gone and 'event="unregistered"' in gone
    assert 'version="2" state="partial"' in gone and 'expires="0"' in gone
    other.register(call_id="other", expires=60)
    assert 'event="registered"' in body(last(phone.wait(6)))
    assert 'event="expired"' in body(last(phone.wait(61)))


def test_a_contact_that_moves():
    box = started()
    phone = Watcher(box, "200")
    far = Phone(box, "200", host="203.0.113.7", port=4000, address="192.168.0.5:5060")
    far.register(call_id="far")
    phone.subscribe()
    moved = Phone(box, "200", host="203.0.113.7", port=4001, address="192.168.0.5:5060")
    moved.cseq = 100
    moved.register(call_id="far")
    assert 'state="active" event="refreshed"' in body(last(phone.wait(6)))


def test_news_are_told_five_seconds_apart_and_together():
    box = started()
    phone = Watcher(box, "200")
    phone.subscribe()
    for number in range(6):
        other = Phone(box, "200", host=f"192.0.2.{70 + number}")
        other.register(call_id=f"c{number}")
        box.wait(0.5)
    phone._take(phone.received())
    assert len(phone.notifies) == 1
    first = phone.wait(5)
    assert len(first) == 1 and body(first[0]).count("<contact ") == 6
    assert phone.wait(10) == []


def test_one_notify_at_a_time():
    """What changes while one is unanswered comes in the next one."""
    box = started()
    phone = Watcher(box, "200")
    phone.subscribe()
    Phone(box, "200", host="192.0.2.71").register(call_id="c1")
    lost = phone.wait(8, code=None)
    numbers = {notify.cseq.number for notify in lost}
    assert len(numbers) == 1 and len(lost) > 1  # one NOTIFY, and its retransmissions
    Phone(box, "200", host="192.0.2.72").register(call_id="c2")
    Phone(box, "200", host="192.0.2.73").register(call_id="c3")
    phone.reply(lost[-1], 200)
    told = [each for each in phone.wait(6) if each.cseq.number not in numbers]
    assert len(told) == 1 and body(told[0]).count("<contact ") == 2


def test_who_does_not_answer_has_no_subscription():
    box = started()
    phone = Watcher(box, "200")
    phone.subscribe()
    Phone(box, "200", host="192.0.2.71").register(call_id="c1")
    phone.wait(40, code=None)
    assert len(box.proxy.modules.subscriptions) == 0
    assert phone.again(600).status == 481
    assert box.log.has("subscription to reg of 200 by 200 ends: NOTIFY got 408")


def test_who_answers_481_has_none_either():
    box = started()
    phone = Watcher(box, "200")
    phone.subscribe()
    Phone(box, "200", host="192.0.2.71").register(call_id="c1")
    phone.wait(6, code=481)
    assert len(box.proxy.modules.subscriptions) == 0


def test_it_expires_with_a_last_notify():
    box = started()
    phone = Watcher(box, "200")
    assert phone.subscribe(expires=100).status == 200
    box.wait(99)
    assert phone.received() == []
    final = last(phone.wait(2))
    assert final.header("subscription-state") == "terminated;reason=timeout"
    assert len(box.proxy.modules.subscriptions) == 0 and box.proxy.modules.subscriptions._of == {}
    assert phone.wait(1000) == []


def test_a_refresh_puts_it_off_and_tells_everything():
    box = started()
    phone = Watcher(box, "200")
    phone.register()
    phone.subscribe(expires=100)
    box.wait(90)
    assert phone.again(200).status == 200
    full = last(phone.notifies)
    assert 'version="1" state="full"' in body(full)
    assert full.header("subscription-state") == "active;expires=200"
    assert phone.wait(195) == []
    assert last(phone.wait(10)).header("subscription-state").startswith("terminated")


def test_unsubscribe():
    box = started()
    phone = Watcher(box, "200")
    phone.subscribe()
    reply = phone.again(0)
    assert reply.status == 200 and reply.header("expires") == "0"
    final = last(phone.notifies)
    assert final.header("subscription-state") == "terminated;reason=timeout"
    assert 'state="full"' in body(final) and len(box.proxy.modules.subscriptions) == 0
    assert phone.again(600).status == 481


def test_fetch():
    """Expires 0 outside of a dialog: one NOTIFY, and nothing is kept (RFC 6665 4.4.3)."""
    box = started()
    phone = Watcher(box, "200")
    phone.register()
    assert phone.subscribe(expires=0).status == 200
    assert [each.header("subscription-state") for each in phone.notifies] == [
        "terminated;reason=timeout"
    ]
    assert 'state="full"' in body(phone.notifies[0])
    assert len(box.proxy.modules.subscriptions) == 0


def test_who_may_watch_whom():
    box = started(reg_watchers=("201",))
    assert Watcher(box, "200").subscribe("sip:202@example.org").status == 403
    assert Watcher(box, "200").subscribe("sip:299@example.org").status == 403
    assert Watcher(box, "201").subscribe("sip:202@example.org").status == 200
    assert Watcher(box, "201").subscribe("sip:299@example.org").status == 404
    assert Watcher(box, "202").subscribe("sip:202@192.0.2.10").status == 200
    stranger = Watcher(box, "900", domain="elsewhere.example")
    assert stranger.subscribe("sip:200@example.org").status == 403
    data = stranger.make("SUBSCRIBE", "sip:200@example.org", EVENT)
    assert status(stranger.send(data)) == [403]
    wrong = Phone(box, "203")
    assert status(wrong.request("SUBSCRIBE", wrong.uri, EVENT, password="guess")) == [407]
    assert len(box.proxy.modules.subscriptions) == 2


def test_domains_are_told_apart():
    rows = "username(str) domain(str) password(str)\n200:example.org:secret200\n200:example.net:x\n"
    box = started(
        domains=("example.org", "example.net", "192.0.2.10"), use_domain=True,
        tables={"subscriber": table("subscriber", rows)},
    )  # fmt: skip
    assert Watcher(box, "200").subscribe().status == 200
    assert Watcher(box, "200").subscribe("sip:200@example.net").status == 403


def test_what_is_refused():
    box = started()
    phone = Watcher(box, "200")
    assert phone.subscribe(expires=10).status == 423
    assert phone.subscribe(headers=["Event: reg", "Accept: text/plain"]).status == 406
    assert phone.subscribe(headers=["Event: reg", "Accept: text/plain, */*"]).status == 200
    assert phone.subscribe(headers=EVENT + ["Require: eventlist"]).status == 420
    assert phone.subscribe(contact="").status == 400
    assert phone.subscribe(headers=EVENT + ["Contact: *"], contact="").status == 400
    long = EVENT + ["Record-Route: <sip:" + "x" * 1200 + ".example;lr>"]
    assert phone.subscribe(headers=long).status == 400
    assert phone.subscribe(headers=["Event: reg;id=" + "9" * 600]).status == 400
    assert phone.subscribe(expires=99999).header("expires") == "7200"
    assert phone.subscribe(expires=None).header("expires") == "3761"


def test_other_events_go_to_the_telephone():
    box = started()
    phone, other = Watcher(box, "200"), Phone(box, "201")
    other.register()
    data = phone.make("SUBSCRIBE", "sip:201@example.org", ["Event: presence"])
    phone.send(phone.authenticated(data, last(phone.send(data))))
    assert last(other.received()).header("event") == "presence"


def test_the_dialog_is_its_owners():
    box = started()
    phone, thief = Watcher(box, "200"), Watcher(box, "201")
    phone.subscribe()
    thief.dialog, thief.call_id, thief.notifies = phone.dialog, phone.call_id, []
    stolen = thief.again(0, from_="<sip:201@example.org>;tag=f200")
    assert stolen.status == 403 and len(box.proxy.modules.subscriptions) == 1
    assert thief.again(0, to=phone.dialog.header("to") + "x").status == 481
    assert phone.again(600, headers=["Event: reg;id=2"]).status == 481
    phone.cseq = 0
    assert phone.again(600).status == 500
    phone.cseq = 500
    assert phone.again(600).status == 200


def test_an_id_of_the_event_is_told_back():
    box = started()
    phone = Watcher(box, "200")
    phone.subscribe(headers=["o: reg;id=77"])
    assert last(phone.notifies).header("event") == "reg;id=77"
    assert phone.again(600, headers=["Event: reg;id=77"]).status == 200


def test_tables_are_bounded():
    box = started()
    phone = Watcher(box, "200")
    for _ in range(MAX_OF_RESOURCE):
        assert phone.subscribe().status == 200
    refused = phone.subscribe()
    assert refused.status == 503 and refused.header("retry-after")
    kept, subscriptions.MAX_SUBSCRIPTIONS = subscriptions.MAX_SUBSCRIPTIONS, MAX_OF_RESOURCE
    try:
        assert Watcher(box, "201").subscribe().status == 503
    finally:
        subscriptions.MAX_SUBSCRIPTIONS = kept
    assert Watcher(box, "201").subscribe().status == 200


def test_behind_a_nat_notify_goes_where_subscribe_came_from():
    box = started()
    phone = Watcher(box, "200", host="203.0.113.7", port=4000, address="192.168.0.5:5060")
    phone.subscribe()
    notify = last(phone.notifies)
    assert notify.uri == "sip:200@192.168.0.5:5060"


def test_by_way_of_a_proxy():
    box = started()
    edge = Watcher(box, "200", host="192.0.2.50")
    edge.contact = "<sip:200@192.0.2.51:5062>"
    edge.subscribe(headers=EVENT + ["Record-Route: <sip:192.0.2.50;lr>"])
    notify = last(edge.notifies)
    assert notify.uri == "sip:200@192.0.2.51:5062"
    assert notify.headers("route") == ["<sip:192.0.2.50;lr>"]
    assert edge.dialog.headers("record-route") == ["<sip:192.0.2.50;lr>"]


def test_a_strict_router_on_the_way():
    box = started()
    edge = Watcher(box, "200", host="192.0.2.50")
    edge.subscribe(headers=EVENT + ["Record-Route: <sip:192.0.2.50>, <sip:192.0.2.60;lr>"])
    notify = last(edge.notifies)
    assert notify.uri == "sip:192.0.2.50"
    assert notify.headers("route") == ["<sip:192.0.2.60;lr>", "<sip:200@192.0.2.50:5060>"]


def test_no_room_for_a_notify_is_made_up_for():
    box = started()
    phone = Watcher(box, "200")
    phone.subscribe()
    box.proxy.uac.count = 10**6
    Phone(box, "200", host="192.0.2.71").register(call_id="c1")
    assert phone.wait(20) == []
    box.proxy.uac.count = 0
    full = last(phone.wait(6))
    assert 'state="full"' in body(full) and body(full).count("<contact ") == 1


def test_what_a_telephone_writes_does_not_break_the_document():
    box = started()
    phone = Watcher(box, "200")
    phone.contact = "<sip:a&b'c@192.0.2.5;x=%22%3C>;+sip.instance=\"<urn:x:&'>\""
    phone.register(call_id='<c&"d>')
    phone.contact = "<sip:200@192.0.2.200>"
    phone.subscribe()
    text = body(last(phone.notifies))
    assert "<uri>sip:a&amp;b'c@192.0.2.5;x=%22%3C</uri>" in text
    assert 'callid="&lt;c&amp;&quot;d&gt;"' in text
    assert "&lt;urn:x:&amp;'&gt;" in text


def test_fixed_contacts_of_the_site():
    box = started()
    fixed = "username(str) contact(str) expires(int)\n200:sip\\:door@192.0.2.7:0\n"
    box.location.set_static(static_bindings(table("location", fixed), False, 0, 0))
    phone = Watcher(box, "200")
    phone.subscribe()
    text = body(last(phone.notifies))
    assert 'event="created"' in text and "expires=" not in text


def test_a_vanished_telephone_is_deactivated():
    box = started(keepalive=30, keepalive_timeout=60)
    phone = Watcher(box, "200")
    phone.subscribe()
    far = Phone(box, "200", host="203.0.113.7", port=4000, address="192.168.0.5:5060")
    far.register(call_id="far")
    phone.wait(31)
    for ping in far.received():
        if ping.is_request:
            far.reply(ping, 200)
    told = phone.wait(120)
    assert 'event="deactivated"' in body(last(told))
