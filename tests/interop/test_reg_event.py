"""sipp watches the registrations of its user (RFC 3680); what it is told is read as XML."""

import re
import time
from xml.etree import ElementTree

import pytest

from tests.peers.phone import Phone
from tests.peers.process import wait_until
from tests.peers.sipp import Sipp

pytestmark = pytest.mark.interop

NAMES = {"r": "urn:ietf:params:xml:ns:reginfo"}


def test_sipp_watches_its_own_registrations(target, tmp_path):
    with Phone(target, "203") as first, Phone(target, "203") as second:
        assert first.register().status == 200
        with Sipp(tmp_path, target, "watch", "203") as run:
            wait_until(lambda: "<reginfo" in run.messages(), lambda: run.report(None))
            time.sleep(0.2)
            assert second.register().status == 200
            run.succeeded()
        documents = reginfos(run.messages())
    assert [document.get("version") for document in documents] == ["0", "1", "2"]
    assert [document.get("state") for document in documents] == ["full", "partial", "full"]
    assert uris(documents[0]) == [first.contact]
    assert uris(documents[1]) == [second.contact]
    assert uris(documents[2]) == sorted([first.contact, second.contact])
    states = re.findall(r"Subscription-State: (\S+)", run.messages())
    assert states[-1] == "terminated;reason=timeout"
    for document in documents:
        registration = document.find("r:registration", NAMES)
        assert registration.get("aor") == "sip:203@example.org"
        assert registration.get("state") == "active"
        for contact in registration.findall("r:contact", NAMES):
            assert (contact.get("state"), contact.get("event")) == ("active", "registered")
            assert 590 <= int(contact.get("expires")) <= 600


def reginfos(messages):
    """-> [Element] of the documents in sipp's trace, in order."""
    return [ElementTree.fromstring(text) for text in
            re.findall(r"<\?xml.*?</reginfo>", messages, re.DOTALL)]  # fmt: skip


def uris(document):
    found = document.findall("r:registration/r:contact/r:uri", NAMES)
    return sorted([each.text for each in found])
