"""One INVITE of a peer, first or inside a session: our answers, and the wait for its ACK.

Source: RFC 3261 sections 13.3.1 and 14.2.
"""

from collections.abc import Callable

from telephony.sip.codes import FIRST_FINAL, OK
from telephony.sip.core import HeaderPairs, SipCore, set_body
from telephony.sip.message import Request, Response
from telephony.sip.timers import Alarm
from telephony.sip.transaction_record import ServerTransaction
from telephony.units import Nanoseconds

__all__ = ["ServerInvite"]


class ServerInvite:
    """An INVITE that we answer.

    An answer is built before anything changes, so that one which cannot be written changes nothing.

    Attributes:
        transaction: Its transaction.
    """

    def __init__(self, core: SipCore, transaction: ServerTransaction, local_tag: str) -> None:
        """Make it ready to answer.

        Args:
            core: The endpoint's shared parts.
            transaction: The transaction of the INVITE.
            local_tag: The To tag of all our answers.
        """
        self._core = core
        self.transaction = transaction
        self._local_tag = local_tag
        self._answered = False
        self._repeat: Alarm | None = None
        self._limit: Alarm | None = None
        self._interval_ns = core.settings.timers.t1_ns

    @property
    def request(self) -> Request:
        """The INVITE."""
        return self.transaction.request

    @property
    def is_answered(self) -> bool:
        """Whether it has its final answer."""
        return self._answered

    @property
    def awaits_ack(self) -> bool:
        """Whether it has a 2xx whose ACK has not come."""
        return self._limit is not None

    def provisional(self, status: int, sdp: bytes | None) -> Response:
        """Build a 101 to 199."""
        response = self._response(status)
        if sdp is not None:
            set_body(response, sdp)
        return response

    def success(self, sdp: bytes, *, headers: HeaderPairs = ()) -> Response:
        """Build a 200.

        Args:
            sdp: Our answer, or our offer where the INVITE made none.
            headers: Further header fields.

        Raises:
            LocalError: One of the header fields cannot be written.
        """
        response = self._response(OK)
        self._core.describe(response)
        for name, value in headers:
            response.headers.add(name, value)
        set_body(response, sdp)
        return response

    def refusal(
        self, status: int, *, reason: str | None = None, headers: HeaderPairs = ()
    ) -> Response:
        """Build a 300 to 699.

        Raises:
            LocalError: Reason or one of the header fields cannot be written.
        """
        return self._core.response(
            self.request, status, reason=reason, to_tag=self._local_tag, headers=headers
        )

    def send(self, response: Response, now_ns: Nanoseconds) -> None:
        """Send a provisional answer or a refusal."""
        self._answered = response.status >= FIRST_FINAL
        self._core.layer.servers.respond(self.transaction, response, now_ns)

    def accept(
        self,
        success: Response,
        now_ns: Nanoseconds,
        *,
        ack_missing: Callable[[Nanoseconds], None],
    ) -> None:
        """Send the 200 and repeat it until `acknowledged` (section 13.3.1.4).

        Args:
            success: The 200.
            now_ns: The time.
            ack_missing: Called once if no ACK comes for 64*T1.
        """
        self._answered = True
        self._core.layer.servers.respond(self.transaction, success, now_ns)

        def give_up(now_ns: Nanoseconds) -> None:
            self.acknowledged()
            ack_missing(now_ns)

        heap, timers = self._core.heap, self._core.settings.timers
        self._limit = heap.arm(Nanoseconds(now_ns + timers.transaction_limit_ns), give_up)
        self._repeat = heap.arm(Nanoseconds(now_ns + self._interval_ns), self._repeat_success)

    def refuse(self, status: int, now_ns: Nanoseconds) -> None:
        """Send a refusal in the status's own words."""
        self.send(self.refusal(status), now_ns)

    def acknowledged(self) -> None:
        """Stop repeating the 2xx: its ACK came, or the session is over."""
        for alarm in (self._repeat, self._limit):
            if alarm is not None:
                self._core.heap.disarm(alarm)
        self._repeat = self._limit = None

    def _response(self, status: int) -> Response:
        """Build an answer that makes or keeps a dialog (section 12.1.1)."""
        response = self._core.response(self.request, status, to_tag=self._local_tag)
        for value in self.request.headers.get_all("Record-Route"):
            response.headers.add("Record-Route", value)
        arrival = self.transaction.arrival
        response.headers.add("Contact", self._core.contact(arrival.transport, arrival.local))
        return response

    def _repeat_success(self, now_ns: Nanoseconds) -> None:
        self._core.layer.servers.repeat_success(self.transaction, now_ns)
        timers = self._core.settings.timers
        self._interval_ns = min(Nanoseconds(2 * self._interval_ns), timers.t2_ns)
        self._repeat = self._core.heap.arm(
            Nanoseconds(now_ns + self._interval_ns), self._repeat_success
        )
