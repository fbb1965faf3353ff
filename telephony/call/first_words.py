"""When the agent greets: once the far end is there and hears us, and the session is granted."""

from telephony.units import NS_PER_MS, Nanoseconds

__all__ = ["FirstWords"]

FIRST_RTP_WAIT_NS = 200 * NS_PER_MS
"""A caller who sends nothing is greeted after this: some wait for the other side to begin."""


class FirstWords:
    """The greeting of one call: due once.

    After each change ask `take_due`; when `next_deadline()` has passed, too.

    Attributes:
        is_over: Whether it was due.
    """

    __slots__ = ("_due_ns", "_is_caller_heard", "_is_granted", "is_over")

    def __init__(self) -> None:
        """Wait for the far end, and for the session."""
        self._due_ns: Nanoseconds | None = None
        self._is_caller_heard = False
        self._is_granted = False
        self.is_over = False

    def begin(self, now_ns: Nanoseconds) -> None:
        """Learn that the far end is there for good."""
        if self._due_ns is None:
            wait_ns = 0 if self._is_caller_heard else FIRST_RTP_WAIT_NS
            self._due_ns = Nanoseconds(now_ns + wait_ns)

    def handle_media_started(self, now_ns: Nanoseconds) -> None:
        """Learn that the far end sends: what we send now arrives."""
        self._is_caller_heard = True
        if self._due_ns is not None:
            self._due_ns = now_ns

    def set_granted(self, *, is_granted: bool) -> None:
        """Learn whether the session can be asked for words."""
        self._is_granted = is_granted

    @property
    def awaits_grant(self) -> bool:
        """Whether the far end is there, and only the session is missing."""
        return self._due_ns is not None and not self._is_granted and not self.is_over

    def take_due(self, now_ns: Nanoseconds) -> bool:
        """Say, once, that it is time to greet."""
        deadline_ns = self.next_deadline()
        if deadline_ns is None or now_ns < deadline_ns:
            return False
        self.is_over = True
        return True

    def next_deadline(self) -> Nanoseconds | None:
        """Say when `take_due` wants to be asked."""
        return self._due_ns if self._is_granted and not self.is_over else None
