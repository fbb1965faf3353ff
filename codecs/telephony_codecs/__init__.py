"""Telephone audio and nothing else: formats, companding, resampling, concealment, tones.

This module imports the standard library and audioop only. What needs numpy or PyAV is imported by
its own name: `telephony_codecs.resample` (Resampler), `.plc` (Concealer), `.tones` (ToneSource),
`.digits` (DigitDetector). PCM16 is linear, signed, little-endian, mono; audioop works in the host's
byte order, so the host must be little-endian.
"""

from telephony_codecs.formats import AudioFormat
from telephony_codecs.g711 import (
    decode,
    decode_pcma,
    decode_pcmu,
    encode,
    encode_pcma,
    encode_pcmu,
    fade_out,
    transcode,
)
from telephony_codecs.level import rms
from telephony_codecs.wav import (
    WAV_HEADER_OCTETS,
    WavAudio,
    WavEncoding,
    WavError,
    parse_wav,
    wav_header,
)

__all__ = [
    "WAV_HEADER_OCTETS",
    "AudioFormat",
    "WavAudio",
    "WavEncoding",
    "WavError",
    "decode",
    "decode_pcma",
    "decode_pcmu",
    "encode",
    "encode_pcma",
    "encode_pcmu",
    "fade_out",
    "parse_wav",
    "rms",
    "transcode",
    "wav_header",
]
