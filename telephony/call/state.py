"""The states of a call, as one table.

    RECEIVED ---answer---> OPENING --voice ready, late or lost--> ANSWERED --ACK--> UP
       |                      |                                      |             |  ^
     reject                hang up                                   |     transfer|  |failed
       v                      v                                      v             v  |
     ENDED <-------------- ENDED <---------words sent--- LEAVING <-------------TRANSFERRING
                                                                    connected: ENDED
    DIALLING --far end answers--> UP

Inputs are what the far end, the app, the voice session and time do; actions are data, carried out
by `Call`. Left out: the session's own life (a call may be up while its session is still opening),
and hold, which is the media's state and not the call's.
"""

from enum import Enum, auto

from telephony.errors import LocalError

__all__ = ["TRANSITIONS", "Action", "CallInput", "CallMachine", "CallState", "advance"]


class CallState(Enum):
    """Where a call is."""

    RECEIVED = auto()
    """An INVITE came; the app is deciding."""
    OPENING = auto()
    """The app took it; it rings while the voice session opens."""
    ANSWERED = auto()
    """We sent 200; the ACK has not come."""
    DIALLING = auto()
    """We called; no final answer yet."""
    UP = auto()
    """Both sides can talk."""
    TRANSFERRING = auto()
    """The caller is being sent elsewhere, or the words before that are still going out."""
    LEAVING = auto()
    """Last words are going out; then we hang up."""
    ENDED = auto()
    """Over."""


class CallInput(Enum):
    """What happens to a call."""

    ANSWER = auto()
    REJECT = auto()
    RING = auto()
    ROUTING_TIMED_OUT = auto()
    """The app did not decide in time."""
    VOICE_READY = auto()
    VOICE_LATE = auto()
    """The session was not granted within 3 s: the caller is answered all the same."""
    VOICE_LOST = auto()
    CONFIRMED = auto()
    """The ACK came, or the far end answered our call."""
    TRANSFER = auto()
    TRANSFER_CONNECTED = auto()
    TRANSFER_FAILED = auto()
    HANG_UP = auto()
    HANG_UP_AFTER_WORDS = auto()
    WORDS_SENT = auto()
    """Queued audio has gone out, or its time is over."""
    FAR_ENDED = auto()


class Action(Enum):
    """What a transition asks for."""

    RING = auto()
    OPEN_VOICE = auto()
    ANSWER = auto()
    REFUSE = auto()
    APOLOGIZE = auto()
    BEGIN = auto()
    """Start the greeting, once the caller can hear it; only the first time does anything."""
    WAIT_FOR_WORDS = auto()
    REFER = auto()
    RETURN_TO_AGENT = auto()
    HANG_UP = auto()
    END = auto()


_S, _I, _A = CallState, CallInput, Action
Transition = tuple[CallState, tuple[Action, ...]]

_OVER: Transition = (_S.ENDED, (_A.END,))
_STOP: Transition = (_S.ENDED, (_A.HANG_UP, _A.END))
_LEAVE: Transition = (_S.LEAVING, (_A.WAIT_FOR_WORDS,))
_SORRY: Transition = (_S.LEAVING, (_A.APOLOGIZE, _A.WAIT_FOR_WORDS))


def _ignore(state: CallState, *inputs: CallInput) -> dict[tuple[CallState, CallInput], Transition]:
    return {(state, one): (state, ()) for one in inputs}


TRANSITIONS: dict[tuple[CallState, CallInput], Transition] = {
    (_S.RECEIVED, _I.ANSWER): (_S.OPENING, (_A.RING, _A.OPEN_VOICE)),
    (_S.RECEIVED, _I.REJECT): (_S.ENDED, (_A.REFUSE, _A.END)),
    (_S.RECEIVED, _I.RING): (_S.RECEIVED, (_A.RING,)),
    (_S.RECEIVED, _I.ROUTING_TIMED_OUT): (_S.ENDED, (_A.REFUSE, _A.END)),
    (_S.RECEIVED, _I.HANG_UP): (_S.ENDED, (_A.REFUSE, _A.END)),
    (_S.RECEIVED, _I.FAR_ENDED): _OVER,
    (_S.OPENING, _I.VOICE_READY): (_S.ANSWERED, (_A.ANSWER,)),
    (_S.OPENING, _I.VOICE_LATE): (_S.ANSWERED, (_A.ANSWER,)),
    (_S.OPENING, _I.VOICE_LOST): (_S.LEAVING, (_A.ANSWER, _A.APOLOGIZE, _A.WAIT_FOR_WORDS)),
    (_S.OPENING, _I.HANG_UP): (_S.ENDED, (_A.REFUSE, _A.END)),
    (_S.OPENING, _I.HANG_UP_AFTER_WORDS): (_S.ENDED, (_A.REFUSE, _A.END)),
    (_S.OPENING, _I.FAR_ENDED): _OVER,
    # The session may come and go before the ACK; what it means is the same.
    (_S.ANSWERED, _I.CONFIRMED): (_S.UP, (_A.BEGIN,)),
    (_S.ANSWERED, _I.VOICE_LOST): _SORRY,
    (_S.ANSWERED, _I.HANG_UP): _STOP,
    (_S.ANSWERED, _I.HANG_UP_AFTER_WORDS): _LEAVE,
    (_S.ANSWERED, _I.TRANSFER): (_S.TRANSFERRING, (_A.WAIT_FOR_WORDS,)),
    (_S.ANSWERED, _I.FAR_ENDED): _OVER,
    **_ignore(_S.ANSWERED, _I.VOICE_READY, _I.VOICE_LATE, _I.WORDS_SENT),
    (_S.DIALLING, _I.CONFIRMED): (_S.UP, (_A.BEGIN,)),
    (_S.DIALLING, _I.VOICE_LOST): _STOP,
    **_ignore(_S.DIALLING, _I.VOICE_READY, _I.VOICE_LATE),
    (_S.DIALLING, _I.HANG_UP): _STOP,
    (_S.DIALLING, _I.HANG_UP_AFTER_WORDS): _STOP,
    (_S.DIALLING, _I.FAR_ENDED): _OVER,
    (_S.UP, _I.VOICE_LOST): _SORRY,
    (_S.UP, _I.TRANSFER): (_S.TRANSFERRING, (_A.WAIT_FOR_WORDS,)),
    (_S.UP, _I.HANG_UP): _STOP,
    (_S.UP, _I.HANG_UP_AFTER_WORDS): _LEAVE,
    (_S.UP, _I.FAR_ENDED): _OVER,
    **_ignore(_S.UP, _I.VOICE_READY, _I.VOICE_LATE, _I.WORDS_SENT, _I.CONFIRMED),
    (_S.TRANSFERRING, _I.WORDS_SENT): (_S.TRANSFERRING, (_A.REFER,)),
    (_S.TRANSFERRING, _I.TRANSFER_CONNECTED): _STOP,
    (_S.TRANSFERRING, _I.TRANSFER_FAILED): (_S.UP, (_A.BEGIN, _A.RETURN_TO_AGENT)),
    (_S.TRANSFERRING, _I.HANG_UP): _STOP,
    (_S.TRANSFERRING, _I.FAR_ENDED): _OVER,
    # The far end may still take the call over: its answer decides, not our session, nor an agent
    # that says goodbye.
    **_ignore(
        _S.TRANSFERRING,
        _I.HANG_UP_AFTER_WORDS,
        _I.VOICE_LOST,
        _I.VOICE_READY,
        _I.VOICE_LATE,
        _I.CONFIRMED,
        _I.TRANSFER,
    ),
    (_S.LEAVING, _I.WORDS_SENT): _STOP,
    (_S.LEAVING, _I.TRANSFER): (_S.TRANSFERRING, (_A.WAIT_FOR_WORDS,)),
    (_S.LEAVING, _I.HANG_UP): _STOP,
    (_S.LEAVING, _I.FAR_ENDED): _OVER,
    **_ignore(
        _S.LEAVING,
        _I.VOICE_LOST,
        _I.VOICE_READY,
        _I.VOICE_LATE,
        _I.CONFIRMED,
        _I.HANG_UP_AFTER_WORDS,
    ),
    # A command or a timer may cross the end of the call.
    **_ignore(_S.ENDED, *_I),
}


def advance(state: CallState, what: CallInput) -> Transition:
    """Look one transition up.

    Raises:
        LocalError: The table has no such row: whoever sent the input is at fault.
    """
    found = TRANSITIONS.get((state, what))
    if found is None:
        raise LocalError(f"a call that is {state.name} takes no {what.name}")
    return found


class CallMachine:
    """The state of one call, which nothing but its inputs changes."""

    __slots__ = ("_state",)

    def __init__(self, state: CallState) -> None:
        """Begin in a state: RECEIVED or DIALLING."""
        self._state = state

    @property
    def state(self) -> CallState:
        """Where the call is."""
        return self._state

    def take(self, what: CallInput) -> tuple[Action, ...]:
        """Take one input; carry out the actions it asks for, in their order.

        Raises:
            LocalError: The state has no room for it, and stays.
        """
        self._state, actions = advance(self._state, what)
        return actions
