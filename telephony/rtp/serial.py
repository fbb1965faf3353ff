"""Arithmetic on numbers that wrap: 16-bit sequence numbers and 32-bit timestamps.

Source: RFC 1982 sections 3.1 and 3.2, with SERIAL_BITS 16 and 32. A raw sequence number or
timestamp is never compared with `<`; it is compared by its signed distance to another one. The
standard leaves numbers exactly half the circle apart undefined: here the distance is then negative
both ways, so that neither is newer.
"""

from telephony.units import RtpTimestamp, SampleCount

__all__ = [
    "SequenceUnwrapper",
    "TimestampUnwrapper",
    "add_samples",
    "sequence_distance",
    "sequence_is_newer",
    "timestamp_distance",
    "timestamp_is_newer",
]


def sequence_distance(to: int, origin: int) -> int:
    """Give the signed steps from `origin` to `to`, -32,768 to 32,767; both 16-bit numbers."""
    return ((to - origin + 0x8000) & 0xFFFF) - 0x8000


def sequence_is_newer(sequence: int, other: int) -> bool:
    """Say whether `sequence` comes after `other` (RFC 1982 section 3.2, 16 bits)."""
    return 0 < ((sequence - other) & 0xFFFF) < 0x8000  # noqa: PLR2004 - half the circle


def timestamp_distance(to: int, origin: int) -> int:
    """Give the signed samples from `origin` to `to`, -2**31 to 2**31 - 1; both 32-bit numbers."""
    return ((to - origin + 0x80000000) & 0xFFFFFFFF) - 0x80000000


def timestamp_is_newer(timestamp: int, other: int) -> bool:
    """Say whether `timestamp` comes after `other` (RFC 1982 section 3.2, 32 bits)."""
    return 0 < ((timestamp - other) & 0xFFFFFFFF) < 0x80000000  # noqa: PLR2004 - half the circle


def add_samples(timestamp: int, samples: int) -> RtpTimestamp:
    """Move a timestamp by a number of samples, which may be negative, and wrap it to 32 bits."""
    return RtpTimestamp((timestamp + samples) & 0xFFFFFFFF)


class SequenceUnwrapper:
    """Turns 16-bit sequence numbers into numbers that do not wrap.

    The first number stands for itself; each other is placed nearest to the one before it, so a
    number from before the first wrap may come out negative.
    """

    __slots__ = ("_last",)

    def __init__(self) -> None:
        """Start with no number seen."""
        self._last: int | None = None

    def unwrap(self, sequence: int) -> int:
        """Give the extended number of a 16-bit `sequence`, nearest to the previous one."""
        last = self._last
        extended = sequence if last is None else last + sequence_distance(sequence, last & 0xFFFF)
        self._last = extended
        return extended


class TimestampUnwrapper:
    """Turns 32-bit RTP timestamps into media positions, at the stream's own clock rate.

    Position 0 is the first timestamp seen; a packet from before it has a negative position.
    """

    __slots__ = ("_last", "_position")

    def __init__(self) -> None:
        """Start with no timestamp seen."""
        self._last: int | None = None
        self._position = 0

    def unwrap(self, timestamp: RtpTimestamp) -> SampleCount:
        """Give the position of a timestamp, in samples from the first, nearest to the previous."""
        if self._last is not None:
            self._position += timestamp_distance(timestamp, self._last)
        self._last = timestamp
        return SampleCount(self._position)
