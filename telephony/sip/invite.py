"""A session that INVITE makes: what both its ends have in common.

Source: RFC 3261 sections 12, 14 and 15. The states stand in `invite_state`, changes of a session
that is up in `invite_reoffer`, transfers in `refer_state`; the classes here carry out what they
ask.
"""

from typing import ClassVar, Literal, NamedTuple

from telephony.errors import LocalError
from telephony.sip.codes import CALL_DOES_NOT_EXIST, OK, SERVER_ERROR
from telephony.sip.core import FinalAnswer, HeaderPairs, Path, SipCore, description_of, set_body
from telephony.sip.dialog import Dialog
from telephony.sip.events import EndCause, InfoAnswered, InfoReceived, SessionEnded
from telephony.sip.headers import Headers
from telephony.sip.invite_offers import SessionOffers
from telephony.sip.invite_reoffer import ReofferState
from telephony.sip.invite_server import ServerInvite
from telephony.sip.invite_state import SessionAct, SessionInput, SessionMachine, SessionState
from telephony.sip.known import known
from telephony.sip.message import Request, Response
from telephony.sip.name_addr import NameAddr
from telephony.sip.offer_answer import OfferAnswer
from telephony.sip.refer import Transfer
from telephony.sip.refer_server import PeerTransfers
from telephony.sip.subscription import parse_event
from telephony.sip.timers import Alarm
from telephony.sip.transaction_record import ServerTransaction
from telephony.sip.transmit import FlowId, HostPort, ListenAddress
from telephony.sip.uri import Uri
from telephony.units import Nanoseconds

__all__ = ["InviteSession", "SessionEnd"]

MAX_TRANSFERS = 8
"""Transfers of one session whose late NOTIFYs are still known."""

BAD_EVENT = 489

_OVER = frozenset({SessionState.LEAVING, SessionState.ENDED})
_ENDING = _OVER | {
    SessionState.HANGUP_WAITING,
    SessionState.CANCEL_WAITING,
    SessionState.CANCELLING,
}
_UP = frozenset({SessionState.ESTABLISHED, SessionState.ANSWERED})


class SessionEnd(NamedTuple):
    """Why a session ends, as `SessionEnded` will tell it."""

    cause: EndCause
    status: int | None = None
    reason: str = ""
    by: Literal["local", "remote"] = "local"


class InviteSession:
    """One call leg. After each method drain `endpoint.poll_output()` and re-arm the timer.

    Commands to a session that is over do nothing: `SessionEnded` may still be on its way.

    Attributes:
        call_id: The Call-ID of all its messages.
        request: The INVITE that began it.
        is_outgoing: Whether that INVITE was ours.
        remote_address: Where the peer's messages come from; None until one has.
        local_address: The socket of ours that it belongs to, if known.
    """

    is_outgoing: ClassVar[bool]

    def __init__(self, core: SipCore, request: Request, local: ListenAddress | None) -> None:
        """Take over what both ends need; an endpoint makes sessions, nobody else does."""
        incoming = not self.is_outgoing
        self._core = core
        self._machine = SessionMachine(SessionState.RECEIVED if incoming else SessionState.CALLING)
        opening = ReofferState.OPENING_REMOTE if incoming else ReofferState.OPENING_LOCAL
        self._offers = SessionOffers(core, self, opening)
        self._dialogs: dict[str, Dialog] = {}
        self._dialog: Dialog | None = None
        self._transfers: list[Transfer] = []
        self._peer_transfers = PeerTransfers(core, self)
        self._ring_limit: Alarm | None = None
        self._bye_headers = Headers()
        self._end: SessionEnd | None = None
        self.call_id = request.call_id
        self.request = request
        self.remote_address: HostPort | None = None
        self.local_address = local

    @property
    def state(self) -> SessionState:
        """Where the session stands."""
        return self._machine.state

    @property
    def exchange(self) -> OfferAnswer:
        """Who owes an answer to whose offer, and the descriptions last agreed."""
        return self._offers.exchange

    @property
    def dialog(self) -> Dialog:
        """The dialog of the session.

        Raises:
            LocalError: No answer has made one yet.
        """
        if self._dialog is None:
            raise LocalError("the session has no dialog yet")
        return self._dialog

    @property
    def path(self) -> Path:
        """How its messages leave us."""
        return Path(local=self.local_address)

    def uses(self, flow: FlowId) -> bool:
        """Say whether a connection is one that the peer's requests come over."""
        return self.remote_address == (flow.host, flow.port)

    def bye(self, now_ns: Nanoseconds, *, headers: HeaderPairs = ()) -> None:
        """End the session by whatever its state asks for.

        BYE where it is up, by a callee once its 2xx is acknowledged (RFC 3261 section 15);
        an INVITE of ours without answer is cancelled, the peer's is answered 480.

        Args:
            now_ns: The time.
            headers: Further header fields of the BYE, such as Reason.

        Raises:
            LocalError: One of them cannot be written. The session is as before.
        """
        self._bye_headers = Headers(headers)
        self._run(SessionInput.LOCAL_BYE, now_ns, SessionEnd(EndCause.BYE))

    def reinvite(self, sdp: bytes | None, now_ns: Nanoseconds) -> None:
        """Change the session: `OfferAnswered` or `OfferFailed` follows.

        Sent at once, or when what is under way is over; a later call takes the place of one that
        was not sent yet.

        Args:
            sdp: Our offer; None asks the peer to make one, which comes as `OfferReceived`.
            now_ns: The time.
        """
        self._offers.offer(sdp, now_ns)

    def respond_to_offer(self, sdp: bytes | None, now_ns: Nanoseconds) -> None:
        """Answer `OfferReceived`, or `InviteAnswered` where the peer made the offer.

        Args:
            sdp: Our answer, or our offer where the peer asked for one. None refuses: 488 to a
                request; where the offer came in a 2xx there is nothing to refuse, and the session
                ends.
            now_ns: The time.
        """
        self._offers.respond(sdp, now_ns)

    def refer(
        self,
        target: Uri,
        now_ns: Nanoseconds,
        *,
        referred_by: NameAddr | None = None,
        headers: HeaderPairs = (),
        subscribe: bool = True,
    ) -> None:
        """Ask the peer to call `target` in our place; `ReferFinished` follows.

        Args:
            target: Whom to call; a URI with a Replaces header makes it an attended transfer.
            now_ns: The time.
            referred_by: Who asks (RFC 3892); our own address in the dialog if None.
            headers: Further header fields.
            subscribe: False asks for no reports (`Refer-Sub: false`, RFC 4488); the outcome is
                then `handed_off` at best.

        Raises:
            LocalError: The session is not up yet, or another transfer is under way.
        """
        if self.state in _OVER:
            return
        if self.state not in _UP or any(not one.is_finished for one in self._transfers):
            raise LocalError("REFER needs a session that is up and has no transfer under way")
        request = self.dialog.request("REFER")
        request.headers.add("Refer-To", f"<{target}>")
        by = referred_by or NameAddr(None, self.dialog.local.uri)
        request.headers.add("Referred-By", str(by))
        self._core.describe(request)
        if not subscribe:
            request.headers.add("Refer-Sub", "false")
        for name, value in headers:
            request.headers.add(name, value)
        transfer = Transfer(self._core, self, request.cseq.number)
        self._transfers = [*self._transfers[-MAX_TRANSFERS + 1 :], transfer]
        self._send(request, FinalAnswer(transfer.receive_answer), now_ns)

    def info(self, content_type: str, body: bytes, now_ns: Nanoseconds) -> None:
        """Send INFO; `InfoAnswered` follows.

        Raises:
            LocalError: The session is not up yet.
        """
        if self.state in _OVER:
            return
        if self.state not in _UP:
            raise LocalError("INFO needs a session that is up")
        request = self.dialog.request("INFO")
        set_body(request, body, content_type)

        def answered(status: int, _: Response | None, now_ns: Nanoseconds) -> None:
            del now_ns
            if self.state is not SessionState.ENDED:
                self._core.emit(InfoAnswered(self, status))

        self._send(request, FinalAnswer(answered), now_ns)

    def receive_request(self, transaction: ServerTransaction, now_ns: Nanoseconds) -> None:
        """Take a request of the peer inside the dialog, and answer it now or later.

        Raises:
            RemoteError: It does not fit; the endpoint answers with the error's status.
        """
        request = transaction.request
        dialog = self._dialogs[request.from_.tag or ""]
        if not dialog.take_cseq(request.cseq.number):
            # "MUST be rejected with a 500 (Server Internal Error)", section 12.2.2.
            self.respond(transaction, SERVER_ERROR, now_ns)
            return
        self.remote_address = transaction.arrival.source
        match request.method:
            case "BYE":
                self.respond(transaction, OK, now_ns)
                reason = request.headers.get("Reason") or ""
                end = SessionEnd(EndCause.BYE, None, reason, "remote")
                self._run(SessionInput.PEER_BYE, now_ns, end)
            case "INVITE" | "UPDATE":
                self._receive_offer(transaction, now_ns)
            case "INFO":
                self.respond(transaction, OK, now_ns)
                kind = request.content_type
                essence = kind.essence if kind is not None else ""
                self._core.emit(InfoReceived(self, essence, request.body))
            case "NOTIFY":
                self._receive_notify(transaction, now_ns)
            case "REFER":
                self._peer_transfers.receive_refer(transaction, now_ns, is_up=self.state in _UP)
            case _:
                self._answer_options(transaction, now_ns)

    def receive_ack(self, request: Request, now_ns: Nanoseconds) -> None:
        """Take an ACK of a 2xx inside the dialog."""
        self._offers.receive_ack(request, now_ns)

    def server_invite(self, transaction: ServerTransaction) -> ServerInvite:
        """Take a re-INVITE in hand."""
        transaction.on_cancel = lambda _, now_ns: self._offers.receive_cancel(transaction, now_ns)
        return ServerInvite(self._core, transaction, self.dialog.id.local_tag)

    def answer_update(
        self, transaction: ServerTransaction, sdp: bytes | None, now_ns: Nanoseconds
    ) -> None:
        """Answer UPDATE 200."""
        arrival = transaction.arrival
        contact = self._core.contact(arrival.transport, arrival.local)
        response = self._core.response(transaction.request, 200, headers=(("Contact", contact),))
        self._core.describe(response)
        if sdp is not None:
            set_body(response, sdp)
        self._core.layer.servers.respond(transaction, response, now_ns)

    def respond(
        self,
        transaction: ServerTransaction,
        status: int,
        now_ns: Nanoseconds,
        *,
        headers: HeaderPairs = (),
    ) -> None:
        """Answer a request inside the dialog, without a body."""
        response = self._core.response(transaction.request, status, headers=headers)
        self._core.layer.servers.respond(transaction, response, now_ns)

    def lose_dialog(self, status: int, now_ns: Nanoseconds) -> None:
        """End the session because a re-INVITE showed that the peer is gone (section 14.1)."""
        end = SessionEnd(EndCause.DIALOG_LOST, status, "", "remote")
        self._run(SessionInput.DIALOG_LOST, now_ns, end)

    def _run(self, what: SessionInput, now_ns: Nanoseconds, end: SessionEnd | None = None) -> None:
        """Take one step; if it leads to the end, `end` says why, unless that was said before."""
        acts = self._machine.advance(what)
        if self._end is None and self.state in _ENDING:
            self._end = end
        for act in acts:
            self._act(act, now_ns)

    def _act(self, act: SessionAct, now_ns: Nanoseconds) -> None:
        """Carry out what both ends may have to do: stop the ring limit, send BYE, end.

        Each end takes its own acts out before; the table gives neither an act of the other.
        """
        if act is SessionAct.STOP_RING_LIMIT:
            self._disarm_ring_limit()
        elif act is SessionAct.SEND_BYE:
            self._send_bye(now_ns)
        else:
            self._finish(now_ns)

    def _send(self, request: Request, user: FinalAnswer, now_ns: Nanoseconds) -> None:
        self._core.send(request, self.dialog.next_hop, user, now_ns, path=self.path)

    def _send_bye(self, now_ns: Nanoseconds) -> None:
        self._offers.close(now_ns)
        request = self.dialog.request("BYE")
        for name, value in self._bye_headers.items():
            request.headers.add(name, value)

        def answered(_: int, __: Response | None, now_ns: Nanoseconds) -> None:
            self._run(SessionInput.BYE_FINISHED, now_ns)

        self._send(request, FinalAnswer(answered), now_ns)

    def _receive_offer(self, transaction: ServerTransaction, now_ns: Nanoseconds) -> None:
        request = transaction.request
        if self.state in _OVER:
            self.respond(transaction, CALL_DOES_NOT_EXIST, now_ns)
        elif request.method == "UPDATE" and description_of(request) is None:
            self.dialog.refresh_target(request)
            self.answer_update(transaction, None, now_ns)
        else:
            self._offers.receive_request(transaction, now_ns)

    def _receive_notify(self, transaction: ServerTransaction, now_ns: Nanoseconds) -> None:
        event = transaction.request.headers.optional("Event", parse_event)
        if event is None or event.package != "refer":
            headers = (("Allow-Events", "refer"),)
            self.respond(transaction, BAD_EVENT, now_ns, headers=headers)
            return
        for transfer in self._transfers:
            if transfer.owns(event):
                self.respond(transaction, OK, now_ns)
                transfer.receive_notify(transaction.request, now_ns)
                return
        self.respond(transaction, CALL_DOES_NOT_EXIST, now_ns)

    def _answer_options(self, transaction: ServerTransaction, now_ns: Nanoseconds) -> None:
        response = self._core.response(
            transaction.request, 200, headers=(("Accept", "application/sdp"),)
        )
        self._core.describe(response)
        self._core.layer.servers.respond(transaction, response, now_ns)

    def _register(self, dialog: Dialog) -> None:
        self._dialogs[dialog.id.remote_tag] = dialog
        self._core.dialogs[dialog.id] = self

    def _unregister(self, dialog: Dialog) -> None:
        self._dialogs.pop(dialog.id.remote_tag, None)
        self._core.dialogs.pop(dialog.id, None)

    def _arm_ring_limit(self, limit_ns: Nanoseconds, now_ns: Nanoseconds) -> None:
        def expire(now_ns: Nanoseconds) -> None:
            self._run(SessionInput.RING_LIMIT, now_ns, SessionEnd(EndCause.NO_ANSWER))

        self._ring_limit = self._core.heap.arm(Nanoseconds(now_ns + limit_ns), expire)

    def _disarm_ring_limit(self) -> None:
        if self._ring_limit is not None:
            self._core.heap.disarm(self._ring_limit)
            self._ring_limit = None

    def _finish(self, now_ns: Nanoseconds) -> None:
        self._disarm_ring_limit()
        self._offers.close(now_ns)
        for dialog in list(self._dialogs.values()):
            self._unregister(dialog)
        for transfer in self._transfers:
            transfer.session_ended(now_ns)
        self._peer_transfers.close(now_ns)
        self._core.emit(SessionEnded(self, *known(self._end)))
