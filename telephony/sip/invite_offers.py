"""The offers of one session: carries out what `invite_reoffer` asks, keeps who owes what."""

from typing import TYPE_CHECKING, ClassVar

from telephony.sip.codes import (
    CALL_DOES_NOT_EXIST,
    GATEWAY_TIMEOUT,
    NOT_ACCEPTABLE_HERE,
    REQUEST_PENDING,
    REQUEST_TERMINATED,
    REQUEST_TIMEOUT,
    SERVER_ERROR,
)
from telephony.sip.core import description_of, set_body
from telephony.sip.errors import SipSyntaxError
from telephony.sip.events import (
    AckReceived,
    OfferAnswered,
    OfferCancelled,
    OfferFailed,
    OfferReceived,
)
from telephony.sip.invite_client import ClientInvite, InviteUser
from telephony.sip.invite_reoffer import (
    ReofferAct,
    ReofferInput,
    ReofferMachine,
    ReofferState,
)
from telephony.sip.invite_server import ServerInvite
from telephony.sip.known import known
from telephony.sip.message import Request, Response
from telephony.sip.offer_answer import OfferAnswer, OfferState
from telephony.sip.timers import Alarm
from telephony.sip.transaction_record import ServerTransaction
from telephony.sip.values import parse_retry_after
from telephony.units import NS_PER_MS, NS_PER_SECOND, Nanoseconds

if TYPE_CHECKING:
    from telephony.sip.core import SipCore
    from telephony.sip.invite import InviteSession

__all__ = ["SessionOffers"]

MAX_RETRIES = 5
"""Re-INVITEs sent again after 491 or 500 before the user is told that the offer failed."""
MAX_RETRY_AFTER_S = 10
"""RFC 3261 section 14.2: a 500 asks to wait 0 to 10 s."""


class SessionOffers(InviteUser):
    """All offers of one session after, and the bookkeeping of, its first INVITE.

    Attributes:
        exchange: Who owes what, and what is agreed.
    """

    def __init__(self, core: "SipCore", session: "InviteSession", state: ReofferState) -> None:
        """Begin in OPENING_LOCAL or OPENING_REMOTE."""
        self._core = core
        self._session = session
        self._machine = ReofferMachine(state)
        self.exchange = OfferAnswer()
        self._wanted: list[bytes | None] = []
        self._current: bytes | None = None
        self._retries = 0
        self._retry: Alarm | None = None
        self._retry_after_ns: Nanoseconds | None = None
        self._limit: Alarm | None = None
        self._ours: ClientInvite | None = None
        self._theirs: ServerInvite | None = None
        self._update: ServerTransaction | None = None
        self._arriving: ServerTransaction | None = None
        self._given: bytes | None = None
        self._theirs_in_2xx: bytes | None = None
        self._status = 0

    @property
    def state(self) -> ReofferState:
        """Where the exchange stands."""
        return self._machine.state

    def opened(self, now_ns: Nanoseconds) -> None:
        """The first INVITE is done."""
        self._advance(ReofferInput.OPENED, now_ns)

    def opened_owing(self, invite: ClientInvite, now_ns: Nanoseconds) -> None:
        """The first INVITE's 2xx made an offer; its ACK waits for our answer."""
        self._ours = invite
        self._advance(ReofferInput.OPENED_OWING, now_ns)
        self._arm_limit(now_ns)

    def offer(self, sdp: bytes | None, now_ns: Nanoseconds) -> None:
        """Send a re-INVITE now, or as soon as one may be sent; None asks the peer to offer."""
        self._given = sdp
        self._advance(ReofferInput.LOCAL_OFFER, now_ns)

    def respond(self, sdp: bytes | None, now_ns: Nanoseconds) -> None:
        """Answer the peer's offer, or make the one it asks for; None refuses with 488."""
        self._given = sdp
        if sdp is None:
            what = ReofferInput.LOCAL_REFUSE
        elif self.exchange.state is OfferState.REMOTE_OFFER:
            what = ReofferInput.LOCAL_ANSWER
        else:
            what = ReofferInput.LOCAL_OFFER_BACK
        self._advance(what, now_ns)

    def receive_request(self, transaction: ServerTransaction, now_ns: Nanoseconds) -> None:
        """Take a re-INVITE, or an UPDATE with an offer."""
        self._arriving = transaction
        is_invite = transaction.request.method == "INVITE"
        self._advance(ReofferInput.PEER_INVITE if is_invite else ReofferInput.PEER_UPDATE, now_ns)

    def receive_cancel(self, transaction: ServerTransaction, now_ns: Nanoseconds) -> None:
        """Take the CANCEL of a re-INVITE; one that has its answer stays answered."""
        if self._theirs is not None and self._theirs.transaction is transaction:
            self._advance(ReofferInput.PEER_CANCEL, now_ns)

    def receive_ack(self, request: Request, now_ns: Nanoseconds) -> None:
        """Take the ACK of our 2xx to a re-INVITE; copies and strays change nothing."""
        theirs = self._theirs
        if theirs is None or theirs.request.cseq.number != request.cseq.number:
            return
        if theirs.awaits_ack:
            theirs.acknowledged()
            self._given = description_of(request)
            self._advance(ReofferInput.ACK, now_ns)

    def close(self, now_ns: Nanoseconds) -> None:
        """The session is over."""
        self._advance(ReofferInput.CLOSE, now_ns)

    def invite_progressed(self, response: Response, now_ns: Nanoseconds) -> None:
        """Nothing to do: a re-INVITE may take its time."""

    def invite_succeeded(self, response: Response, now_ns: Nanoseconds) -> None:
        """Take the 2xx: target refresh, and the peer's answer or offer."""
        if self.state is ReofferState.CLOSED:
            self._acknowledge(None, now_ns)
            return
        self._session.dialog.refresh_target(response)
        self._theirs_in_2xx = sdp = description_of(response)
        if self.exchange.state is OfferState.LOCAL_OFFER and sdp is not None:
            self._advance(ReofferInput.SUCCESS, now_ns)
        elif self.exchange.state is OfferState.STABLE and sdp is not None:
            self._advance(ReofferInput.SUCCESS_OFFERING, now_ns)
        else:
            # 2xx without the description it owes: acknowledged, and good for nothing.
            self._acknowledge(None, now_ns)
            self._status = NOT_ACCEPTABLE_HERE
            self._advance(ReofferInput.REFUSED, now_ns)

    def invite_failed(self, status: int, response: Response | None, now_ns: Nanoseconds) -> None:
        """Take another final answer; 408 and 481 say that the peer is gone (section 14.1)."""
        self._status = status
        self._retry_after_ns = _retry_after(status, response)
        glare = status == REQUEST_PENDING or self._retry_after_ns is not None
        if glare and self._retries < MAX_RETRIES:
            self._advance(ReofferInput.GLARE, now_ns)
            return
        self._advance(ReofferInput.REFUSED, now_ns)
        if status in (REQUEST_TIMEOUT, CALL_DOES_NOT_EXIST):
            self._session.lose_dialog(status, now_ns)

    def _advance(self, what: ReofferInput, now_ns: Nanoseconds) -> None:
        for act in self._machine.advance(what):
            self._ACTS[act](self, now_ns)

    def _remember(self, _: Nanoseconds) -> None:
        self._wanted = [self._given]

    def _send(self, now_ns: Nanoseconds) -> None:
        if self._wanted:
            self._current = self._wanted.pop()
            self._retries = 0
        self._retry = None
        request = self._session.dialog.request("INVITE")
        self._core.describe(request)
        if self._current is not None:
            self.exchange.send_offer(self._current)
            set_body(request, self._current)
        self._ours = ClientInvite(self._core, request, self)
        patience_ns = Nanoseconds(2 * self._core.settings.timers.transaction_limit_ns)
        self._ours.limit(patience_ns, now_ns)
        self._ours.send(self._session.dialog.next_hop, self._session.path, now_ns)

    def _send_remembered(self, now_ns: Nanoseconds) -> None:
        if self._wanted and self.state is ReofferState.IDLE:
            self._given = self._wanted.pop()
            self._advance(ReofferInput.LOCAL_OFFER, now_ns)

    def _arm_retry(self, now_ns: Nanoseconds) -> None:
        """Back off: 2.1 to 4 s if the Call-ID is ours, else 0 to 2 s, in steps of 10 ms."""
        self.exchange.roll_back()
        self._retries += 1
        wait_ns = self._retry_after_ns
        if wait_ns is None:
            low, steps = (210, 191) if self._session.is_outgoing else (0, 201)
            wait_ns = Nanoseconds((low + int(self._core.random() * steps)) * 10 * NS_PER_MS)
        self._retry = self._core.heap.arm(
            Nanoseconds(now_ns + wait_ns),
            lambda now_ns: self._advance(ReofferInput.RETRY_DUE, now_ns),
        )

    def _drop_retry(self, _: Nanoseconds) -> None:
        self._disarm(self._retry)
        self._retry = None
        self._wanted.clear()
        self._core.emit(OfferFailed(self._session, REQUEST_PENDING))

    def _tell_offer(self, now_ns: Nanoseconds) -> None:
        transaction = known(self._arriving)
        request = transaction.request
        if request.method == "INVITE":
            self._theirs = self._session.server_invite(transaction)
        else:
            self._update = transaction
        offer = description_of(request)
        if offer is not None:
            self.exchange.receive_offer(offer)
        self._arm_limit(now_ns)
        self._core.emit(OfferReceived(self._session, offer, request))

    def _arm_limit(self, now_ns: Nanoseconds) -> None:
        self._limit = self._core.heap.arm(
            Nanoseconds(now_ns + self._core.settings.offer_limit_ns),
            lambda now_ns: self._advance(ReofferInput.ANSWER_LIMIT, now_ns),
        )

    def _tell_answered(self, now_ns: Nanoseconds) -> None:
        self._acknowledge(None, now_ns)
        answer = known(self._theirs_in_2xx)
        self.exchange.receive_answer(answer)
        self._core.emit(OfferAnswered(self._session, answer))

    def _tell_owing(self, now_ns: Nanoseconds) -> None:
        offer = known(self._theirs_in_2xx)
        self.exchange.receive_offer(offer)
        self._arm_limit(now_ns)
        self._core.emit(OfferReceived(self._session, offer, None))

    def _tell_failed(self, _: Nanoseconds) -> None:
        self.exchange.roll_back()
        self._core.emit(OfferFailed(self._session, self._status))

    def _tell_cancelled(self, _: Nanoseconds) -> None:
        self._core.emit(OfferCancelled(self._session))

    def _tell_ack(self, _: Nanoseconds) -> None:
        if self.exchange.state is OfferState.LOCAL_OFFER:
            if self._given is None:
                self.exchange.roll_back()
            else:
                self.exchange.receive_answer(self._given)
        self._core.emit(AckReceived(self._session, self._given))

    def _answer_200(self, now_ns: Nanoseconds) -> None:
        """Answer re-INVITE or UPDATE; only now its Contact counts (RFC 6141 section 4)."""
        self._disarm_limit()
        if self.exchange.state is OfferState.REMOTE_OFFER:
            self.exchange.send_answer(known(self._given))
        else:
            self.exchange.send_offer(known(self._given))
        if self._update is not None:
            update, self._update = self._update, None
            self._session.dialog.refresh_target(update.request)
            self._session.answer_update(update, self._given, now_ns)
            return
        theirs = known(self._theirs)
        self._session.dialog.refresh_target(theirs.request)
        theirs.accept(theirs.success(known(self._given)), now_ns, ack_missing=self._ack_missing)

    def _ack_missing(self, now_ns: Nanoseconds) -> None:
        self._advance(ReofferInput.ACK_TIMEOUT, now_ns)

    def _send_acknowledgement(self, now_ns: Nanoseconds) -> None:
        self._disarm_limit()
        self.exchange.send_answer(known(self._given))
        self._acknowledge(self._given, now_ns)

    def _acknowledge_empty(self, now_ns: Nanoseconds) -> None:
        self._disarm_limit()
        self.exchange.roll_back()
        self._acknowledge(None, now_ns)

    def _hang_up(self, now_ns: Nanoseconds) -> None:
        self._session.bye(now_ns)

    def _acknowledge(self, sdp: bytes | None, now_ns: Nanoseconds) -> None:
        known(self._ours).acknowledge(self._session.dialog, self._session.path, now_ns, sdp=sdp)

    def _answer_487(self, now_ns: Nanoseconds) -> None:
        self._refuse(REQUEST_TERMINATED, now_ns)

    def _answer_488(self, now_ns: Nanoseconds) -> None:
        self._refuse(NOT_ACCEPTABLE_HERE, now_ns)

    def _answer_504(self, now_ns: Nanoseconds) -> None:
        self._refuse(GATEWAY_TIMEOUT, now_ns)

    def _refuse(self, status: int, now_ns: Nanoseconds) -> None:
        """Refuse what awaits our user: the session is as before (section 14.2)."""
        self._disarm_limit()
        self.exchange.roll_back()
        if self._update is not None:
            update, self._update = self._update, None
            self._session.respond(update, status, now_ns)
        else:
            known(self._theirs).refuse(status, now_ns)

    def _answer_491(self, now_ns: Nanoseconds) -> None:
        self._session.respond(known(self._arriving), REQUEST_PENDING, now_ns)

    def _answer_500(self, now_ns: Nanoseconds) -> None:
        """Ask for a random patience of 0 to 10 s (section 14.2)."""
        wait_s = int(self._core.random() * (MAX_RETRY_AFTER_S + 1))
        headers = (("Retry-After", str(wait_s)),)
        self._session.respond(known(self._arriving), SERVER_ERROR, now_ns, headers=headers)

    def _stop_ack_wait(self, _: Nanoseconds) -> None:
        known(self._theirs).acknowledged()

    def _lose_dialog(self, now_ns: Nanoseconds) -> None:
        if self.exchange.state is OfferState.LOCAL_OFFER:
            self.exchange.roll_back()
        self._session.lose_dialog(REQUEST_TIMEOUT, now_ns)

    def _drop_all(self, now_ns: Nanoseconds) -> None:
        self._disarm(self._retry)
        self._disarm_limit()
        self._wanted.clear()
        if self._update is not None:
            self._session.respond(self._update, REQUEST_TERMINATED, now_ns)
            self._update = None
        if self._theirs is not None:
            self._theirs.acknowledged()
            if not self._theirs.is_answered:
                self._theirs.refuse(REQUEST_TERMINATED, now_ns)

    def _disarm_limit(self) -> None:
        self._disarm(self._limit)
        self._limit = None

    def _disarm(self, alarm: Alarm | None) -> None:
        if alarm is not None:
            self._core.heap.disarm(alarm)

    _ACTS: ClassVar = {
        ReofferAct.REMEMBER: _remember,
        ReofferAct.SEND: _send,
        ReofferAct.SEND_REMEMBERED: _send_remembered,
        ReofferAct.ARM_RETRY: _arm_retry,
        ReofferAct.DROP_RETRY: _drop_retry,
        ReofferAct.TELL_OFFER: _tell_offer,
        ReofferAct.TELL_ANSWERED: _tell_answered,
        ReofferAct.TELL_OWING: _tell_owing,
        ReofferAct.TELL_FAILED: _tell_failed,
        ReofferAct.TELL_CANCELLED: _tell_cancelled,
        ReofferAct.TELL_ACK: _tell_ack,
        ReofferAct.ANSWER_200: _answer_200,
        ReofferAct.ACKNOWLEDGE: _send_acknowledgement,
        ReofferAct.ACKNOWLEDGE_EMPTY: _acknowledge_empty,
        ReofferAct.HANG_UP: _hang_up,
        ReofferAct.ANSWER_487: _answer_487,
        ReofferAct.ANSWER_488: _answer_488,
        ReofferAct.ANSWER_491: _answer_491,
        ReofferAct.ANSWER_500: _answer_500,
        ReofferAct.ANSWER_504: _answer_504,
        ReofferAct.STOP_ACK_WAIT: _stop_ack_wait,
        ReofferAct.LOSE_DIALOG: _lose_dialog,
        ReofferAct.DROP_ALL: _drop_all,
    }


def _retry_after(status: int, response: Response | None) -> Nanoseconds | None:
    """Give the patience that a 500 asks for (section 14.2), None where it asks for none."""
    if status != SERVER_ERROR or response is None:
        return None
    try:
        patience = response.headers.optional("Retry-After", parse_retry_after)
    except SipSyntaxError:
        return None
    if patience is None or patience.seconds > MAX_RETRY_AFTER_S:
        return None
    return Nanoseconds(patience.seconds * NS_PER_SECOND)
