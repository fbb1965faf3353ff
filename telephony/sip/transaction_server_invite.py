"""The INVITE server transaction.

States: INITIAL, PROCEEDING, COMPLETED, CONFIRMED, ACCEPTED, TERMINATED.
Inputs: RECEIVE_REQUEST, RECEIVE_ACK, SEND_PROVISIONAL, SEND_SUCCESS, SEND_FAILURE,
    TRANSPORT_ERROR, timers G, H, I, L, and TRYING, the delay before a 100.
Source: RFC 3261 figure 7 (section 17.2.1) as amended by RFC 6026 section 7.1: a 2xx leads to
    ACCEPTED, which absorbs copies of the INVITE and passes on ACK and the user's repeated 2xx.
Left out: nothing. Added: the rows that say what is ignored. After a transport error the
    transaction stays, to absorb copies of the request (RFC 6026 section 8.8).
"""

from types import MappingProxyType

from telephony.sip.timers import Timer
from telephony.sip.transaction import Act, Arm, Disarm, Input, Pace, State, Table

__all__ = ["SERVER_INVITE"]

SERVER_INVITE: Table = MappingProxyType(
    {
        (State.INITIAL, Input.RECEIVE_REQUEST): (
            State.PROCEEDING,
            (Arm(Timer.TRYING), Act.DELIVER),
        ),
        (State.PROCEEDING, Timer.TRYING): (State.PROCEEDING, (Act.SEND_TRYING,)),
        (State.PROCEEDING, Input.RECEIVE_REQUEST): (State.PROCEEDING, (Act.SEND_RESPONSE,)),
        (State.PROCEEDING, Input.SEND_PROVISIONAL): (
            State.PROCEEDING,
            (Disarm(Timer.TRYING), Act.SEND_RESPONSE),
        ),
        (State.PROCEEDING, Input.SEND_SUCCESS): (
            State.ACCEPTED,
            (Disarm(Timer.TRYING), Act.SEND_RESPONSE, Arm(Timer.L)),
        ),
        (State.PROCEEDING, Input.SEND_FAILURE): (
            State.COMPLETED,
            (Disarm(Timer.TRYING), Act.SEND_RESPONSE, Arm(Timer.G), Arm(Timer.H)),
        ),
        (State.PROCEEDING, Input.TRANSPORT_ERROR): (
            State.PROCEEDING,
            (Act.REPORT_TRANSPORT_ERROR,),
        ),
        (State.COMPLETED, Input.RECEIVE_REQUEST): (State.COMPLETED, (Act.SEND_RESPONSE,)),
        (State.COMPLETED, Timer.G): (
            State.COMPLETED,
            (Act.SEND_RESPONSE, Arm(Timer.G, Pace.DOUBLED)),
        ),
        (State.COMPLETED, Timer.H): (State.TERMINATED, (Act.REPORT_TIMEOUT,)),
        (State.COMPLETED, Input.RECEIVE_ACK): (
            State.CONFIRMED,
            (Disarm(Timer.G), Disarm(Timer.H), Arm(Timer.I)),
        ),
        (State.COMPLETED, Input.TRANSPORT_ERROR): (
            State.COMPLETED,
            (Act.REPORT_TRANSPORT_ERROR,),
        ),
        (State.CONFIRMED, Timer.I): (State.TERMINATED, ()),
        # Timer I is there to absorb further ACKs; a late copy of the INVITE is noise too.
        (State.CONFIRMED, Input.RECEIVE_ACK): (State.CONFIRMED, ()),
        (State.CONFIRMED, Input.RECEIVE_REQUEST): (State.CONFIRMED, ()),
        (State.CONFIRMED, Input.TRANSPORT_ERROR): (State.CONFIRMED, ()),
        # RFC 6026 section 7.1: copies of the INVITE are absorbed without an answer.
        (State.ACCEPTED, Input.RECEIVE_REQUEST): (State.ACCEPTED, ()),
        (State.ACCEPTED, Input.RECEIVE_ACK): (State.ACCEPTED, (Act.DELIVER,)),
        (State.ACCEPTED, Input.SEND_SUCCESS): (State.ACCEPTED, (Act.SEND_RESPONSE,)),
        (State.ACCEPTED, Timer.L): (State.TERMINATED, ()),
        (State.ACCEPTED, Input.TRANSPORT_ERROR): (
            State.ACCEPTED,
            (Act.REPORT_TRANSPORT_ERROR,),
        ),
    }
)
