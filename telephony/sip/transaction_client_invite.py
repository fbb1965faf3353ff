"""The INVITE client transaction.

States: INITIAL, CALLING, PROCEEDING, COMPLETED, ACCEPTED, TERMINATED.
Inputs: SEND_REQUEST, ABANDON, RECEIVE_PROVISIONAL, RECEIVE_SUCCESS, RECEIVE_FAILURE,
    TRANSPORT_ERROR, timers A, B, D, M.
Source: RFC 3261 figure 5 (section 17.1.1.2) as amended by RFC 6026 section 7.2: a 2xx leads to
    ACCEPTED, where each further 2xx still reaches the user, who alone acknowledges it.
Left out: nothing. Added: ABANDON, the end of a cancelled INVITE that gets no final answer within
    64*T1 (RFC 3261 section 9.1), and the rows that say what is ignored.
"""

from types import MappingProxyType

from telephony.sip.timers import Timer
from telephony.sip.transaction import Act, Arm, Disarm, Input, Pace, State, Table

__all__ = ["CLIENT_INVITE"]

_CALLING_OVER = (Disarm(Timer.A), Disarm(Timer.B))

CLIENT_INVITE: Table = MappingProxyType(
    {
        (State.INITIAL, Input.SEND_REQUEST): (
            State.CALLING,
            (Act.SEND_REQUEST, Arm(Timer.A), Arm(Timer.B)),
        ),
        (State.CALLING, Timer.A): (
            State.CALLING,
            (Act.SEND_REQUEST, Arm(Timer.A, Pace.DOUBLED)),
        ),
        (State.CALLING, Timer.B): (State.TERMINATED, (Act.REPORT_TIMEOUT,)),
        (State.CALLING, Input.TRANSPORT_ERROR): (
            State.TERMINATED,
            (Act.REPORT_TRANSPORT_ERROR,),
        ),
        (State.CALLING, Input.ABANDON): (State.TERMINATED, ()),
        (State.CALLING, Input.RECEIVE_PROVISIONAL): (
            State.PROCEEDING,
            (*_CALLING_OVER, Act.DELIVER),
        ),
        (State.CALLING, Input.RECEIVE_SUCCESS): (
            State.ACCEPTED,
            (*_CALLING_OVER, Arm(Timer.M), Act.DELIVER),
        ),
        (State.CALLING, Input.RECEIVE_FAILURE): (
            State.COMPLETED,
            (*_CALLING_OVER, Act.SEND_ACK, Arm(Timer.D), Act.DELIVER),
        ),
        (State.PROCEEDING, Input.RECEIVE_PROVISIONAL): (State.PROCEEDING, (Act.DELIVER,)),
        (State.PROCEEDING, Input.RECEIVE_SUCCESS): (
            State.ACCEPTED,
            (Arm(Timer.M), Act.DELIVER),
        ),
        (State.PROCEEDING, Input.RECEIVE_FAILURE): (
            State.COMPLETED,
            (Act.SEND_ACK, Arm(Timer.D), Act.DELIVER),
        ),
        (State.PROCEEDING, Input.ABANDON): (State.TERMINATED, ()),
        # Nothing is being sent in this state, so no answer is lost yet: figure 5 has no such edge.
        (State.PROCEEDING, Input.TRANSPORT_ERROR): (State.PROCEEDING, ()),
        (State.COMPLETED, Input.RECEIVE_FAILURE): (State.COMPLETED, (Act.SEND_ACK,)),
        (State.COMPLETED, Timer.D): (State.TERMINATED, ()),
        (State.COMPLETED, Input.TRANSPORT_ERROR): (
            State.TERMINATED,
            (Act.REPORT_TRANSPORT_ERROR,),
        ),
        # Overtaken by the final answer, section 17.1.1.2.
        (State.COMPLETED, Input.RECEIVE_PROVISIONAL): (State.COMPLETED, ()),
        # A forking proxy may not send 2xx after another final answer, section 16.7 step 5.
        (State.COMPLETED, Input.RECEIVE_SUCCESS): (State.COMPLETED, ()),
        (State.COMPLETED, Input.ABANDON): (State.COMPLETED, ()),
        (State.ACCEPTED, Input.RECEIVE_SUCCESS): (State.ACCEPTED, (Act.DELIVER,)),
        (State.ACCEPTED, Timer.M): (State.TERMINATED, ()),
        # RFC 6026 section 8.4: answers other than 2xx are dropped here.
        (State.ACCEPTED, Input.RECEIVE_PROVISIONAL): (State.ACCEPTED, ()),
        (State.ACCEPTED, Input.RECEIVE_FAILURE): (State.ACCEPTED, ()),
        # The ACK is the user's, not this machine's: nothing of it can fail to be sent.
        (State.ACCEPTED, Input.TRANSPORT_ERROR): (State.ACCEPTED, ()),
        (State.ACCEPTED, Input.ABANDON): (State.ACCEPTED, ()),
    }
)
