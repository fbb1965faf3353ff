"""Between a leg's format and its session's: nothing where they agree, a table between the laws.

`pcm` sessions (24,000 Hz) cost a decode or encode and a resampler, stateful per direction. The
resampler keeps position: its output sample `n` is the input at `n * 24,000 / 8,000`.
"""

from collections.abc import Callable
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
    def __init__(self, function: Callable[[bytes], bytes]) -> None:
        self._function = function

    def convert(self, octets: bytes) -> bytes:
        return self._function(octets)

    def flush(self) -> bytes:
        return b""

    def reset(self) -> None:
        pass


class _Resampling:
    def __init__(self, from_format: AudioFormat, to_format: AudioFormat) -> None:
        self._from_format = from_format
        self._to_format = to_format
        self._resampler = Resampler(from_format.rate_hz, to_format.rate_hz)

    def convert(self, octets: bytes) -> bytes:
        pcm16 = self._resampler.convert(decode(octets, self._from_format))
        return encode(pcm16, self._to_format)

    def flush(self) -> bytes:
        return encode(self._resampler.flush(), self._to_format)

    def reset(self) -> None:
        self._resampler.reset()


def converter(from_format: AudioFormat, to_format: AudioFormat) -> Converter | None:
    """Make one direction's converter; None where the octets pass as they are."""
    if from_format is to_format:
        return None
    if from_format.rate_hz == to_format.rate_hz:
        return _Stateless(lambda octets: transcode(octets, from_format, to_format))
    return _Resampling(from_format, to_format)
