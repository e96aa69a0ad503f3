"""Two endpoints over a link that loses, doubles and reorders: they converge and forget."""

from tests.sip.calls import pair
from tests.sip.elements import is_empty

FAIR = {"loss": 0, "duplication": 0, "delay": 50}
ROUGH = {"loss": 30, "duplication": 20, "delay": 400}
SEEDS = range(1, 16)


def one(method, plan, seed, weather, cancel_at=None):
    """Runs one request to its end; -> ([what the caller was told], caller, callee)."""
    link, caller, callee = pair(plan, seed, **weather)
    transaction = caller.send(link, method, f"call{seed}")
    if cancel_at is not None:
        link.later(cancel_at, lambda: caller.element.cancel(transaction, link.now))
    link.run()
    assert is_empty(caller.element) and is_empty(callee.element)
    assert callee.started == callee.ended
    return caller.told[transaction.key], caller, callee


def finals(told):
    return [name for name in told if name == "Timeout" or name >= "200" and name < "700"]


def test_a_call_over_a_fair_link():
    told, caller, callee = one("INVITE", [(0.2, 180), (2, 200)], 1, FAIR)
    assert told == ["100", "180", "200", "Ended"]
    assert callee.names == ["Request", "Ack", "Ended"] and caller.acks == 1


def test_a_refused_call_over_a_fair_link():
    for status in (302, 486, 503, 603):
        told, caller, callee = one("INVITE", [(0.2, 180), (2, status)], 1, FAIR)
        assert told == ["100", "180", str(status), "Ended"]
        assert callee.names == ["Request", "Ended"] and caller.acks == 0


def test_other_requests_over_a_fair_link():
    for plan in ([(0.1, 200)], [(0.1, 404)], [(5, 100), (7, 200)]):
        told, _, callee = one("OPTIONS", plan, 1, FAIR)
        assert told == [str(status) for _, status in plan] + ["Ended"]
        assert callee.names == ["Request", "Ended"]


def test_a_cancelled_call_over_a_fair_link():
    told, _, callee = one("INVITE", [(0.2, 180), (60, 200)], 1, FAIR, cancel_at=3)
    assert told == ["100", "180", "487", "Ended"]
    assert callee.names == ["Request", "Cancel", "Ended"]


def test_a_cancel_before_any_response():
    told, _, callee = one("INVITE", [(60, 200)], 1, FAIR, cancel_at=0.0001)
    assert told == ["100", "487", "Ended"] and "Cancel" in callee.names


def test_every_request_over_a_rough_link_has_one_outcome():
    for method in ("INVITE", "OPTIONS"):
        for plan in ([(0.2, 180), (2, 486)], [(0, 603)], [(0.2, 180), (2, 200)]):
            for seed in SEEDS:
                told, _, callee = one(method, plan, seed, ROUGH)
                outcomes = finals(told)
                assert outcomes and len(set(outcomes)) == 1, (method, plan, seed, told)
                assert told.count("Ended") == 1 and told[-1] == "Ended"
                assert callee.names.count("Request") == 1
                if outcomes[0] == "Timeout" or outcomes[0] >= "300" or method == "OPTIONS":
                    assert len(outcomes) == 1


def test_retransmission_beats_loss():
    """With three of ten datagrams lost, no request of these seeds fails."""
    for seed in SEEDS:
        assert finals(one("OPTIONS", [(0.1, 200)], seed, ROUGH)[0]) == ["200"]
        assert set(finals(one("INVITE", [(0.1, 200)], seed, ROUGH)[0])) == {"200"}


def test_a_cancel_racing_the_answer_has_one_outcome():
    """The CANCEL goes out round about the 200: the call is up or cancelled, never both."""
    outcomes = set()
    for seed in range(1, 40):
        plan = [(0.1, 180), (1.0, 200)]
        told, _, callee = one("INVITE", plan, seed, ROUGH, cancel_at=0.5 + seed / 40)
        found = set(finals(told))
        assert len(found) == 1, (seed, told)
        outcomes |= found
    assert outcomes == {"200", "487"}


def test_a_dead_link_times_out_and_leaves_nothing():
    dead = {"loss": 100, "duplication": 0, "delay": 50}
    for method in ("INVITE", "OPTIONS"):
        told, _, callee = one(method, [(0, 200)], 1, dead)
        assert told == ["Timeout", "Ended"] and callee.names == []


def test_a_duplicating_link_changes_nothing():
    double = {"loss": 0, "duplication": 100, "delay": 300}
    for status in (200, 486):
        told, _, callee = one("INVITE", [(0.5, 180), (1.5, status)], 3, double)
        assert set(finals(told)) == {str(status)}
        assert callee.names.count("Request") == 1


def test_many_calls_at_once_over_a_rough_link():
    link, caller, callee = pair([(0.2, 180), (1, 486)], 5, **ROUGH)
    for number in range(25):
        caller.send(link, "INVITE", f"call{number}")
    link.run()
    assert is_empty(caller.element) and is_empty(callee.element)
    assert all(finals(told) in (["486"], ["Timeout"]) for told in caller.told.values())
