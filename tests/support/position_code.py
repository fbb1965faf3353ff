"""Audio that says where it comes from: any 8 octets tell the item and the offset inside it.

The audio is mu-law (ITU-T G.711), made of frames of 8 octets. An octet of a frame stands at one of
eight phases, and item audio begins with phase 0 of frame 0:

    phase  0       1 2 3                4 5            6 7
           marker  frame, low digit     item number,   check of item and frame,
                   first (radix 64)     low first      low first

A digit is one of 64 octets, the marker a 65th, so one marker among any 8 octets tells the phase.
A window that straddles two frames holds the low digits of the second and the high digits of the
first; since the second is the first plus one, that is enough for both. The check refuses windows
that straddle two items. 262,144 frames are 262 s; 4,096 items.

All 65 octets are loud (magnitude 2,000 or more of 32,124): silence is never among them, and the
ramp of a fade, down to a fortieth, leaves each one audible and its sign unchanged.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FRAME_SAMPLES = 8
RADIX = 64
WEIGHTS = (1, RADIX, RADIX * RADIX)
"""Of the digits, low first."""
FRAMES = RADIX * WEIGHTS[2]
ITEMS = RADIX * RADIX
SILENCE = 0xFF
"""Positive zero, which is what silence is sent as."""
SILENT = frozenset({0xFF, 0x7F})
"""Both zeros of mu-law."""
_MAX_CACHED_ITEMS = 64


class Position(NamedTuple):
    """Where in which item an octet stands."""

    item: int
    offset: int


def linear(octet: int) -> int:
    """Decode one mu-law octet to 16-bit linear.  Source: ITU-T G.711 table 2."""
    inverted = ~octet & 0xFF
    magnitude = ((((inverted & 0x0F) << 3) + 0x84) << (inverted >> 4 & 7)) - 0x84
    return -magnitude if inverted & 0x80 else magnitude


def _octet(*, segment: int, step: int, is_negative: bool) -> int:
    return ~(is_negative << 7 | segment << 4 | step) & 0xFF


MARKER = _octet(segment=4, step=8, is_negative=False)
DIGITS = bytes(
    _octet(segment=segment, step=step, is_negative=is_negative)
    for is_negative in (False, True)
    for segment in (5, 6)
    for step in range(16)
)
_VALUES = {octet: value for value, octet in enumerate(DIGITS)}


def _check(item: int, frame: NDArray[np.int64] | int) -> NDArray[np.int64] | int:
    """Mix item and frame into two digits, so that neighbours of either differ."""
    mixed = (frame * 0x9E3779B1 + item * 0x85EBCA6B) & 0xFFFFFFFF
    return (mixed ^ mixed >> 15) >> 7 & ITEMS - 1


def coded(item: int, start: int, count: int) -> bytes:
    """Give `count` octets of an item's audio from the offset `start`.

    Raises:
        ValueError: The item or the range is beyond the code.
    """
    if not 0 <= item < ITEMS or start < 0 or start + count > FRAMES * FRAME_SAMPLES:
        raise ValueError(f"no code for item {item}, {count} samples from {start}")
    first = start // FRAME_SAMPLES
    frames = np.arange(first, (start + count) // FRAME_SAMPLES + 1, dtype=np.int64)
    check = np.asarray(_check(item, frames))
    digits = np.array(list(DIGITS), dtype=np.uint8)
    grid = np.empty((len(frames), FRAME_SAMPLES), dtype=np.uint8)
    grid[:, 0] = MARKER
    for phase in range(3):
        grid[:, 1 + phase] = digits[frames // WEIGHTS[phase] % RADIX]
    for phase in range(2):
        grid[:, 4 + phase] = digits[item // WEIGHTS[phase] % RADIX]
        grid[:, 6 + phase] = digits[check // WEIGHTS[phase] % RADIX]
    begin = start - first * FRAME_SAMPLES
    return grid.tobytes()[begin : begin + count]


@lru_cache(maxsize=_MAX_CACHED_ITEMS)
def whole_item(item: int, samples: int) -> bytes:
    """Give an item's audio from its beginning, kept for the next time."""
    return coded(item, 0, samples)


@dataclass(frozen=True, slots=True)
class _Window:
    """Eight octets as digits, with the phase of the first."""

    digits: tuple[int, ...]
    phase: int

    def digit(self, phase: int) -> int:
        return self.digits[(phase - self.phase) % FRAME_SAMPLES]

    def frame(self) -> int:
        """Give the frame that the first octet belongs to; negative where there is none."""
        from_second = min(max(self.phase - 1, 0), 3)
        low = sum(self.digit(1 + place) * WEIGHTS[place] for place in range(from_second))
        high = sum(self.digit(1 + place) * WEIGHTS[place] for place in range(from_second, 3))
        if self.phase == 0:
            return high
        carry = WEIGHTS[from_second] if low == 0 and from_second < 3 else 0
        return high + carry + low - 1

    def is_of(self, item: int, frame: int) -> bool:
        """Tell whether both check digits fit; each may belong to either frame."""
        for place in range(2):
            phase = 6 + place
            of_frame = frame + (phase < self.phase)
            wanted = int(_check(item, of_frame)) // WEIGHTS[place] % RADIX
            if self.digit(phase) != wanted:
                return False
        return True


def locate(octets: bytes) -> Position | None:
    """Tell where the first of eight octets stands; None where they are not eight of one item."""
    if len(octets) != FRAME_SAMPLES or octets.count(MARKER) != 1:
        return None
    phase = -octets.index(MARKER) % FRAME_SAMPLES
    values = [0 if octet == MARKER else _VALUES.get(octet) for octet in octets]
    digits = tuple(value for value in values if value is not None)
    if len(digits) != FRAME_SAMPLES:
        return None
    window = _Window(digits, phase)
    item = window.digit(4) + RADIX * window.digit(5)
    frame = window.frame()
    if frame < 0 or not window.is_of(item, frame):
        return None
    return Position(item, frame * FRAME_SAMPLES + phase)
