"""The server transaction of every request but INVITE and ACK.

States: INITIAL, TRYING, PROCEEDING, COMPLETED, TERMINATED.
Inputs: RECEIVE_REQUEST, SEND_PROVISIONAL, SEND_SUCCESS, SEND_FAILURE, TRANSPORT_ERROR, timer J.
Source: RFC 3261 figure 8 (section 17.2.2). RFC 4320 section 4.1 forbids every 1xx but 100, and a
    408; the layer refuses to send them. After a transport error the transaction stays, to absorb
    copies of the request (RFC 6026 section 8.8).
Left out: nothing. Added: the rows that say what is ignored.
"""

from types import MappingProxyType

from telephony.sip.timers import Timer
from telephony.sip.transaction import Act, Arm, Input, State, Table

__all__ = ["SERVER"]

_FINAL = (State.COMPLETED, (Act.SEND_RESPONSE, Arm(Timer.J)))
_PROVISIONAL = (State.PROCEEDING, (Act.SEND_RESPONSE,))
_IGNORED = (State.COMPLETED, ())

SERVER: Table = MappingProxyType(
    {
        (State.INITIAL, Input.RECEIVE_REQUEST): (State.TRYING, (Act.DELIVER,)),
        # No answer exists yet: the copy is discarded, section 17.2.2.
        (State.TRYING, Input.RECEIVE_REQUEST): (State.TRYING, ()),
        (State.TRYING, Input.SEND_PROVISIONAL): _PROVISIONAL,
        (State.TRYING, Input.SEND_SUCCESS): _FINAL,
        (State.TRYING, Input.SEND_FAILURE): _FINAL,
        # Nothing was sent yet, so the error was not ours.
        (State.TRYING, Input.TRANSPORT_ERROR): (State.TRYING, ()),
        (State.PROCEEDING, Input.RECEIVE_REQUEST): _PROVISIONAL,
        (State.PROCEEDING, Input.SEND_PROVISIONAL): _PROVISIONAL,
        (State.PROCEEDING, Input.SEND_SUCCESS): _FINAL,
        (State.PROCEEDING, Input.SEND_FAILURE): _FINAL,
        (State.PROCEEDING, Input.TRANSPORT_ERROR): (
            State.PROCEEDING,
            (Act.REPORT_TRANSPORT_ERROR,),
        ),
        (State.COMPLETED, Input.RECEIVE_REQUEST): (State.COMPLETED, (Act.SEND_RESPONSE,)),
        (State.COMPLETED, Timer.J): (State.TERMINATED, ()),
        (State.COMPLETED, Input.TRANSPORT_ERROR): (
            State.COMPLETED,
            (Act.REPORT_TRANSPORT_ERROR,),
        ),
        # "Any other final responses passed by the TU MUST be discarded", section 17.2.2.
        (State.COMPLETED, Input.SEND_SUCCESS): _IGNORED,
        (State.COMPLETED, Input.SEND_FAILURE): _IGNORED,
        (State.COMPLETED, Input.SEND_PROVISIONAL): _IGNORED,
    }
)
