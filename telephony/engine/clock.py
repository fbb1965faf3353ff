"""The one clock. Nothing else in the product reads time; all else is told `now_ns`."""

import time

from telephony.units import Nanoseconds

__all__ = ["monotonic_ns", "realtime_offset_ns", "wall_seconds"]


def monotonic_ns() -> Nanoseconds:
    """Read the monotonic clock."""
    return Nanoseconds(time.monotonic_ns())


def wall_seconds() -> float:
    """Read the wall clock, Unix seconds: for logs, SIP Date and RTCP NTP fields only."""
    return time.time()


def realtime_offset_ns() -> int:
    """Give what must be taken from a kernel arrival stamp (wall time) to make it monotonic."""
    return time.time_ns() - time.monotonic_ns()
