"""What the four transaction machines share: their vocabulary, and the step through a table.

The tables themselves stand in `transaction_client_invite`, `transaction_client`,
`transaction_server_invite` and `transaction_server`, one file per figure of RFC 3261 section 17.
A machine is told an input and gives back actions; `layer.TransactionLayer` carries them out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from telephony.errors import LocalError, RemoteError
from telephony.sip.timers import Timer

__all__ = [
    "Act",
    "Action",
    "Arm",
    "Disarm",
    "Input",
    "Machine",
    "Pace",
    "State",
    "Table",
    "TransactionInput",
]


class State(Enum):
    """The states of figures 5 to 8 and of RFC 6026; a machine uses those its table names."""

    INITIAL = "initial"
    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    ACCEPTED = "accepted"
    TERMINATED = "terminated"

    __hash__ = object.__hash__


class Input(Enum):
    """What can happen to a transaction, besides one of its timers going off."""

    SEND_REQUEST = "the user hands a request to the client"
    ABANDON = "the user gives the client up, 64*T1 after CANCEL (RFC 3261 section 9.1)"
    RECEIVE_PROVISIONAL = "1xx came"
    RECEIVE_SUCCESS = "2xx came"
    RECEIVE_FAILURE = "3xx to 6xx came"
    RECEIVE_REQUEST = "the request came, first or again"
    RECEIVE_ACK = "ACK came"
    SEND_PROVISIONAL = "the user answers 1xx"
    SEND_SUCCESS = "the user answers 2xx, first or again"
    SEND_FAILURE = "the user answers 3xx to 6xx"
    TRANSPORT_ERROR = "the transport could not deliver what was sent"

    __hash__ = object.__hash__


class Act(Enum):
    """What a machine wants done. DELIVER and the REPORTs end a row: the user may call back."""

    SEND_REQUEST = "send the request, first or again"
    SEND_ACK = "acknowledge a final answer that is not 2xx, first or again (section 17.1.1.3)"
    SEND_RESPONSE = "send the latest answer, first or again"
    SEND_TRYING = "answer 100 in the user's stead"
    DELIVER = "hand the message to the user"
    REPORT_TIMEOUT = "tell the user that the other side stayed silent"
    REPORT_TRANSPORT_ERROR = "tell the user that the transport failed"

    __hash__ = object.__hash__


class Pace(Enum):
    """How long an armed timer waits."""

    FIRST = "its value of table 4"
    DOUBLED = "twice the time before, at most T2 for all but timer A"
    T2 = "T2"


@dataclass(frozen=True, slots=True)
class Arm:
    """Arm a timer, in place of its earlier alarm if it had one."""

    timer: Timer
    pace: Pace = Pace.FIRST


@dataclass(frozen=True, slots=True)
class Disarm:
    """Cancel a timer's alarm, armed or not."""

    timer: Timer


Action = Act | Arm | Disarm
TransactionInput = Input | Timer
Table = Mapping[tuple[State, TransactionInput], tuple[State, tuple[Action, ...]]]

_LOCAL_INPUTS = frozenset(
    {
        Input.SEND_REQUEST,
        Input.ABANDON,
        Input.SEND_PROVISIONAL,
        Input.SEND_SUCCESS,
        Input.SEND_FAILURE,
    }
)


class Machine:
    """One transaction's place in its table."""

    __slots__ = ("_state", "_table")

    def __init__(self, table: Table) -> None:
        """Begin in INITIAL."""
        self._table = table
        self._state = State.INITIAL

    @property
    def state(self) -> State:
        """Where it stands."""
        return self._state

    def advance(self, what: TransactionInput) -> tuple[Action, ...]:
        """Take one step and give back what is to be done, in order.

        Raises:
            LocalError: Our side did what this state does not allow, or a timer that should not be
                armed went off; nothing has changed.
            RemoteError: The peer sent what this state does not allow; nothing has changed.
        """
        step = self._table.get((self._state, what))
        if step is None:
            text = f"{what.name} in transaction state {self._state.name}, which has no such row"
            if what in _LOCAL_INPUTS or isinstance(what, Timer):
                raise LocalError(text)
            raise RemoteError(text)
        self._state = step[0]
        return step[1]
