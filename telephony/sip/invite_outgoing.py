"""The caller's end of a session.

Source: RFC 3261 sections 9.1, 13.2, 15.
"""

from telephony.sip.codes import FIRST_CLIENT_ERROR, FIRST_REFUSAL, REQUEST_TIMEOUT
from telephony.sip.core import FinalAnswer, HeaderPairs, SipCore, description_of, ignore_answer
from telephony.sip.dialog import Dialog
from telephony.sip.events import EndCause, InviteAnswered, InviteFailed, InviteProgressed
from telephony.sip.headers import Headers
from telephony.sip.invite import InviteSession, SessionEnd
from telephony.sip.invite_client import MAX_FORKS, ClientInvite, InviteUser
from telephony.sip.invite_state import SessionAct, SessionInput, SessionState
from telephony.sip.known import known
from telephony.sip.message import Request, Response
from telephony.sip.offer_answer import OfferState
from telephony.sip.status import TRYING, reason_phrase
from telephony.sip.timers import Alarm
from telephony.sip.transmit import FlowId, ListenAddress
from telephony.sip.uri import Uri
from telephony.units import Nanoseconds

__all__ = ["OutgoingSession"]

_BEFORE_THE_ANSWER = frozenset(
    {
        SessionState.CALLING,
        SessionState.PROCEEDING,
        SessionState.CANCEL_WAITING,
        SessionState.CANCELLING,
    }
)


class OutgoingSession(InviteSession, InviteUser):
    """A call that we place."""

    is_outgoing = True

    def __init__(self, core: SipCore, request: Request, local: ListenAddress | None) -> None:
        """Take the INVITE, complete but for Via and Contact."""
        super().__init__(core, request, local)
        self._invite = ClientInvite(core, request, self)
        self._response: Response | None = None
        self._early_sdp: dict[str, bytes] = {}
        self._cancel_headers = Headers()
        self._cancel_limit: Alarm | None = None
        self._failure: tuple[int, str, tuple[str, ...]] | None = None
        if request.body:
            self.exchange.send_offer(request.body)

    def uses(self, flow: FlowId) -> bool:
        """Say whether a connection leads where the INVITE went, or the peer's requests use it."""
        return self._invite.went_over(flow) or super().uses(flow)

    def send(self, next_hop: Uri, now_ns: Nanoseconds) -> None:
        """Send the INVITE; the endpoint does so once."""
        self._arm_ring_limit(self._core.settings.ring_limit_ns, now_ns)
        self._invite.send(next_hop, self.path, now_ns)

    def cancel(self, now_ns: Nanoseconds, *, headers: HeaderPairs = ()) -> None:
        """Give up the call; `SessionEnded` follows.

        CANCEL goes out once a provisional answer has come (RFC 3261 section 9.1); if the callee's
        2xx crosses it, the session is hung up at once. An INVITE that still waits for the address
        of its next hop is never sent, and the session ends here.

        Args:
            now_ns: The time.
            headers: Further header fields of the CANCEL, such as Reason.

        Raises:
            LocalError: One of them cannot be written. The session is as before.
        """
        self._cancel_headers = Headers(headers)
        before = self.state in _BEFORE_THE_ANSWER
        end = SessionEnd(EndCause.CANCELLED if before else EndCause.BYE)
        is_unsent = self.state is SessionState.CALLING and not self._invite.is_sent
        what = SessionInput.LOCAL_WITHDRAW if is_unsent else SessionInput.LOCAL_CANCEL
        self._run(what, now_ns, end)

    def bye(self, now_ns: Nanoseconds, *, headers: HeaderPairs = ()) -> None:
        """End the session: BYE where it is up, CANCEL where it is not yet."""
        if self.state in _BEFORE_THE_ANSWER:
            self.cancel(now_ns, headers=headers)
        else:
            super().bye(now_ns, headers=headers)

    def invite_progressed(self, response: Response, now_ns: Nanoseconds) -> None:
        """Take a 1xx; one with a To tag makes an early dialog (section 12.1.2)."""
        tag = response.to.tag
        if response.status > TRYING and tag:
            if tag not in self._dialogs and len(self._dialogs) < MAX_FORKS:
                self._register(Dialog.from_response(self.request, response))
            sdp = description_of(response)
            if sdp is not None and tag in self._dialogs:
                self._early_sdp[tag] = sdp
            if self._dialog is None:
                self._dialog = self._dialogs[tag]
        self._response = response
        self._run(SessionInput.PROVISIONAL, now_ns)

    def invite_succeeded(self, response: Response, now_ns: Nanoseconds) -> None:
        """Take the first 2xx of each To tag: the first of all is the call, others are ended."""
        tag = response.to.tag or ""
        dialog = self._dialogs.get(tag)
        if self.state not in _BEFORE_THE_ANSWER:
            self._end_fork(Dialog.from_response(self.request, response), now_ns)
            return
        if dialog is None:
            dialog = Dialog.from_response(self.request, response)
        else:
            dialog.confirm(response)
        for other in list(self._dialogs.values()):
            self._unregister(other)
        self._dialog = dialog
        self._register(dialog)
        self._response = response
        self._run(SessionInput.SUCCESS, now_ns)

    def invite_failed(self, status: int, response: Response | None, now_ns: Nanoseconds) -> None:
        """Take another final answer, or what stands for it."""
        reason = reason_phrase(status) if response is None else response.reason
        contacts = () if response is None else _redirections(response)
        self._failure = (status, reason, contacts)
        self._response = response
        cause = EndCause.REJECTED
        if response is None:
            silent = status == REQUEST_TIMEOUT
            cause = EndCause.NO_ANSWER if silent else EndCause.UNREACHABLE
        end = SessionEnd(cause, status, reason, "remote")
        self._run(SessionInput.FAILURE, now_ns, end)

    def _act(self, act: SessionAct, now_ns: Nanoseconds) -> None:
        match act:
            case SessionAct.TELL_PROGRESS:
                self._tell_progress()
            case SessionAct.TELL_ANSWERED:
                self._take_answer(now_ns)
            case SessionAct.ACKNOWLEDGE:
                self._invite.acknowledge(self.dialog, self.path, now_ns)
            case SessionAct.SEND_CANCEL:
                self._send_cancel(now_ns)
            case SessionAct.WITHDRAW:
                self._invite.abandon(now_ns)
            case SessionAct.ABANDON:
                self._invite.abandon(now_ns)
                self._failure = (REQUEST_TIMEOUT, reason_phrase(REQUEST_TIMEOUT), ())
                self._response = None
            case _:
                super()._act(act, now_ns)

    def _tell_progress(self) -> None:
        response = known(self._response)
        if response.status > TRYING:
            self._core.emit(
                InviteProgressed(self, response.status, response.reason, description_of(response))
            )

    def _take_answer(self, now_ns: Nanoseconds) -> None:
        """Settle the first offer; a 2xx without the description it owes ends the session."""
        response = known(self._response)
        sdp = description_of(response) or self._early_sdp.get(response.to.tag or "")
        if not sdp:
            self._invite.acknowledge(self.dialog, self.path, now_ns)
            end = SessionEnd(EndCause.BAD_ANSWER, response.status, "", "remote")
            self._run(SessionInput.LOCAL_BYE, now_ns, end)
            return
        if self.exchange.state is OfferState.LOCAL_OFFER:
            self.exchange.receive_answer(sdp)
            self._invite.acknowledge(self.dialog, self.path, now_ns)
            self._core.emit(InviteAnswered(self, sdp, response))
            self._offers.opened(now_ns)
        else:
            self.exchange.receive_offer(sdp)
            self._offers.opened_owing(self._invite, now_ns)
            self._core.emit(InviteAnswered(self, sdp, response))

    def _send_cancel(self, now_ns: Nanoseconds) -> None:
        self._invite.cancel(self._cancel_headers, now_ns)
        limit_ns = self._core.settings.timers.transaction_limit_ns
        self._cancel_limit = self._core.heap.arm(
            Nanoseconds(now_ns + limit_ns),
            lambda now_ns: self._run(SessionInput.CANCEL_TIMEOUT, now_ns),
        )

    def _disarm_cancel_limit(self) -> None:
        if self._cancel_limit is not None:
            self._core.heap.disarm(self._cancel_limit)
            self._cancel_limit = None

    def _send_bye(self, now_ns: Nanoseconds) -> None:
        self._disarm_cancel_limit()
        super()._send_bye(now_ns)

    def _end_fork(self, dialog: Dialog, now_ns: Nanoseconds) -> None:
        """Acknowledge the 2xx of another callee and hang up on it (section 13.2.2.4)."""
        self._invite.acknowledge(dialog, self.path, now_ns)
        user = FinalAnswer(ignore_answer)
        self._core.send(dialog.request("BYE"), dialog.next_hop, user, now_ns, path=self.path)

    def _finish(self, now_ns: Nanoseconds) -> None:
        self._disarm_cancel_limit()
        if self._failure is not None:
            status, reason, contacts = self._failure
            self._core.emit(InviteFailed(self, status, reason, contacts, self._response))
        super()._finish(now_ns)


def _redirections(response: Response) -> tuple[str, ...]:
    """Give the URIs of a 3xx, by q value, most preferred first (section 8.1.3.4)."""
    if not FIRST_REFUSAL <= response.status < FIRST_CLIENT_ERROR:
        return ()
    ranked = sorted(response.contacts, key=lambda contact: -_q(contact.parameter("q")))
    return tuple(str(contact.uri) for contact in ranked)


def _q(text: str | None) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0
