"""The playout ledger: which samples of which item left our socket, when, under which RTP timestamp.

It answers where a listener is at an instant (`playing`). What the caller was *sent* of an item is
`ItemAudio.sent_samples`: silence, underrun, hold, digits and prompts never advance an item (design:
three positions, three names).

The rows lie in one block of memory: a row per packet as an object would be 100,000 objects for the
garbage collector to walk through at 200 calls.
"""

from collections.abc import Iterator
from enum import Enum
from struct import Struct
from typing import NamedTuple

from telephony.units import NS_PER_SECOND, Nanoseconds, RtpTimestamp, SampleCount

__all__ = ["ItemKey", "Ledger", "LedgerRow", "Position", "RowKind"]

ROWS = 512
"""10 s at the usual 20 ms a packet: longer than any listener's buffer."""

_ROW = Struct("qqqq")
_write_row = _ROW.pack_into
_read_row = _ROW.unpack_from


class RowKind(Enum):
    """What a packet, or a part of it, held."""

    AUDIO = "audio"
    SILENCE = "silence"
    UNDERRUN = "underrun"
    DIGIT = "digit"
    HOLD = "hold"
    PROMPT = "prompt"
    UNSENT = "unsent"
    """The kernel refused the packet: the listener hears nothing of it."""


class ItemKey(NamedTuple):
    """Names one stretch of model audio, also across a reconnect of the session."""

    epoch: int
    """Counts the sessions of a call from 0."""
    item_id: str
    content_index: int


class LedgerRow(NamedTuple):
    """One packet, or the part of it that came from one source."""

    rtp_timestamp: RtpTimestamp
    """Of the packet; a second part of one packet repeats it."""
    sent_ns: Nanoseconds
    """When the packet was handed to the kernel, plus the length of the parts before this one."""
    key: ItemKey | None
    """None for all but `AUDIO`."""
    offset: SampleCount
    """Position of the first sample inside the item, at the leg's rate; 0 where there is no item."""
    samples: int
    kind: RowKind


class Position(NamedTuple):
    """A place inside an item, at the leg's rate."""

    key: ItemKey
    offset: SampleCount


class Ledger:
    """The last rows of one leg's playout.

    Attributes:
        last: What the last row holds: an item's key, or what there was instead of item audio.
    """

    __slots__ = ("_count", "_numbers", "_rate_hz", "_whats", "last")

    def __init__(self, rate_hz: int) -> None:
        """Start empty, for a leg that samples at `rate_hz`."""
        self._rate_hz = rate_hz
        self._count = 0
        self._numbers = bytearray(ROWS * _ROW.size)
        self._whats: list[ItemKey | RowKind] = [RowKind.SILENCE] * ROWS
        self.last: ItemKey | RowKind = RowKind.SILENCE

    def append(
        self,
        rtp_timestamp: RtpTimestamp,
        sent_ns: Nanoseconds,
        what: ItemKey | RowKind,
        offset: int,
        samples: int,
    ) -> None:
        """Note what was handed to the kernel; the fields are those of `LedgerRow`.

        Args:
            rtp_timestamp: Of the packet.
            sent_ns: When.
            what: The item's key for its audio, else what there was instead.
            offset: Inside the item, else 0.
            samples: At the leg's rate.
        """
        at = self._count % ROWS
        self._count += 1
        _write_row(self._numbers, at * _ROW.size, rtp_timestamp, sent_ns, offset, samples)
        self._whats[at] = self.last = what

    def revoke(self) -> list[LedgerRow]:
        """Mark the last packet as unsent.

        Returns:
            The rows that it had, oldest first.
        """
        revoked: list[LedgerRow] = []
        for row in self._latest_first():
            if revoked and row.rtp_timestamp != revoked[0].rtp_timestamp:
                break
            revoked.append(row)
        for index in range(self._count - len(revoked), self._count):
            self._whats[index % ROWS] = RowKind.UNSENT
        self.last = RowKind.UNSENT
        return revoked[::-1]

    def rows(self) -> list[LedgerRow]:
        """Give the rows kept, oldest first."""
        return list(self._latest_first())[::-1]

    def _latest_first(self) -> Iterator[LedgerRow]:
        for index in reversed(range(max(0, self._count - ROWS), self._count)):
            at = index % ROWS
            rtp_timestamp, sent_ns, offset, samples = _read_row(self._numbers, at * _ROW.size)
            what = self._whats[at]
            key, kind = (None, what) if isinstance(what, RowKind) else (what, RowKind.AUDIO)
            yield LedgerRow(rtp_timestamp, sent_ns, key, offset, samples, kind)

    def playing(self, at_ns: Nanoseconds, delay_ns: Nanoseconds) -> Position | None:
        """Say what a listener `delay_ns` after our socket hears at `at_ns`.

        Returns:
            The end of the item audio that has reached the listener, or None where no item audio
            has, within the rows kept.
        """
        heard_ns = at_ns - delay_ns
        for row in self._latest_first():
            if row.key is None or row.sent_ns > heard_ns:
                continue
            elapsed = (heard_ns - row.sent_ns) * self._rate_hz // NS_PER_SECOND
            return Position(row.key, SampleCount(row.offset + min(row.samples, elapsed)))
        return None
