"""The four transaction machines, as tables to hold against the RFCs' figures.

`machine[state][event]` is a cell `(next state, actions, timers to start)`:

    INVITE client      RFC 3261 figure 5 with RFC 6026 8.4 (Accepted, timer M)
    non-INVITE client  RFC 3261 figure 6
    INVITE server      RFC 6026 figure 7 (Accepted, timer L)
    non-INVITE server  RFC 3261 figure 8

Three rules complete the tables:

- An event that has no cell in the present state is dropped: nothing is sent, told or changed.
- A timer lives while the state's row has a cell for it; entering a row that has none stops it.
- A transaction is in `START` until its first event and is forgotten in `TERMINATED`.

Actions are the names of methods of app/sip/transaction.py.
"""

# States
START = "start"
CALLING = "calling"
TRYING = "trying"
PROCEEDING = "proceeding"
ACCEPTED = "accepted"
COMPLETED = "completed"
CONFIRMED = "confirmed"
TERMINATED = "terminated"

# Events: a request or an ACK of it arrives (server), or is given by the TU (client, START)
REQUEST = "request"
ACK = "ack"
# A response arrives (client), or is given by the TU (server)
PROVISIONAL = "1xx"
SUCCESS = "2xx"
FAILURE = "300-699"
# A CANCEL for this INVITE arrives (server), or the TU wants one sent (client)
CANCEL = "cancel"
ABANDON = "abandon"  # the TU has no final response and will have none (server; RFC 4320 4.2)
TRANSPORT_ERROR = "transport error"
TIMER_A = "timer A"
TIMER_B = "timer B"
TIMER_D = "timer D"
TIMER_E = "timer E"
TIMER_F = "timer F"
TIMER_G = "timer G"
TIMER_H = "timer H"
TIMER_I = "timer I"
TIMER_J = "timer J"
TIMER_K = "timer K"
TIMER_L = "timer L"
TIMER_M = "timer M"
TIMER_CANCEL = "timer CANCEL"  # no letter in the RFC: the 64*T1 of RFC 3261 9.1

# Actions of a client
SEND = "send"  # the request, first or again
SEND_ACK = "send_ack"  # for a final response other than 2xx
SEND_CANCEL = "send_cancel"
DEFER_CANCEL = "defer_cancel"  # until a provisional response allows it (9.1)
# Actions of a server
SEND_TRYING = "send_trying"
RESPOND = "respond"  # keep the TU's response and send it
RESEND = "resend"  # the last response, if there is one
# Actions of both: tell the TU
PASS_UP = "pass_up"  # the response (client), the ACK or CANCEL (server)
TELL_TIMEOUT = "tell_timeout"
TELL_ERROR = "tell_error"

INVITE_CLIENT = {
    START: {
        REQUEST: (CALLING, (SEND,), (TIMER_A, TIMER_B)),
    },
    CALLING: {
        TIMER_A: (CALLING, (SEND,), (TIMER_A,)),
        TIMER_B: (TERMINATED, (TELL_TIMEOUT,), ()),
        TRANSPORT_ERROR: (TERMINATED, (TELL_ERROR,), ()),
        PROVISIONAL: (PROCEEDING, (PASS_UP,), ()),
        SUCCESS: (ACCEPTED, (PASS_UP,), (TIMER_M,)),
        FAILURE: (COMPLETED, (SEND_ACK, PASS_UP), (TIMER_D,)),
        CANCEL: (CALLING, (DEFER_CANCEL,), ()),
    },
    PROCEEDING: {
        PROVISIONAL: (PROCEEDING, (PASS_UP,), ()),
        SUCCESS: (ACCEPTED, (PASS_UP,), (TIMER_M,)),
        FAILURE: (COMPLETED, (SEND_ACK, PASS_UP), (TIMER_D,)),
        # 9.1: a cancelled request without a final response within 64*T1 is given up.
        CANCEL: (PROCEEDING, (SEND_CANCEL,), (TIMER_CANCEL,)),
        TIMER_CANCEL: (TERMINATED, (TELL_TIMEOUT,), ()),
    },
    ACCEPTED: {
        SUCCESS: (ACCEPTED, (PASS_UP,), ()),
        TIMER_M: (TERMINATED, (), ()),
    },
    COMPLETED: {
        FAILURE: (COMPLETED, (SEND_ACK,), ()),
        TRANSPORT_ERROR: (TERMINATED, (TELL_ERROR,), ()),
        TIMER_D: (TERMINATED, (), ()),
    },
    TERMINATED: {},
}

NON_INVITE_CLIENT = {
    START: {
        REQUEST: (TRYING, (SEND,), (TIMER_E, TIMER_F)),
    },
    TRYING: {
        TIMER_E: (TRYING, (SEND,), (TIMER_E,)),
        TIMER_F: (TERMINATED, (TELL_TIMEOUT,), ()),
        TRANSPORT_ERROR: (TERMINATED, (TELL_ERROR,), ()),
        PROVISIONAL: (PROCEEDING, (PASS_UP,), ()),
        SUCCESS: (COMPLETED, (PASS_UP,), (TIMER_K,)),
        FAILURE: (COMPLETED, (PASS_UP,), (TIMER_K,)),
    },
    PROCEEDING: {
        TIMER_E: (PROCEEDING, (SEND,), (TIMER_E,)),
        TIMER_F: (TERMINATED, (TELL_TIMEOUT,), ()),
        TRANSPORT_ERROR: (TERMINATED, (TELL_ERROR,), ()),
        PROVISIONAL: (PROCEEDING, (PASS_UP,), ()),
        SUCCESS: (COMPLETED, (PASS_UP,), (TIMER_K,)),
        FAILURE: (COMPLETED, (PASS_UP,), (TIMER_K,)),
    },
    COMPLETED: {
        TIMER_K: (TERMINATED, (), ()),
    },
    TERMINATED: {},
}

INVITE_SERVER = {
    START: {
        # 17.2.1 lets the 100 wait for 200 ms; sent at once it stops timer A at the caller.
        REQUEST: (PROCEEDING, (SEND_TRYING,), ()),
    },
    PROCEEDING: {
        REQUEST: (PROCEEDING, (RESEND,), ()),
        PROVISIONAL: (PROCEEDING, (RESPOND,), ()),
        SUCCESS: (ACCEPTED, (RESPOND,), (TIMER_L,)),
        FAILURE: (COMPLETED, (RESPOND,), (TIMER_G, TIMER_H)),
        # 9.2: a CANCEL has an effect only before the final response.
        CANCEL: (PROCEEDING, (PASS_UP,), ()),
        TRANSPORT_ERROR: (PROCEEDING, (TELL_ERROR,), ()),
    },
    ACCEPTED: {
        REQUEST: (ACCEPTED, (), ()),
        ACK: (ACCEPTED, (PASS_UP,), ()),
        SUCCESS: (ACCEPTED, (RESPOND,), ()),
        TRANSPORT_ERROR: (ACCEPTED, (TELL_ERROR,), ()),
        TIMER_L: (TERMINATED, (), ()),
    },
    COMPLETED: {
        REQUEST: (COMPLETED, (RESEND,), ()),
        ACK: (CONFIRMED, (), (TIMER_I,)),
        TRANSPORT_ERROR: (COMPLETED, (TELL_ERROR,), ()),
        TIMER_G: (COMPLETED, (RESEND,), (TIMER_G,)),
        TIMER_H: (TERMINATED, (TELL_TIMEOUT,), ()),
    },
    CONFIRMED: {
        ACK: (CONFIRMED, (), ()),
        TIMER_I: (TERMINATED, (), ()),
    },
    TERMINATED: {},
}

NON_INVITE_SERVER = {
    START: {
        REQUEST: (TRYING, (), ()),
    },
    TRYING: {
        REQUEST: (TRYING, (), ()),
        PROVISIONAL: (PROCEEDING, (RESPOND,), ()),
        SUCCESS: (COMPLETED, (RESPOND,), (TIMER_J,)),
        FAILURE: (COMPLETED, (RESPOND,), (TIMER_J,)),
        ABANDON: (COMPLETED, (), (TIMER_J,)),
    },
    PROCEEDING: {
        REQUEST: (PROCEEDING, (RESEND,), ()),
        PROVISIONAL: (PROCEEDING, (RESPOND,), ()),
        SUCCESS: (COMPLETED, (RESPOND,), (TIMER_J,)),
        FAILURE: (COMPLETED, (RESPOND,), (TIMER_J,)),
        ABANDON: (COMPLETED, (), (TIMER_J,)),
        TRANSPORT_ERROR: (TERMINATED, (TELL_ERROR,), ()),
    },
    COMPLETED: {
        REQUEST: (COMPLETED, (RESEND,), ()),
        TRANSPORT_ERROR: (TERMINATED, (TELL_ERROR,), ()),
        TIMER_J: (TERMINATED, (), ()),
    },
    TERMINATED: {},
}


def event_of(status):
    """The event that a response of this status code (100 to 699) is to a machine."""
    if status < 200:
        return PROVISIONAL
    return SUCCESS if status < 300 else FAILURE
