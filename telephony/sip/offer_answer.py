"""Who owes an answer to whose offer.

States: STABLE, LOCAL_OFFER (ours is out), REMOTE_OFFER (the peer's is in).
Inputs: SEND_OFFER, RECEIVE_OFFER, SEND_ANSWER, RECEIVE_ANSWER, ROLL_BACK.
Source: RFC 3264 section 4 ("MUST NOT generate a new offer if it has received an offer which it has
    not yet answered or rejected"), RFC 6337 section 2. Session descriptions pass as octets; their
    contents are the business of `telephony.sdp` and of the call.
Left out: offers in reliable provisional responses (RFC 3262).
"""

from enum import Enum
from types import MappingProxyType

from telephony.errors import LocalError, RemoteError

__all__ = ["OFFER_ANSWER", "OfferAnswer", "OfferInput", "OfferState"]


class OfferState(Enum):
    """Whether an offer awaits its answer, and whose."""

    STABLE = "stable"
    LOCAL_OFFER = "our offer awaits the peer's answer"
    REMOTE_OFFER = "the peer's offer awaits our answer"


class OfferInput(Enum):
    """What passes between the two sides."""

    SEND_OFFER = "we offer"
    RECEIVE_OFFER = "the peer offers"
    SEND_ANSWER = "we answer"
    RECEIVE_ANSWER = "the peer answers"
    ROLL_BACK = "the message with the offer was refused: all is as before"


_REMOTE_INPUTS = frozenset({OfferInput.RECEIVE_OFFER, OfferInput.RECEIVE_ANSWER})

OFFER_ANSWER = MappingProxyType(
    {
        (OfferState.STABLE, OfferInput.SEND_OFFER): OfferState.LOCAL_OFFER,
        (OfferState.STABLE, OfferInput.RECEIVE_OFFER): OfferState.REMOTE_OFFER,
        # A failed INVITE that carried no offer has nothing to undo.
        (OfferState.STABLE, OfferInput.ROLL_BACK): OfferState.STABLE,
        (OfferState.LOCAL_OFFER, OfferInput.RECEIVE_ANSWER): OfferState.STABLE,
        (OfferState.LOCAL_OFFER, OfferInput.ROLL_BACK): OfferState.STABLE,
        (OfferState.REMOTE_OFFER, OfferInput.SEND_ANSWER): OfferState.STABLE,
        (OfferState.REMOTE_OFFER, OfferInput.ROLL_BACK): OfferState.STABLE,
    }
)
"""(state, input) -> next state; what is not here is the fault of the side that sent it."""


class OfferAnswer:
    """The offer/answer exchange of one session, with the descriptions last agreed.

    Attributes:
        local: Our description last agreed, or None.
        remote: The peer's description last agreed, or None.
    """

    __slots__ = ("_pending", "_state", "local", "remote")

    def __init__(self) -> None:
        """Begin with nothing agreed and nothing offered."""
        self._state = OfferState.STABLE
        self._pending = b""
        self.local: bytes | None = None
        self.remote: bytes | None = None

    @property
    def state(self) -> OfferState:
        """Whose move it is."""
        return self._state

    def _step(self, what: OfferInput) -> None:
        following = OFFER_ANSWER.get((self._state, what))
        if following is None:
            text = f"{what.name} while offer/answer is {self._state.name} (RFC 3264 section 4)"
            if what in _REMOTE_INPUTS:
                raise RemoteError(text, sip_status=491)
            raise LocalError(text)
        self._state = following

    def send_offer(self, sdp: bytes) -> None:
        """Note an offer of ours. Raises LocalError while another offer is out."""
        self._step(OfferInput.SEND_OFFER)
        self._pending = sdp

    def receive_offer(self, sdp: bytes) -> None:
        """Note an offer of the peer. Raises RemoteError (491) while another offer is out."""
        self._step(OfferInput.RECEIVE_OFFER)
        self._pending = sdp

    def send_answer(self, sdp: bytes) -> None:
        """Answer the peer's offer: both descriptions are agreed. Raises LocalError without one."""
        self._step(OfferInput.SEND_ANSWER)
        self.local, self.remote = sdp, self._pending

    def receive_answer(self, sdp: bytes) -> None:
        """Take the peer's answer: both are agreed. Raises RemoteError where we offered nothing."""
        self._step(OfferInput.RECEIVE_ANSWER)
        self.local, self.remote = self._pending, sdp

    def roll_back(self) -> None:
        """Forget an offer that was refused; what was agreed before holds (section 14.1)."""
        self._step(OfferInput.ROLL_BACK)
