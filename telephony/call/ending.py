"""How a call comes to its end: whose doing it is, why, and what its last row says."""

from telephony.call.commands import RedirectCall, RejectCall
from telephony.call.events import CallEnded
from telephony.call.leg import FarEnded, Leg
from telephony.call.outbox import CallOutbox
from telephony.errors import TelephonyError
from telephony.units import NS_PER_MS, Nanoseconds

__all__ = ["CallEnding"]

MOVED_TEMPORARILY = 302
TEMPORARILY_UNAVAILABLE = 480


class CallEnding:
    """The end of one call.

    Args:
        leg: The far end.
        outbox: Takes the rows.

    Attributes:
        refusal: How the app wants a call refused that was not answered yet.
        ended: Who ended the call and why; the last cause known counts.
        answered_ns: When the far end could first be heard; None before that.
    """

    def __init__(self, leg: Leg, outbox: CallOutbox) -> None:
        """Know of no cause yet."""
        self.refusal: RejectCall | RedirectCall = RejectCall(status=TEMPORARILY_UNAVAILABLE)
        self.ended: FarEnded | None = None
        self.answered_ns: Nanoseconds | None = None
        self._leg = leg
        self._outbox = outbox

    def refuse(self) -> None:
        """Refuse as the app said; what SIP cannot say so becomes 480."""
        refusal, now_ns = self.refusal, self._outbox.now_ns
        try:
            if isinstance(refusal, RedirectCall):
                self._leg.redirect(refusal.contact, now_ns)
                why, status = f"redirected to {refusal.contact}", MOVED_TEMPORARILY
            else:
                self._leg.refuse(refusal.status, refusal.reason, now_ns)
                why, status = refusal.reason or "refused", refusal.status
        except TelephonyError as failed:
            self._outbox.trouble("refusal.impossible", "ours", str(failed))
            why, status = "refused", TEMPORARILY_UNAVAILABLE
            self._leg.refuse(status, None, now_ns)
        self.ended = FarEnded("local", why, status)

    def note(self) -> None:
        """Write the call's last row."""
        ended = self.ended or FarEnded("local", "hung up", None)
        answered_ns = self.answered_ns
        duration_ns = 0 if answered_ns is None else self._outbox.now_ns - answered_ns
        self._outbox.note(
            CallEnded(
                by=ended.by,
                cause=ended.cause,
                status=ended.status,
                duration_ms=duration_ns // NS_PER_MS,
                counters=self._leg.port.report() if self._leg.port else {},
            )
        )
