"""What a call waits for, and until when."""

from enum import Enum, auto

from telephony.units import Nanoseconds

__all__ = ["CallTimer", "CallTimers"]


class CallTimer(Enum):
    """One thing that a call waits for."""

    ROUTING = auto()
    """The app's decision."""
    GRANT = auto()
    """The voice session; then the caller is answered without it."""
    GRANT_LIMIT = auto()
    """The voice session; then it counts as lost."""
    WORDS = auto()
    """Queued words to go out before a hang-up or a transfer."""
    REFER = auto()
    """The provider's answer to a transfer of a call that it holds."""
    DURATION = auto()
    """The end of the longest call allowed."""


class CallTimers:
    """The deadlines of one call, one for each thing waited for."""

    __slots__ = ("_deadlines",)

    def __init__(self) -> None:
        """Wait for nothing."""
        self._deadlines: dict[CallTimer, Nanoseconds] = {}

    def arm(self, timer: CallTimer, deadline_ns: int) -> None:
        """Wait until then; an earlier deadline of the same timer is forgotten."""
        self._deadlines[timer] = Nanoseconds(deadline_ns)

    def disarm(self, *timers: CallTimer) -> None:
        """Wait no more, if it was waited at all."""
        for timer in timers:
            self._deadlines.pop(timer, None)

    def clear(self) -> None:
        """Wait for nothing any more."""
        self._deadlines.clear()

    def is_armed(self, timer: CallTimer) -> bool:
        """Say whether that is waited for."""
        return timer in self._deadlines

    def next_deadline(self) -> Nanoseconds | None:
        """Give the earliest deadline."""
        return min(self._deadlines.values(), default=None)

    def pop_due(self, now_ns: Nanoseconds) -> CallTimer | None:
        """Give one timer whose deadline has passed, the earliest first; it is disarmed."""
        timer = min(self._deadlines, key=self._deadlines.__getitem__, default=None)
        if timer is None or self._deadlines[timer] > now_ns:
            return None
        del self._deadlines[timer]
        return timer
