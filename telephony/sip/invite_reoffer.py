"""Changes of a session that is up: offers by re-INVITE from either side, by UPDATE from the peer.

States:
    OPENING_LOCAL    our first INVITE has no final answer
    OPENING_REMOTE   the peer's first INVITE has no final answer, or its 2xx no ACK
    IDLE             an offer may be made
    SENT             our re-INVITE is out
    BACKING_OFF      ours crossed with the peer's, or was asked to come later; it will be sent again
    OWING            the 2xx to our empty INVITE made an offer; our answer goes into the ACK
    INVITE_RECEIVED  the peer's re-INVITE awaits our user
    UPDATE_RECEIVED  the peer's UPDATE with an offer awaits our user
    ACK_WAITING      we answered its re-INVITE 2xx, the ACK has not come
    ANSWER_WAITING   as ACK_WAITING, and the ACK has to bring the answer to the offer we made
    CLOSED           the session is over
Inputs: ReofferInput below.
Source: RFC 3261 sections 14.1 and 14.2, RFC 3311 section 5.2, RFC 6141 (a failed re-INVITE leaves
    the session as it was).
Left out: UPDATE of our own; UPDATE without an offer, which the session answers by itself.
"""

from enum import Enum
from types import MappingProxyType

from telephony.errors import LocalError, RemoteError

__all__ = ["REOFFER", "ReofferAct", "ReofferInput", "ReofferMachine", "ReofferState"]


class ReofferState(Enum):
    """Where the exchange stands; the list above says what each means."""

    OPENING_LOCAL = "our first INVITE is out"
    OPENING_REMOTE = "the peer's first INVITE is in"
    IDLE = "idle"
    SENT = "our re-INVITE is out"
    BACKING_OFF = "backing off"
    OWING = "owing an answer in the ACK"
    INVITE_RECEIVED = "the peer's re-INVITE is in"
    UPDATE_RECEIVED = "the peer's UPDATE is in"
    ACK_WAITING = "waiting for ACK"
    ANSWER_WAITING = "waiting for the answer in ACK"
    CLOSED = "closed"

    __hash__ = object.__hash__


class ReofferInput(Enum):
    """What can happen."""

    OPENED = "the first INVITE is done: 2xx acknowledged"
    OPENED_OWING = "2xx to our first INVITE came with the peer's offer"
    LOCAL_OFFER = "the user wants a change"
    LOCAL_ANSWER = "the user answers the peer's offer"
    LOCAL_OFFER_BACK = "the user makes the offer that the peer's empty re-INVITE asked for"
    LOCAL_REFUSE = "the user refuses the peer's offer"
    PEER_INVITE = "a re-INVITE came"
    PEER_UPDATE = "UPDATE with an offer came"
    PEER_CANCEL = "the peer cancels its re-INVITE"
    SUCCESS = "2xx to ours, with the answer"
    SUCCESS_OFFERING = "2xx to our empty one, with the peer's offer"
    GLARE = "491 to ours, or 500 with Retry-After"
    REFUSED = "another final answer to ours"
    RETRY_DUE = "the back-off is over"
    ACK = "ACK of our 2xx came"
    ACK_TIMEOUT = "64*T1 after our 2xx no ACK has come"
    ANSWER_LIMIT = "the user took too long to answer the peer's offer"
    CLOSE = "the session is over"

    __hash__ = object.__hash__


class ReofferAct(Enum):
    """What is to be done, in the order of the row."""

    REMEMBER = "keep our offer for later, in place of one kept before"
    SEND = "send our re-INVITE"
    SEND_REMEMBERED = "send the offer that was kept, if there is one"
    ARM_RETRY = "wait as section 14.1 says"
    DROP_RETRY = "wait no longer, tell the user that our offer failed"
    TELL_OFFER = "hand the peer's offer to the user and limit its time"
    TELL_ANSWERED = "acknowledge, hand the peer's answer to the user"
    TELL_OWING = "hand the offer in the 2xx to the user"
    TELL_FAILED = "tell the user that our offer failed"
    TELL_CANCELLED = "tell the user that the peer withdrew"
    TELL_ACK = "tell the user that the ACK came"
    ANSWER_200 = "answer the peer's request 200"
    ACKNOWLEDGE = "send the ACK with our answer"
    ACKNOWLEDGE_EMPTY = "send the ACK without the answer it should bring"
    HANG_UP = "send BYE: an offer in a 2xx cannot be refused"
    ANSWER_487 = "answer the peer's request 487"
    ANSWER_488 = "answer the peer's request 488"
    ANSWER_491 = "answer the new request 491"
    ANSWER_500 = "answer the new request 500 with Retry-After"
    ANSWER_504 = "answer the peer's request 504"
    STOP_ACK_WAIT = "a new request shows that the 2xx arrived: stop repeating it"
    LOSE_DIALOG = "hang up: the peer is gone"
    DROP_ALL = "disarm what is armed, answer a pending request 487"

    __hash__ = object.__hash__


_S = ReofferState
_I = ReofferInput
_A = ReofferAct

REOFFER = MappingProxyType(
    {
        (_S.OPENING_LOCAL, _I.OPENED): (_S.IDLE, (_A.SEND_REMEMBERED,)),
        (_S.OPENING_LOCAL, _I.OPENED_OWING): (_S.OWING, ()),
        (_S.OPENING_LOCAL, _I.LOCAL_OFFER): (_S.OPENING_LOCAL, (_A.REMEMBER,)),
        (_S.OPENING_LOCAL, _I.PEER_INVITE): (_S.OPENING_LOCAL, (_A.ANSWER_491,)),
        (_S.OPENING_LOCAL, _I.PEER_UPDATE): (_S.OPENING_LOCAL, (_A.ANSWER_491,)),
        (_S.OPENING_LOCAL, _I.CLOSE): (_S.CLOSED, (_A.DROP_ALL,)),
        (_S.OPENING_REMOTE, _I.OPENED): (_S.IDLE, (_A.SEND_REMEMBERED,)),
        (_S.OPENING_REMOTE, _I.LOCAL_OFFER): (_S.OPENING_REMOTE, (_A.REMEMBER,)),
        (_S.OPENING_REMOTE, _I.PEER_INVITE): (_S.OPENING_REMOTE, (_A.ANSWER_500,)),
        (_S.OPENING_REMOTE, _I.PEER_UPDATE): (_S.OPENING_REMOTE, (_A.ANSWER_500,)),
        (_S.OPENING_REMOTE, _I.CLOSE): (_S.CLOSED, (_A.DROP_ALL,)),
        (_S.IDLE, _I.LOCAL_OFFER): (_S.SENT, (_A.REMEMBER, _A.SEND)),
        (_S.IDLE, _I.PEER_INVITE): (_S.INVITE_RECEIVED, (_A.TELL_OFFER,)),
        (_S.IDLE, _I.PEER_UPDATE): (_S.UPDATE_RECEIVED, (_A.TELL_OFFER,)),
        # The user may answer an offer before it has read that the peer withdrew it.
        (_S.IDLE, _I.LOCAL_ANSWER): (_S.IDLE, ()),
        (_S.IDLE, _I.LOCAL_OFFER_BACK): (_S.IDLE, ()),
        (_S.IDLE, _I.LOCAL_REFUSE): (_S.IDLE, ()),
        # CANCEL after the final answer: no effect, section 9.2.
        (_S.IDLE, _I.PEER_CANCEL): (_S.IDLE, ()),
        (_S.IDLE, _I.CLOSE): (_S.CLOSED, (_A.DROP_ALL,)),
        (_S.SENT, _I.LOCAL_OFFER): (_S.SENT, (_A.REMEMBER,)),
        (_S.SENT, _I.PEER_INVITE): (_S.SENT, (_A.ANSWER_491,)),
        (_S.SENT, _I.PEER_UPDATE): (_S.SENT, (_A.ANSWER_491,)),
        (_S.SENT, _I.PEER_CANCEL): (_S.SENT, ()),
        (_S.SENT, _I.SUCCESS): (_S.IDLE, (_A.TELL_ANSWERED, _A.SEND_REMEMBERED)),
        (_S.SENT, _I.SUCCESS_OFFERING): (_S.OWING, (_A.TELL_OWING,)),
        (_S.SENT, _I.GLARE): (_S.BACKING_OFF, (_A.ARM_RETRY,)),
        (_S.SENT, _I.REFUSED): (_S.IDLE, (_A.TELL_FAILED, _A.SEND_REMEMBERED)),
        (_S.SENT, _I.CLOSE): (_S.CLOSED, (_A.DROP_ALL,)),
        (_S.BACKING_OFF, _I.LOCAL_OFFER): (_S.BACKING_OFF, (_A.REMEMBER,)),
        (_S.BACKING_OFF, _I.RETRY_DUE): (_S.SENT, (_A.SEND,)),
        # The peer's offer changes the session ours was made for: the user has to make a new one.
        (_S.BACKING_OFF, _I.PEER_INVITE): (
            _S.INVITE_RECEIVED,
            (_A.DROP_RETRY, _A.TELL_OFFER),
        ),
        (_S.BACKING_OFF, _I.PEER_UPDATE): (
            _S.UPDATE_RECEIVED,
            (_A.DROP_RETRY, _A.TELL_OFFER),
        ),
        (_S.BACKING_OFF, _I.PEER_CANCEL): (_S.BACKING_OFF, ()),
        (_S.BACKING_OFF, _I.CLOSE): (_S.CLOSED, (_A.DROP_ALL,)),
        (_S.OWING, _I.LOCAL_ANSWER): (_S.IDLE, (_A.ACKNOWLEDGE, _A.SEND_REMEMBERED)),
        (_S.OWING, _I.LOCAL_REFUSE): (_S.IDLE, (_A.ACKNOWLEDGE_EMPTY, _A.HANG_UP)),
        (_S.OWING, _I.ANSWER_LIMIT): (_S.IDLE, (_A.ACKNOWLEDGE_EMPTY, _A.HANG_UP)),
        (_S.OWING, _I.LOCAL_OFFER): (_S.OWING, (_A.REMEMBER,)),
        (_S.OWING, _I.PEER_INVITE): (_S.OWING, (_A.ANSWER_491,)),
        (_S.OWING, _I.PEER_UPDATE): (_S.OWING, (_A.ANSWER_491,)),
        (_S.OWING, _I.PEER_CANCEL): (_S.OWING, ()),
        # The 2xx is acknowledged in any case (RFC 3261 section 13.2.2.4).
        (_S.OWING, _I.CLOSE): (_S.CLOSED, (_A.ACKNOWLEDGE_EMPTY, _A.DROP_ALL)),
        (_S.INVITE_RECEIVED, _I.LOCAL_ANSWER): (_S.ACK_WAITING, (_A.ANSWER_200,)),
        (_S.INVITE_RECEIVED, _I.LOCAL_OFFER_BACK): (_S.ANSWER_WAITING, (_A.ANSWER_200,)),
        (_S.INVITE_RECEIVED, _I.LOCAL_REFUSE): (
            _S.IDLE,
            (_A.ANSWER_488, _A.SEND_REMEMBERED),
        ),
        (_S.INVITE_RECEIVED, _I.LOCAL_OFFER): (_S.INVITE_RECEIVED, (_A.REMEMBER,)),
        (_S.INVITE_RECEIVED, _I.PEER_INVITE): (_S.INVITE_RECEIVED, (_A.ANSWER_500,)),
        (_S.INVITE_RECEIVED, _I.PEER_UPDATE): (_S.INVITE_RECEIVED, (_A.ANSWER_500,)),
        (_S.INVITE_RECEIVED, _I.PEER_CANCEL): (
            _S.IDLE,
            (_A.ANSWER_487, _A.TELL_CANCELLED, _A.SEND_REMEMBERED),
        ),
        (_S.INVITE_RECEIVED, _I.ANSWER_LIMIT): (
            _S.IDLE,
            (_A.ANSWER_504, _A.TELL_CANCELLED, _A.SEND_REMEMBERED),
        ),
        (_S.INVITE_RECEIVED, _I.CLOSE): (_S.CLOSED, (_A.DROP_ALL,)),
        (_S.UPDATE_RECEIVED, _I.LOCAL_ANSWER): (
            _S.IDLE,
            (_A.ANSWER_200, _A.SEND_REMEMBERED),
        ),
        (_S.UPDATE_RECEIVED, _I.LOCAL_REFUSE): (
            _S.IDLE,
            (_A.ANSWER_488, _A.SEND_REMEMBERED),
        ),
        (_S.UPDATE_RECEIVED, _I.LOCAL_OFFER): (_S.UPDATE_RECEIVED, (_A.REMEMBER,)),
        (_S.UPDATE_RECEIVED, _I.PEER_INVITE): (_S.UPDATE_RECEIVED, (_A.ANSWER_500,)),
        (_S.UPDATE_RECEIVED, _I.PEER_UPDATE): (_S.UPDATE_RECEIVED, (_A.ANSWER_500,)),
        (_S.UPDATE_RECEIVED, _I.PEER_CANCEL): (_S.UPDATE_RECEIVED, ()),
        (_S.UPDATE_RECEIVED, _I.ANSWER_LIMIT): (
            _S.IDLE,
            (_A.ANSWER_504, _A.TELL_CANCELLED, _A.SEND_REMEMBERED),
        ),
        (_S.UPDATE_RECEIVED, _I.CLOSE): (_S.CLOSED, (_A.DROP_ALL,)),
        (_S.ACK_WAITING, _I.ACK): (_S.IDLE, (_A.TELL_ACK, _A.SEND_REMEMBERED)),
        (_S.ACK_WAITING, _I.ACK_TIMEOUT): (_S.IDLE, (_A.LOSE_DIALOG,)),
        (_S.ACK_WAITING, _I.LOCAL_OFFER): (_S.ACK_WAITING, (_A.REMEMBER,)),
        # Who sends a new request has had the answer to the last: its ACK was lost or overtaken.
        (_S.ACK_WAITING, _I.PEER_INVITE): (
            _S.INVITE_RECEIVED,
            (_A.STOP_ACK_WAIT, _A.TELL_OFFER),
        ),
        (_S.ACK_WAITING, _I.PEER_UPDATE): (
            _S.UPDATE_RECEIVED,
            (_A.STOP_ACK_WAIT, _A.TELL_OFFER),
        ),
        (_S.ACK_WAITING, _I.PEER_CANCEL): (_S.ACK_WAITING, ()),
        (_S.ACK_WAITING, _I.CLOSE): (_S.CLOSED, (_A.DROP_ALL,)),
        (_S.ANSWER_WAITING, _I.ACK): (_S.IDLE, (_A.TELL_ACK, _A.SEND_REMEMBERED)),
        (_S.ANSWER_WAITING, _I.ACK_TIMEOUT): (_S.IDLE, (_A.LOSE_DIALOG,)),
        (_S.ANSWER_WAITING, _I.LOCAL_OFFER): (_S.ANSWER_WAITING, (_A.REMEMBER,)),
        (_S.ANSWER_WAITING, _I.PEER_INVITE): (_S.ANSWER_WAITING, (_A.ANSWER_491,)),
        (_S.ANSWER_WAITING, _I.PEER_UPDATE): (_S.ANSWER_WAITING, (_A.ANSWER_491,)),
        (_S.ANSWER_WAITING, _I.PEER_CANCEL): (_S.ANSWER_WAITING, ()),
        (_S.ANSWER_WAITING, _I.CLOSE): (_S.CLOSED, (_A.DROP_ALL,)),
        # Our user may command before it has read that the session ended.
        (_S.CLOSED, _I.LOCAL_OFFER): (_S.CLOSED, ()),
        (_S.CLOSED, _I.LOCAL_ANSWER): (_S.CLOSED, ()),
        (_S.CLOSED, _I.LOCAL_OFFER_BACK): (_S.CLOSED, ()),
        (_S.CLOSED, _I.LOCAL_REFUSE): (_S.CLOSED, ()),
        (_S.CLOSED, _I.PEER_CANCEL): (_S.CLOSED, ()),
        # Our re-INVITE was out when the session ended.
        (_S.CLOSED, _I.SUCCESS): (_S.CLOSED, ()),
        (_S.CLOSED, _I.SUCCESS_OFFERING): (_S.CLOSED, ()),
        (_S.CLOSED, _I.GLARE): (_S.CLOSED, ()),
        (_S.CLOSED, _I.REFUSED): (_S.CLOSED, ()),
        (_S.CLOSED, _I.CLOSE): (_S.CLOSED, ()),
    }
)
"""(state, input) -> (next state, actions)."""

_REMOTE_INPUTS = frozenset(
    {
        _I.PEER_INVITE,
        _I.PEER_UPDATE,
        _I.PEER_CANCEL,
        _I.SUCCESS,
        _I.SUCCESS_OFFERING,
        _I.GLARE,
        _I.REFUSED,
        _I.ACK,
    }
)


class ReofferMachine:
    """One session's place in the table."""

    __slots__ = ("_state",)

    def __init__(self, state: ReofferState) -> None:
        """Begin in OPENING_LOCAL or OPENING_REMOTE."""
        self._state = state

    @property
    def state(self) -> ReofferState:
        """Where it stands."""
        return self._state

    def advance(self, what: ReofferInput) -> tuple[ReofferAct, ...]:
        """Take one step and give back what is to be done, in order.

        Raises:
            LocalError: Our user commanded what this state does not allow; nothing has changed.
            RemoteError: The peer sent what this state does not allow; nothing has changed.
        """
        step = REOFFER.get((self._state, what))
        if step is None:
            text = f"{what.name} while the offer exchange is {self._state.name}"
            if what in _REMOTE_INPUTS:
                raise RemoteError(text)
            raise LocalError(text)
        self._state = step[0]
        return step[1]
