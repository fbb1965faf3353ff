"""The uplink log: what we appended for the model, against the caller's RTP clock and arrival.

The server speaks of the caller's speech as an offset in the audio that was appended
(`audio_start_ms`). This log turns that offset into the instant at which the caller made the sound
known to us, for `reacted` and for captions.
"""

from collections import deque
from typing import NamedTuple

from telephony.units import Nanoseconds, RtpTimestamp, SampleCount

__all__ = ["UplinkLog", "UplinkRow"]

ROWS = 1_500
"""30 s at the usual 20 ms a packet: detectors look back less than that."""


class UplinkRow(NamedTuple):
    """One append."""

    offset: SampleCount
    """Samples appended before it, at the leg's rate."""
    rtp_timestamp: RtpTimestamp
    arrival_ns: Nanoseconds
    """When the kernel had the packet, or when we made the filling."""


class UplinkLog:
    """The last appends of one leg, oldest first."""

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        """Start empty."""
        self._rows: deque[UplinkRow] = deque(maxlen=ROWS)

    def append(
        self, offset: SampleCount, rtp_timestamp: RtpTimestamp, arrival_ns: Nanoseconds
    ) -> None:
        """Note one append."""
        self._rows.append(UplinkRow(offset, rtp_timestamp, arrival_ns))

    def row_at(self, offset: int) -> UplinkRow | None:
        """Find the append that holds a sample; None when it lies before the rows kept."""
        for row in reversed(self._rows):
            if row.offset <= offset:
                return row
        return None
