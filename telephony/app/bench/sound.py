"""The audio of a benchmark: a caller's quiet line, a marker that stands out, an agent's voice.

All of it is noise or tone made from a fixed seed, so that two runs carry the same octets, and none
of it is digital silence, which codecs and resamplers could take a short cut through.
"""

import numpy as np
from numpy.typing import NDArray

from telephony_codecs import AudioFormat, encode, rms

__all__ = ["AGENT_RMS", "agent_audio", "is_marker", "line_frames", "marker_frame"]

SEED = 20
LINE_RMS = 60.0
"""An open line on which nobody speaks: about -55 dBov."""
AGENT_RMS = 3000.0
"""A voice at a usual level, about -21 dBov."""
MARKER_HZ = 1000
MARKER_PEAK = 24_000
MARKER_THRESHOLD_RMS = 10_000
"""Below a marker that resamplers moved by a quarter of a frame, above the quarter that follows."""


def _encoded(samples: NDArray[np.float64], audio_format: AudioFormat) -> bytes:
    return encode(np.rint(samples).astype("<i2").tobytes(), audio_format)


def _noise(level: float, samples: int) -> NDArray[np.float64]:
    return np.random.default_rng(SEED).normal(0.0, level, samples)


def line_frames(audio_format: AudioFormat, frame_ms: int, count: int) -> list[bytes]:
    """Give `count` frames of a quiet line; they may be repeated for ever."""
    samples = audio_format.samples_of_ms(frame_ms)
    octets = _encoded(_noise(LINE_RMS, samples * count), audio_format)
    size = audio_format.octets(samples)
    return [octets[start : start + size] for start in range(0, len(octets), size)]


def marker_frame(audio_format: AudioFormat, frame_ms: int) -> bytes:
    """Give one loud frame: a tone that `is_marker` knows again after any codec."""
    samples = audio_format.samples_of_ms(frame_ms)
    phase = 2 * np.pi * MARKER_HZ * np.arange(samples) / audio_format.rate_hz
    return _encoded(MARKER_PEAK * np.sin(phase), audio_format)


def is_marker(octets: bytes, audio_format: AudioFormat) -> bool:
    """Say whether a frame is loud enough to hold a marker."""
    return rms(octets, audio_format) > MARKER_THRESHOLD_RMS


def agent_audio(audio_format: AudioFormat, chunk_ms: int, count: int) -> list[bytes]:
    """Give `count` chunks of an agent's voice."""
    size = audio_format.octets_of_ms(chunk_ms)
    octets = _encoded(_noise(AGENT_RMS, audio_format.samples_of_ms(chunk_ms) * count), audio_format)
    return [octets[start : start + size] for start in range(0, len(octets), size)]
