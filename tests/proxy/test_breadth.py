"""Max-Breadth: RFC 5393 5."""

from app.proxy import breadth
from tests.proxy.box import Box
from tests.proxy.desks import desks
from tests.proxy.phone import Phone, status


def sent(headers, *qualities, method="MESSAGE"):
    """-> (telephones of 201, the caller's replies) once a request with these headers came."""
    box = Box()
    found = desks(box, *qualities)
    alice = Phone(box, "200")
    replies = alice.request(method, "sip:201@example.org", list(headers))
    return found, replies


def breadths(found):
    messages = [desk.got() for desk in found]
    return [each[-1].headers("max-breadth") if each else None for each in messages]


def test_a_request_without_gets_60():
    assert breadths(sent((), None)[0]) == [["60"]]


def test_parallel_branches_share_it():
    assert breadths(sent((), None, None, None)[0]) == [["20"]] * 3
    assert breadths(sent(["Max-Breadth: 7"], None, None)[0]) in (
        [["4"], ["3"]], [["3"], ["4"]],
    )  # fmt: skip


def test_more_than_we_allow_is_cut():
    for value in ("61", "1000000000000000000000"):
        assert breadths(sent([f"Max-Breadth: {value}"], None)[0]) == [["60"]]


def test_one_branch_after_the_other_where_there_is_no_breadth_for_both():
    found, _ = sent(["Max-Breadth: 1"], None, None, method="INVITE")
    got = [each for desk in found for each in desk.got()]
    assert len(got) == 1
    first = [desk for desk in found if desk.phone.contact[1:-1] == got[0].uri][0]
    first.phone.reply(got[0], 486)
    other = [desk for desk in found if desk is not first][0]
    assert other.invite().headers("max-breadth") == ["1"]


def test_serial_branches_have_all_of_it():
    found, _ = sent(["Max-Breadth: 2"], 0.9, 0.2, method="INVITE")
    first = found[0].invite()
    found[0].phone.reply(first, 486)
    assert first.header("max-breadth") == found[1].invite().header("max-breadth") == "2"


def test_no_breadth_left():
    found, replies = sent(["Max-Breadth: 0"], None)
    assert status(replies) == [440] and breadths(found) == [None]


def test_a_breadth_that_is_none():
    for headers in (["Max-Breadth: many"], ["Max-Breadth: 1", "Max-Breadth: 60"]):
        assert status(sent(headers, None)[1]) == [400]


def test_shares():
    assert breadth.shares(60, 1) == [60] and breadth.shares(60, 7) == [9, 9, 9, 9, 8, 8, 8]
    assert breadth.shares(2, 5) == [1, 1] and breadth.shares(0, 3) == []


def test_the_second_group_of_a_long_request_has_one_value_too():
    """What is forgotten of a message of many lines must not be what is written later."""
    lines = [f"X-{number}: x" for number in range(60)] + ["Max-Breadth: 4"]
    found, _ = sent(lines, 0.9, 0.2, method="INVITE")
    found[0].phone.reply(found[0].invite(), 486)
    assert found[1].invite().headers("max-breadth") == ["4"]
