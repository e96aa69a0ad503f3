"""The address readers against the standard library's."""

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from app.appliance import values

PIECES = st.sampled_from(["0", "1", "ffff", "12345", "g", "::", ":", "1.2.3.4", "01", ".", "%"])
NEAR_ADDRESSES = st.lists(PIECES, max_size=12).map("".join)


def agrees(text):
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return found.version if "%" not in text else None


@given(NEAR_ADDRESSES | st.text(alphabet="0123456789abf:.", max_size=24))
def test_addresses_are_those_of_ipaddress(text):
    assert values.is_ipv4(text) == (agrees(text) == 4)
    assert values.is_ipv6(text) == (agrees(text) == 6)


@given(st.ip_addresses())
def test_every_address_is_read(address):
    assert values.address(str(address)) == str(address)
