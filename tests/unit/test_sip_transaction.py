"""The four transaction tables against figures 5 to 8 of RFC 3261 as RFC 6026 amends them."""

import itertools

import pytest

from telephony.errors import LocalError, RemoteError
from telephony.sip.timers import Timer
from telephony.sip.transaction import (
    Act,
    Arm,
    Disarm,
    Input,
    Machine,
    State,
    Table,
    TransactionInput,
)
from telephony.sip.transaction_client import CLIENT
from telephony.sip.transaction_client_invite import CLIENT_INVITE
from telephony.sip.transaction_server import SERVER
from telephony.sip.transaction_server_invite import SERVER_INVITE

TABLES = {
    "client invite": CLIENT_INVITE,
    "client": CLIENT,
    "server invite": SERVER_INVITE,
    "server": SERVER,
}
INPUTS: list[TransactionInput] = [*Input, *Timer]
PAIRS = [
    pytest.param(table, state, what, id=f"{name}-{state.name}-{what.name}")
    for name, table in TABLES.items()
    for state, what in itertools.product(State, INPUTS)
]
LOCAL = {
    Input.SEND_REQUEST,
    Input.ABANDON,
    Input.SEND_PROVISIONAL,
    Input.SEND_SUCCESS,
    Input.SEND_FAILURE,
}

# The figures, written down a second time: (state, input) -> (next state, what leaves the machine,
# timers armed). Rows that ignore are not in the figures and not here.
S, In, T = State, Input, Timer
FIGURES: dict[str, dict[tuple[State, TransactionInput], tuple[State, str, str]]] = {
    "client invite": {
        (S.INITIAL, In.SEND_REQUEST): (S.CALLING, "request", "AB"),
        (S.CALLING, T.A): (S.CALLING, "request", "A"),
        (S.CALLING, T.B): (S.TERMINATED, "timeout", ""),
        (S.CALLING, In.TRANSPORT_ERROR): (S.TERMINATED, "error", ""),
        (S.CALLING, In.RECEIVE_PROVISIONAL): (S.PROCEEDING, "deliver", ""),
        (S.CALLING, In.RECEIVE_SUCCESS): (S.ACCEPTED, "deliver", "M"),
        (S.CALLING, In.RECEIVE_FAILURE): (S.COMPLETED, "ack deliver", "D"),
        (S.PROCEEDING, In.RECEIVE_PROVISIONAL): (S.PROCEEDING, "deliver", ""),
        (S.PROCEEDING, In.RECEIVE_SUCCESS): (S.ACCEPTED, "deliver", "M"),
        (S.PROCEEDING, In.RECEIVE_FAILURE): (S.COMPLETED, "ack deliver", "D"),
        (S.COMPLETED, In.RECEIVE_FAILURE): (S.COMPLETED, "ack", ""),
        (S.COMPLETED, In.TRANSPORT_ERROR): (S.TERMINATED, "error", ""),
        (S.COMPLETED, T.D): (S.TERMINATED, "", ""),
        (S.ACCEPTED, In.RECEIVE_SUCCESS): (S.ACCEPTED, "deliver", ""),
        (S.ACCEPTED, T.M): (S.TERMINATED, "", ""),
        (S.CALLING, In.ABANDON): (S.TERMINATED, "", ""),
        (S.PROCEEDING, In.ABANDON): (S.TERMINATED, "", ""),
    },
    "client": {
        (S.INITIAL, In.SEND_REQUEST): (S.TRYING, "request", "EF"),
        (S.TRYING, T.E): (S.TRYING, "request", "E"),
        (S.TRYING, T.F): (S.TERMINATED, "timeout", ""),
        (S.TRYING, In.TRANSPORT_ERROR): (S.TERMINATED, "error", ""),
        (S.TRYING, In.RECEIVE_PROVISIONAL): (S.PROCEEDING, "deliver", ""),
        (S.TRYING, In.RECEIVE_SUCCESS): (S.COMPLETED, "deliver", "K"),
        (S.TRYING, In.RECEIVE_FAILURE): (S.COMPLETED, "deliver", "K"),
        (S.PROCEEDING, T.E): (S.PROCEEDING, "request", "E"),
        (S.PROCEEDING, T.F): (S.TERMINATED, "timeout", ""),
        (S.PROCEEDING, In.TRANSPORT_ERROR): (S.TERMINATED, "error", ""),
        (S.PROCEEDING, In.RECEIVE_PROVISIONAL): (S.PROCEEDING, "deliver", ""),
        (S.PROCEEDING, In.RECEIVE_SUCCESS): (S.COMPLETED, "deliver", "K"),
        (S.PROCEEDING, In.RECEIVE_FAILURE): (S.COMPLETED, "deliver", "K"),
        (S.COMPLETED, T.K): (S.TERMINATED, "", ""),
    },
    "server invite": {
        (S.INITIAL, In.RECEIVE_REQUEST): (S.PROCEEDING, "deliver", "TRYING"),
        (S.PROCEEDING, T.TRYING): (S.PROCEEDING, "trying", ""),
        (S.PROCEEDING, In.RECEIVE_REQUEST): (S.PROCEEDING, "response", ""),
        (S.PROCEEDING, In.SEND_PROVISIONAL): (S.PROCEEDING, "response", ""),
        (S.PROCEEDING, In.SEND_SUCCESS): (S.ACCEPTED, "response", "L"),
        (S.PROCEEDING, In.SEND_FAILURE): (S.COMPLETED, "response", "GH"),
        (S.PROCEEDING, In.TRANSPORT_ERROR): (S.PROCEEDING, "error", ""),
        (S.COMPLETED, In.RECEIVE_REQUEST): (S.COMPLETED, "response", ""),
        (S.COMPLETED, T.G): (S.COMPLETED, "response", "G"),
        (S.COMPLETED, T.H): (S.TERMINATED, "timeout", ""),
        (S.COMPLETED, In.RECEIVE_ACK): (S.CONFIRMED, "", "I"),
        (S.COMPLETED, In.TRANSPORT_ERROR): (S.COMPLETED, "error", ""),
        (S.CONFIRMED, T.I): (S.TERMINATED, "", ""),
        (S.ACCEPTED, In.RECEIVE_ACK): (S.ACCEPTED, "deliver", ""),
        (S.ACCEPTED, In.SEND_SUCCESS): (S.ACCEPTED, "response", ""),
        (S.ACCEPTED, T.L): (S.TERMINATED, "", ""),
        (S.ACCEPTED, In.TRANSPORT_ERROR): (S.ACCEPTED, "error", ""),
    },
    "server": {
        (S.INITIAL, In.RECEIVE_REQUEST): (S.TRYING, "deliver", ""),
        (S.TRYING, In.SEND_PROVISIONAL): (S.PROCEEDING, "response", ""),
        (S.TRYING, In.SEND_SUCCESS): (S.COMPLETED, "response", "J"),
        (S.TRYING, In.SEND_FAILURE): (S.COMPLETED, "response", "J"),
        (S.PROCEEDING, In.RECEIVE_REQUEST): (S.PROCEEDING, "response", ""),
        (S.PROCEEDING, In.SEND_PROVISIONAL): (S.PROCEEDING, "response", ""),
        (S.PROCEEDING, In.SEND_SUCCESS): (S.COMPLETED, "response", "J"),
        (S.PROCEEDING, In.SEND_FAILURE): (S.COMPLETED, "response", "J"),
        (S.PROCEEDING, In.TRANSPORT_ERROR): (S.PROCEEDING, "error", ""),
        (S.COMPLETED, In.RECEIVE_REQUEST): (S.COMPLETED, "response", ""),
        (S.COMPLETED, T.J): (S.TERMINATED, "", ""),
        (S.COMPLETED, In.TRANSPORT_ERROR): (S.COMPLETED, "error", ""),
    },
}
WORDS = {
    Act.SEND_REQUEST: "request",
    Act.SEND_ACK: "ack",
    Act.SEND_RESPONSE: "response",
    Act.SEND_TRYING: "trying",
    Act.DELIVER: "deliver",
    Act.REPORT_TIMEOUT: "timeout",
    Act.REPORT_TRANSPORT_ERROR: "error",
}
LAST = {Act.DELIVER, Act.REPORT_TIMEOUT, Act.REPORT_TRANSPORT_ERROR}


def machine_in(table: Table, state: State) -> Machine | None:
    """Bring a machine into a state by walking the table; None where no row leads there."""
    paths: dict[State, list[TransactionInput]] = {State.INITIAL: []}
    frontier = [State.INITIAL]
    while frontier:
        here = frontier.pop(0)
        for (start, what), (end, _) in table.items():
            if start is here and end not in paths:
                paths[end] = [*paths[here], what]
                frontier.append(end)
    if state not in paths:
        return None
    machine = Machine(table)
    for what in paths[state]:
        machine.advance(what)
    assert machine.state is state
    return machine


@pytest.mark.parametrize(("table", "state", "what"), PAIRS)
def test_every_pair_is_a_row_or_the_fault_of_who_sent_the_input(
    table: Table, state: State, what: TransactionInput
) -> None:
    machine = machine_in(table, state)
    if machine is None:
        assert not any(start is state for start, _ in table)
        return
    row = table.get((state, what))
    if row is None:
        fault = LocalError if what in LOCAL or isinstance(what, Timer) else RemoteError
        with pytest.raises(fault, match=f"{what.name}.*{state.name}"):
            machine.advance(what)
        assert machine.state is state
    else:
        assert machine.advance(what) == row[1]
        assert machine.state is row[0]


@pytest.mark.parametrize("name", list(TABLES))
def test_the_table_is_the_figure(name: str) -> None:
    table, figure = TABLES[name], FIGURES[name]
    for pair, (end, actions) in table.items():
        words = " ".join(WORDS[act] for act in actions if isinstance(act, Act))
        armed = "".join(act.timer.name for act in actions if isinstance(act, Arm))
        if pair in figure:
            assert (end, words, armed) == figure[pair], pair
        else:
            assert (end, actions) == (pair[0], ()), f"{pair} is in no figure and not ignored"
    assert figure.keys() <= table.keys()


@pytest.mark.parametrize("name", list(TABLES))
def test_the_user_is_called_last_and_terminated_is_the_end(name: str) -> None:
    for (state, _), (_, actions) in TABLES[name].items():
        assert state is not State.TERMINATED
        assert not any(action in LAST for action in actions[:-1])


@pytest.mark.parametrize("name", list(TABLES))
def test_no_timer_is_left_armed_that_the_state_has_no_row_for(name: str) -> None:
    """Walk every path: whatever is armed on entering a state can go off there."""
    table = TABLES[name]
    seen: set[tuple[State, frozenset[Timer]]] = set()
    frontier: list[tuple[State, frozenset[Timer]]] = [(State.INITIAL, frozenset())]
    while frontier:
        here = frontier.pop()
        if here in seen or here[0] is State.TERMINATED:
            continue
        seen.add(here)
        state, armed = here
        for timer in armed:
            assert (state, timer) in table, f"timer {timer.name} in {state.name}"
        for (start, what), (end, actions) in table.items():
            if start is not state or (isinstance(what, Timer) and what not in armed):
                continue
            left = armed - {what} if isinstance(what, Timer) else armed
            for action in actions:
                if isinstance(action, Arm):
                    left |= {action.timer}
                elif isinstance(action, Disarm):
                    left -= {action.timer}
            frontier.append((end, left))
    assert len(seen) > 3
