"""How loud audio is, in dBov.

Source: RFC 6464 section 3 and RFC 3389 section 3.1: 0 dBov is the power of a full-scale square
wave, so a full-scale sine is -3 dBov; -127 dBov is the lowest level that either can tell, and
stands for silence.
"""

from math import log10, sqrt

from telephony_codecs._audioop import audioop
from telephony_codecs.formats import AudioFormat
from telephony_codecs.g711 import PCM16_WIDTH, decode

__all__ = ["SILENCE_DBOV", "LevelMeter", "dbov", "dbov_of_rms", "rms"]

SILENCE_DBOV = -127.0
FULL_SCALE = 32768


def rms(octets: bytes, audio_format: AudioFormat) -> int:
    """Give the root mean square of audio in PCM16 units, 0 to 32,768; 0.2 us for 20 ms of PCM."""
    return audioop.rms(decode(octets, audio_format), PCM16_WIDTH)


def dbov_of_rms(value: float) -> float:
    """Turn a root mean square in PCM16 units into dBov, -127.0 to 0.0."""
    if value <= 0:
        return SILENCE_DBOV
    return max(SILENCE_DBOV, 20 * log10(value / FULL_SCALE))


def dbov(octets: bytes, audio_format: AudioFormat) -> float:
    """Give the level of audio in dBov, -127.0 to 0.0; no audio at all is silence."""
    return dbov_of_rms(rms(octets, audio_format))


class LevelMeter:
    """Measures a stream's level and peak over all that was added since the last reset."""

    def __init__(self, audio_format: AudioFormat) -> None:
        """Start with nothing measured.

        Args:
            audio_format: What the octets of `add` hold.
        """
        self._format = audio_format
        self._energy = 0
        self._samples = 0
        self._peak = 0

    def add(self, octets: bytes) -> None:
        """Take in whole samples of the stream."""
        pcm16 = decode(octets, self._format)
        samples = len(pcm16) // PCM16_WIDTH
        self._energy += audioop.rms(pcm16, PCM16_WIDTH) ** 2 * samples
        self._samples += samples
        self._peak = max(self._peak, audioop.max(pcm16, PCM16_WIDTH))

    @property
    def samples(self) -> int:
        """How many samples were added."""
        return self._samples

    @property
    def dbov(self) -> float:
        """The mean level of what was added, in dBov; silence if nothing was."""
        return dbov_of_rms(sqrt(self._energy / self._samples)) if self._samples else SILENCE_DBOV

    @property
    def peak_dbov(self) -> float:
        """The largest sample that was added, in dBov; silence if nothing was."""
        return dbov_of_rms(self._peak)

    def reset(self) -> None:
        """Forget all that was added."""
        self._energy = self._samples = self._peak = 0
