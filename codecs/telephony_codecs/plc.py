"""Packet loss concealment: what to play where a frame never came.

After ITU-T G.711 Appendix I, without its 3.75 ms of delay: the last pitch period is repeated, the
joints are overlap-added, the level falls from 10 ms on and is zero at 60 ms. Appendix I smooths the
first joint by delaying all audio; here the step between the last good sample and the repeated
period is instead spread over the first quarter period. Needs numpy, so it is not part of `import
telephony_codecs`.
"""

# pyright: reportUnknownMemberType=false
# numpy's stubs name types that Python 3.11, the version checked for, does not know.

import numpy as np
from numpy.typing import NDArray

__all__ = ["Concealer"]

RATE_HZ = 8_000
PCM16_WIDTH = 2
LAG_MIN = 40
"""Shortest pitch period, in samples: 200 Hz."""
LAG_MAX = 120
"""Longest pitch period, in samples: 66 Hz."""
TEMPLATE = 160
"""How many of the last samples are looked for one period earlier: 20 ms."""
HISTORY = TEMPLATE + LAG_MAX + LAG_MAX // 4
KEPT_LEVEL = 80
"""Samples concealed at full level: 10 ms."""
ALL_GONE = 480
"""Samples after which a gap is silent: 60 ms."""
REJOIN_MAX = 80
"""The longest overlap with the frame after a gap: 10 ms."""
REJOIN_PER_SAMPLE_LOST = 0.4
"""4 ms more overlap for each 10 ms that were lost (Appendix I section I.2.7)."""
SILENT = bytes(HISTORY * PCM16_WIDTH)

Samples = NDArray[np.float64]


class Concealer:
    """Fills the gaps of one stream of PCM16 at 8,000 Hz.

    Pass every frame that came through `good`, in order, and ask `conceal` for each stretch that is
    known to be lost. A good frame costs under 1 us; a lost one about 40 us, however long the loss.
    """

    def __init__(self) -> None:
        """Start as after silence."""
        self._history = SILENT
        self._period: Samples | None = None
        self._step = 0.0
        self._lost = 0

    def good(self, frame: bytes) -> bytes:
        """Take in a frame that came, and give it as it should be played.

        Args:
            frame: PCM16, little-endian, 8,000 Hz, any number of whole samples.

        Returns:
            The same frame; after a gap its first samples are blended with the concealment.
        """
        if self._period is not None and frame:
            frame = self._rejoin(self._period, frame)
            self._period = None
            self._lost = 0
        self._history = (self._history + frame)[-HISTORY * PCM16_WIDTH :]
        return frame

    def conceal(self, samples: int) -> bytes:
        """Give `samples` samples, as PCM16, in the place of audio that is lost.

        Call it again for a loss that goes on; from 60 ms on the result is silence.
        """
        if self._period is None:
            self._period = self._begin()
        concealed = np.rint(self._continue(self._period, samples)).astype("<i2").tobytes()
        self._lost += samples
        self._history = (self._history + concealed)[-HISTORY * PCM16_WIDTH :]
        return concealed

    def _begin(self) -> Samples:
        """Give the last pitch period, made to loop without a seam."""
        history = np.frombuffer(self._history, "<i2").astype(np.float64)
        lag = pitch_lag(history)
        quarter = lag // 4
        period = history[-lag:].copy()
        before = history[-lag - quarter : -lag]
        rising = np.arange(1, quarter + 1) / (quarter + 1)
        period[-quarter:] += (before - period[-quarter:]) * rising
        self._step = float(history[-1] - history[-lag - 1])
        return period

    def _continue(self, period: Samples, samples: int) -> Samples:
        """Give the next samples of the looped period, faded by how long the loss is."""
        at = np.arange(self._lost, self._lost + samples)
        audio = period[at % len(period)]
        quarter = len(period) // 4
        if self._lost < quarter:
            audio = audio + self._step * np.clip(1 - (at + 1) / quarter, 0, 1)
        level = np.clip((ALL_GONE - at) / (ALL_GONE - KEPT_LEVEL), 0, 1)
        return np.clip(audio * level, -32768, 32767)

    def _rejoin(self, period: Samples, frame: bytes) -> bytes:
        """Blend the concealment, going on, into the start of a good frame."""
        overlap = int(len(period) / 4 + REJOIN_PER_SAMPLE_LOST * self._lost)
        overlap = min(overlap, REJOIN_MAX, len(frame) // PCM16_WIDTH)
        rising = np.arange(1, overlap + 1) / (overlap + 1)
        start = np.frombuffer(frame, "<i2", overlap)
        blended = self._continue(period, overlap) * (1 - rising) + start * rising
        return np.rint(blended).astype("<i2").tobytes() + frame[overlap * PCM16_WIDTH :]


def pitch_lag(history: Samples) -> int:
    """Find the lag, 40 to 120 samples, at which the end of `history` best repeats itself.

    Args:
        history: At least 280 samples; the last 160 are compared with those `lag` samples before.

    Returns:
        The lag of the highest normalised cross-correlation: the pitch period, or a multiple of a
        short one, which repeats as well; 40 for silence.
    """
    template = history[-TEMPLATE:]
    searched = history[-TEMPLATE - LAG_MAX : -LAG_MIN]
    products = np.correlate(searched, template, "valid")
    sums = np.concatenate(([0.0], np.cumsum(searched * searched)))
    energies = sums[TEMPLATE:] - sums[:-TEMPLATE]
    scores = products / np.sqrt(np.maximum(energies, 1.0))
    return LAG_MIN + int(np.argmax(scores[::-1]))
