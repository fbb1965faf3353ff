"""The client transaction of every request but INVITE and ACK.

States: INITIAL, TRYING, PROCEEDING, COMPLETED, TERMINATED.
Inputs: SEND_REQUEST, RECEIVE_PROVISIONAL, RECEIVE_SUCCESS, RECEIVE_FAILURE, TRANSPORT_ERROR,
    timers E, F, K.
Source: RFC 3261 figure 6 (section 17.1.2.2).
Left out: nothing. Added: the rows that say what is ignored.
"""

from types import MappingProxyType

from telephony.sip.timers import Timer
from telephony.sip.transaction import Act, Arm, Disarm, Input, Pace, State, Table

__all__ = ["CLIENT"]

_FINAL = (
    State.COMPLETED,
    (Disarm(Timer.E), Disarm(Timer.F), Arm(Timer.K), Act.DELIVER),
)
_FAILED = (State.TERMINATED, (Act.REPORT_TRANSPORT_ERROR,))
_IGNORED = (State.COMPLETED, ())

CLIENT: Table = MappingProxyType(
    {
        (State.INITIAL, Input.SEND_REQUEST): (
            State.TRYING,
            (Act.SEND_REQUEST, Arm(Timer.E), Arm(Timer.F)),
        ),
        (State.TRYING, Timer.E): (State.TRYING, (Act.SEND_REQUEST, Arm(Timer.E, Pace.DOUBLED))),
        (State.TRYING, Timer.F): (State.TERMINATED, (Act.REPORT_TIMEOUT,)),
        (State.TRYING, Input.TRANSPORT_ERROR): _FAILED,
        (State.TRYING, Input.RECEIVE_PROVISIONAL): (State.PROCEEDING, (Act.DELIVER,)),
        (State.TRYING, Input.RECEIVE_SUCCESS): _FINAL,
        (State.TRYING, Input.RECEIVE_FAILURE): _FINAL,
        (State.PROCEEDING, Timer.E): (
            State.PROCEEDING,
            (Act.SEND_REQUEST, Arm(Timer.E, Pace.T2)),
        ),
        (State.PROCEEDING, Timer.F): (State.TERMINATED, (Act.REPORT_TIMEOUT,)),
        (State.PROCEEDING, Input.TRANSPORT_ERROR): _FAILED,
        (State.PROCEEDING, Input.RECEIVE_PROVISIONAL): (State.PROCEEDING, (Act.DELIVER,)),
        (State.PROCEEDING, Input.RECEIVE_SUCCESS): _FINAL,
        (State.PROCEEDING, Input.RECEIVE_FAILURE): _FINAL,
        (State.COMPLETED, Timer.K): (State.TERMINATED, ()),
        # Timer K is there to absorb them, section 17.1.2.2.
        (State.COMPLETED, Input.RECEIVE_PROVISIONAL): _IGNORED,
        (State.COMPLETED, Input.RECEIVE_SUCCESS): _IGNORED,
        (State.COMPLETED, Input.RECEIVE_FAILURE): _IGNORED,
        (State.COMPLETED, Input.TRANSPORT_ERROR): _IGNORED,
    }
)
