"""When each of many callers sends its next packet: an even spread over every packet time."""

from collections.abc import Iterator

__all__ = ["SendSchedule"]


class SendSchedule:
    """The order and the times of all callers' packets.

    Caller i of n sends at start + i * period / n, and each period after that.

    Args:
        callers: How many, at least 1.
        period_ns: Between two packets of one caller.
        start_ns: Time of the first packet of caller 0.
    """

    def __init__(self, callers: int, period_ns: int, start_ns: int) -> None:
        """Begin with caller 0."""
        self._callers = callers
        self._period_ns = period_ns
        self._start_ns = start_ns
        self._next = 0
        self._due_ns = start_ns

    def due(self, now_ns: int) -> Iterator[tuple[int, int]]:
        """Yield (caller, due time) of every packet whose time has come, each once."""
        while self._due_ns <= now_ns:
            yield self._next % self._callers, self._due_ns
            self._next += 1
            self._due_ns = self._start_ns + self._next * self._period_ns // self._callers

    def shift(self, by_ns: int) -> None:
        """Move every packet to come by some time, as a clock that is a little slow does."""
        self._start_ns += by_ns
        self._due_ns += by_ns
