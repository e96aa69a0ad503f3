"""What the reg event package writes, read by an XML parser whatever a telephone has sent."""

from xml.etree import ElementTree

import pytest

from app.proxy.location import Binding, Outcome
from tests.proxy.test_reg_event import Watcher, body, last, started

NAMES = {"r": "urn:ietf:params:xml:ns:reginfo"}
HOSTILE = ["<c&\"d'>", "]]>", "\u00e9\u20ac", "a\x01\x7fb", "&amp;", "<!--", "\t", "%00"]


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_is_read_as_it_was(text):
    box = started()
    outcome = Outcome()
    outcome.added.append(Binding("200", "sip:a@h", box.now + 60, ruid="r1", callid=text,
                                 instance=text, q=0.25, cseq=7))  # fmt: skip
    box.location.apply("200", outcome, box.now, box.wall)
    phone = Watcher(box, "200")
    phone.subscribe()
    document = ElementTree.fromstring(body(last(phone.notifies)))
    contact = document.find("r:registration/r:contact", NAMES)
    shown = "".join(["?" if each < " " or "\x7f" <= each <= "\x9f" else each for each in text])
    assert contact.get("callid") == shown and contact.get("q") == "0.25"
    assert contact.find("r:unknown-param", NAMES).text == shown
    assert contact.find("r:unknown-param", NAMES).get("name") == "+sip.instance"
    assert contact.find("r:uri", NAMES).text == "sip:a@h"
