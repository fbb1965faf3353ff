"""Between a leg's format and its session's: nothing where they agree, a table between the laws.

`pcm` sessions (24,000 Hz) cost a decode or encode and a resampler, stateful per direction. The
resampler keeps position: its output sample `n` is the input at `n * 24,000 / 8,000`.
"""

from typing import Protocol

from telephony.voice import VoiceFormat
from telephony_codecs import AudioFormat, decode, encode, transcode
from telephony_codecs.resample import Resampler

__all__ = ["Converter", "audio_format_of", "converter", "leg_format", "voice_format_of"]

_AUDIO_FORMATS = {
    VoiceFormat.PCMU: AudioFormat.PCMU,
    VoiceFormat.PCMA: AudioFormat.PCMA,
    VoiceFormat.PCM: AudioFormat.PCM24K,
}
_LEG_FORMATS = {"PCMU": AudioFormat.PCMU, "PCMA": AudioFormat.PCMA}


def leg_format(encoding: str) -> AudioFormat:
    """Give the format of a leg by its encoding name (RFC 3551), in any case.

    Raises:
        KeyError: No such encoding was ever offered; our caller is at fault.
    """
    return _LEG_FORMATS[encoding.upper()]


def audio_format_of(voice_format: VoiceFormat) -> AudioFormat:
    """Give the audio format that a session's format names."""
    return _AUDIO_FORMATS[voice_format]


def voice_format_of(leg_format: AudioFormat) -> VoiceFormat:
    """Give the session format that follows a leg: its own law, `pcm` for all else."""
    for voice_format, audio_format in _AUDIO_FORMATS.items():
        if audio_format is leg_format:
            return voice_format
    return VoiceFormat.PCM


class Converter(Protocol):
    """One direction of one leg."""

    def convert(self, octets: bytes) -> bytes:
        """Give what is ready of the converted audio."""
        ...

    def flush(self) -> bytes:
        """Give what is held back, at the end of an item."""
        ...

    def reset(self) -> None:
        """Forget what is held back, at an interruption."""
        ...


class _Stateless:
    def __init__(self, from_format: AudioFormat, to_format: AudioFormat) -> None:
        self._from_format = from_format
        self._to_format = to_format

    def convert(self, octets: bytes) -> bytes:
        return transcode(octets, self._from_format, self._to_format)

    def flush(self) -> bytes:
        return b""

    def reset(self) -> None:
        """Nothing is held back."""


class _Resampling:
    """Keeps positions: of `n` samples in, all out is `n * to // from`, whatever the chunks."""

    def __init__(self, from_format: AudioFormat, to_format: AudioFormat) -> None:
        self._from_format = from_format
        self._to_format = to_format
        self._resampler = Resampler(from_format.rate_hz, to_format.rate_hz)
        self._begin()

    def _begin(self) -> None:
        self._half_sample = b""
        self._taken = 0
        self._given = 0

    def convert(self, octets: bytes) -> bytes:
        """Take a chunk; one that ends inside a sample is completed by the next."""
        octets = self._half_sample + octets
        self._taken += len(octets) // self._from_format.octets_per_sample
        whole = len(octets) - len(octets) % self._from_format.octets_per_sample
        self._half_sample = octets[whole:]
        pcm16 = self._resampler.convert(decode(octets[:whole], self._from_format))
        converted = encode(pcm16, self._to_format)
        self._given += self._to_format.samples(len(converted))
        return converted

    def flush(self) -> bytes:
        """Give the tail, without the sample that swresample may round up to."""
        exact = self._taken * self._to_format.rate_hz // self._from_format.rate_hz
        tail = encode(self._resampler.flush(), self._to_format)
        tail = tail[: self._to_format.octets(exact - self._given)]
        self._begin()
        return tail

    def reset(self) -> None:
        self._resampler.reset()
        self._begin()


def converter(from_format: AudioFormat, to_format: AudioFormat) -> Converter | None:
    """Make one direction's converter; None where the octets pass as they are."""
    if from_format is to_format:
        return None
    if from_format.rate_hz == to_format.rate_hz:
        return _Stateless(from_format, to_format)
    return _Resampling(from_format, to_format)
