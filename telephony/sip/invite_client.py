"""One INVITE of ours, first or inside a session: its answers, its ACKs, its CANCEL.

Source: RFC 3261 sections 9.1, 13.2, 14.1.
"""

from typing import Protocol

from telephony.sip.codes import FIRST_FINAL, FIRST_REFUSAL, REQUEST_TIMEOUT, SERVICE_UNAVAILABLE
from telephony.sip.core import FinalAnswer, Path, SipCore, ignore_answer, set_body
from telephony.sip.dialog import Dialog
from telephony.sip.headers import Headers
from telephony.sip.known import known
from telephony.sip.message import Request, Response
from telephony.sip.timers import Alarm, Timer
from telephony.sip.transaction_record import ClientTransaction, ClientUser
from telephony.sip.transmit import FlowId, Hop, Transmit
from telephony.sip.uri import Uri
from telephony.units import Nanoseconds

__all__ = ["ClientInvite", "InviteUser"]

MAX_FORKS = 16
"""2xx from so many places are acknowledged and ended; what comes beyond is ignored."""


class InviteUser(Protocol):
    """Who made the INVITE."""

    def invite_progressed(self, response: Response, now_ns: Nanoseconds) -> None:
        """Take a 101 to 199; a 100 as well."""

    def invite_succeeded(self, response: Response, now_ns: Nanoseconds) -> None:
        """Take the first 2xx of each To tag; it must be acknowledged."""

    def invite_failed(self, status: int, response: Response | None, now_ns: Nanoseconds) -> None:
        """Take another final answer, or 408 for silence and 503 for a transport that failed."""


class ClientInvite(ClientUser):
    """An INVITE of ours, with the ACK of each 2xx kept to answer its copies."""

    def __init__(self, core: SipCore, request: Request, user: InviteUser) -> None:
        """Make it ready to send."""
        self._core = core
        self.request = request
        self._user = user
        self._transaction: ClientTransaction | None = None
        self._acks: dict[str, Transmit | None] = {}
        self._is_abandoned = False
        self._is_decided = False
        self._limit: Alarm | None = None

    def send(self, next_hop: Uri, path: Path, now_ns: Nanoseconds) -> None:
        """Send it."""
        self._core.locate(next_hop, path, self._located, now_ns)

    @property
    def is_sent(self) -> bool:
        """Whether its next hop was known in time for it to go out."""
        return self._transaction is not None

    def went_over(self, flow: FlowId) -> bool:
        """Say whether a connection leads where it was sent."""
        return self._transaction is not None and self._transaction.hop.is_over(flow)

    def limit(self, patience_ns: Nanoseconds, now_ns: Nanoseconds) -> None:
        """Have it fail (408) and its transaction destroyed if no final answer comes for so long.

        For an INVITE that nobody cancels: one that is answered 1xx and no more has no timer of its
        own (RFC 3261 section 17.1.1.2).
        """

        def expire(now_ns: Nanoseconds) -> None:
            self.abandon(now_ns)
            self._user.invite_failed(REQUEST_TIMEOUT, None, now_ns)

        self._limit = self._core.heap.arm(Nanoseconds(now_ns + patience_ns), expire)

    def cancel(self, headers: Headers, now_ns: Nanoseconds) -> None:
        """Send CANCEL; a provisional answer must have come. Its own answer changes nothing."""
        user = FinalAnswer(ignore_answer)
        self._core.layer.clients.cancel(known(self._transaction), headers, user, now_ns)

    def abandon(self, now_ns: Nanoseconds) -> None:
        """Wait no longer for an answer; if it was not sent yet, it never is."""
        self._is_abandoned = True
        if self._transaction is not None:
            self._core.layer.clients.abandon(self._transaction, now_ns)

    def acknowledge(
        self, dialog: Dialog, path: Path, now_ns: Nanoseconds, *, sdp: bytes | None = None
    ) -> None:
        """Send the ACK of the 2xx that made `dialog`, and again at each copy of that 2xx."""
        ack = dialog.ack(self.request.cseq.number)
        ack.headers.add("User-Agent", self._core.settings.user_agent)
        for name in ("Authorization", "Proxy-Authorization"):
            for value in self.request.headers.get_all(name):
                ack.headers.add(name, value)
        if sdp is not None:
            set_body(ack, sdp)

        def located(hop: Hop | None, _: Nanoseconds) -> None:
            if hop is not None:
                self._acks[dialog.id.remote_tag] = self._core.layer.clients.acknowledge(ack, hop)

        self._core.locate(dialog.next_hop, path, located, now_ns)

    def receive_response(self, response: Response, now_ns: Nanoseconds) -> None:
        """Take an answer; a copy of a 2xx gets the ACK it had (section 13.2.2.4)."""
        if response.status < FIRST_FINAL:
            self._user.invite_progressed(response, now_ns)
            return
        self._disarm_limit()
        self._is_decided = True
        if response.status >= FIRST_REFUSAL:
            self._user.invite_failed(response.status, response, now_ns)
        else:
            self._take_success(response, now_ns)

    def receive_failure(self, timer: Timer | None, now_ns: Nanoseconds) -> None:
        """Pass on what stands for an answer; none is needed once the ACK of a refusal fails."""
        if self._is_decided:
            return
        self._disarm_limit()
        status = SERVICE_UNAVAILABLE if timer is None else REQUEST_TIMEOUT
        self._user.invite_failed(status, None, now_ns)

    def _located(self, hop: Hop | None, now_ns: Nanoseconds) -> None:
        if self._is_abandoned:
            return
        if hop is None:
            self.receive_failure(None, now_ns)
        else:
            self._transaction = self._core.launch(self.request, hop, self, now_ns)

    def _disarm_limit(self) -> None:
        if self._limit is not None:
            self._core.heap.disarm(self._limit)
            self._limit = None

    def _take_success(self, response: Response, now_ns: Nanoseconds) -> None:
        tag = response.to.tag or ""
        if tag in self._acks:
            ack = self._acks[tag]
            if ack is not None:
                self._core.emit(ack)
            return
        if len(self._acks) < MAX_FORKS:
            self._acks[tag] = None
            self._user.invite_succeeded(response, now_ns)
