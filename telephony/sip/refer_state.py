"""What becomes of a transfer we asked the peer for.

States:
    ASKED        REFER is out
    ACCEPTED     the peer took it on, by 2xx or by a first NOTIFY; its reports are awaited
    HANDING_OFF  the peer will not tell more: it gets some seconds to send its BYE
    FINISHED     the outcome is told
Inputs: ReferInput below.
Source: RFC 3515 section 2.4, RFC 4488 (`Refer-Sub: false`), RFC 6665 (NOTIFY may come before 2xx).
Left out: the transfers that a peer asks of us; they are in `refer_server`.
"""

from enum import Enum
from types import MappingProxyType

from telephony.errors import LocalError

__all__ = ["REFER", "ReferAct", "ReferInput", "ReferMachine", "ReferState"]


class ReferState(Enum):
    """Where a transfer stands; the list above says what each means."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    HANDING_OFF = "handing off"
    FINISHED = "finished"

    __hash__ = object.__hash__


class ReferInput(Enum):
    """What can happen."""

    TAKEN_ON = "2xx to REFER"
    TAKEN_ON_SILENTLY = "2xx to REFER, with Refer-Sub: false"
    REFUSED = "another final answer to REFER, or none"
    PROGRESS = "NOTIFY with a 1xx"
    DECIDED = "NOTIFY with a final status"
    CLOSED = "NOTIFY that ends the subscription with a 1xx, or with nothing"
    SILENCE = "the reports have stopped"
    HANDOFF_OVER = "the peer sent no BYE"
    SESSION_ENDED = "the session is over"

    __hash__ = object.__hash__


class ReferAct(Enum):
    """What is to be done, in the order of the row."""

    TELL_ACCEPTED = "tell the user that the peer took it on"
    TELL_PROGRESS = "tell the user of the 1xx"
    ARM_SILENCE = "limit the time to the next report"
    ARM_HANDOFF = "limit the time to the peer's BYE"
    FINISH_BY_STATUS = "tell the outcome that follows from the status"
    FINISH_REFUSED = "tell the outcome that follows from the refusal of the REFER itself"
    FINISH_HANDED_OFF = "tell that the outcome will not be known: the peer has the call"
    FINISH_UNKNOWN = "tell that the outcome is not known"
    FINISH_CANCELLED = "tell that the session ended before the peer took it on"

    __hash__ = object.__hash__


_S = ReferState
_I = ReferInput
_A = ReferAct

REFER = MappingProxyType(
    {
        (_S.ASKED, _I.TAKEN_ON): (_S.ACCEPTED, (_A.TELL_ACCEPTED, _A.ARM_SILENCE)),
        (_S.ASKED, _I.TAKEN_ON_SILENTLY): (
            _S.HANDING_OFF,
            (_A.TELL_ACCEPTED, _A.ARM_HANDOFF),
        ),
        (_S.ASKED, _I.REFUSED): (_S.FINISHED, (_A.FINISH_REFUSED,)),
        (_S.ASKED, _I.PROGRESS): (
            _S.ACCEPTED,
            (_A.TELL_ACCEPTED, _A.TELL_PROGRESS, _A.ARM_SILENCE),
        ),
        (_S.ASKED, _I.DECIDED): (_S.FINISHED, (_A.TELL_ACCEPTED, _A.FINISH_BY_STATUS)),
        (_S.ASKED, _I.CLOSED): (_S.HANDING_OFF, (_A.TELL_ACCEPTED, _A.ARM_HANDOFF)),
        (_S.ASKED, _I.SESSION_ENDED): (_S.FINISHED, (_A.FINISH_CANCELLED,)),
        # The 2xx, or what stands for its absence, after the NOTIFY that said as much.
        (_S.ACCEPTED, _I.TAKEN_ON): (_S.ACCEPTED, ()),
        (_S.ACCEPTED, _I.TAKEN_ON_SILENTLY): (_S.ACCEPTED, ()),
        (_S.ACCEPTED, _I.REFUSED): (_S.ACCEPTED, ()),
        (_S.ACCEPTED, _I.PROGRESS): (_S.ACCEPTED, (_A.TELL_PROGRESS, _A.ARM_SILENCE)),
        (_S.ACCEPTED, _I.DECIDED): (_S.FINISHED, (_A.FINISH_BY_STATUS,)),
        (_S.ACCEPTED, _I.CLOSED): (_S.HANDING_OFF, (_A.ARM_HANDOFF,)),
        (_S.ACCEPTED, _I.SILENCE): (_S.FINISHED, (_A.FINISH_UNKNOWN,)),
        (_S.ACCEPTED, _I.SESSION_ENDED): (_S.FINISHED, (_A.FINISH_HANDED_OFF,)),
        (_S.HANDING_OFF, _I.TAKEN_ON): (_S.HANDING_OFF, ()),
        (_S.HANDING_OFF, _I.TAKEN_ON_SILENTLY): (_S.HANDING_OFF, ()),
        (_S.HANDING_OFF, _I.REFUSED): (_S.HANDING_OFF, ()),
        (_S.HANDING_OFF, _I.PROGRESS): (_S.HANDING_OFF, ()),
        (_S.HANDING_OFF, _I.CLOSED): (_S.HANDING_OFF, ()),
        # Reports that overtook each other.
        (_S.HANDING_OFF, _I.DECIDED): (_S.FINISHED, (_A.FINISH_BY_STATUS,)),
        (_S.HANDING_OFF, _I.HANDOFF_OVER): (_S.FINISHED, (_A.FINISH_HANDED_OFF,)),
        (_S.HANDING_OFF, _I.SESSION_ENDED): (_S.FINISHED, (_A.FINISH_HANDED_OFF,)),
        # Told once; whatever comes now changes nothing.
        (_S.FINISHED, _I.TAKEN_ON): (_S.FINISHED, ()),
        (_S.FINISHED, _I.TAKEN_ON_SILENTLY): (_S.FINISHED, ()),
        (_S.FINISHED, _I.REFUSED): (_S.FINISHED, ()),
        (_S.FINISHED, _I.PROGRESS): (_S.FINISHED, ()),
        (_S.FINISHED, _I.DECIDED): (_S.FINISHED, ()),
        (_S.FINISHED, _I.CLOSED): (_S.FINISHED, ()),
        (_S.FINISHED, _I.SESSION_ENDED): (_S.FINISHED, ()),
    }
)
"""(state, input) -> (next state, actions)."""


class ReferMachine:
    """One transfer's place in the table."""

    __slots__ = ("_state",)

    def __init__(self) -> None:
        """Begin in ASKED."""
        self._state = ReferState.ASKED

    @property
    def state(self) -> ReferState:
        """Where it stands."""
        return self._state

    def advance(self, what: ReferInput) -> tuple[ReferAct, ...]:
        """Take one step and give back what is to be done, in order.

        Raises:
            LocalError: A timer that should not be armed went off; nothing has changed. Of what a
                peer may send every pair is a row.
        """
        step = REFER.get((self._state, what))
        if step is None:
            raise LocalError(f"{what.name} while the transfer is {self._state.name}")
        self._state = step[0]
        return step[1]
