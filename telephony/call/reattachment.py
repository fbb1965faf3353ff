"""What the loss of a hosted call's socket means, and the way back to its session: bounded.

The session lives at the provider for as long as the call does. So a socket that ends is one of
three things: the end of the call, a fault on the way after which another socket leads to the same
session, or a refusal that no other attempt would change. Nothing has to be restored; only what was
to be said meanwhile waits.
"""

from enum import Enum, auto

from telephony.units import NS_PER_MS, NS_PER_SECOND, Nanoseconds
from telephony.voice import (
    CancelResponse,
    ClearPlayout,
    Configure,
    SessionClosed,
    VoiceCommand,
)

__all__ = ["Loss", "Reattachment"]

PAUSES_NS = tuple(pause_ms * NS_PER_MS for pause_ms in (0, 250, 500, 1_000, 2_000, 4_000))
"""Before each attempt in a row."""
LIMIT_NS = 12 * NS_PER_SECOND
"""From a loss on: for longer nobody stays with an agent who does not answer."""
MAX_HELD = 64
"""Commands that wait for the way back."""
GONE_STATUS = 404
"""Of the handshake: there is no such call any more."""
REFUSED_STATUSES = frozenset({401, 403})
GOODBYES = frozenset({1000, 1005})
"""RFC 6455 section 7.4.1: the provider has done with the session, as it does when a call ends."""


class Loss(Enum):
    """What the end of a socket means."""

    ENDED = auto()
    """The call is over."""
    AGAIN = auto()
    """Another attempt is due at `due_ns`."""
    FINAL = auto()
    """There is no way back."""


class Reattachment:
    """The way to one hosted call's session, whenever it is lost.

    Attributes:
        due_ns: When the next attempt is due; None while none is.
    """

    __slots__ = ("_attempts", "_held", "_lost_ns", "due_ns")

    def __init__(self) -> None:
        """Have lost nothing."""
        self.due_ns: Nanoseconds | None = None
        self._lost_ns: Nanoseconds | None = None
        self._attempts = 0
        self._held: list[VoiceCommand] = []

    def judge(self, closed: SessionClosed, now_ns: Nanoseconds) -> Loss:
        """Say what the end of the socket in use means."""
        if closed.code == GONE_STATUS or (closed.is_clean and closed.code in GOODBYES):
            return Loss.ENDED
        if self._lost_ns is None:
            self._lost_ns = now_ns
        if closed.code in REFUSED_STATUSES or self._attempts >= len(PAUSES_NS):
            return Loss.FINAL
        due_ns = Nanoseconds(now_ns + PAUSES_NS[self._attempts])
        if due_ns > self._lost_ns + LIMIT_NS:
            return Loss.FINAL
        self._attempts += 1
        self.due_ns = due_ns
        return Loss.AGAIN

    def take_due(self, now_ns: Nanoseconds) -> bool:
        """Say, once, that it is time for another attempt."""
        if self.due_ns is None or now_ns < self.due_ns:
            return False
        self.due_ns = None
        return True

    def hold(self, command: VoiceCommand) -> bool:
        """Keep a command for later, if the way is lost; tell whether so.

        A request to be configured is part of going another way, and what would stop words that
        were under way then is out of date by then.
        """
        if self._lost_ns is None or isinstance(command, Configure):
            return False
        if not isinstance(command, CancelResponse | ClearPlayout) and len(self._held) < MAX_HELD:
            self._held.append(command)
        return True

    def handle_granted(self) -> list[VoiceCommand]:
        """Learn that there is a way again, and give what waited for it."""
        self._lost_ns, self._attempts = None, 0
        held, self._held = self._held, []
        return held
