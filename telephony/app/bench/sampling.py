"""Looks at counts at given times, so that two processes can be compared look by look."""

import asyncio
import time
from collections.abc import Callable

from telephony.app.bench.messages import Sample
from telephony.units import NS_PER_MS, NS_PER_SECOND

__all__ = ["Counts", "look_at"]

Counts = tuple[int, int]
"""What went up and what went down so far."""


async def look_at(counts: Callable[[], Counts], when: Sample) -> list[Counts]:
    """Look as often and at such times as it is asked for; a look is never before its time."""
    looks: list[Counts] = []
    for index in range(when.samples):
        due_ns = when.start_ns + index * when.every_ms * NS_PER_MS
        await asyncio.sleep(max(0, due_ns - time.monotonic_ns()) / NS_PER_SECOND)
        looks.append(counts())
    return looks
