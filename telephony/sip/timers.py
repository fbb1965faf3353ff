"""The timers of SIP: their values, and one heap of deadlines for all of an endpoint's alarms.

Source: RFC 3261 section 17 and table 4 of appendix A, as amended by RFC 6026 (timers L and M).
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from telephony.sip.known import known
from telephony.units import NS_PER_MS, NS_PER_SECOND, Nanoseconds

__all__ = ["Alarm", "DeadlineHeap", "Timer", "TimerSettings", "first_interval", "next_interval"]

T1_NS = Nanoseconds(500 * NS_PER_MS)
T2_NS = Nanoseconds(4 * NS_PER_SECOND)
T4_NS = Nanoseconds(5 * NS_PER_SECOND)

TRYING_DELAY_NS = Nanoseconds(100 * NS_PER_MS)
"""An INVITE gets its 100 this late: well inside the 200 ms of RFC 3261 section 17.2.1."""

UNRELIABLE_WAIT_NS = Nanoseconds(32 * NS_PER_SECOND)
"""Timer D over UDP: "at least 32 seconds", RFC 3261 section 17.1.1.2."""

COMPACTION_FLOOR = 64
"""Cancelled alarms are swept out once they outnumber the live ones, and are at least this many."""


class Timer(Enum):
    """The timers of RFC 3261 table 4 and RFC 6026, and the delay before a 100 (section 17.2.1)."""

    A = "A"
    B = "B"
    D = "D"
    E = "E"
    F = "F"
    G = "G"
    H = "H"
    I = "I"  # noqa: E741 - the RFC's own name
    J = "J"
    K = "K"
    L = "L"
    M = "M"
    TRYING = "TRYING"

    __hash__ = object.__hash__
    """Members are singletons; the default hashes the name anew each time."""


@dataclass(frozen=True, slots=True)
class TimerSettings:
    """The three times from which all others follow.

    Attributes:
        t1_ns: Estimate of a round trip, the first interval of repetition (500 ms).
        t2_ns: Longest interval between repetitions, but for those of INVITE itself.
        t4_ns: Longest time a message lives in the network (5 s).
    """

    t1_ns: Nanoseconds = T1_NS
    t2_ns: Nanoseconds = T2_NS
    t4_ns: Nanoseconds = T4_NS

    @property
    def transaction_limit_ns(self) -> Nanoseconds:
        """64*T1: how long a request is repeated, and how long late copies of an answer may come."""
        return Nanoseconds(64 * self.t1_ns)


_NOT_ON_RELIABLE = frozenset({Timer.A, Timer.E, Timer.G})
_ZERO_ON_RELIABLE = frozenset({Timer.D, Timer.I, Timer.J, Timer.K})


def first_interval(timer: Timer, settings: TimerSettings, *, reliable: bool) -> Nanoseconds | None:
    """Give the time after which a timer fires first.

    Returns:
        Nanoseconds; 0 where the state that waits for it is passed through at once; None where the
        transport does what the timer is for, so that it is never armed.
    """
    if reliable:
        if timer in _NOT_ON_RELIABLE:
            return None
        if timer in _ZERO_ON_RELIABLE:
            return Nanoseconds(0)
    if timer in _NOT_ON_RELIABLE:
        return settings.t1_ns
    if timer is Timer.TRYING:
        return TRYING_DELAY_NS
    if timer is Timer.D:
        return max(UNRELIABLE_WAIT_NS, settings.transaction_limit_ns)
    if timer in (Timer.I, Timer.K):
        return settings.t4_ns
    return settings.transaction_limit_ns


def next_interval(timer: Timer, last_ns: Nanoseconds, settings: TimerSettings) -> Nanoseconds:
    """Double an interval of repetition; all but timer A stop growing at T2."""
    doubled = Nanoseconds(2 * last_ns)
    return doubled if timer is Timer.A else min(doubled, settings.t2_ns)


class Alarm:
    """One armed deadline. Only the heap that made it may change it."""

    __slots__ = ("action", "deadline_ns")

    def __init__(
        self, deadline_ns: Nanoseconds, action: Callable[[Nanoseconds], None] | None
    ) -> None:
        """Remember when to run what; an `action` of None means cancelled or done."""
        self.deadline_ns = deadline_ns
        self.action = action

    @property
    def is_armed(self) -> bool:
        """Whether it will still go off."""
        return self.action is not None


class DeadlineHeap:
    """All alarms of one endpoint, soonest first; cancelling one costs no search.

    Alarms of the same deadline go off in the order they were armed.
    """

    def __init__(self) -> None:
        """Start with no alarm."""
        self._heap: list[tuple[int, int, Alarm]] = []
        self._serial = 0
        self._cancelled = 0

    def __len__(self) -> int:
        """Count the alarms that will still go off."""
        return len(self._heap) - self._cancelled

    @property
    def stored_count(self) -> int:
        """Count the entries it holds, cancelled ones included: what it costs in memory."""
        return len(self._heap)

    def arm(self, deadline_ns: Nanoseconds, action: Callable[[Nanoseconds], None]) -> Alarm:
        """Have `action(now_ns)` run by the first `run_due` at or after the deadline."""
        alarm = Alarm(deadline_ns, action)
        self._serial += 1
        heapq.heappush(self._heap, (deadline_ns, self._serial, alarm))
        return alarm

    def disarm(self, alarm: Alarm) -> None:
        """Keep an alarm from going off; one that went off or was disarmed already stays so."""
        if alarm.action is None:
            return
        alarm.action = None
        self._cancelled += 1
        if self._cancelled >= COMPACTION_FLOOR and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].action is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def next_deadline(self) -> Nanoseconds | None:
        """Give the time of the soonest alarm, or None when there is none."""
        heap = self._heap
        while heap and heap[0][2].action is None:
            heapq.heappop(heap)
            self._cancelled -= 1
        return heap[0][2].deadline_ns if heap else None

    def run_due(self, now_ns: Nanoseconds) -> None:
        """Run every alarm whose time has come, those armed meanwhile for now included."""
        while (deadline_ns := self.next_deadline()) is not None and deadline_ns <= now_ns:
            alarm = heapq.heappop(self._heap)[2]
            action = known(alarm.action)
            alarm.action = None
            action(now_ns)
