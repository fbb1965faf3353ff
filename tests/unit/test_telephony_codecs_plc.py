"""Concealment is nearer to what was lost than silence, makes no click, and ends."""

# pyright: reportUnknownMemberType=false
# numpy's stubs name types that Python 3.11, the version checked for, does not know.

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from telephony_codecs.plc import LAG_MAX, LAG_MIN, Concealer, pitch_lag

FRAME = 160
Samples = NDArray[np.float64]


def voiced(pitch_hz: float, formants: tuple[int, ...] = (600, 1_100, 2_500)) -> Samples:
    """Make two seconds of a vowel: harmonics under formants, pitch and level gliding slowly."""
    samples = 16_000
    at = np.arange(samples) / 8_000
    glide = pitch_hz * (1 + 0.03 * np.sin(2 * np.pi * 2 * at))
    phase = 2 * np.pi * np.cumsum(glide) / 8_000
    total = np.zeros(samples)
    for harmonic in range(1, int(3_400 / pitch_hz)):
        hz = harmonic * pitch_hz
        weight = sum(np.exp(-(((hz - formant) / 200) ** 2)) for formant in formants)
        total += (0.02 + weight) * np.sin(harmonic * phase + harmonic**2)
    total *= 1 + 0.3 * np.sin(2 * np.pi * 3 * at)
    scaled: Samples = total * (12_000 / np.abs(total).max())
    return scaled.round()


def pack(samples: Samples) -> bytes:
    return samples.astype("<i2").tobytes()


def unpack(pcm16: bytes) -> Samples:
    return np.frombuffer(pcm16, "<i2").astype(float)


def with_losses(audio: Samples, lost: set[int]) -> Samples:
    """Send audio frame by frame through a concealer that does not get the lost ones."""
    concealer = Concealer()
    out: list[bytes] = []
    for number in range(len(audio) // FRAME):
        frame = pack(audio[number * FRAME : (number + 1) * FRAME])
        out.append(concealer.conceal(FRAME) if number in lost else concealer.good(frame))
    return unpack(b"".join(out))


def silenced(audio: Samples, lost: set[int]) -> Samples:
    out = audio.copy()
    for number in lost:
        out[number * FRAME : (number + 1) * FRAME] = 0
    return out


def spectral_distance_db(one: Samples, other: Samples) -> float:
    """Mean difference of log spectra over windows of 32 ms: what an ear or a recogniser goes by."""
    distances: list[float] = []
    for start in range(0, len(one) - 256, 128):
        window = np.hanning(256)
        a, b = (np.abs(np.fft.rfft(x[start : start + 256] * window)) + 100 for x in (one, other))
        distances.append(float(np.sqrt(np.mean((20 * np.log10(a / b)) ** 2))))
    return float(np.mean(distances))


LOST = {number for number in range(10, 95) if number % 7 == 3}


@pytest.mark.parametrize("pitch_hz", [70, 90, 110, 140, 180, 220])
def test_concealed_speech_is_nearer_to_what_was_lost_than_silence(pitch_hz: int) -> None:
    audio = voiced(pitch_hz)
    concealed, silent = with_losses(audio, LOST), silenced(audio, LOST)
    assert spectral_distance_db(audio, concealed) < 0.7 * spectral_distance_db(audio, silent)
    gaps = np.concatenate([np.arange(n * FRAME, n * FRAME + FRAME) for n in sorted(LOST)])
    error = float(np.sum((audio[gaps] - concealed[gaps]) ** 2))
    # Silence is wrong by the whole energy of what was lost: 0 dB.
    assert error < 0.9 * float(np.sum(audio[gaps] ** 2))


@pytest.mark.parametrize("pitch_hz", [70, 110, 180, 220])
def test_no_joint_clicks(pitch_hz: int) -> None:
    """A click is a step larger than any that the voice itself, here a dark one, makes."""
    audio = voiced(pitch_hz, (300,))
    lost = LOST | {40, 41, 42, 43}
    largest = np.abs(np.diff(audio)).max()
    assert np.abs(np.diff(with_losses(audio, lost))).max() <= 1.1 * largest
    assert np.abs(np.diff(silenced(audio, lost))).max() > 1.5 * largest


def test_a_long_loss_fades_and_is_silent_from_60_ms_on() -> None:
    concealer = Concealer()
    concealer.good(pack(voiced(100)[:800]))
    levels = [float(np.abs(unpack(concealer.conceal(80))).max()) for _ in range(8)]
    assert levels[0] > 5_000
    assert all(later < earlier for earlier, later in pairwise(levels[1:7]))
    assert levels[6:] == [0.0, 0.0]


def test_pieces_of_a_loss_join_to_the_whole() -> None:
    audio = pack(voiced(120)[:1_600])
    one, many = Concealer(), Concealer()
    one.good(audio)
    many.good(audio)
    assert b"".join(many.conceal(n) for n in (1, 39, 120, 300, 0, 200)) == one.conceal(660)


def test_good_frames_pass_untouched() -> None:
    concealer = Concealer()
    frame = pack(voiced(100)[:FRAME])
    assert concealer.good(frame) is frame
    assert concealer.good(b"") == b""


def test_a_frame_after_a_loss_is_blended_at_its_start_only() -> None:
    audio = voiced(100)
    concealer = Concealer()
    concealer.good(pack(audio[:800]))
    concealer.conceal(FRAME)
    assert concealer.good(b"") == b""
    after = concealer.good(pack(audio[960:1120]))
    assert after != pack(audio[960:1120])
    assert after[160:] == pack(audio[960:1120])[160:]
    following = pack(audio[1120:1280])
    assert concealer.good(following) is following


def test_a_frame_shorter_than_the_blend_keeps_its_length() -> None:
    concealer = Concealer()
    concealer.good(pack(voiced(100)[:800]))
    concealer.conceal(480)
    assert len(concealer.good(bytes(20))) == 20


def test_a_loss_at_the_very_start_is_silence() -> None:
    assert Concealer().conceal(FRAME) == bytes(2 * FRAME)


def test_after_silence_the_loudest_speech_does_not_overflow() -> None:
    concealer = Concealer()
    concealer.good(bytes(1_600))
    concealer.good(pack(np.tile([32767.0, -32768.0], 300)))
    assert np.abs(unpack(concealer.conceal(80))).max() <= 32768


@pytest.mark.parametrize("period", [LAG_MIN, 41, 57, 80, 99, LAG_MAX])
def test_the_pitch_of_a_pulse_train_is_found(period: int) -> None:
    pulses = np.zeros(600)
    pulses[::period] = 10_000
    # Two periods of the shorter ones fit the range and repeat as well as one.
    assert pitch_lag(np.convolve(pulses, np.hanning(15), "same")) % period == 0


def test_silence_has_the_shortest_lag() -> None:
    assert pitch_lag(np.zeros(310)) == LAG_MIN
