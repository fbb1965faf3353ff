"""The callee's end of a session.

Source: RFC 3261 sections 9.2, 13.3, 15.
"""

from collections.abc import Callable, Iterable
from functools import partial

from telephony.errors import LocalError
from telephony.sip.codes import (
    FIRST_DIALOG_MAKING,
    FIRST_FINAL,
    FIRST_REFUSAL,
    MOVED_TEMPORARILY,
    REQUEST_TERMINATED,
    TEMPORARILY_UNAVAILABLE,
)
from telephony.sip.core import HeaderPairs, Path, SipCore, description_of
from telephony.sip.dialog import Dialog
from telephony.sip.events import AckReceived, EndCause
from telephony.sip.invite import InviteSession, SessionEnd
from telephony.sip.invite_server import ServerInvite
from telephony.sip.invite_state import SessionAct, SessionInput, SessionState
from telephony.sip.known import known
from telephony.sip.message import Request, Response
from telephony.sip.offer_answer import OfferState
from telephony.sip.status import MAX_STATUS
from telephony.sip.transaction_record import ServerTransaction
from telephony.sip.transmit import FlowId, Hop
from telephony.sip.uri import Uri
from telephony.units import Nanoseconds

__all__ = ["IncomingSession"]


class IncomingSession(InviteSession):
    """A call that came in: ring, then answer, reject or redirect."""

    is_outgoing = False

    def __init__(self, core: SipCore, transaction: ServerTransaction, now_ns: Nanoseconds) -> None:
        """Take a new INVITE in hand.

        Raises:
            SipSyntaxError: A header that the dialog needs is malformed.
        """
        request = transaction.request
        tag = core.token()
        dialog = Dialog.from_request(request, tag)
        super().__init__(core, request, transaction.arrival.local)
        self._dialog = dialog
        self._register(dialog)
        self._invite = ServerInvite(core, transaction, tag)
        self._arrival = transaction.arrival
        self._early_sdp: bytes | None = None
        self._ack_sdp: bytes | None = None
        self._reply: Callable[[Nanoseconds], None] | None = None
        self.remote_address = transaction.arrival.source
        offer = description_of(request)
        if offer is not None:
            self.exchange.receive_offer(offer)
        transaction.on_cancel = self._receive_cancel
        self._arm_ring_limit(core.settings.answer_limit_ns, now_ns)

    @property
    def path(self) -> Path:
        """Back the way the INVITE came, where its dialog names no route and that is possible.

        A connection the peer opened is used while it is up: its Contact may be unreachable.
        """
        arrival = self._arrival
        direct = None
        if not self.dialog.route_set:
            if self._core.flows.is_open(arrival.flow):
                direct = Hop(arrival.transport, arrival.source, arrival.local, arrival.flow)
            elif self._core.settings.reply_to_source and arrival.flow is None:
                direct = Hop(arrival.transport, arrival.source, arrival.local)
        return Path(direct, arrival.local)

    def uses(self, flow: FlowId) -> bool:
        """Say whether a connection is the one of the INVITE, or of the peer's latest request."""
        return flow == self._arrival.flow or super().uses(flow)

    def ring(self, now_ns: Nanoseconds, *, status: int = 180, sdp: bytes | None = None) -> None:
        """Answer provisionally.

        Args:
            now_ns: The time.
            status: 101 to 199: 180 rings, 183 comes with a description.
            sdp: For early media: the answer that the 200 will repeat; None leaves it out.

        Raises:
            LocalError: The INVITE has its final answer, or the status is none of those.
        """
        if not FIRST_DIALOG_MAKING <= status < FIRST_FINAL:
            raise LocalError(f"{status} is no status to ring with, 101 to 199 are")
        self._reply = partial(self._invite.send, self._invite.provisional(status, sdp))
        self._run(SessionInput.LOCAL_RING, now_ns)
        self._early_sdp = sdp or self._early_sdp

    def answer(self, sdp: bytes | None, now_ns: Nanoseconds, *, headers: HeaderPairs = ()) -> None:
        """Answer 200 and repeat it until the ACK comes; `AckReceived` follows.

        Args:
            sdp: Our answer to the INVITE's offer, or our offer if it made none. None repeats the
                description of an earlier `ring`.
            now_ns: The time.
            headers: Further header fields.

        Raises:
            LocalError: The INVITE has its final answer, there is no description to send, or a
                header field cannot be written. The session is as before.
        """
        sdp = sdp or self._early_sdp
        if sdp is None:
            raise LocalError("a 200 to INVITE has to carry a session description")
        self._reply = partial(self._accept, sdp, self._invite.success(sdp, headers=headers))
        self._run(SessionInput.LOCAL_ANSWER, now_ns)

    def reject(
        self,
        status: int,
        now_ns: Nanoseconds,
        *,
        reason: str | None = None,
        headers: HeaderPairs = (),
    ) -> None:
        """Refuse the call; `SessionEnded` follows.

        Args:
            status: 300 to 699.
            now_ns: The time.
            reason: The phrase; the status's own if None.
            headers: Further header fields, such as Retry-After or Warning.

        Raises:
            LocalError: The INVITE was accepted already, the status is none of those, or reason or
                a header field cannot be written. The session is as before.
        """
        if not FIRST_REFUSAL <= status <= MAX_STATUS:
            raise LocalError(f"{status} does not refuse a call, 300 to 699 do")
        refusal = self._invite.refusal(status, reason=reason, headers=headers)
        self._reply = partial(self._invite.send, refusal)
        end = SessionEnd(EndCause.REJECTED, status, reason or "")
        self._run(SessionInput.LOCAL_REJECT, now_ns, end)

    def redirect(self, contacts: Iterable[Uri], now_ns: Nanoseconds) -> None:
        """Send the caller elsewhere (302), to the first of `contacts` that takes the call."""
        headers = [("Contact", f"<{contact}>") for contact in contacts]
        self.reject(MOVED_TEMPORARILY, now_ns, headers=headers)

    def receive_ack(self, request: Request, now_ns: Nanoseconds) -> None:
        """Take the ACK of our 2xx, the first one's or a re-INVITE's; copies change nothing."""
        if request.cseq.number != self._invite.request.cseq.number:
            super().receive_ack(request, now_ns)
        elif self._invite.awaits_ack:
            self._acknowledged(description_of(request), now_ns)

    def receive_request(self, transaction: ServerTransaction, now_ns: Nanoseconds) -> None:
        """Take a request inside the dialog.

        Who sends INVITE or UPDATE again has had our 2xx: its ACK was lost or overtaken, unless that
        ACK has to bring the answer to an offer of ours.
        """
        request = transaction.request
        if (
            request.method in ("INVITE", "UPDATE")
            and self.state is SessionState.ANSWERED
            and self.exchange.state is OfferState.STABLE
        ):
            self._acknowledged(None, now_ns)
        super().receive_request(transaction, now_ns)

    def _receive_cancel(self, cancel: Request, now_ns: Nanoseconds) -> None:
        reason = cancel.headers.get("Reason") or ""
        end = SessionEnd(EndCause.CANCELLED, None, reason, "remote")
        self._run(SessionInput.PEER_CANCEL, now_ns, end)

    def _acknowledged(self, sdp: bytes | None, now_ns: Nanoseconds) -> None:
        self._invite.acknowledged()
        if self.exchange.state is OfferState.LOCAL_OFFER:
            if sdp is None:
                self.exchange.roll_back()
            else:
                self.exchange.receive_answer(sdp)
        self._ack_sdp = sdp
        self._run(SessionInput.ACK, now_ns)

    def _act(self, act: SessionAct, now_ns: Nanoseconds) -> None:
        match act:
            case SessionAct.REPLY:
                known(self._reply)(now_ns)
            case SessionAct.TELL_ACK:
                self._core.emit(AckReceived(self, self._ack_sdp))
                self._offers.opened(now_ns)
            case SessionAct.ANSWER_487:
                self._invite.refuse(REQUEST_TERMINATED, now_ns)
            case SessionAct.ANSWER_480:
                self._invite.refuse(TEMPORARILY_UNAVAILABLE, now_ns)
            case _:
                super()._act(act, now_ns)

    def _accept(self, sdp: bytes, success: Response, now_ns: Nanoseconds) -> None:
        if self.exchange.state is OfferState.REMOTE_OFFER:
            self.exchange.send_answer(sdp)
        else:
            self.exchange.send_offer(sdp)
        self._invite.accept(success, now_ns, ack_missing=self._ack_missing)

    def _ack_missing(self, now_ns: Nanoseconds) -> None:
        self._run(SessionInput.ACK_TIMEOUT, now_ns, SessionEnd(EndCause.NO_ACK))

    def _finish(self, now_ns: Nanoseconds) -> None:
        self._invite.acknowledged()
        super()._finish(now_ns)
