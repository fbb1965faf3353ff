"""WAV files as octets: PCM16, mu-law and A-law, any rate, any number of channels.

Source: RIFF/WAVE, Microsoft and IBM 1991; format tags of RFC 2361 (1 PCM, 6 A-law, 7 mu-law). The
header that `wav_header` writes always has the same length, so that a recorder can write it first
and again, with the right length, at the end.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

__all__ = ["WAV_HEADER_OCTETS", "WavAudio", "WavEncoding", "WavError", "parse_wav", "wav_header"]

CHUNK = struct.Struct("<4sI")
FORMAT = struct.Struct("<HHIIHH")
HEADER = struct.Struct("<4sI4s4sIHHIIHHH4sII4sI")
WAV_HEADER_OCTETS = HEADER.size
CHANNELS_MAX = 8
RATE_MAX_HZ = 384_000
LENGTH_MAX = 0xFFFF_FFFF
EXTENSIBLE = 0xFFFE
SUBFORMAT_AT = 24
"""Where WAVE_FORMAT_EXTENSIBLE keeps its real format tag."""


class WavError(ValueError):
    """A file is not a WAV file, is broken, or holds an encoding that telephones do not use."""


class WavEncoding(IntEnum):
    """What the octets of a WAV file are: the format tag."""

    PCM16 = 1
    PCMA = 6
    PCMU = 7

    @property
    def octets_per_sample(self) -> int:
        """2 for PCM16, 1 for G.711."""
        return 2 if self is WavEncoding.PCM16 else 1


@dataclass(frozen=True, slots=True)
class WavAudio:
    """The audio of a WAV file.

    Attributes:
        encoding: PCM16 (little-endian), mu-law or A-law.
        rate_hz: Samples per second of each channel.
        channels: How many samples of different channels stand side by side.
        octets: The audio, whole samples of all channels.
    """

    encoding: WavEncoding
    rate_hz: int
    channels: int
    octets: bytes

    def pack(self) -> bytes:
        """Give the whole file."""
        length = len(self.octets)
        header = wav_header(self.encoding, self.rate_hz, self.channels, length)
        return header + self.octets + bytes(length % 2)


def wav_header(encoding: WavEncoding, rate_hz: int, channels: int, octets: int) -> bytes:
    """Give the 58 octets that stand before `octets` octets of audio.

    After an odd number of audio octets one octet of padding must follow. A length over 4 GiB, which
    a WAV file cannot tell, is written as the largest there is; players then read to the end.
    """
    block = encoding.octets_per_sample * channels
    bits = encoding.octets_per_sample * 8
    length = min(octets, LENGTH_MAX - WAV_HEADER_OCTETS)
    return HEADER.pack(
        b"RIFF",
        WAV_HEADER_OCTETS - CHUNK.size + length + length % 2,
        b"WAVE",
        b"fmt ",
        FORMAT.size + 2,
        encoding,
        channels,
        rate_hz,
        rate_hz * block,
        block,
        bits,
        0,
        b"fact",
        4,
        length // block,
        b"data",
        length,
    )


def parse_wav(file: bytes) -> WavAudio:
    """Read a WAV file; a length that runs past the end of the file is cut to what is there.

    Raises:
        WavError: The file is at fault; nothing else is raised, whatever the octets.
    """
    if len(file) < CHUNK.size + 4 or file[:4] != b"RIFF" or file[8:12] != b"WAVE":
        raise WavError("not a RIFF/WAVE file")
    form: tuple[WavEncoding, int, int] | None = None
    position = CHUNK.size + 4
    while position + CHUNK.size <= len(file):
        name, length = CHUNK.unpack_from(file, position)
        position += CHUNK.size
        if name == b"fmt ":
            form = _parse_format(file[position : position + length])
        elif name == b"data":
            if form is None:
                raise WavError("the data chunk comes before the fmt chunk")
            encoding, rate_hz, channels = form
            octets = file[position : position + length]
            whole = len(octets) - len(octets) % (encoding.octets_per_sample * channels)
            return WavAudio(encoding, rate_hz, channels, octets[:whole])
        position += length + length % 2
    raise WavError("no data chunk")


def _parse_format(chunk: bytes) -> tuple[WavEncoding, int, int]:
    if len(chunk) < FORMAT.size:
        raise WavError(f"the fmt chunk has {len(chunk)} octets, wanted {FORMAT.size}")
    tag, channels, rate_hz, _, _, bits = FORMAT.unpack_from(chunk)
    if tag == EXTENSIBLE and len(chunk) >= SUBFORMAT_AT + 2:
        tag = int.from_bytes(chunk[SUBFORMAT_AT : SUBFORMAT_AT + 2], "little")
    try:
        encoding = WavEncoding(tag)
    except ValueError:
        raise WavError(f"format tag {tag}; wanted 1 (PCM), 6 (A-law) or 7 (mu-law)") from None
    if bits != encoding.octets_per_sample * 8:
        raise WavError(f"{bits} bits per sample; wanted 16 for PCM, 8 for G.711")
    if not 1 <= channels <= CHANNELS_MAX or not 1 <= rate_hz <= RATE_MAX_HZ:
        raise WavError(f"{channels} channels at {rate_hz} Hz; wanted 1 to {CHANNELS_MAX} channels")
    return encoding, rate_hz, channels
