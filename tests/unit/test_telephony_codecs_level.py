"""Levels against the definition and against the digital milliwatt of G.711."""

# pyright: reportUnknownMemberType=false
# numpy's stubs name types that Python 3.11, the version checked for, does not know.

import numpy as np
import pytest

from telephony_codecs import AudioFormat, encode, rms

# ITU-T G.711 tables 5 and 6: one period of 1 kHz at 0 dBm0.
MILLIWATT = {
    AudioFormat.PCMU: bytes([0x1E, 0x0B, 0x0B, 0x1E, 0x9E, 0x8B, 0x8B, 0x9E]),
    AudioFormat.PCMA: bytes([0x34, 0x21, 0x21, 0x34, 0xB4, 0xA1, 0xA1, 0xB4]),
}


def square(peak: int) -> bytes:
    return np.tile([peak, -peak], 80).astype("<i2").tobytes()


@pytest.mark.parametrize("law", MILLIWATT)
def test_the_digital_milliwatt_is_a_sine_3_db_under_the_overload_point(law: AudioFormat) -> None:
    # Overload is +3.17 (mu-law) or +3.14 dBm0 (A-law), a sine 3.01 dB under full scale.
    assert rms(MILLIWATT[law] * 20, law) == pytest.approx(32768 * 10 ** (-6.17 / 20), rel=0.007)


@pytest.mark.parametrize("audio_format", AudioFormat)
def test_a_square_wave_has_the_level_of_its_peak(audio_format: AudioFormat) -> None:
    assert rms(encode(square(3276), audio_format), audio_format) == pytest.approx(3276, rel=0.02)


def test_the_scale_ends_at_full_scale_and_at_silence() -> None:
    assert rms(square(-32768), AudioFormat.PCM8K) == pytest.approx(32768, abs=1)
    assert rms(b"", AudioFormat.PCMU) == 0
    assert rms(AudioFormat.PCMU.silence(160), AudioFormat.PCMU) == 0
