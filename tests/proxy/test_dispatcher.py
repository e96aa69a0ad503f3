"""Dispatcher: which destination a call goes to, and which ones are alive."""

from app.proxy.config import DEFAULTS
from app.proxy.request import RoutingRequest
from app.sip import build
from app.sip.message import parse
from app.sip.transport import Peer
from tests.proxy.box import WALL, Box, table
from tests.proxy.phone import Phone

HEADER = (
    "id(int,auto) setid(int) destination(string) flags(int) priority(int) attrs(string,null) "
    "description(string,null)\n"
)
ROWS = (
    "1:1:sip\\:203.0.113.1:0:10::\n"
    "2:1:sip\\:203.0.113.2\\:5070:0:30::\n"
    "3:1:sip\\:203.0.113.3:0:20::\n"
)
ONE, TWO, THREE = (Peer("udp", f"203.0.113.{n}", 5070 if n == 2 else 5060, 0) for n in (1, 2, 3))
INTERVAL = DEFAULTS["ping_interval"]


def box(rows=ROWS, **settings):
    made = Box(tables={"dispatcher": table("dispatcher", HEADER + rows)}, **settings)
    made.proxy.modules.start(made.now)
    return made


def request(made, uri="sip:0301234@example.org", number=0, source=("203.0.113.9", 5060), **fields):
    data = Phone(made, "200").make("INVITE", uri, call_id=f"call-{number}", **fields)
    return RoutingRequest(made.proxy, parse(data), Peer("udp", *source, 0), made.now, WALL)


def order(made, algorithm, setid=1, **fields):
    """-> [last octet] of the addresses that a request is sent to, one after the other."""
    r = request(made, **fields)
    found = []
    more = r.ds_select_dst(setid, algorithm)
    while more:
        found.append(int(r.du.host.rpartition(".")[2]))
        more = r.ds_next_dst()
    return found


def state(made, number):
    for each in made.proxy.modules.dispatcher.all():
        if each.text.startswith(f"sip:203.0.113.{number}"):
            return each.state_name()
    return None


# Selection


def test_by_priority_the_highest_comes_first():
    assert order(box(), 8) == [2, 3, 1]
    assert order(box(), 14) == [2, 3, 1]


def test_round_robin_goes_on_where_it_was():
    made = box()
    assert [order(made, 4) for _ in range(4)] == [[2, 3, 1], [3, 1, 2], [1, 2, 3], [2, 3, 1]]
    same = box("".join([f"{n}:1:sip\\:203.0.113.{n}:0:7::\n" for n in (1, 2, 3)]))
    assert [order(same, 14)[0] for _ in range(4)] == [1, 2, 3, 1]


def test_hashes_send_the_same_to_the_same():
    made = box()
    for algorithm, field in ((0, "number"), (1, "from_"), (2, "to"), (3, "uri")):
        values = list(range(30))
        if algorithm:
            values = [f"<sip:{n}@example.org>" for n in range(30)]
        if algorithm == 3:
            values = [f"sip:{n}@example.org" for n in range(30)]
        first = [order(made, algorithm, **{field: value})[0] for value in values]
        assert first == [order(made, algorithm, **{field: value})[0] for value in values]
        assert sorted(set(first)) == [1, 2, 3], algorithm
    assert sorted(set([order(made, 6)[0] for _ in range(50)])) == [1, 2, 3]


def test_without_an_authenticated_user_algorithm_5_is_round_robin():
    made = box()
    assert [order(made, 5)[0] for _ in range(3)] == [2, 3, 1]


def test_weights_are_per_cent_and_the_last_one_has_the_rest():
    rows = "1:1:sip\\:203.0.113.1:0:0:weight=50:\n2:1:sip\\:203.0.113.2:0:0:weight=30:\n"
    made = box(rows + "3:1:sip\\:203.0.113.3:0:0::\n")
    first = [order(made, 9)[0] for _ in range(100)]
    assert [first.count(n) for n in (1, 2, 3)] == [50, 30, 20]
    made.proxy.modules.dispatcher.sets[1][0].state = 1
    assert 1 not in [order(made, 9)[0] for _ in range(20)]


def test_relative_weights_are_shared_by_those_that_are_there():
    rows = "".join([f"{n}:1:sip\\:203.0.113.{n}:0:0:rweight={n}:\n" for n in (1, 2, 3)])
    made = box(rows + "4:1:sip\\:203.0.113.4:0:0::\n")
    first = [order(made, 11)[0] for _ in range(60)]
    assert [first.count(n) for n in (1, 2, 3, 4)] == [10, 20, 30, 0]
    made.proxy.modules.dispatcher.sets[1][2].state = 1
    first = [order(made, 11)[0] for _ in range(30)]
    assert [first.count(n) for n in (1, 2, 3)] == [10, 20, 0]


def test_the_least_loaded_comes_first_and_the_full_not_at_all():
    rows = "1:1:sip\\:203.0.113.1:0:9:duid=a;maxload=1:\n2:1:sip\\:203.0.113.2:0:0:duid=b:\n"
    made = box(rows)
    every = made.proxy.modules.dispatcher.sets[1]
    for number, gateway in ((0, every[1]), (1, every[0])):
        assert order(made, 10)[0] == 1 + number % 2 or number
        call = made.proxy.calls.start(f"c{number}", "t", "a", "b", made.now, "m" * 8)
        call.gateway = gateway
    assert order(made, 10) == [2]
    made.proxy.calls.end("c1", made.now, "ended")
    assert order(made, 10) == [1, 2]


def test_a_limit_an_unknown_set_and_an_unknown_algorithm():
    made = box()
    r = request(made)
    assert r.ds_select_dst("1", "8", 2) and r.ds_next_dst() and not r.ds_next_dst()
    assert not r.ds_select_dst(9, 8) and order(made, 77) == [2, 3, 1]
    assert r.ds_list_exists("1") and not r.ds_list_exists(9)


def test_the_request_uri_gets_the_destination_for_its_domain():
    r = request(box(), uri="sip:0301234@example.org;user=phone")
    assert r.ds_select_domain(1, 8) and str(r.ru) == "sip:0301234@203.0.113.2:5070"
    assert r.du is None and r.ds_next_domain() and str(r.ru) == "sip:0301234@203.0.113.3"


def test_what_cannot_be_reached_is_passed_over():
    made = box("1:1:sip\\:nowhere.example:0:9::\n2:1:sip\\:203.0.113.2:0:0::\n")
    assert order(made, 8) == [2]
    r = request(made)
    assert r.ds_select_domain(1, 8) and r.ru.host == "203.0.113.2"


def test_the_trunk_of_site_conf_is_set_1_when_the_table_has_none():
    made = Box(trunk_uri="sip:198.51.100.1:5070")
    r = request(made)
    assert r.ds_select_domain(1, 8) and str(r.ru) == "sip:0301234@198.51.100.1:5070"
    assert order(box(trunk_uri="sip:198.51.100.1"), 8) == [2, 3, 1]


# Whose address


def test_sources_are_known_by_address_port_and_transport():
    made = box()
    r = request(made, source=("203.0.113.2", 5070))
    assert r.ds_is_from_list() and r.ds_is_from_list(1, 0) and not r.ds_is_from_list(2)
    assert r.avp["ds_setid"] == 1 and r.avp["ds_attrs"] == ""
    r = request(made, source=("203.0.113.2", 5060))
    assert not r.ds_is_from_list() and r.ds_is_from_list(1, 3)
    assert r.ds_is_from_list(1, 2, "sip:203.0.113.1") and not r.ds_is_from_list(1, 2, "sip:x")
    assert not r.ds_is_from_list(1, 2, "tel:1") and not r.ds_is_from_list(1, 2, "rubbish")
    made.proxy.modules.dispatcher.sets[1][0].state = 1
    assert r.ds_is_from_list(1, 3) and not r.ds_is_from_list(1, 3 | 4)


def test_a_destination_that_is_a_name_is_known_by_it():
    made = box("1:1:sip\\:Provider.example:0:9::\n", dns=True)
    r = request(made)
    assert r.ds_is_from_list(1, 3, "sip:0301@provider.EXAMPLE")
    assert not r.ds_is_from_list(1, 3, "sip:0301@other.example") and not r.ds_is_from_list(1, 3)


# States


def test_what_is_inactive_or_disabled_is_left_out():
    made = box(ROWS.replace(":0:30:", ":1:30:").replace(":0:20:", ":4:20:"))
    assert order(made, 8) == [1] and [order(made, 4) for _ in range(2)] == [[1], [1]]
    assert request(made).ds_is_active(1)
    made.proxy.modules.dispatcher.sets[1][2].state = 1
    assert order(made, 8) == [] and not request(made).ds_is_active(1)
    assert state(made, 3) == "disabled" and state(made, 1) == "inactive"


def test_an_emergency_call_tries_the_inactive_too_but_not_the_disabled():
    made = box(ROWS.replace(":0:30:", ":1:30:").replace(":0:20:", ":4:20:"), emergency=("112",))
    assert order(made, 8, uri="sip:112@example.org") == [1, 2]
    assert order(made, 8, uri="sip:1-1.2@example.org") == [1, 2]
    assert order(made, 8, uri="urn:service:sos.fire") == [1, 2]
    assert order(made, 8, uri="sip:1120@example.org") == [1]


def test_a_script_marks_what_has_failed():
    made = box()
    r = request(made)
    assert not r.ds_mark_dst("ip")
    assert r.ds_select_dst(1, 8) and r.ds_mark_dst("ip") and state(made, 2) == "inactive, probed"
    assert order(made, 8) == [3, 1]
    assert r.ds_mark_dst("a") and order(made, 8) == [2, 3, 1]
    assert r.ds_mark_dst("D") and state(made, 2) == "disabled"
    assert not r.ds_mark_dst("x")


def test_what_is_never_probed_is_not_marked():
    for made in (box(ping_interval=0), box(ROWS.replace(":0:30:", ":32:30:"))):
        r = request(made)
        assert r.ds_select_dst(1, 8) and not r.ds_mark_dst("ip") and state(made, 2) == "active"


def test_trying_counts_failures():
    made = box(probing_threshold=2)
    r = request(made)
    r.ds_select_dst(1, 8)
    assert r.ds_mark_dst("tp") and state(made, 2) == "trying, probed" and order(made, 8)[0] == 2
    assert r.ds_mark_dst("tp") and state(made, 2) == "inactive, probed"
    assert r.ds_mark_dst("tp") and state(made, 2) == "inactive, probed"


# Probes


def pinged(made, peer=TWO):
    return [message for message in made.to(peer) if message.method == "OPTIONS"]


def answer(made, message, code, peer=TWO):
    made.receive(build.response(message, code, "Whatever", to_tag="x"), peer)


def probed(**settings):
    return box(ROWS.replace(":0:30:", ":8:30:"), **settings)


def test_a_probed_destination_gets_options():
    made = probed()
    made.wait(0.2)
    [first] = pinged(made)
    assert first.uri == "sip:203.0.113.2:5070" and first.from_.tag
    answer(made, first, 200)
    made.wait(INTERVAL - 1)
    assert pinged(made) == []
    made.wait(1)
    assert len(pinged(made)) == 1 and state(made, 2) == "active, probed"
    assert made.to(ONE) == [] and made.to(THREE) == []


def test_silence_makes_it_inactive_and_an_answer_active_again():
    made = probed()
    made.wait(33)
    assert state(made, 2) == "inactive, probed" and order(made, 8) == [3, 1]
    assert made.log.has("trunk sip:203.0.113.2:5070: inactive")
    pinged(made)
    made.wait(INTERVAL)
    answer(made, pinged(made)[-1], 404)
    assert state(made, 2) == "active, probed" and order(made, 8) == [2, 3, 1]
    assert made.log.has("trunk sip:203.0.113.2:5070: active")


def test_503_says_that_it_is_not_alive_other_refusals_that_it_is():
    for code, expected in ((503, "inactive"), (500, "inactive"), (405, "active"), (403, "active")):
        made = probed()
        made.wait(0.2)
        answer(made, pinged(made)[-1], code)
        assert state(made, 2) == expected + ", probed", code


def test_thresholds():
    made = probed(probing_threshold=2, inactive_threshold=2)
    expected = (
        (503, "trying"), (200, "active"), (503, "trying"), (503, "inactive"), (200, "inactive"),
        (503, "inactive"), (200, "inactive"), (200, "active"),
    )  # fmt: skip
    made.wait(0.2)
    for code, name in expected:
        answer(made, pinged(made)[-1], code)
        assert state(made, 2) == name + ", probed", (code, name)
        made.wait(INTERVAL)


def test_a_marked_destination_is_probed_until_it_is_back():
    made = box()
    r = request(made)
    r.ds_select_dst(1, 8)
    r.ds_mark_dst("ip")
    made.wait(INTERVAL)
    answer(made, pinged(made)[-1], 200)
    assert state(made, 2) == "active, probed" and order(made, 8) == [2, 3, 1]


def test_probes_carry_what_the_attributes_say():
    attrs = "ping_from=sip\\:box@example.org,obproxy=sip\\:203.0.113.3".replace(",", ";")
    made = box(f"1:1:sip\\:203.0.113.1:8:0:{attrs}:\n")
    made.wait(0.2)
    [message] = made.to(THREE)
    assert str(message.from_.uri) == "sip:box@example.org" and message.uri == "sip:203.0.113.1"


def test_only_one_probe_is_under_way():
    made = probed(ping_interval=5)
    made.wait(30)
    assert len(set([message.call_id for message in pinged(made)])) == 1


def test_what_is_disabled_or_not_to_be_pinged_is_not():
    for flags in (8 | 4, 8 | 32):
        made = box(ROWS.replace(":0:30:", f":{flags}:30:"))
        made.wait(0.2)
        assert pinged(made) == []


def test_another_site_keeps_the_state_of_rows_that_are_the_same():
    made = probed()
    made.wait(33)
    more = HEADER + ROWS.replace(":0:30:", ":8:30:") + "4:1:sip\\:203.0.113.4:8:0::\n"
    made.proxy.reload({"dispatcher": table("dispatcher", more)}, made.config)
    made.proxy.modules.start(made.now)
    assert state(made, 2) == "inactive, probed" and order(made, 8) == [3, 1, 4]
    made.proxy.reload({}, made.config)
    made.proxy.modules.start(made.now)
    made.to(TWO)
    made.wait(2 * INTERVAL)
    assert made.to(TWO) == [] and made.proxy.modules.dispatcher.all() == []


def test_a_destination_that_is_gone_is_not_probed_for_a_call_of_before():
    made = box()
    r = request(made)
    r.ds_select_dst(1, 8)
    made.proxy.reload({}, made.config)
    made.proxy.modules.start(made.now)
    assert not r.ds_mark_dst("tp")
    made.wait(2 * INTERVAL)
    assert made.to(TWO) == []
