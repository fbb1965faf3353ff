"""Levels in dBov against the definition and against the digital milliwatt of G.711."""

# pyright: reportUnknownMemberType=false
# numpy's stubs name types that Python 3.11, the version checked for, does not know.

import numpy as np
import pytest

from telephony_codecs import SILENCE_DBOV, AudioFormat, LevelMeter, dbov, dbov_of_rms, encode, rms

# ITU-T G.711 tables 5 and 6: one period of 1 kHz at 0 dBm0.
MILLIWATT = {
    AudioFormat.PCMU: bytes([0x1E, 0x0B, 0x0B, 0x1E, 0x9E, 0x8B, 0x8B, 0x9E]),
    AudioFormat.PCMA: bytes([0x34, 0x21, 0x21, 0x34, 0xB4, 0xA1, 0xA1, 0xB4]),
}


def square(peak: int) -> bytes:
    return np.tile([peak, -peak], 80).astype("<i2").tobytes()


@pytest.mark.parametrize("law", MILLIWATT)
def test_the_digital_milliwatt_is_a_sine_3_db_under_the_overload_point(law: AudioFormat) -> None:
    # Overload is +3.17 (mu-law) or +3.14 dBm0 (A-law), a sine 3.01 dB under 0 dBov.
    assert dbov(MILLIWATT[law] * 20, law) == pytest.approx(-3.01 - 3.16, abs=0.06)


@pytest.mark.parametrize("audio_format", AudioFormat)
def test_a_square_wave_has_the_level_of_its_peak(audio_format: AudioFormat) -> None:
    assert dbov(encode(square(3276), audio_format), audio_format) == pytest.approx(-20, abs=0.15)


def test_the_scale_ends_at_full_scale_and_at_silence() -> None:
    assert dbov_of_rms(32768) == 0.0
    assert dbov_of_rms(0) == SILENCE_DBOV
    assert dbov_of_rms(1e-9) == SILENCE_DBOV
    assert dbov(b"", AudioFormat.PCMU) == SILENCE_DBOV
    assert rms(AudioFormat.PCMU.silence(160), AudioFormat.PCMU) == 0


def test_a_meter_weighs_frames_by_their_length() -> None:
    meter = LevelMeter(AudioFormat.PCM8K)
    meter.add(square(10000))
    meter.add(bytes(3 * len(square(0))))
    assert meter.samples == 4 * 160
    # A quarter of the time at full power is 6 dB less on average.
    assert meter.dbov == pytest.approx(dbov_of_rms(10000) - 6.02, abs=0.01)
    assert meter.peak_dbov == pytest.approx(dbov_of_rms(10000), abs=0.01)


def test_a_meter_that_heard_nothing_shows_silence() -> None:
    meter = LevelMeter(AudioFormat.PCMA)
    assert (meter.samples, meter.dbov, meter.peak_dbov) == (0, SILENCE_DBOV, SILENCE_DBOV)
    meter.add(MILLIWATT[AudioFormat.PCMA])
    assert meter.dbov > -7
    meter.reset()
    assert (meter.samples, meter.dbov, meter.peak_dbov) == (0, SILENCE_DBOV, SILENCE_DBOV)
