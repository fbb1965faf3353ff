"""A clock that only moves when told, and a driver that moves it from deadline to deadline.

Sans-I/O objects share one shape: `handle_timer(now_ns)` changes state, `next_deadline()` says when
to call it next, and after each change the caller drains their output. `Stage` does that for any
number of them, so a minute of a call passes in milliseconds and passes the same way each time.
"""

from collections.abc import Callable
from typing import Protocol

from telephony.units import NS_PER_MS, Nanoseconds

MAX_CALLS_AT_ONE_INSTANT = 10_000
"""An object that asks for the same instant more often than this does not move on."""


class Timed(Protocol):
    """What every sans-I/O object with timers offers."""

    def next_deadline(self) -> Nanoseconds | None:
        """When to call `handle_timer`; None when nothing is awaited."""
        ...

    def handle_timer(self, now_ns: Nanoseconds) -> None:
        """Do what is due at `now_ns`."""
        ...


class StuckDeadlineError(AssertionError):
    """An object was due again and again at one instant: its deadline does not move."""


class VirtualClock:
    """Monotonic time that stands still between calls of `advance`."""

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns

    @property
    def now_ns(self) -> Nanoseconds:
        return Nanoseconds(self._now_ns)

    def advance(self, ns: int) -> Nanoseconds:
        """Move forward by `ns` and give the new time."""
        return self.advance_to(self._now_ns + ns)

    def advance_ms(self, ms: float) -> Nanoseconds:
        """Move forward by `ms` milliseconds and give the new time."""
        return self.advance(round(ms * NS_PER_MS))

    def advance_to(self, time_ns: int) -> Nanoseconds:
        """Move to `time_ns`, which may not lie in the past."""
        if time_ns < self._now_ns:
            raise ValueError(f"time runs forward: at {self._now_ns} ns, asked for {time_ns} ns")
        self._now_ns = time_ns
        return self.now_ns


class Stage:
    """Runs several timed objects on one clock, each at its own deadlines.

    Args:
        clock: The clock they share.
        actors: The objects, in the order in which they act when due at the same instant.
        drain: Called after each `handle_timer`, and once before the first: moves what the objects
            have to send from one to another.
    """

    def __init__(
        self, clock: VirtualClock, *actors: Timed, drain: Callable[[Nanoseconds], None]
    ) -> None:
        self._clock = clock
        self._actors = actors
        self._drain = drain

    def run_for_ms(self, ms: float) -> None:
        """Let `ms` milliseconds pass."""
        self.run_until(self._clock.now_ns + round(ms * NS_PER_MS))

    def run_until(self, end_ns: int) -> None:
        """Serve every deadline up to and including `end_ns`, then stand at `end_ns`."""
        self._drain(self._clock.now_ns)
        calls_at_one_instant = 0
        while (due := self._first_due()) is not None and due[0] <= end_ns:
            deadline_ns, actor = due
            if deadline_ns > self._clock.now_ns:
                self._clock.advance_to(deadline_ns)
                calls_at_one_instant = 0
            calls_at_one_instant += 1
            if calls_at_one_instant > MAX_CALLS_AT_ONE_INSTANT:
                raise StuckDeadlineError(f"{actor!r} stays due at {deadline_ns} ns")
            actor.handle_timer(self._clock.now_ns)
            self._drain(self._clock.now_ns)
        self._clock.advance_to(end_ns)

    def _first_due(self) -> tuple[int, Timed] | None:
        """Give the earliest deadline and its owner; the first named wins a tie."""
        first: tuple[int, Timed] | None = None
        for actor in self._actors:
            deadline_ns = actor.next_deadline()
            if deadline_ns is not None and (first is None or deadline_ns < first[0]):
                first = (deadline_ns, actor)
        return first
