"""Where the far end stopped hearing an item, counted in samples of what it received.

What arrived is held against what the item holds: octet for octet up to the cut, then a packet that
begins with at most 5 ms ramped to zero and ends in silence (design decision 6). Nothing here takes
the product's word for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from telephony.app.demo.observed import HeardChunk
from telephony_codecs import AudioFormat, decode_pcmu

__all__ = ["RATE_HZ", "HeardItem", "follow_item"]

RATE_HZ = 8_000
SILENCE = AudioFormat.PCMU.silence_sample
HEAD_SAMPLES = 480
"""How much of an item's beginning has to be found: 60 ms."""
PROOF_SAMPLES = 160
"""How much has to fit again behind a hole, so that it counts as one: 20 ms."""
FADE_SAMPLES = 40
"""5 ms."""
ROUNDING = 16
"""Mu-law keeps a sample to within a sixteenth of its value, and small ones to this."""


@dataclass(frozen=True, slots=True)
class HeardItem:
    """What arrived of one item.

    Attributes:
        start: Position of its first sample in what was heard.
        end: Position after its last one.
        earliest: Samples of it that were heard at least.
        latest: At most; more than `earliest` only where the cut fell into a pause, whose silence
            cannot be told from the silence after it.
        fade_samples: How many of them were ramped.
        gap_samples: Silence that arrived inside it and is not its own.
        is_whole: Whether nothing of it is missing.
    """

    start: int
    end: int
    earliest: int
    latest: int
    fade_samples: int
    gap_samples: int
    is_whole: bool

    def nearest(self, samples: int) -> int:
        """Give the count nearest to a claim that fits what was heard."""
        return min(max(samples, self.earliest), self.latest)


def follow_item(
    heard: bytes, chunks: Sequence[HeardChunk], item: bytes, after: int = 0
) -> HeardItem | None:
    """Find an item in what was heard, and where it ends there.

    Args:
        heard: Mu-law, as it arrived.
        chunks: Where its packets begin and end.
        item: All of the item, mu-law.
        after: Where to begin to search.

    Returns:
        None where not even its beginning arrived.
    """
    start = heard.find(item[:HEAD_SAMPLES], after)
    if start < 0 or not item:
        return None
    at, said, gaps = start, 0, 0
    while True:
        fits = _common_length(heard, at, item, said)
        at, said = at + fits, said + fits
        hole = _hole(heard, at, item, said)
        if not hole:
            break
        at, gaps = at + hole, gaps + hole
    if said == len(item):
        return HeardItem(start, at, said, said, 0, gaps, is_whole=True)
    return _cut(heard, chunks, item, HeardItem(start, at, said, said, 0, gaps, is_whole=False))


def _common_length(heard: bytes, at: int, item: bytes, said: int) -> int:
    """Count the octets that two stretches begin with in common."""
    length = 0
    while heard[at + length : at + length + PROOF_SAMPLES] == item[
        said + length : said + length + PROOF_SAMPLES
    ] and said + length < len(item):
        length += min(PROOF_SAMPLES, len(item) - said - length)
    pairs = zip(
        heard[at + length : at + length + PROOF_SAMPLES], item[said + length :], strict=False
    )
    for ours, its in pairs:
        if ours != its:
            break
        length += 1
    return length


def _hole(heard: bytes, at: int, item: bytes, said: int) -> int:
    """Measure silence behind which the item goes on; 0 where there is none."""
    if said == len(item):
        return 0
    rest = heard[at:]
    hole = len(rest) - len(rest.lstrip(SILENCE))
    proof = item[said : said + PROOF_SAMPLES]
    return hole if hole and rest[hole : hole + PROOF_SAMPLES] == proof else 0


def _cut(heard: bytes, chunks: Sequence[HeardChunk], item: bytes, fitting: HeardItem) -> HeardItem:
    """Tell whether the packet at which item and heard part is the one with the ramp."""
    at, said = fitting.end, fitting.latest
    packet = next((one for one in chunks if one.offset <= at < one.offset + one.octets), None)
    begun = said - (at - packet.offset) if packet is not None else -1
    if packet is not None and begun >= 0:
        count = min(FADE_SAMPLES, len(item) - begun)
        last = heard[packet.offset : packet.offset + packet.octets]
        fades = _is_ramp(last[:count], item[begun : begun + count])
        if fades and not last[count:].strip(SILENCE):
            end, total = packet.offset + count, begun + count
            return replace(fitting, end=end, earliest=total, latest=total, fade_samples=count)
    # No ramp: a cut in a pause, or a hard one.
    return replace(fitting, earliest=len(item[:said].rstrip(SILENCE)))


def _is_ramp(heard: bytes, item: bytes) -> bool:
    """Say whether samples are the item's, led down to zero in a straight line."""
    ours, its = (memoryview(decode_pcmu(octets)).cast("h") for octets in (heard, item))
    length = len(its)
    return len(ours) == length and all(
        abs(ours[n] - its[n] * (length - 1 - n) // length) <= abs(its[n]) // ROUNDING + ROUNDING
        for n in range(length)
    )
