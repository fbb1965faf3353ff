"""The one transfer that a call may have under way: asked for, started, reported on, ended."""

from collections.abc import Callable

from telephony.call.events import (
    CallEventBody,
    TransferEnded,
    TransferStarted,
    TroubleNoted,
)
from telephony.call.leg import Leg, LegTransferEnded
from telephony.errors import TelephonyError
from telephony.units import Nanoseconds

__all__ = ["CallTransfer"]


class CallTransfer:
    """One call's way to somebody else.

    Args:
        leg: The far end, which is sent there.

    Attributes:
        target: Where to, from the request to the outcome; None while there is no transfer.
    """

    def __init__(self, leg: Leg) -> None:
        """Start with none."""
        self.target: str | None = None
        self._leg = leg
        self._is_started = False

    def ask(self, target: str) -> None:
        """Note where to; while one is pending, another changes nothing."""
        self.target = self.target or target

    def start(
        self, note: Callable[[CallEventBody], None], now_ns: Nanoseconds
    ) -> LegTransferEnded | None:
        """Ask the far end to call the target.

        Args:
            note: Writes a row of the event log.
            now_ns: The time.

        Returns:
            The outcome, where it is known at once: the target is no address, or the leg is not up.
        """
        assert self.target is not None
        note(TransferStarted(target=self.target))
        self._is_started = True
        try:
            self._leg.transfer(self.target, now_ns)
        except TelephonyError as failed:
            code, fault, text = "transfer.refused", "configuration", str(failed)
            note(TroubleNoted(code=code, fault=fault, text=text))
            return LegTransferEnded("failed", None)
        return None

    def end(self, ended: LegTransferEnded) -> TransferEnded:
        """Give the row of the outcome; there is no transfer any more."""
        assert self.target is not None
        target, self.target, self._is_started = self.target, None, False
        return TransferEnded(target=target, outcome=ended.outcome, status=ended.status)

    def cancel(self) -> TransferEnded | None:
        """Give the row of a transfer that ends because the call does, None where none was begun."""
        return self.end(LegTransferEnded("cancelled", None)) if self._is_started else None
