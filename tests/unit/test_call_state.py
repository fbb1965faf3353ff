"""Every row of a call's table, and every pair that is not in it."""

from itertools import product

import pytest

from telephony.call.state import TRANSITIONS, Action, CallInput, CallMachine, CallState, advance
from telephony.errors import LocalError

ROWS = sorted(TRANSITIONS.items(), key=str)
ABSENT = sorted(set(product(CallState, CallInput)) - set(TRANSITIONS), key=str)


@pytest.mark.parametrize(("pair", "transition"), ROWS)
def test_a_row_leads_where_it_says(
    pair: tuple[CallState, CallInput], transition: tuple[CallState, tuple[Action, ...]]
) -> None:
    assert advance(*pair) == transition


@pytest.mark.parametrize(("state", "what"), ABSENT)
def test_a_pair_without_a_row_is_an_error_of_who_sent_it(state: CallState, what: CallInput) -> None:
    with pytest.raises(LocalError, match=what.name):
        advance(state, what)


def test_ending_is_always_told_and_nothing_leaves_the_end() -> None:
    for (state, _), (following, actions) in TRANSITIONS.items():
        if state is CallState.ENDED:
            assert (following, actions) == (CallState.ENDED, ())
        elif following is CallState.ENDED:
            assert actions[-1] is Action.END


def test_a_call_can_end_from_every_state() -> None:
    for state in set(CallState) - {CallState.ENDED}:
        following, _ = advance(state, CallInput.FAR_ENDED)
        assert following is CallState.ENDED


def test_every_state_is_reached() -> None:
    reached = {CallState.RECEIVED, CallState.DIALLING}
    reached |= {following for following, _ in TRANSITIONS.values()}
    assert reached == set(CallState)


def test_a_machine_takes_every_row_and_stays_where_there_is_none() -> None:
    for state, what in product(CallState, CallInput):
        machine = CallMachine(state)
        if (state, what) in TRANSITIONS:
            following, actions = TRANSITIONS[state, what]
            assert machine.take(what) == actions
            assert machine.state is following
        else:
            with pytest.raises(LocalError):
                machine.take(what)
            assert machine.state is state
