"""Tones have the right frequencies and levels, and no seam."""

# pyright: reportUnknownMemberType=false
# numpy's stubs name types that Python 3.11, the version checked for, does not know.

import numpy as np
import pytest
from numpy.typing import NDArray

from telephony_codecs import AudioFormat, rms
from telephony_codecs.tones import (
    BUSY_EUROPE,
    BUSY_US,
    DIGITS,
    RINGBACK_EUROPE,
    RINGBACK_US,
    Tone,
    ToneSource,
    amplitude_of_dbm0,
    digit_tone,
)

MILLIWATT = bytes([0x1E, 0x0B, 0x0B, 0x1E, 0x9E, 0x8B, 0x8B, 0x9E])


def read(tone: Tone, rate_hz: int, samples: int) -> NDArray[np.float64]:
    return np.frombuffer(ToneSource(tone, rate_hz).read(samples), "<i2").astype(float)


def peaks_hz(audio: NDArray[np.float64], rate_hz: int) -> set[int]:
    """Find the frequencies within 10 dB of the strongest, from one second of audio."""
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    strong = np.flatnonzero(spectrum > spectrum.max() / 3.2)
    return {round(at * rate_hz / len(audio)) for at in strong.tolist() if is_peak(spectrum, at)}


def is_peak(spectrum: NDArray[np.float64], at: int) -> bool:
    return bool(spectrum[at] == spectrum[at - 1 : at + 2].max())


KEYS = [
    # ITU-T Q.23 table 1
    ("1", 697, 1209), ("2", 697, 1336), ("3", 697, 1477), ("A", 697, 1633),
    ("4", 770, 1209), ("5", 770, 1336), ("6", 770, 1477), ("B", 770, 1633),
    ("7", 852, 1209), ("8", 852, 1336), ("9", 852, 1477), ("C", 852, 1633),
    ("*", 941, 1209), ("0", 941, 1336), ("#", 941, 1477), ("D", 941, 1633),
]  # fmt: skip


@pytest.mark.parametrize(("digit", "low", "high"), KEYS)
@pytest.mark.parametrize("rate_hz", [8_000, 24_000])
def test_each_digit_is_its_two_frequencies(digit: str, low: int, high: int, rate_hz: int) -> None:
    assert peaks_hz(read(digit_tone(digit), rate_hz, rate_hz), rate_hz) == {low, high}


def test_every_key_is_in_the_table() -> None:
    assert sorted(DIGITS) == sorted(digit for digit, _, _ in KEYS)


@pytest.mark.parametrize("digit", ["", "12", "E", "a", "½"])
def test_what_is_no_key_is_refused(digit: str) -> None:
    with pytest.raises(ValueError, match="is not a key"):
        digit_tone(digit)


def test_zero_dbm0_is_the_digital_milliwatt_of_the_standard() -> None:
    tone = ToneSource(Tone(((1000, 0),)), 8_000).read(8_000)
    wanted = rms(MILLIWATT * 100, AudioFormat.PCMU)
    assert rms(tone, AudioFormat.PCM8K) == pytest.approx(wanted, rel=0.005)
    assert amplitude_of_dbm0(-20) == pytest.approx(amplitude_of_dbm0(0) / 10)


@pytest.mark.parametrize("tone", [RINGBACK_US, BUSY_US, digit_tone("D"), Tone(((425.5, -13),))])
def test_pieces_join_to_the_whole_without_a_seam(tone: Tone) -> None:
    whole = ToneSource(tone, 8_000).read(60_000)
    source = ToneSource(tone, 8_000)
    sizes = [0, 1, 159, 160, 4_321, 20_000, 35_359]
    assert b"".join(source.read(size) for size in sizes) == whole


CADENCES = [
    # tone, ms to look at, whether it sounds there
    (RINGBACK_US, 1_999, True), (RINGBACK_US, 2_001, False), (RINGBACK_US, 6_001, True),
    (RINGBACK_EUROPE, 999, True), (RINGBACK_EUROPE, 4_999, False), (RINGBACK_EUROPE, 5_001, True),
    (BUSY_US, 499, True), (BUSY_US, 501, False), (BUSY_EUROPE, 1_001, True),
    (BUSY_EUROPE, 999, False), (digit_tone("5"), 7_000, True),
]  # fmt: skip


@pytest.mark.parametrize(("tone", "at_ms", "sounds"), CADENCES)
def test_cadences(tone: Tone, at_ms: int, sounds: bool) -> None:
    """Look at one millisecond: a tone has no eight zeros in a row, a pause has nothing else."""
    audio = read(tone, 8_000, 8 * (at_ms + 1))
    assert bool(np.any(audio[8 * at_ms :])) is sounds


def test_an_hour_later_the_tone_is_as_pure_as_at_first() -> None:
    source = ToneSource(Tone(((425, -10),)), 8_000)
    first = source.read(8_000)
    for _ in range(3_600):
        source.read(8_000)
    assert source.read(8_000) == first
