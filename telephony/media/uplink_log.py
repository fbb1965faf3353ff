"""The uplink log: what we appended for the model, against the caller's RTP clock and arrival.

The server speaks of the caller's speech as an offset in the audio that was appended
(`audio_start_ms`). This log turns that offset into the instant at which the caller made the sound,
for `reacted` and for captions. The rows lie in one block of memory, for the ledger's reason.
"""

from struct import Struct
from typing import NamedTuple

from telephony.units import Nanoseconds, RtpTimestamp, SampleCount, samples_to_ns

__all__ = ["UplinkLog", "UplinkRow"]

ROWS = 1_500
"""30 s at the usual 20 ms a packet: detectors look back less than that."""

_ROW = Struct("qqq")
_write_row = _ROW.pack_into
_read_row = _ROW.unpack_from


class UplinkRow(NamedTuple):
    """One append."""

    offset: SampleCount
    """Samples appended before it, at the leg's rate."""
    rtp_timestamp: RtpTimestamp
    arrival_ns: Nanoseconds
    """When the kernel had the packet, or when we made the filling."""


class UplinkLog:
    """The last appends of one leg."""

    __slots__ = ("_count", "_numbers", "_oldest")

    def __init__(self) -> None:
        """Start empty."""
        self._count = 0
        self._oldest = 0  # rows before this one are overwritten
        self._numbers = bytearray(ROWS * _ROW.size)

    def append(self, offset: int, rtp_timestamp: RtpTimestamp, arrival_ns: Nanoseconds) -> None:
        """Note one append; the arguments are the fields of `UplinkRow`."""
        at = self._count % ROWS
        self._count += 1
        _write_row(self._numbers, at * _ROW.size, offset, rtp_timestamp, arrival_ns)

    def rows(self) -> list[UplinkRow]:
        """Give the rows kept, oldest first."""
        kept = range(max(self._oldest, self._count - ROWS), self._count)
        return [UplinkRow(*_read_row(self._numbers, index % ROWS * _ROW.size)) for index in kept]

    def drop(self, dropped: int, kept: int, appended: int) -> int:
        """Forget appends that were never written; those behind them move down in their stead.

        Args:
            dropped: How many, the oldest of those not written.
            kept: How many behind them are not written either.
            appended: Samples appended in all.

        Returns:
            How many samples they held.
        """
        self._oldest = max(self._oldest, self._count - ROWS)
        rows = self.rows()
        end = max(0, len(rows) - kept)
        start = max(0, end - dropped)
        if start == end:
            return 0
        behind = rows[end:]
        samples = (behind[0].offset if behind else appended) - rows[start].offset
        self._count -= len(rows) - start
        for row in behind:
            self.append(row.offset - samples, row.rtp_timestamp, row.arrival_ns)
        return samples

    def instant_of(self, offset: int, appended: int, rate_hz: int) -> Nanoseconds | None:
        """Say when the caller made a sound, as far as our socket can tell.

        A packet's last sample was made just before it arrived, the others earlier by their distance
        from it.

        Args:
            offset: Of the sample, in samples appended.
            appended: Samples appended in all.
            rate_hz: The leg's rate.

        Returns:
            None where the sample is not within the rows kept.
        """
        end = appended
        for row in reversed(self.rows()):
            if row.offset <= offset:
                return Nanoseconds(row.arrival_ns - samples_to_ns(max(0, end - offset), rate_hz))
            end = row.offset
        return None
