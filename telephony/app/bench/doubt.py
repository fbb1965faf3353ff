"""When a machine is too busy for a benchmark to tell anything of latencies and queues."""

from collections.abc import Iterator

from telephony.app.bench.messages import Floor

__all__ = ["doubt_floor"]

WAKE_FLOOR_LIMIT_MS = 2.0
"""For the 99th percentile of a process that only wakes."""


def doubt_floor(floor: Floor) -> Iterator[str]:
    """Say why latencies of the same minute are void, where they are."""
    if floor.p99_ms > WAKE_FLOOR_LIMIT_MS:
        yield (
            f"wake floor p99 is {floor.p99_ms:.1f} ms, wanted {WAKE_FLOOR_LIMIT_MS:g}:"
            " others use this machine"
        )
