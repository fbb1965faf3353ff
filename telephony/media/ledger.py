"""The playout ledger: which samples of which item left our socket, when, under which RTP timestamp.

It answers where a listener is at an instant (`playing`). What the caller was *sent* of an item is
`ItemAudio.sent_samples`: silence, underrun, hold, digits and prompts never advance an item (design:
three positions, three names).
"""

from collections import deque
from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from telephony.units import NS_PER_SECOND, Nanoseconds, RtpTimestamp, SampleCount, samples_to_ns

__all__ = ["ItemKey", "Ledger", "LedgerRow", "Position", "RowKind"]

ROWS = 512
"""10 s at the usual 20 ms a packet: longer than any listener's buffer."""


class RowKind(Enum):
    """What a packet, or a part of it, held."""

    AUDIO = "audio"
    SILENCE = "silence"
    UNDERRUN = "underrun"
    DIGIT = "digit"
    HOLD = "hold"
    PROMPT = "prompt"


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
    """The last rows of one leg's playout, oldest first."""

    __slots__ = ("_rate_hz", "_rows")

    def __init__(self, rate_hz: int) -> None:
        """Start empty, for a leg that samples at `rate_hz`."""
        self._rate_hz = rate_hz
        self._rows: deque[LedgerRow] = deque(maxlen=ROWS)

    def append(self, row: LedgerRow) -> None:
        """Note what was handed to the kernel."""
        self._rows.append(row)

    def rows(self) -> Iterable[LedgerRow]:
        """Give the rows kept, oldest first."""
        return tuple(self._rows)

    def playing(self, at_ns: Nanoseconds, delay_ns: Nanoseconds) -> Position | None:
        """Say what a listener `delay_ns` after our socket hears at `at_ns`.

        Returns:
            The last sample of item audio that has reached the listener, or None where no item
            audio has, within the rows kept.
        """
        heard_ns = at_ns - delay_ns
        for row in reversed(self._rows):
            if row.key is None or row.sent_ns > heard_ns:
                continue
            elapsed = (heard_ns - row.sent_ns) * self._rate_hz // NS_PER_SECOND
            return Position(row.key, SampleCount(row.offset + min(row.samples, elapsed)))
        return None

    def duration_ns(self) -> Nanoseconds:
        """Give the media time that the kept rows hold."""
        return samples_to_ns(sum(row.samples for row in self._rows), self._rate_hz)
