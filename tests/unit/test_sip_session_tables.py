"""The tables of sessions, offers and transfers: every row, and every pair that is none."""

import itertools
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

import pytest

from telephony.errors import LocalError, RemoteError
from telephony.sip.invite_reoffer import REOFFER, ReofferInput, ReofferMachine, ReofferState
from telephony.sip.invite_state import (
    SESSION,
    SessionAct,
    SessionInput,
    SessionMachine,
    SessionState,
)
from telephony.sip.refer_state import REFER, ReferInput, ReferMachine, ReferState

Rows = Mapping[tuple[Any, Any], tuple[Any, tuple[Any, ...]]]

MACHINES: dict[str, tuple[Rows, type[Enum], type[Enum], list[Callable[[], Any]], set[Any]]] = {
    "session": (
        SESSION,
        SessionState,
        SessionInput,
        [
            lambda: SessionMachine(SessionState.RECEIVED),
            lambda: SessionMachine(SessionState.CALLING),
        ],
        {
            SessionInput.ACK,
            SessionInput.PEER_CANCEL,
            SessionInput.PEER_BYE,
            SessionInput.PROVISIONAL,
            SessionInput.SUCCESS,
            SessionInput.FAILURE,
            SessionInput.DIALOG_LOST,
        },
    ),
    "reoffer": (
        REOFFER,
        ReofferState,
        ReofferInput,
        [
            lambda: ReofferMachine(ReofferState.OPENING_LOCAL),
            lambda: ReofferMachine(ReofferState.OPENING_REMOTE),
        ],
        {
            ReofferInput.PEER_INVITE,
            ReofferInput.PEER_UPDATE,
            ReofferInput.PEER_CANCEL,
            ReofferInput.SUCCESS,
            ReofferInput.SUCCESS_OFFERING,
            ReofferInput.GLARE,
            ReofferInput.REFUSED,
            ReofferInput.ACK,
        },
    ),
    "refer": (
        REFER,
        ReferState,
        ReferInput,
        [ReferMachine],
        set(),
    ),
}
PAIRS = [
    pytest.param(name, state, what, id=f"{name}-{state.name}-{what.name}")
    for name, (_, states, inputs, _, _) in MACHINES.items()
    for state, what in itertools.product(states, inputs)
]


def machine_in(name: str, state: Enum) -> Any:
    rows, _, _, makers, _ = MACHINES[name]
    for make in makers:
        paths: dict[Any, list[Any]] = {make().state: []}
        frontier = list(paths)
        while frontier:
            here = frontier.pop(0)
            for (start, what), (end, _) in rows.items():
                if start is here and end not in paths:
                    paths[end] = [*paths[here], what]
                    frontier.append(end)
        if state in paths:
            machine = make()
            for what in paths[state]:
                machine.advance(what)
            return machine
    raise AssertionError(f"no row of {name} leads to {state.name}")


@pytest.mark.parametrize(("name", "state", "what"), PAIRS)
def test_every_pair_is_a_row_or_the_fault_of_who_sent_the_input(
    name: str, state: Enum, what: Enum
) -> None:
    rows, _, _, _, remote = MACHINES[name]
    machine = machine_in(name, state)
    row = rows.get((state, what))
    if row is None:
        with pytest.raises(RemoteError if what in remote else LocalError, match=what.name):
            machine.advance(what)
        assert machine.state is state
    else:
        assert machine.advance(what) == row[1]
        assert machine.state is row[0]


def acts_reached_from(start: SessionState) -> set[SessionAct]:
    reached, frontier = {start}, [start]
    acts: set[SessionAct] = set()
    while frontier:
        here = frontier.pop()
        for (state, _), (following, done) in SESSION.items():
            if state is here:
                acts |= set(done)
                if following not in reached:
                    reached.add(following)
                    frontier.append(following)
    return acts


def test_each_end_of_a_session_is_asked_only_for_what_it_can_do() -> None:
    both = {SessionAct.STOP_RING_LIMIT, SessionAct.SEND_BYE, SessionAct.END}
    assert acts_reached_from(SessionState.RECEIVED) == both | {
        SessionAct.REPLY,
        SessionAct.TELL_ACK,
        SessionAct.ANSWER_480,
        SessionAct.ANSWER_487,
    }
    assert acts_reached_from(SessionState.CALLING) == both | {
        SessionAct.TELL_PROGRESS,
        SessionAct.TELL_ANSWERED,
        SessionAct.ACKNOWLEDGE,
        SessionAct.SEND_CANCEL,
        SessionAct.WITHDRAW,
        SessionAct.ABANDON,
    }


def test_of_what_a_peer_may_send_about_a_transfer_every_pair_is_a_row() -> None:
    own = {ReferInput.SILENCE, ReferInput.HANDOFF_OVER}
    for pair in itertools.product(ReferState, set(ReferInput) - own):
        assert pair in REFER


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("session", SessionState.ENDED),
        ("reoffer", ReofferState.CLOSED),
        ("refer", ReferState.FINISHED),
    ],
)
def test_the_last_state_is_left_by_nothing_and_does_nothing(name: str, last: Enum) -> None:
    for (start, _), (end, acts) in MACHINES[name][0].items():
        if start is last:
            assert end is last
            assert acts == ()
