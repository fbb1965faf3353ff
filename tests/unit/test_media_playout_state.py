"""Walks the playout's table: every row, every absent pair, and both again through `Playout`."""

from collections.abc import Callable
from itertools import product

import pytest

from telephony.errors import LocalError
from telephony.media import Ledger, Playout, PlayoutState
from telephony.media.playout_state import (
    TRANSITIONS,
    PlayoutAction,
    PlayoutInput,
    Transition,
    advance,
)
from telephony_codecs import AudioFormat

ABSENT = [pair for pair in product(PlayoutState, PlayoutInput) if pair not in TRANSITIONS]
REACH: dict[PlayoutState, tuple[PlayoutInput, ...]] = {
    PlayoutState.PLAYING: (),
    PlayoutState.PAUSED: (PlayoutInput.PAUSE,),
    PlayoutState.HELD: (PlayoutInput.HOLD,),
    PlayoutState.HELD_PAUSED: (PlayoutInput.PAUSE, PlayoutInput.HOLD),
}


def playout_in(state: PlayoutState) -> Playout:
    """Bring a playout into a state."""
    playout = Playout(AudioFormat.PCMU, Ledger(8000))
    for one in REACH[state]:
        give(playout, one)
    assert playout.state is state
    return playout


def give(playout: Playout, what: PlayoutInput) -> None:
    """Call the method that stands for an input."""
    methods: dict[PlayoutInput, Callable[[], object]] = {
        PlayoutInput.PAUSE: playout.pause,
        PlayoutInput.RESUME: playout.resume,
        PlayoutInput.HOLD: playout.hold,
        PlayoutInput.UNHOLD: playout.unhold,
        PlayoutInput.FLUSH: playout.flush,
    }
    methods[what]()


@pytest.mark.parametrize(("pair", "transition"), TRANSITIONS.items())
def test_row(pair: tuple[PlayoutState, PlayoutInput], transition: Transition) -> None:
    assert advance(*pair) == transition
    playout = playout_in(pair[0])
    give(playout, pair[1])
    assert playout.state is transition[0]


@pytest.mark.parametrize("pair", ABSENT)
def test_absent_pair_is_the_callers_error(pair: tuple[PlayoutState, PlayoutInput]) -> None:
    with pytest.raises(LocalError, match=f"{pair[0].name} takes no {pair[1].name}"):
        advance(*pair)
    playout = playout_in(pair[0])
    with pytest.raises(LocalError):
        give(playout, pair[1])
    assert playout.state is pair[0]


def test_absent_pairs_are_those_of_a_pause_out_of_place() -> None:
    assert {what for _, what in ABSENT} == {PlayoutInput.PAUSE, PlayoutInput.RESUME}
    assert len(ABSENT) == 4


def test_every_flush_drops_and_ends_a_pause_and_only_a_playing_one_ramps() -> None:
    for state in PlayoutState:
        after, actions = advance(state, PlayoutInput.FLUSH)
        assert PlayoutAction.DROP in actions
        assert after in {PlayoutState.PLAYING, PlayoutState.HELD}
        assert (PlayoutAction.RAMP in actions) == (state is PlayoutState.PLAYING)
