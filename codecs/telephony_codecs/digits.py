"""In-band digit detection: which keys the other side presses, heard in its audio.

Source: ITU-T Q.23 (frequencies) and Q.24 (what a receiver accepts). Each 5 ms a window of 25.6 ms
is correlated with the eight frequencies, each also 1.2 % to either side, since a sender may be 1.5
% off. A window is a digit when the strongest of each group stand within the allowed twist and
together hold most of the window's energy: speech spreads its own over harmonics. Only needed where
telephone-event was not negotiated, and to keep tones out of the energy voice detector. Needs numpy,
so it is not part of `import telephony_codecs`.
"""

# pyright: reportUnknownMemberType=false
# numpy's stubs name types that Python 3.11, the version checked for, does not know.

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from telephony_codecs._audioop import audioop
from telephony_codecs.tones import (
    DIGITS,
    HIGH_GROUP_HZ,
    LOW_GROUP_HZ,
    amplitude_of_dbm0,
)

__all__ = ["DigitDetector", "DigitHeard"]

RATE_HZ = 8_000
PCM16_WIDTH = 2
WINDOW = 205
"""25.6 ms: long enough to tell 697 from 770 Hz, short enough to fit a digit of 40 ms."""
HOP = 40
"""5 ms."""
DETUNED = (0.988, 1.0, 1.012)
TONE_SHARE = 0.7
"""The least part of a window's energy that the two tones must hold."""
LEAST_TONE_DBM0 = -37.0
"""The least level of either tone."""
HIGH_ABOVE_LOW = 10 ** (6 / 10)
"""Reverse twist: the high tone may be 6 dB above the low one (Q.24: at least 4)."""
LOW_ABOVE_HIGH = 10 ** (10 / 10)
"""Forward twist: a line may take 10 dB more from the high tone (Q.24: at least 8)."""
HITS_TO_PRESS = 3
MISSES_TO_RELEASE = 7
"""35 ms without the digit end a press; shorter breaks belong to it."""

LEAST_POWER = amplitude_of_dbm0(LEAST_TONE_DBM0) ** 2 / 2
LEAST_RMS = int(LEAST_POWER**0.5)


def _correlators() -> NDArray[np.float32]:
    """Build the matrix that turns a window into 24 cosine and 24 sine products."""
    frequencies = np.outer(LOW_GROUP_HZ + HIGH_GROUP_HZ, DETUNED).ravel()
    phase = 2 * np.pi / RATE_HZ * np.outer(np.arange(WINDOW), frequencies)
    both: NDArray[np.float64] = np.concatenate([np.cos(phase), np.sin(phase)], axis=1)
    # Scaled so that the sum of two squares is the mean power of the tone.
    return (both * 2**0.5 / WINDOW).astype(np.float32)


CORRELATORS = _correlators()


@dataclass(frozen=True, slots=True)
class DigitHeard:
    """A key was pressed.

    Attributes:
        digit: One of 0-9, *, #, A-D.
        start_sample: Where the tone began, counted from the first sample fed; within 10 ms.
        heard_sample: How many samples had been looked at when it was certain.
    """

    digit: str
    start_sample: int
    heard_sample: int


class DigitDetector:
    """Finds digits in one stream of PCM16 at 8,000 Hz; each press is told once, while it lasts.

    A tone of 40 ms is enough, one under 20 ms is none; a pause of 40 ms parts two presses of a key.
    20 ms of audio cost about 20 us, 1 us when it is too quiet to be a digit.
    """

    def __init__(self) -> None:
        """Start before the first sample of a stream."""
        self._audio = b""
        self._start = 0
        self._run: str = ""
        self._run_hits = 0
        self._run_start = 0
        self._pressed: str = ""
        self._misses = 0

    @property
    def is_tone(self) -> bool:
        """Whether the audio fed last is a digit, or may be the first milliseconds of one."""
        return bool(self._pressed or self._run)

    def feed(self, pcm16: bytes) -> list[DigitHeard]:
        """Look at the next audio of the stream and give the presses that became certain in it.

        Args:
            pcm16: Whole samples, little-endian, 8,000 Hz; chunks of any size.
        """
        self._audio += pcm16
        count = (len(self._audio) // PCM16_WIDTH - WINDOW) // HOP + 1
        if count <= 0:
            return []
        heard: list[DigitHeard] = []
        for digit in self._classify(count):
            if self._follow(digit):
                heard.append(DigitHeard(digit, self._run_start, self._start + WINDOW))
            self._start += HOP
        self._audio = self._audio[count * HOP * PCM16_WIDTH :]
        return heard

    def _classify(self, count: int) -> list[str]:
        """Give the digit of each of the next `count` windows, "" for none."""
        if audioop.rms(self._audio, PCM16_WIDTH) < LEAST_RMS:
            return [""] * count
        strides = (HOP * PCM16_WIDTH, PCM16_WIDTH)
        view = np.ndarray((count, WINDOW), "<i2", self._audio, strides=strides)
        windows = view.astype(np.float32)
        squares = (windows @ CORRELATORS) ** 2
        half = squares.shape[1] // 2
        powers = (
            (squares[:, :half] + squares[:, half:]).reshape(count, -1, len(DETUNED)).max(axis=2)
        )
        total = np.einsum("ij,ij->i", windows, windows) / WINDOW
        rows = powers[:, : len(LOW_GROUP_HZ)]
        columns = powers[:, len(LOW_GROUP_HZ) :]
        low = rows.max(axis=1)
        high = columns.max(axis=1)
        accepted = (
            (np.minimum(low, high) >= LEAST_POWER)
            & (high <= low * HIGH_ABOVE_LOW)
            & (low <= high * LOW_ABOVE_HIGH)
            & (low + high >= total * TONE_SHARE)
        )
        keys = rows.argmax(axis=1) * len(HIGH_GROUP_HZ) + columns.argmax(axis=1)
        return [DIGITS[int(key)] if ok else "" for key, ok in zip(keys, accepted, strict=True)]

    def _follow(self, digit: str) -> bool:
        """Count windows that agree; say whether this one makes a new press certain."""
        if digit != self._run:
            self._run = digit
            self._run_hits = 0
            self._run_start = self._start
        self._run_hits += 1
        if digit and digit == self._pressed:
            self._misses = 0
            return False
        self._misses += 1
        if self._misses >= MISSES_TO_RELEASE:
            self._pressed = ""
        if not digit or self._run_hits < HITS_TO_PRESS:
            return False
        self._pressed = digit
        self._misses = 0
        return True
