"""Whether the caller's audio goes up to the agent: not while either of them is elsewhere."""

from enum import Enum, auto

from telephony.media import Uplink
from telephony.units import Nanoseconds

__all__ = ["GateReason", "UplinkGate"]


class GateReason(Enum):
    """Why nothing goes up."""

    HELD = auto()
    """The caller put us on hold: what comes is music."""
    LEAVING = auto()
    """The call is being transferred, or is about to end: what comes is not for the agent."""


class UplinkGate:
    """The gate of one call: open as long as there is no reason against it."""

    __slots__ = ("_reasons", "_uplink")

    def __init__(self) -> None:
        """Stand open, before there is any audio."""
        self._reasons: set[GateReason] = set()
        self._uplink: Uplink | None = None

    def join(self, uplink: Uplink) -> None:
        """Guard a leg's uplink from now on."""
        self._uplink = uplink
        if self._reasons:
            uplink.gate()

    def shut(self, reason: GateReason) -> None:
        """Let nothing through."""
        self._reasons.add(reason)
        if self._uplink is not None:
            self._uplink.gate()

    def lift(self, reason: GateReason, now_ns: Nanoseconds) -> None:
        """Take one reason away, and open if it was the last."""
        if reason not in self._reasons:
            return
        self._reasons.remove(reason)
        if self._uplink is not None and not self._reasons:
            self._uplink.open(now_ns)
