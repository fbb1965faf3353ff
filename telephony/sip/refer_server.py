"""A transfer that the peer asks of us: its REFER, and the reports of our call that we owe it.

States:
    ASKED      the REFER is in; the user decides
    REPORTING  it was accepted: NOTIFYs tell how our call to the target goes
    FINISHED   refused, or the last report is sent, or nobody waits for one
Inputs: PeerReferInput below.
Source: RFC 3515 section 2.4, RFC 4488 (`Refer-Sub: false`), RFC 6665 section 4.2 (subscriptions).
Left out: REFER outside a dialog, and a SUBSCRIBE that would refresh the implicit subscription; it
lasts for as long as our call may ring, and a little longer.
"""

from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING

from telephony.errors import LocalError
from telephony.sip.codes import (
    CALL_DOES_NOT_EXIST,
    DECLINE,
    FIRST_FINAL,
    FIRST_REFUSAL,
    REQUEST_PENDING,
    REQUEST_TERMINATED,
)
from telephony.sip.core import FinalAnswer, set_body
from telephony.sip.events import ReferReceived
from telephony.sip.headers import Headers
from telephony.sip.message import Response
from telephony.sip.name_addr import NameAddr, parse_name_addr
from telephony.sip.status import reason_phrase
from telephony.sip.timers import Alarm
from telephony.units import NS_PER_SECOND, Nanoseconds

if TYPE_CHECKING:
    from telephony.sip.core import SipCore
    from telephony.sip.invite import InviteSession
    from telephony.sip.transaction_record import ServerTransaction

__all__ = [
    "PEER_REFER",
    "PeerReferInput",
    "PeerReferState",
    "PeerTransfer",
    "PeerTransfers",
]

ACCEPTED = 202
"""RFC 3515 section 2.4.2. RFC 7647 would rather have 200; phones of its day wait for 202."""
LONGEST_STATUS = 699
SPARE_S = 30
"""Seconds that the subscription outlasts the longest ringing of our call to the target."""
SIPFRAG = "message/sipfrag;version=2.0"


class PeerReferState(Enum):
    """Where a transfer stands; the list above says what each means."""

    ASKED = "asked"
    REPORTING = "reporting"
    FINISHED = "finished"

    __hash__ = object.__hash__


class PeerReferInput(Enum):
    """What can happen."""

    ACCEPT = "the user takes it on"
    REFUSE = "the user refuses"
    UNDECIDED = "the user did not decide in time"
    PROGRESS = "the user reports a 1xx"
    DECIDED = "the user reports a final status"
    EXPIRED = "the subscription ends by time"
    UNWANTED = "a NOTIFY was refused, or not answered"
    SESSION_ENDED = "the session is over"

    __hash__ = object.__hash__


class PeerReferAct(Enum):
    """What is to be done, in the order of the row."""

    SEND_ACCEPTED = "answer the REFER 202"
    SEND_REFUSAL = "answer the REFER with the user's status"
    SEND_DECLINE = "answer the REFER 603"
    SEND_TERMINATED = "answer the REFER 487"
    REPORT = "send a NOTIFY"
    REPORT_LAST = "send the NOTIFY that ends the subscription"
    REPORT_EXPIRED = "send the NOTIFY that says it ended by time"
    ARM_EXPIRY = "limit the subscription"
    DISARM = "stop that timer"

    __hash__ = object.__hash__


_S = PeerReferState
_I = PeerReferInput
_A = PeerReferAct

PEER_REFER = MappingProxyType(
    {
        (_S.ASKED, _I.ACCEPT): (
            _S.REPORTING,
            (_A.DISARM, _A.SEND_ACCEPTED, _A.ARM_EXPIRY, _A.REPORT),
        ),
        (_S.ASKED, _I.REFUSE): (_S.FINISHED, (_A.DISARM, _A.SEND_REFUSAL)),
        (_S.ASKED, _I.UNDECIDED): (_S.FINISHED, (_A.SEND_DECLINE,)),
        # "It is RECOMMENDED that a 487 ... be generated" for pending requests, RFC 3261 15.1.2.
        (_S.ASKED, _I.SESSION_ENDED): (_S.FINISHED, (_A.DISARM, _A.SEND_TERMINATED)),
        (_S.REPORTING, _I.PROGRESS): (_S.REPORTING, (_A.REPORT,)),
        (_S.REPORTING, _I.DECIDED): (_S.FINISHED, (_A.DISARM, _A.REPORT_LAST)),
        (_S.REPORTING, _I.EXPIRED): (_S.FINISHED, (_A.REPORT_EXPIRED,)),
        # "the notifier MUST remove the corresponding subscription", RFC 6665 section 4.2.2.
        (_S.REPORTING, _I.UNWANTED): (_S.FINISHED, (_A.DISARM,)),
        (_S.REPORTING, _I.SESSION_ENDED): (_S.FINISHED, (_A.DISARM,)),
        # The user's word may cross a timer or the peer's BYE; whatever comes now changes nothing.
        (_S.FINISHED, _I.ACCEPT): (_S.FINISHED, ()),
        (_S.FINISHED, _I.REFUSE): (_S.FINISHED, ()),
        (_S.FINISHED, _I.PROGRESS): (_S.FINISHED, ()),
        (_S.FINISHED, _I.DECIDED): (_S.FINISHED, ()),
        (_S.FINISHED, _I.UNWANTED): (_S.FINISHED, ()),
        (_S.FINISHED, _I.SESSION_ENDED): (_S.FINISHED, ()),
    }
)
"""(state, input) -> (next state, actions)."""


class PeerTransfer:
    """One REFER of the peer.

    The user owes `accept` or `refuse`, and after `accept` a `report` of each step up to a final
    status. After each method drain `endpoint.poll_output()` and re-arm the timer.
    """

    def __init__(
        self,
        core: "SipCore",
        session: "InviteSession",
        transaction: "ServerTransaction",
        *,
        is_first: bool,
        now_ns: Nanoseconds,
    ) -> None:
        """Wait for the user.

        Args:
            core: The endpoint's shared parts.
            session: Whose call the peer wants moved.
            transaction: The REFER.
            is_first: Whether it is the first of its dialog; later ones name themselves in each
                NOTIFY (RFC 3515 section 2.4.6).
            now_ns: The time.
        """
        request = transaction.request
        self._core = core
        self._session = session
        self._transaction = transaction
        self._event = "refer" if is_first else f"refer;id={request.cseq.number}"
        refer_sub = request.headers.get("Refer-Sub") or ""
        self._is_silent = refer_sub.partition(";")[0].strip().lower() == "false"
        self._state = PeerReferState.ASKED
        self._refusal = DECLINE
        self._status_line = "SIP/2.0 100 Trying"
        self._expires_ns = Nanoseconds(now_ns + core.settings.offer_limit_ns)
        self._alarm = self._arm(PeerReferInput.UNDECIDED)

    @property
    def state(self) -> PeerReferState:
        """Where it stands."""
        return self._state

    def accept(self, now_ns: Nanoseconds) -> None:
        """Take it on: 202, and a first report that says so.

        Raises:
            LocalError: It was accepted before.
        """
        self._advance(PeerReferInput.ACCEPT, now_ns)

    def refuse(self, now_ns: Nanoseconds, status: int = DECLINE) -> None:
        """Refuse it; the call stays as it is.

        Args:
            now_ns: The time.
            status: 300 to 699.

        Raises:
            LocalError: It was accepted before, or the status does not refuse.
        """
        if not FIRST_REFUSAL <= status <= LONGEST_STATUS:
            raise LocalError(f"{status} refuses nothing; wanted 300 to 699")
        if self._state is PeerReferState.ASKED:
            self._refusal = status
        self._advance(PeerReferInput.REFUSE, now_ns)

    def report(self, status: int, now_ns: Nanoseconds, *, reason: str | None = None) -> None:
        """Tell the peer how our call to the target goes; a final status ends the reports.

        Args:
            status: 100 to 699, as the target answered.
            now_ns: The time.
            reason: The phrase; the usual one if None.

        Raises:
            LocalError: It was not accepted yet, or that makes no status line.
        """
        line = Response(status, reason or reason_phrase(status), Headers()).start_line
        if self._state is PeerReferState.REPORTING:
            self._status_line = line
        is_final = status >= FIRST_FINAL
        self._advance(PeerReferInput.DECIDED if is_final else PeerReferInput.PROGRESS, now_ns)

    def session_ended(self, now_ns: Nanoseconds) -> None:
        """Stop: the session is over."""
        self._advance(PeerReferInput.SESSION_ENDED, now_ns)

    def _advance(self, what: PeerReferInput, now_ns: Nanoseconds) -> None:
        step = PEER_REFER.get((self._state, what))
        if step is None:
            raise LocalError(f"{what.name} while the peer's transfer is {self._state.name}")
        self._state, acts = step
        for act in acts:
            self._act(act, now_ns)

    def _act(self, act: PeerReferAct, now_ns: Nanoseconds) -> None:
        match act:
            case PeerReferAct.ARM_EXPIRY:
                ring_ns = self._core.settings.ring_limit_ns
                self._expires_ns = Nanoseconds(now_ns + ring_ns + SPARE_S * NS_PER_SECOND)
                self._alarm = self._arm(PeerReferInput.EXPIRED)
            case PeerReferAct.DISARM:
                self._core.heap.disarm(self._alarm)
            case PeerReferAct.REPORT:
                left_s = (self._expires_ns - now_ns) // NS_PER_SECOND
                self._notify(f"active;expires={left_s}", now_ns)
            case PeerReferAct.REPORT_LAST:
                self._notify("terminated;reason=noresource", now_ns)
            case PeerReferAct.REPORT_EXPIRED:
                self._notify("terminated;reason=timeout", now_ns)
            case _:
                self._answer(act, now_ns)

    def _answer(self, act: PeerReferAct, now_ns: Nanoseconds) -> None:
        """Answer the REFER."""
        headers: list[tuple[str, str]] = []
        if act is PeerReferAct.SEND_ACCEPTED:
            status = ACCEPTED
            arrival = self._transaction.arrival
            headers.append(("Contact", self._core.contact(arrival.transport, arrival.local)))
            if self._is_silent:
                headers.append(("Refer-Sub", "false"))
        elif act is PeerReferAct.SEND_REFUSAL:
            status = self._refusal
        else:
            status = DECLINE if act is PeerReferAct.SEND_DECLINE else REQUEST_TERMINATED
        self._session.respond(self._transaction, status, now_ns, headers=headers)

    def _notify(self, state: str, now_ns: Nanoseconds) -> None:
        """Send a report (RFC 3515 section 2.4.5), unless the peer wants none (RFC 4488)."""
        if self._is_silent:
            return
        request = self._session.dialog.request("NOTIFY")
        request.headers.add("Event", self._event)
        request.headers.add("Subscription-State", state)
        body = f"{self._status_line}\r\n".encode("utf-8", "surrogateescape")
        set_body(request, body, SIPFRAG)

        def answered(status: int, _: Response | None, now_ns: Nanoseconds) -> None:
            if status >= FIRST_REFUSAL:
                self._advance(PeerReferInput.UNWANTED, now_ns)

        session = self._session
        hop = session.dialog.next_hop
        self._core.send(request, hop, FinalAnswer(answered), now_ns, path=session.path)

    def _arm(self, what: PeerReferInput) -> Alarm:
        return self._core.heap.arm(self._expires_ns, lambda now_ns: self._advance(what, now_ns))


class PeerTransfers:
    """The transfers that the peer of one session has asked for: one at a time."""

    def __init__(self, core: "SipCore", session: "InviteSession") -> None:
        """Start with none."""
        self._core = core
        self._session = session
        self._latest: PeerTransfer | None = None

    def receive_refer(
        self, transaction: "ServerTransaction", now_ns: Nanoseconds, *, is_up: bool
    ) -> None:
        """Take a REFER of the peer: tell the user, or refuse it.

        Args:
            transaction: The REFER.
            now_ns: The time.
            is_up: Whether the session is neither opening nor ending.

        Raises:
            RemoteError: It says not exactly once whom to call (RFC 3515 section 2.4.2), or a header
                field cannot be read.
        """
        latest = self._latest
        if not is_up:
            self._session.respond(transaction, CALL_DOES_NOT_EXIST, now_ns)
            return
        if latest is not None and latest.state is not PeerReferState.FINISHED:
            self._session.respond(transaction, REQUEST_PENDING, now_ns)
            return
        headers = transaction.request.headers
        target = headers.one("Refer-To", parse_name_addr).uri
        by: NameAddr | None = headers.optional("Referred-By", parse_name_addr)
        self._latest = PeerTransfer(
            self._core, self._session, transaction, is_first=latest is None, now_ns=now_ns
        )
        self._core.emit(ReferReceived(self._session, target, by, self._latest))

    def close(self, now_ns: Nanoseconds) -> None:
        """Stop: the session is over."""
        if self._latest is not None:
            self._latest.session_ended(now_ns)
