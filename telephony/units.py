"""Three times, three types: now, media time on the wire, media position.

`Nanoseconds` is a reading of the one monotonic clock (`telephony/engine/clock.py`) or a difference
of two. `RtpTimestamp` is the 32-bit RTP time of RFC 3550 section 5.1, which wraps. `SampleCount` is
an unwrapped position in a stream at a stated rate. Conversions live here and in `rtp/serial.py`.
"""

from typing import NewType

__all__ = [
    "NS_PER_MS",
    "NS_PER_SECOND",
    "Nanoseconds",
    "RtpTimestamp",
    "SampleCount",
    "ms_to_ns",
    "ns_to_samples",
    "samples_to_ms_floor",
    "samples_to_ns",
]

Nanoseconds = NewType("Nanoseconds", int)
RtpTimestamp = NewType("RtpTimestamp", int)
SampleCount = NewType("SampleCount", int)

NS_PER_MS = 1_000_000
NS_PER_SECOND = 1_000_000_000


def ms_to_ns(ms: float) -> Nanoseconds:
    """Turn milliseconds into nanoseconds, rounded to the nearest."""
    return Nanoseconds(round(ms * NS_PER_MS))


def samples_to_ns(samples: int, rate_hz: int) -> Nanoseconds:
    """Give the duration of a number of samples at `rate_hz`, floored to a nanosecond."""
    return Nanoseconds(samples * NS_PER_SECOND // rate_hz)


def ns_to_samples(ns: int, rate_hz: int) -> SampleCount:
    """Give the whole samples at `rate_hz` that a duration holds, floored."""
    return SampleCount(ns * rate_hz // NS_PER_SECOND)


def samples_to_ms_floor(samples: int, rate_hz: int) -> int:
    """Give whole milliseconds of audio, floored, as the Realtime protocol counts them."""
    return samples * 1000 // rate_hz
