"""The states of a leg's playout, as one table.

                 pause                       Hold counts more than pause: a leg on hold is held
      PLAYING ----------> PAUSED             whatever else is asked, and goes back to the state
       ^   |  <----------  ^   |             that it would have without the hold.
 unhold|   |hold  resume,  |   |hold
       |   v      flush    |   v
       HELD  <-------- HELD_PAUSED

Inputs are what the call decides (pause, resume, flush: reversible barge-in) and what the
descriptions say (hold, unhold; RFC 3264 section 8.4). Actions are data, carried out by `Playout`.
Left out: what a tick finds in the queue (audio, underrun, silence), which needs no memory.
"""

from enum import Enum, auto

from telephony.errors import LocalError

__all__ = ["TRANSITIONS", "PlayoutAction", "PlayoutInput", "PlayoutState", "advance"]


class PlayoutState(Enum):
    """What a tick does with the queue."""

    PLAYING = "playing"
    """It takes audio."""
    PAUSED = "paused"
    """It sends silence, and the queue waits."""
    HELD = "held"
    """It sends nothing, and the queue waits: the far end cannot hear."""
    HELD_PAUSED = "held_paused"
    """Held, and paused once the hold is over."""


class PlayoutInput(Enum):
    """What happens to a playout."""

    PAUSE = auto()
    RESUME = auto()
    HOLD = auto()
    UNHOLD = auto()
    FLUSH = auto()


class PlayoutAction(Enum):
    """What a transition asks for."""

    RAMP = auto()
    """Let up to 5 ms of what is being spoken go out, ramped to zero."""
    DROP = auto()
    """Drop the queue."""


_S, _I, _A = PlayoutState, PlayoutInput, PlayoutAction
Transition = tuple[PlayoutState, tuple[PlayoutAction, ...]]

TRANSITIONS: dict[tuple[PlayoutState, PlayoutInput], Transition] = {
    (_S.PLAYING, _I.PAUSE): (_S.PAUSED, ()),
    (_S.PLAYING, _I.HOLD): (_S.HELD, ()),
    (_S.PLAYING, _I.FLUSH): (_S.PLAYING, (_A.RAMP, _A.DROP)),
    (_S.PAUSED, _I.RESUME): (_S.PLAYING, ()),
    (_S.PAUSED, _I.HOLD): (_S.HELD_PAUSED, ()),
    (_S.PAUSED, _I.FLUSH): (_S.PLAYING, (_A.DROP,)),
    (_S.HELD, _I.PAUSE): (_S.HELD_PAUSED, ()),
    (_S.HELD, _I.UNHOLD): (_S.PLAYING, ()),
    (_S.HELD, _I.FLUSH): (_S.HELD, (_A.DROP,)),
    (_S.HELD_PAUSED, _I.RESUME): (_S.HELD, ()),
    (_S.HELD_PAUSED, _I.UNHOLD): (_S.PAUSED, ()),
    (_S.HELD_PAUSED, _I.FLUSH): (_S.HELD, (_A.DROP,)),
    # Ignored: every offer and answer states the direction, changed or not (RFC 3264 section 8).
    (_S.PLAYING, _I.UNHOLD): (_S.PLAYING, ()),
    (_S.PAUSED, _I.UNHOLD): (_S.PAUSED, ()),
    (_S.HELD, _I.HOLD): (_S.HELD, ()),
    (_S.HELD_PAUSED, _I.HOLD): (_S.HELD_PAUSED, ()),
}


def advance(state: PlayoutState, what: PlayoutInput) -> Transition:
    """Look one transition up.

    Raises:
        LocalError: The table has no such row: whoever sent the input is at fault.
    """
    found = TRANSITIONS.get((state, what))
    if found is None:
        raise LocalError(f"a playout that is {state.name} takes no {what.name}")
    return found
