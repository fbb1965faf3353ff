"""Looks for known audio in a recording, sample by sample."""

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.support.position_code import linear

Samples = NDArray[np.float64]

MU_LAW = np.array([linear(octet) for octet in range(256)], dtype=np.float64)
PROBE_SAMPLES = 4000
"""Enough speech to be found by, half a second."""
AUDIBLE = 200.0
"""Of 32,768: below it a sample counts as silence."""


def read_wav(path: Path) -> Samples:
    """Read a mono recording of 16 bits."""
    with wave.open(str(path)) as recording:
        frames = recording.readframes(recording.getnframes())
    return np.frombuffer(frames, dtype="<i2").astype(np.float64)


def from_mu_law(octets: bytes) -> Samples:
    """Decode mu-law."""
    return MU_LAW[np.frombuffer(octets, dtype=np.uint8)]


def find(wanted: Samples, recording: Samples) -> int | None:
    """Give where `wanted` begins in a recording; None where it does not.

    It is looked for by the half second after its first audible sample, which must correlate by 0.98
    or better; the sample it is found at is that of the beginning of `wanted`, and may be below 0.
    """
    onset = int(np.argmax(np.abs(wanted) > AUDIBLE))
    probe = wanted[onset : onset + PROBE_SAMPLES]
    if len(recording) < len(probe):
        return None
    products = np.correlate(recording, probe, "valid")
    sums = np.concatenate(([0.0], np.cumsum(recording**2)))
    energies = sums[len(probe) :] - sums[: -len(probe)]
    likeness = products / np.sqrt(np.maximum(energies, 1.0) * float(probe @ probe))
    best = int(np.argmax(likeness))
    return best - onset if likeness[best] > 0.98 else None


def same_samples(wanted: Samples, recording: Samples, begin: int) -> float:
    """Give the share of `wanted` that stands in a recording from `begin` on, within one A-law step.

    A recording that passed through another law is off by a sixteenth at most.
    """
    heard = recording[begin : begin + len(wanted)]
    if begin < 0 or len(heard) < len(wanted):
        return 0.0
    return float(np.mean(np.abs(heard - wanted) <= np.abs(wanted) / 16 + 32))
