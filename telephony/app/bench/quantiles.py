"""Quantiles of measured times."""

import math
from collections.abc import Sequence

__all__ = ["quantile", "quantile_ms"]

NS_PER_MS = 1_000_000


def quantile(ordered: Sequence[int], share: float) -> int:
    """Give the smallest value that at least `share` of all values do not exceed.

    Args:
        ordered: At least one value, ascending.
        share: 0 to 1; 0.99 is the 99th percentile (nearest rank, never interpolated).
    """
    rank = math.ceil(share * len(ordered))
    return ordered[max(rank, 1) - 1]


def quantile_ms(ordered_ns: Sequence[int], share: float) -> float | None:
    """Give a quantile of times in nanoseconds as milliseconds; None where nothing was measured."""
    if not ordered_ns:
        return None
    return quantile(ordered_ns, share) / NS_PER_MS
