"""Arithmetic on numbers that wrap: 16-bit sequence numbers and 32-bit timestamps.

Source: RFC 1982 sections 3.1 and 3.2, with SERIAL_BITS 16 and 32. A raw sequence number or
timestamp is never compared with `<`; it is compared by its signed distance to another one. The
standard leaves numbers exactly half the circle apart undefined: here the distance is then negative
both ways, so that neither is newer.
"""

from telephony.units import RtpTimestamp

__all__ = ["add_samples", "sequence_distance", "timestamp_distance"]


def sequence_distance(to: int, origin: int) -> int:
    """Give the signed steps from `origin` to `to`, -32,768 to 32,767; both 16-bit numbers."""
    return ((to - origin + 0x8000) & 0xFFFF) - 0x8000


def timestamp_distance(to: int, origin: int) -> int:
    """Give the signed samples from `origin` to `to`, -2**31 to 2**31 - 1; both 32-bit numbers."""
    return ((to - origin + 0x80000000) & 0xFFFFFFFF) - 0x80000000


def add_samples(timestamp: int, samples: int) -> RtpTimestamp:
    """Move a timestamp by a number of samples, which may be negative, and wrap it to 32 bits."""
    return RtpTimestamp((timestamp + samples) & 0xFFFFFFFF)
