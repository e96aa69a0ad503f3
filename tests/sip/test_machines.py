"""The tables against the figures of RFC 3261 and RFC 6026, arrow by arrow.

An arrow is `state event -> state: actions; timers`. What is not drawn must have no cell.
"""

from app.sip import machines

# RFC 3261 figure 5; RFC 6026 8.4 replaces "2xx -> Terminated" and adds Accepted. CANCEL: 9.1.
INVITE_CLIENT = """
start       request         -> calling: send; timer A, timer B
calling     timer A         -> calling: send; timer A
calling     timer B         -> terminated: tell_timeout
calling     transport error -> terminated: tell_error
calling     1xx             -> proceeding: pass_up
calling     2xx             -> accepted: pass_up; timer M
calling     300-699         -> completed: send_ack, pass_up; timer D
calling     cancel          -> calling: defer_cancel
proceeding  1xx             -> proceeding: pass_up
proceeding  2xx             -> accepted: pass_up; timer M
proceeding  300-699         -> completed: send_ack, pass_up; timer D
proceeding  cancel          -> proceeding: send_cancel; timer CANCEL
proceeding  timer CANCEL    -> terminated: tell_timeout
accepted    2xx             -> accepted: pass_up
accepted    timer M         -> terminated:
completed   300-699         -> completed: send_ack
completed   transport error -> terminated: tell_error
completed   timer D         -> terminated:
"""

# RFC 3261 figure 6: "200-699" is 2xx and 300-699.
NON_INVITE_CLIENT = """
start       request         -> trying: send; timer E, timer F
trying      timer E         -> trying: send; timer E
trying      timer F         -> terminated: tell_timeout
trying      transport error -> terminated: tell_error
trying      1xx             -> proceeding: pass_up
trying      2xx             -> completed: pass_up; timer K
trying      300-699         -> completed: pass_up; timer K
proceeding  timer E         -> proceeding: send; timer E
proceeding  timer F         -> terminated: tell_timeout
proceeding  transport error -> terminated: tell_error
proceeding  1xx             -> proceeding: pass_up
proceeding  2xx             -> completed: pass_up; timer K
proceeding  300-699         -> completed: pass_up; timer K
completed   timer K         -> terminated:
"""

# RFC 6026 figure 7; timer H informs the TU as RFC 3261 17.2.1 says. CANCEL: RFC 3261 9.2.
INVITE_SERVER = """
start       request         -> proceeding: send_trying
proceeding  request         -> proceeding: resend
proceeding  1xx             -> proceeding: respond
proceeding  2xx             -> accepted: respond; timer L
proceeding  300-699         -> completed: respond; timer G, timer H
proceeding  transport error -> proceeding: tell_error
proceeding  cancel          -> proceeding: pass_up
accepted    request         -> accepted:
accepted    ack             -> accepted: pass_up
accepted    2xx             -> accepted: respond
accepted    transport error -> accepted: tell_error
accepted    timer L         -> terminated:
completed   request         -> completed: resend
completed   ack             -> confirmed: ; timer I
completed   transport error -> completed: tell_error
completed   timer G         -> completed: resend; timer G
completed   timer H         -> terminated: tell_timeout
confirmed   ack             -> confirmed:
confirmed   timer I         -> terminated:
"""

# RFC 3261 figure 8; "trying request" is 17.2.2's "discarded". RFC 4320 4.2 adds "abandon".
NON_INVITE_SERVER = """
start       request         -> trying:
trying      request         -> trying:
trying      1xx             -> proceeding: respond
trying      2xx             -> completed: respond; timer J
trying      300-699         -> completed: respond; timer J
trying      abandon         -> completed: ; timer J
proceeding  request         -> proceeding: resend
proceeding  1xx             -> proceeding: respond
proceeding  2xx             -> completed: respond; timer J
proceeding  300-699         -> completed: respond; timer J
proceeding  abandon         -> completed: ; timer J
proceeding  transport error -> terminated: tell_error
completed   request         -> completed: resend
completed   transport error -> terminated: tell_error
completed   timer J         -> terminated:
"""


def words(text):
    return tuple(word.strip() for word in text.split(",") if word.strip())


def arrows(figure):
    """{(state, event): (next state, actions, timers)} of a figure's lines."""
    cells = {}
    for line in figure.strip().split("\n"):
        left, right = line.split("->")
        state, event = left.split(None, 1)
        following, does = right.split(":")
        actions, _, timers = does.partition(";")
        cells[state, event.strip()] = (following.strip(), words(actions), words(timers))
    return cells


def cells(machine):
    return {(state, event): cell for state, row in machine.items() for event, cell in row.items()}


def test_invite_client_is_figure_5_with_accepted():
    assert cells(machines.INVITE_CLIENT) == arrows(INVITE_CLIENT)


def test_non_invite_client_is_figure_6():
    assert cells(machines.NON_INVITE_CLIENT) == arrows(NON_INVITE_CLIENT)


def test_invite_server_is_figure_7_of_rfc_6026():
    assert cells(machines.INVITE_SERVER) == arrows(INVITE_SERVER)


def test_non_invite_server_is_figure_8():
    assert cells(machines.NON_INVITE_SERVER) == arrows(NON_INVITE_SERVER)


ALL = (
    machines.INVITE_CLIENT,
    machines.NON_INVITE_CLIENT,
    machines.INVITE_SERVER,
    machines.NON_INVITE_SERVER,
)


def test_every_next_state_has_a_row_and_terminated_is_the_end():
    for machine in ALL:
        for state, _, _ in cells(machine).values():
            assert state in machine and state != machines.START
        assert machine[machines.TERMINATED] == {}


def test_every_started_timer_has_a_cell_where_it_runs():
    for machine in ALL:
        for state, _, timers in cells(machine).values():
            for timer in timers:
                assert timer in machine[state]


def test_every_state_can_be_left():
    for machine in ALL:
        for state in machine:
            following = {cell[0] for cell in machine[state].values()}
            assert state == machines.TERMINATED or following - {state}


def test_statuses_are_the_figures_classes():
    found = [machines.event_of(status) for status in (100, 199, 200, 299, 300, 404, 699)]
    assert found == ["1xx", "1xx", "2xx", "2xx", "300-699", "300-699", "300-699"]
