"""Tones of the telephone network: digits, ringback, busy. Phase-continuous, at any rate.

Source: ITU-T Q.23 (digits), ITU-T E.180 and its supplement 2 (ringback and busy of several
countries). Needs numpy, so it is not part of `import telephony_codecs`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BUSY_EUROPE",
    "BUSY_US",
    "DIGITS",
    "RINGBACK_EUROPE",
    "RINGBACK_US",
    "Tone",
    "ToneSource",
    "amplitude_of_dbm0",
    "digit_tone",
]

DIGITS = "123A456B789C*0#D"
"""The sixteen keys, row by row."""
LOW_GROUP_HZ = (697, 770, 852, 941)
HIGH_GROUP_HZ = (1209, 1336, 1477, 1633)
FULL_SCALE_DBM0 = 3.17
"""The level of a sine at mu-law's overload point (ITU-T G.711 table 6 gives 0 dBm0 as octets)."""
FULL_SCALE = 32768
MS_PER_SECOND = 1000


@dataclass(frozen=True, slots=True)
class Tone:
    """What a tone is made of.

    Attributes:
        components: Frequency in hertz and level in dBm0 of each sine; at most 0 dBm0 in sum.
        on_ms: How long it sounds in each period; 0 means without end.
        off_ms: How long it is silent after that.
    """

    components: tuple[tuple[float, float], ...]
    on_ms: int = 0
    off_ms: int = 0


RINGBACK_US = Tone(((440, -19), (480, -19)), on_ms=2000, off_ms=4000)
RINGBACK_EUROPE = Tone(((425, -13),), on_ms=1000, off_ms=4000)
BUSY_US = Tone(((480, -24), (620, -24)), on_ms=500, off_ms=500)
BUSY_EUROPE = Tone(((425, -13),), on_ms=500, off_ms=500)


def digit_tone(digit: str, *, low_dbm0: float = -10.0, high_dbm0: float = -8.0) -> Tone:
    """Give the pair of frequencies of one key, without end.

    The high group starts 2 dB above the low one, because a line takes more from high frequencies.

    Raises:
        ValueError: `digit` is none of 0-9, *, #, A-D; our caller is at fault.
    """
    if len(digit) != 1 or digit not in DIGITS:
        raise ValueError(f"{digit!r} is not a key; wanted one of {DIGITS}")
    row, column = divmod(DIGITS.index(digit), len(HIGH_GROUP_HZ))
    return Tone(((LOW_GROUP_HZ[row], low_dbm0), (HIGH_GROUP_HZ[column], high_dbm0)))


def amplitude_of_dbm0(level_dbm0: float) -> float:
    """Give the peak, in PCM16 units, of a sine at a level in dBm0."""
    return FULL_SCALE * float(10 ** ((level_dbm0 - FULL_SCALE_DBM0) / 20))


class ToneSource:
    """Generates a tone piece by piece; pieces of any size join without a seam."""

    def __init__(self, tone: Tone, rate_hz: int) -> None:
        """Start at the first sample of the tone's period.

        Args:
            tone: What to sound.
            rate_hz: Samples per second; more than twice the highest frequency.
        """
        self._rate_hz = rate_hz
        self._position = 0
        self._components = [(hz, amplitude_of_dbm0(dbm0)) for hz, dbm0 in tone.components]
        self._on = tone.on_ms * rate_hz // MS_PER_SECOND
        self._period = self._on + tone.off_ms * rate_hz // MS_PER_SECOND

    def read(self, samples: int) -> bytes:
        """Give the next `samples` samples as PCM16, little-endian."""
        at: NDArray[np.float64] = np.arange(self._position, self._position + samples, dtype=float)
        self._position += samples
        total = np.zeros(samples)
        for hz, amplitude in self._components:
            # The remainder keeps the argument small, so hours of tone lose no precision.
            total += amplitude * np.sin(2 * np.pi / self._rate_hz * (at * hz % self._rate_hz))
        if self._on:
            total[at % self._period >= self._on] = 0
        return np.rint(total).astype("<i2").tobytes()
