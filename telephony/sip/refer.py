"""A transfer we ask the peer for: REFER, the reports that come by NOTIFY, the outcome.

Source: RFC 3515, RFC 4488 (`Refer-Sub`), RFC 6665 (subscriptions), RFC 3892 (`Referred-By`).
"""

from typing import TYPE_CHECKING, NamedTuple

from telephony.sip.codes import FIRST_FINAL, FIRST_REFUSAL
from telephony.sip.errors import SipSyntaxError
from telephony.sip.events import (
    ReferAccepted,
    ReferFinished,
    ReferProgressed,
    TransferOutcome,
)
from telephony.sip.known import known
from telephony.sip.message import Request, Response
from telephony.sip.refer_state import ReferAct, ReferInput, ReferMachine, ReferState
from telephony.sip.status import parse_sipfrag
from telephony.sip.subscription import Event, parse_subscription_state
from telephony.sip.timers import Alarm
from telephony.units import NS_PER_SECOND, Nanoseconds

if TYPE_CHECKING:
    from telephony.sip.core import SipCore
    from telephony.sip.invite import InviteSession

__all__ = ["Report", "Transfer", "outcome_of"]

MAX_REPORT_GAP_S = 300
"""However long a subscription says it lasts, reports are not awaited longer than this."""

_OUTCOMES = {
    480: TransferOutcome.NO_ANSWER,
    408: TransferOutcome.NO_ANSWER,
    486: TransferOutcome.BUSY,
    600: TransferOutcome.BUSY,
    487: TransferOutcome.CANCELLED,
    603: TransferOutcome.DECLINED,
    607: TransferOutcome.DECLINED,
    608: TransferOutcome.DECLINED,
}


def outcome_of(status: int) -> TransferOutcome:
    """Give the outcome that a final status of the peer's call to the target means."""
    if status < FIRST_REFUSAL:
        return TransferOutcome.CONNECTED
    return _OUTCOMES.get(status, TransferOutcome.FAILED)


class Report(NamedTuple):
    """What a NOTIFY says.

    Attributes:
        status: Of the peer's call to the target; None where it says nothing.
        reason: The phrase that came with it.
        is_terminated: Whether this was the last report.
        expires_s: How long the subscription lasts, in seconds; None where it does not say.
    """

    status: int | None
    reason: str
    is_terminated: bool
    expires_s: int | None


def read_report(request: Request) -> Report:
    """Read a NOTIFY of a REFER: its Subscription-State and the status line of its sipfrag.

    What is missing or broken says nothing; a report is worth more than its form.
    """
    try:
        fragment = parse_sipfrag(request.body)
    except SipSyntaxError:
        fragment = None
    try:
        state = request.headers.optional("Subscription-State", parse_subscription_state)
        expires_s = None if state is None else state.expires
    except SipSyntaxError:
        state, expires_s = None, None
    return Report(
        None if fragment is None else fragment.status,
        "" if fragment is None else fragment.reason,
        state is not None and state.state == "terminated",
        expires_s,
    )


class Transfer:
    """One REFER of ours and all that follows from it."""

    def __init__(self, core: "SipCore", session: "InviteSession", cseq_number: int) -> None:
        """Begin when the REFER is sent.

        Args:
            core: The endpoint's shared parts.
            session: Whose call is transferred.
            cseq_number: Of the REFER: a NOTIFY may name it as `id`.
        """
        self._core = core
        self._session = session
        self._id = str(cseq_number)
        self._is_refused = False
        self._machine = ReferMachine()
        self._alarm: Alarm | None = None
        self._status: int | None = None
        self._report = Report(None, "", is_terminated=False, expires_s=None)

    @property
    def is_finished(self) -> bool:
        """Whether the outcome was told."""
        return self._machine.state is ReferState.FINISHED

    def owns(self, event: Event) -> bool:
        """Say whether a NOTIFY with this Event may be about this REFER (RFC 3515 section 2.4.6).

        One without `id` is about the first REFER of its dialog that was not refused: a refusal
        makes no subscription, and all later ones have to be named. Ask the oldest first.
        """
        return event.id == self._id or (event.id is None and not self._is_refused)

    def receive_answer(self, status: int, response: Response | None, now_ns: Nanoseconds) -> None:
        """Take the final answer to the REFER, or what stands for it."""
        if status >= FIRST_REFUSAL:
            if self._machine.state is ReferState.ASKED:
                self._status = status
                self._is_refused = True
            self._advance(ReferInput.REFUSED, now_ns)
            return
        refer_sub = response.headers.get("Refer-Sub") if response is not None else None
        silent = (refer_sub or "").partition(";")[0].strip().lower() == "false"
        self._advance(ReferInput.TAKEN_ON_SILENTLY if silent else ReferInput.TAKEN_ON, now_ns)

    def receive_notify(self, request: Request, now_ns: Nanoseconds) -> None:
        """Take a report; the NOTIFY is answered by the session."""
        if self.is_finished:
            return
        self._report = report = read_report(request)
        if report.status is not None:
            self._status = report.status
        if report.status is not None and report.status >= FIRST_FINAL:
            self._advance(ReferInput.DECIDED, now_ns)
        elif report.is_terminated:
            self._advance(ReferInput.CLOSED, now_ns)
        elif report.status is not None:
            self._advance(ReferInput.PROGRESS, now_ns)

    def session_ended(self, now_ns: Nanoseconds) -> None:
        """Tell the outcome as far as it is known, if it was not told."""
        self._advance(ReferInput.SESSION_ENDED, now_ns)

    def _advance(self, what: ReferInput, now_ns: Nanoseconds) -> None:
        for act in self._machine.advance(what):
            self._act(act, now_ns)

    def _act(self, act: ReferAct, now_ns: Nanoseconds) -> None:
        settings = self._core.settings
        if act is ReferAct.TELL_ACCEPTED:
            self._core.emit(ReferAccepted(self._session))
        elif act is ReferAct.TELL_PROGRESS:
            status = self._report.status or 100
            self._core.emit(ReferProgressed(self._session, status, self._report.reason))
        elif act is ReferAct.ARM_SILENCE:
            self._arm(self._report_gap_ns(), ReferInput.SILENCE, now_ns)
        elif act is ReferAct.ARM_HANDOFF:
            self._arm(settings.handed_off_wait_ns, ReferInput.HANDOFF_OVER, now_ns)
        elif act is ReferAct.FINISH_BY_STATUS:
            self._finish(outcome_of(known(self._status)))
        elif act is ReferAct.FINISH_REFUSED:
            declined = outcome_of(known(self._status)) is TransferOutcome.DECLINED
            self._finish(TransferOutcome.DECLINED if declined else TransferOutcome.FAILED)
        elif act is ReferAct.FINISH_HANDED_OFF:
            self._finish(TransferOutcome.HANDED_OFF)
        elif act is ReferAct.FINISH_UNKNOWN:
            self._finish(TransferOutcome.UNKNOWN)
        else:
            self._finish(TransferOutcome.CANCELLED)

    def _report_gap_ns(self) -> Nanoseconds:
        """Wait as the settings say; after a first report for as long as the subscription lasts."""
        limit_ns = self._core.settings.notify_limit_ns
        if self._report.status is None:
            return limit_ns
        expires_s = self._report.expires_s
        promised_s = MAX_REPORT_GAP_S if expires_s is None else min(expires_s, MAX_REPORT_GAP_S)
        return max(limit_ns, Nanoseconds(promised_s * NS_PER_SECOND))

    def _arm(self, wait_ns: Nanoseconds, what: ReferInput, now_ns: Nanoseconds) -> None:
        self._disarm()
        self._alarm = self._core.heap.arm(
            Nanoseconds(now_ns + wait_ns), lambda now_ns: self._advance(what, now_ns)
        )

    def _disarm(self) -> None:
        if self._alarm is not None:
            self._core.heap.disarm(self._alarm)
            self._alarm = None

    def _finish(self, outcome: TransferOutcome) -> None:
        self._disarm()
        self._core.emit(ReferFinished(self._session, outcome, self._status))
