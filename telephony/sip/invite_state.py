"""The life of one session that INVITE makes, from either side, to its end.

States:
    RECEIVED        the peer's INVITE has no final answer yet
    ANSWERED        we sent 2xx, its ACK has not come
    HANGUP_WAITING  as ANSWERED, and BYE is to be sent as soon as that is allowed
    CALLING         our INVITE is out, or waits for the address of its next hop; nothing was heard
    PROCEEDING      our INVITE was answered 1xx
    CANCEL_WAITING  we gave up before any 1xx: CANCEL has to wait for one
    CANCELLING      CANCEL is out
    ESTABLISHED     both sides have the session
    LEAVING         our BYE is out
    ENDED           over
Inputs: SessionInput below.
Source: RFC 3261 sections 9 (CANCEL), 13 (INVITE), 15 (BYE; the callee may not send it before ACK or
    its time-out, 487 to an INVITE that BYE overtakes); RFC 6026 for late and repeated 2xx.
Left out: re-INVITE, which has its own machine (`invite_reoffer`) and never changes these states
    except by DIALOG_LOST; forked 2xx, which `invite_client` ends without asking.
"""

from enum import Enum
from types import MappingProxyType

from telephony.errors import LocalError, RemoteError

__all__ = ["SESSION", "SessionAct", "SessionInput", "SessionMachine", "SessionState"]


class SessionState(Enum):
    """Where a session stands; the list above says what each means."""

    RECEIVED = "received"
    ANSWERED = "answered"
    HANGUP_WAITING = "hangup waiting"
    CALLING = "calling"
    PROCEEDING = "proceeding"
    CANCEL_WAITING = "cancel waiting"
    CANCELLING = "cancelling"
    ESTABLISHED = "established"
    LEAVING = "leaving"
    ENDED = "ended"

    __hash__ = object.__hash__


class SessionInput(Enum):
    """What can happen to a session. LOCAL_ inputs are our user's commands."""

    LOCAL_RING = "ring, 1xx"
    LOCAL_ANSWER = "answer, 2xx"
    LOCAL_REJECT = "reject or redirect, 3xx to 6xx"
    LOCAL_CANCEL = "give up our INVITE"
    LOCAL_WITHDRAW = "give up our INVITE, which still waits for the address of its next hop"
    LOCAL_BYE = "hang up"
    ACK = "the ACK of our 2xx came"
    ACK_TIMEOUT = "64*T1 after our 2xx no ACK has come"
    PEER_CANCEL = "CANCEL came"
    PEER_BYE = "BYE came"
    PROVISIONAL = "1xx came"
    SUCCESS = "2xx came"
    FAILURE = "3xx to 6xx came, or what stands for it: silence (408), a broken transport (503)"
    RING_LIMIT = "the INVITE stayed unanswered for as long as the settings allow"
    CANCEL_TIMEOUT = "64*T1 after CANCEL no final answer has come"
    BYE_FINISHED = "our BYE was answered, or will not be"
    DIALOG_LOST = "a re-INVITE showed that the peer knows nothing of the dialog, or is gone"

    __hash__ = object.__hash__


class SessionAct(Enum):
    """What is to be done, in the order of the row."""

    REPLY = "send the 1xx, 2xx or refusal that the user commanded"
    STOP_RING_LIMIT = "disarm the ring limit"
    ANSWER_487 = "answer the pending INVITE 487"
    ANSWER_480 = "answer the pending INVITE 480"
    SEND_CANCEL = "send CANCEL and arm its limit"
    WITHDRAW = "see that the INVITE is never sent"
    ABANDON = "destroy the INVITE transaction"
    SEND_BYE = "send BYE"
    TELL_ACK = "tell the user that the session is up"
    TELL_PROGRESS = "tell the user of the 1xx"
    TELL_ANSWERED = "acknowledge the 2xx and tell the user"
    ACKNOWLEDGE = "acknowledge the 2xx, and no more"
    END = "drop dialogs and alarms, tell the user"

    __hash__ = object.__hash__


_S = SessionState
_I = SessionInput
_A = SessionAct

_LOCAL_INPUTS = frozenset(
    {
        _I.LOCAL_RING,
        _I.LOCAL_ANSWER,
        _I.LOCAL_REJECT,
        _I.LOCAL_CANCEL,
        _I.LOCAL_WITHDRAW,
        _I.LOCAL_BYE,
        _I.ACK_TIMEOUT,
        _I.RING_LIMIT,
        _I.CANCEL_TIMEOUT,
        _I.BYE_FINISHED,
    }
)

SESSION = MappingProxyType(
    {
        (_S.RECEIVED, _I.LOCAL_RING): (_S.RECEIVED, (_A.REPLY,)),
        (_S.RECEIVED, _I.LOCAL_ANSWER): (_S.ANSWERED, (_A.STOP_RING_LIMIT, _A.REPLY)),
        (_S.RECEIVED, _I.LOCAL_REJECT): (_S.ENDED, (_A.REPLY, _A.END)),
        # No BYE by a callee in an early dialog (section 15): the INVITE is refused instead.
        (_S.RECEIVED, _I.LOCAL_BYE): (_S.ENDED, (_A.ANSWER_480, _A.END)),
        (_S.RECEIVED, _I.PEER_CANCEL): (_S.ENDED, (_A.ANSWER_487, _A.END)),
        (_S.RECEIVED, _I.PEER_BYE): (_S.ENDED, (_A.ANSWER_487, _A.END)),
        (_S.RECEIVED, _I.RING_LIMIT): (_S.ENDED, (_A.ANSWER_480, _A.END)),
        (_S.ANSWERED, _I.ACK): (_S.ESTABLISHED, (_A.TELL_ACK,)),
        (_S.ANSWERED, _I.ACK_TIMEOUT): (_S.LEAVING, (_A.SEND_BYE,)),
        (_S.ANSWERED, _I.LOCAL_BYE): (_S.HANGUP_WAITING, ()),
        (_S.ANSWERED, _I.PEER_BYE): (_S.ENDED, (_A.END,)),
        # "has no effect on the processing of the original request", section 9.2.
        (_S.ANSWERED, _I.PEER_CANCEL): (_S.ANSWERED, ()),
        (_S.HANGUP_WAITING, _I.ACK): (_S.LEAVING, (_A.SEND_BYE,)),
        (_S.HANGUP_WAITING, _I.ACK_TIMEOUT): (_S.LEAVING, (_A.SEND_BYE,)),
        (_S.HANGUP_WAITING, _I.LOCAL_BYE): (_S.HANGUP_WAITING, ()),
        (_S.HANGUP_WAITING, _I.PEER_BYE): (_S.ENDED, (_A.END,)),
        (_S.HANGUP_WAITING, _I.PEER_CANCEL): (_S.HANGUP_WAITING, ()),
        (_S.CALLING, _I.PROVISIONAL): (_S.PROCEEDING, (_A.TELL_PROGRESS,)),
        (_S.CALLING, _I.SUCCESS): (_S.ESTABLISHED, (_A.STOP_RING_LIMIT, _A.TELL_ANSWERED)),
        (_S.CALLING, _I.FAILURE): (_S.ENDED, (_A.END,)),
        # Section 9.1: no CANCEL before a provisional answer.
        (_S.CALLING, _I.LOCAL_CANCEL): (_S.CANCEL_WAITING, (_A.STOP_RING_LIMIT,)),
        (_S.CALLING, _I.LOCAL_BYE): (_S.CANCEL_WAITING, (_A.STOP_RING_LIMIT,)),
        # Nobody has heard of it: there is nothing to cancel.
        (_S.CALLING, _I.LOCAL_WITHDRAW): (_S.ENDED, (_A.WITHDRAW, _A.END)),
        (_S.CALLING, _I.RING_LIMIT): (_S.ENDED, (_A.ABANDON, _A.END)),
        (_S.PROCEEDING, _I.PROVISIONAL): (_S.PROCEEDING, (_A.TELL_PROGRESS,)),
        (_S.PROCEEDING, _I.SUCCESS): (_S.ESTABLISHED, (_A.STOP_RING_LIMIT, _A.TELL_ANSWERED)),
        (_S.PROCEEDING, _I.FAILURE): (_S.ENDED, (_A.END,)),
        (_S.PROCEEDING, _I.LOCAL_CANCEL): (_S.CANCELLING, (_A.STOP_RING_LIMIT, _A.SEND_CANCEL)),
        (_S.PROCEEDING, _I.LOCAL_BYE): (_S.CANCELLING, (_A.STOP_RING_LIMIT, _A.SEND_CANCEL)),
        (_S.PROCEEDING, _I.RING_LIMIT): (_S.CANCELLING, (_A.SEND_CANCEL,)),
        # A callee may not send BYE in an early dialog; the answer to our INVITE decides.
        (_S.PROCEEDING, _I.PEER_BYE): (_S.PROCEEDING, ()),
        (_S.CANCEL_WAITING, _I.PROVISIONAL): (_S.CANCELLING, (_A.SEND_CANCEL,)),
        (_S.CANCEL_WAITING, _I.SUCCESS): (_S.LEAVING, (_A.ACKNOWLEDGE, _A.SEND_BYE)),
        (_S.CANCEL_WAITING, _I.FAILURE): (_S.ENDED, (_A.END,)),
        (_S.CANCEL_WAITING, _I.LOCAL_CANCEL): (_S.CANCEL_WAITING, ()),
        (_S.CANCEL_WAITING, _I.LOCAL_BYE): (_S.CANCEL_WAITING, ()),
        (_S.CANCELLING, _I.PROVISIONAL): (_S.CANCELLING, ()),
        # The 2xx crossed our CANCEL: acknowledge, then hang up (section 9.1).
        (_S.CANCELLING, _I.SUCCESS): (_S.LEAVING, (_A.ACKNOWLEDGE, _A.SEND_BYE)),
        (_S.CANCELLING, _I.FAILURE): (_S.ENDED, (_A.END,)),
        (_S.CANCELLING, _I.CANCEL_TIMEOUT): (_S.ENDED, (_A.ABANDON, _A.END)),
        (_S.CANCELLING, _I.LOCAL_CANCEL): (_S.CANCELLING, ()),
        (_S.CANCELLING, _I.LOCAL_BYE): (_S.CANCELLING, ()),
        (_S.CANCELLING, _I.PEER_BYE): (_S.CANCELLING, ()),
        (_S.ESTABLISHED, _I.LOCAL_BYE): (_S.LEAVING, (_A.SEND_BYE,)),
        # Too late to cancel: what is up can only be hung up.
        (_S.ESTABLISHED, _I.LOCAL_CANCEL): (_S.LEAVING, (_A.SEND_BYE,)),
        (_S.ESTABLISHED, _I.PEER_BYE): (_S.ENDED, (_A.END,)),
        (_S.ESTABLISHED, _I.DIALOG_LOST): (_S.LEAVING, (_A.SEND_BYE,)),
        # The transaction lives 64*T1 beyond its 2xx; a CANCEL in that time changes nothing.
        (_S.ESTABLISHED, _I.PEER_CANCEL): (_S.ESTABLISHED, ()),
        (_S.LEAVING, _I.BYE_FINISHED): (_S.ENDED, (_A.END,)),
        # Both sides hang up at once.
        (_S.LEAVING, _I.PEER_BYE): (_S.ENDED, (_A.END,)),
        (_S.LEAVING, _I.LOCAL_BYE): (_S.LEAVING, ()),
        (_S.LEAVING, _I.LOCAL_CANCEL): (_S.LEAVING, ()),
        (_S.LEAVING, _I.PEER_CANCEL): (_S.LEAVING, ()),
        # A re-INVITE that was out when we hung up.
        (_S.LEAVING, _I.DIALOG_LOST): (_S.LEAVING, ()),
        # Our user may command before it has read that the session ended.
        (_S.ENDED, _I.LOCAL_RING): (_S.ENDED, ()),
        (_S.ENDED, _I.LOCAL_ANSWER): (_S.ENDED, ()),
        (_S.ENDED, _I.LOCAL_REJECT): (_S.ENDED, ()),
        (_S.ENDED, _I.LOCAL_CANCEL): (_S.ENDED, ()),
        (_S.ENDED, _I.LOCAL_BYE): (_S.ENDED, ()),
        # CANCEL after our own refusal, inside the life of the INVITE transaction.
        (_S.ENDED, _I.PEER_CANCEL): (_S.ENDED, ()),
        # Our BYE's answer after the peer's BYE ended the session.
        (_S.ENDED, _I.BYE_FINISHED): (_S.ENDED, ()),
        (_S.ENDED, _I.DIALOG_LOST): (_S.ENDED, ()),
    }
)
"""(state, input) -> (next state, actions)."""


class SessionMachine:
    """One session's place in the table."""

    __slots__ = ("_state",)

    def __init__(self, state: SessionState) -> None:
        """Begin in RECEIVED or CALLING."""
        self._state = state

    @property
    def state(self) -> SessionState:
        """Where it stands."""
        return self._state

    def advance(self, what: SessionInput) -> tuple[SessionAct, ...]:
        """Take one step and give back what is to be done, in order.

        Raises:
            LocalError: Our user commanded what this state does not allow; nothing has changed.
            RemoteError: The peer sent what this state does not allow; nothing has changed.
        """
        step = SESSION.get((self._state, what))
        if step is None:
            text = f"{what.name} while the session is {self._state.name}"
            if what in _LOCAL_INPUTS:
                raise LocalError(text)
            raise RemoteError(text)
        self._state = step[0]
        return step[1]
