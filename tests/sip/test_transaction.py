"""Every (state, event) of the four machines through real transactions, and their timers."""

from app.sip import events, machines, timers
from app.sip.message import parse
from app.sip.timers import Deadlines
from app.sip.transaction import ClientTransaction, ServerTransaction, client_key, server_key
from app.sip.transport import Peer
from tests.sip.elements import ALICE, BOB, first_line, name_of, received, response

TCP = Peer("tcp", "192.0.2.2", 5060, 7)

EVENTS = (
    machines.REQUEST, machines.ACK, machines.PROVISIONAL, machines.SUCCESS, machines.FAILURE,
    machines.CANCEL, machines.ABANDON, machines.TRANSPORT_ERROR, machines.TIMER_A, machines.TIMER_B,
    machines.TIMER_D, machines.TIMER_E, machines.TIMER_F, machines.TIMER_G, machines.TIMER_H,
    machines.TIMER_I, machines.TIMER_J, machines.TIMER_K, machines.TIMER_L, machines.TIMER_M,
    machines.TIMER_CANCEL,
)

# How to bring a transaction into each of its states from START.
WAYS = {
    "INVITE client": {
        "calling": ["request"],
        "proceeding": ["request", "1xx"],
        "accepted": ["request", "2xx"],
        "completed": ["request", "300-699"],
        "terminated": ["request", "timer B"],
    },
    "OPTIONS client": {
        "trying": ["request"],
        "proceeding": ["request", "1xx"],
        "completed": ["request", "2xx"],
        "terminated": ["request", "timer F"],
    },
    "INVITE server": {
        "proceeding": ["request"],
        "accepted": ["request", "2xx"],
        "completed": ["request", "300-699"],
        "confirmed": ["request", "300-699", "ack"],
        "terminated": ["request", "2xx", "timer L"],
    },
    "OPTIONS server": {
        "trying": ["request"],
        "proceeding": ["request", "1xx"],
        "completed": ["request", "2xx"],
        "terminated": ["request", "2xx", "timer J"],
    },
}

# What each action is to be seen as from outside: (what is sent, what is told).
SEEN = {
    "send": ("request", None),
    "send_ack": ("ACK", None),
    "send_cancel": ("CANCEL", None),
    "defer_cancel": (None, None),
    "send_trying": ("SIP/2.0 100 Trying", None),
    "respond": ("new", None),
    "resend": ("last", None),
    "tell_timeout": (None, "Timeout"),
    "tell_error": (None, "TransportError"),
}

STATUS = {"1xx": 180, "2xx": 200, "300-699": 486}


class Layer:
    """A stand-in for the endpoint that writes down what transactions ask for."""

    def __init__(self):
        self.deadlines = Deadlines()
        self.sent = []
        self.told = []
        self.forgotten = []

    def queue(self, data, peer, transaction):
        self.sent.append((data, peer))

    def tell(self, event):
        self.told.append(event)

    def start_cancel(self, transaction, now):
        self.sent.append((b"CANCEL sip:x SIP/2.0\r\n", transaction.peer))

    def forget(self, transaction):
        self.forgotten.append(transaction)


def make(kind, peer=BOB):
    method, role = kind.split(" ")
    data = received(method)
    if role == "client":
        return ClientTransaction(Layer(), "key", method, peer, data)
    return ServerTransaction(Layer(), "key", peer, parse(data))


def message_for(transaction, event):
    """-> what the endpoint would give to fire() with this event."""
    is_client = isinstance(transaction, ClientTransaction)
    if event in STATUS:
        data = response(transaction.request, STATUS[event], "R")
        return parse(data) if is_client else data
    if is_client:
        return None
    if event in ("ack", "cancel"):
        return parse(received(event.upper()))
    return transaction.request if event == "request" else None


def fire(transaction, event, now=0.0):
    if event.startswith("timer"):
        entry = transaction._timers.pop(event, None)
        if entry is not None:
            transaction.layer.deadlines.cancel(entry)
    return transaction.fire(event, now, message_for(transaction, event), ALICE)


def bring(kind, state, peer=BOB):
    transaction = make(kind, peer)
    for event in WAYS[kind].get(state, []):
        assert fire(transaction, event), event
    assert transaction.state == state
    return transaction


def all_cells():
    for kind, ways in WAYS.items():
        for state in ["start"] + sorted(ways):
            for event in EVENTS:
                yield kind, state, event


def test_an_event_without_a_cell_changes_and_does_nothing():
    count = 0
    for kind, state, event in all_cells():
        transaction = bring(kind, state)
        if event in transaction.machine[state]:
            continue
        running = set(transaction._timers) - {event}
        layer = transaction.layer = Layer()
        assert fire(transaction, event) is False
        assert transaction.state == state and set(transaction._timers) == running
        assert layer.sent == [] and layer.told == [] and layer.forgotten == []
        count += 1
    assert count > 300


def test_an_event_with_a_cell_does_what_the_cell_says():
    for kind, state, event in all_cells():
        transaction = bring(kind, state)
        if event in transaction.machine[state]:
            check_cell(transaction, state, event)


def check_cell(transaction, state, event):
    following, actions, starts = transaction.machine[state][event]
    running = set(transaction._timers) - {event}
    last = getattr(transaction, "response", None)
    layer = transaction.layer
    del layer.sent[:], layer.told[:]
    assert fire(transaction, event) is True
    assert transaction.state == following
    row = transaction.machine[following]
    assert set(transaction._timers) == {t for t in running if t in row} | set(starts)
    check_seen(transaction, actions, event, last)
    assert (layer.forgotten == [transaction]) == (following == "terminated")


def check_seen(transaction, actions, event, last):
    sent, told = [], []
    for action in actions:
        if action == "pass_up":
            told.append(passed_up(transaction, event))
            continue
        send, tell = SEEN[action]
        if send is not None:
            sent.append(expected_line(transaction, send, event, last))
        if tell is not None:
            told.append(tell)
    if transaction.state == "terminated":
        told.append("Ended")
    assert [first_line(data) for data, _ in transaction.layer.sent] == sent
    assert [name_of(item) for item in transaction.layer.told] == told
    assert [peer for _, peer in transaction.layer.sent] == [BOB] * len(sent)


def passed_up(transaction, event):
    if event == "ack":
        return "Ack"
    return "Cancel" if event == "cancel" else str(STATUS[event])


def expected_line(transaction, send, event, last):
    if send == "request":
        return first_line(transaction.request)
    if send == "ACK":
        return "ACK sip:bob@example.org SIP/2.0"
    if send == "CANCEL":
        return "CANCEL sip:x SIP/2.0"
    if send == "last":
        return first_line(last)
    return f"SIP/2.0 {STATUS[event]} R" if send == "new" else send


def schedule(kind, state, until, peer=BOB):
    """-> [when] of every message sent from entering `state` at 0 until its end."""
    transaction = bring(kind, state, peer)
    layer = transaction.layer
    del layer.sent[:]
    found = []
    while True:
        at = layer.deadlines.next()
        if at is None or at > until:
            return found
        item, timer = layer.deadlines.pop(at)
        item.fire_timer(timer, at)
        found += [at] * len(layer.sent)
        del layer.sent[:]


def test_invite_is_retransmitted_by_timer_a_until_timer_b():
    assert schedule("INVITE client", "calling", 99) == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]


def test_invite_is_not_retransmitted_once_proceeding():
    assert schedule("INVITE client", "proceeding", 999) == []


def test_non_invite_is_retransmitted_by_timer_e_up_to_t2():
    expected = [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert schedule("OPTIONS client", "trying", 99) == expected


def test_non_invite_goes_on_at_t2_once_proceeding():
    expected = [0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5]
    assert schedule("OPTIONS client", "proceeding", 99) == expected


def test_final_response_is_retransmitted_by_timer_g_until_timer_h():
    expected = [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert schedule("INVITE server", "completed", 99) == expected


def test_2xx_is_not_retransmitted_by_the_transaction():
    assert schedule("INVITE server", "accepted", 99) == []


def test_nothing_is_retransmitted_over_tcp():
    for kind, ways in WAYS.items():
        for state in ways:
            assert schedule(kind, state, 99, TCP) == []


def lifetime(kind, state, peer=BOB):
    """-> when the transaction ends, left alone in `state` since 0."""
    transaction = bring(kind, state, peer)
    deadlines = transaction.layer.deadlines
    at = None
    while deadlines.next() is not None:
        at = deadlines.next()
        item, timer = deadlines.pop(at)
        item.fire_timer(timer, at)
    assert transaction.state == "terminated"
    return at


def test_lifetimes_over_udp_are_table_4():
    assert lifetime("INVITE client", "calling") == 32  # B
    assert lifetime("INVITE client", "completed") == 32  # D
    assert lifetime("INVITE client", "accepted") == 32  # M
    assert lifetime("OPTIONS client", "trying") == 32  # F
    assert lifetime("OPTIONS client", "proceeding") == 32  # F
    assert lifetime("OPTIONS client", "completed") == 5  # K
    assert lifetime("INVITE server", "completed") == 32  # H
    assert lifetime("INVITE server", "confirmed") == 5  # I
    assert lifetime("INVITE server", "accepted") == 32  # L
    assert lifetime("OPTIONS server", "completed") == 32  # J


def test_lifetimes_over_tcp_are_table_4():
    assert lifetime("INVITE client", "calling", TCP) == 32  # B
    assert lifetime("INVITE client", "completed", TCP) == 0  # D
    assert lifetime("INVITE client", "accepted", TCP) == 32  # M
    assert lifetime("OPTIONS client", "trying", TCP) == 32  # F
    assert lifetime("OPTIONS client", "completed", TCP) == 0  # K
    assert lifetime("INVITE server", "completed", TCP) == 32  # H
    assert lifetime("INVITE server", "confirmed", TCP) == 0  # I
    assert lifetime("INVITE server", "accepted", TCP) == 32  # L
    assert lifetime("OPTIONS server", "completed", TCP) == 0  # J


def test_terminated_holds_no_timer():
    for kind in WAYS:
        transaction = bring(kind, "terminated")
        assert transaction._timers == {} and len(transaction.layer.deadlines) == 0


def test_a_silent_transaction_tells_nothing():
    transaction = make("OPTIONS client")
    transaction.silent = True
    for event in ("request", "1xx", "2xx", "timer K"):
        assert fire(transaction, event)
    assert transaction.layer.told == []


def test_a_response_that_comes_too_late_does_not_replace_the_final_one():
    transaction = bring("INVITE server", "completed")
    fire(transaction, "2xx")
    fire(transaction, "request")
    assert first_line(transaction.layer.sent[-1][0]) == "SIP/2.0 486 R"


def test_a_deferred_cancel_goes_out_with_the_first_provisional_response_only():
    transaction = bring("INVITE client", "calling")
    fire(transaction, "cancel")
    for _ in range(2):
        transaction.receive(message_for(transaction, "1xx"), BOB, 1.0)
    sent = [first_line(data)[:6] for data, _ in transaction.layer.sent]
    assert sent == ["INVITE", "CANCEL"]
    assert set(transaction._timers) == {machines.TIMER_CANCEL}


def test_a_deferred_cancel_is_void_after_a_final_response():
    for status in ("2xx", "300-699"):
        transaction = bring("INVITE client", "calling")
        fire(transaction, "cancel")
        transaction.receive(message_for(transaction, status), BOB, 1.0)
        sent = [first_line(data)[:6] for data, _ in transaction.layer.sent]
        assert "CANCEL" not in sent


def test_acks_pass_up_with_their_source():
    transaction = bring("INVITE server", "accepted")
    fire(transaction, "ack")
    event = transaction.layer.told[-1]
    assert isinstance(event, events.Ack) and event.peer == ALICE and event.message.method == "ACK"


def key_of(method="INVITE", **how):
    message = parse(received(method, **how))
    return server_key(message, "INVITE" if method in ("ACK", "CANCEL") else method)


def test_an_rfc_3261_key_is_branch_sent_by_and_method():
    key = key_of()
    assert key == key_of("ACK") == key_of("CANCEL")
    assert key == key_of(call="another")
    assert key == key_of(via="SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKX1")
    assert key != key_of(via="SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKx1")
    assert key != key_of(via="SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKx1")
    assert key != key_of(via="SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx2")
    assert key != key_of("OPTIONS")


def test_sent_by_is_compared_without_case():
    upper = key_of(via="SIP/2.0/UDP PC.Example.ORG;branch=z9hG4bKx1")
    assert upper == key_of(via="SIP/2.0/UDP pc.example.org;branch=z9hG4bKx1")


OLD = "SIP/2.0/UDP 192.0.2.1:5060;branch=1"


def test_an_rfc_2543_key_counts_everything_but_the_to_tag():
    key = key_of(via=OLD)
    assert key == key_of("ACK", via=OLD, to_tag="b1") == key_of("CANCEL", via=OLD)
    assert key != key_of(via=OLD, call="another")
    assert key != key_of(via=OLD, number=2)
    assert key != key_of(via="SIP/2.0/UDP 192.0.2.1:5060")
    assert key_of(via="SIP/2.0/UDP 192.0.2.1") == key_of("ACK", via="SIP/2.0/UDP 192.0.2.1")


def test_an_rfc_2543_ack_must_have_the_tag_that_we_answered_with():
    transaction = ServerTransaction(Layer(), "key", ALICE, parse(received(via=OLD)))
    fire(transaction, "request")
    fire(transaction, "300-699")
    assert transaction.matches(parse(received("ACK", via=OLD, to_tag="b1")))
    assert not transaction.matches(parse(received("ACK", via=OLD, to_tag="b2")))
    assert transaction.matches(parse(received(via=OLD)))
    assert not transaction.matches(parse(received(via=OLD, to_tag="b1")))


def test_client_keys_are_branch_and_method():
    assert client_key("z9hG4bKAb", "INVITE") == client_key("z9hG4bKaB", "INVITE")
    assert client_key("z9hG4bKa", "INVITE") != client_key("z9hG4bKa", "CANCEL")


def test_every_started_timer_is_a_known_one():
    for kind, ways in WAYS.items():
        for state in ways:
            for timer in bring(kind, state)._timers:
                assert timer in timers.FIXED or timer in timers.LONGEST
