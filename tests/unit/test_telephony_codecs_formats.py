"""Sizes, durations and silence of each format."""

import pytest

from telephony_codecs import AudioFormat, decode

FORMATS = [
    # format, octets of 20 ms, samples of 20 ms
    (AudioFormat.PCMU, 160, 160),
    (AudioFormat.PCMA, 160, 160),
    (AudioFormat.PCM8K, 320, 160),
    (AudioFormat.PCM24K, 960, 480),
]


@pytest.mark.parametrize(("audio_format", "octets", "samples"), FORMATS)
def test_twenty_milliseconds(audio_format: AudioFormat, octets: int, samples: int) -> None:
    assert audio_format.octets_of_ms(20) == octets
    assert audio_format.samples_of_ms(20) == samples
    assert audio_format.octets(samples) == octets
    assert audio_format.samples(octets) == samples


@pytest.mark.parametrize("audio_format", AudioFormat)
def test_silence_decodes_to_the_smallest_sample(audio_format: AudioFormat) -> None:
    silence = audio_format.silence(40)
    assert len(silence) == audio_format.octets(40)
    pcm16 = memoryview(decode(silence, audio_format)).cast("h")
    # A-law has no zero: its smallest positive value is 8.
    assert set(pcm16) == ({8} if audio_format is AudioFormat.PCMA else {0})


def test_no_member_is_an_alias_of_another() -> None:
    assert [member.name for member in AudioFormat] == ["PCMU", "PCMA", "PCM8K", "PCM24K"]


def test_half_a_sample_and_part_of_a_sample_do_not_count() -> None:
    assert AudioFormat.PCM24K.samples(961) == 480
    assert AudioFormat.PCMU.samples_of_ms(0.13) == 1
    assert AudioFormat.PCM24K.octets_of_ms(0.1) == 4
