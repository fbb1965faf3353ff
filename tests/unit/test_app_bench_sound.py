"""The audio of a benchmark: a quiet line, a marker, a voice."""

import pytest

from telephony.app.bench.sound import (
    AGENT_RMS,
    agent_audio,
    is_marker,
    line_frames,
    marker_frame,
)
from telephony_codecs import AudioFormat, rms
from telephony_codecs.resample import Resampler

FORMATS = [AudioFormat.PCMU, AudioFormat.PCMA, AudioFormat.PCM24K]
each_format = pytest.mark.parametrize("audio_format", FORMATS)


@each_format
def test_a_line_is_quiet_but_never_silent(audio_format: AudioFormat) -> None:
    frames = line_frames(audio_format, 20, 50)
    assert len(frames) == 50
    assert {len(frame) for frame in frames} == {audio_format.octets_of_ms(20)}
    assert all(0 < rms(frame, audio_format) < 200 for frame in frames)
    assert not any(is_marker(frame, audio_format) for frame in frames)


@each_format
def test_a_marker_is_known_again(audio_format: AudioFormat) -> None:
    frame = marker_frame(audio_format, 20)
    assert len(frame) == audio_format.octets_of_ms(20)
    assert is_marker(frame, audio_format)


def test_a_marker_is_known_again_after_two_resamplers() -> None:
    law = AudioFormat.PCMU
    up, down = Resampler(8000, 24_000), Resampler(24_000, 8000)
    line = line_frames(law, 20, 3)
    told = [
        is_marker(down.convert(up.convert(_linear(frame))), AudioFormat.PCM8K)
        for frame in (*line, marker_frame(law, 20), *line)
    ]
    assert told == [False] * 3 + [True] + [False] * 3


def _linear(frame: bytes) -> bytes:
    from telephony_codecs import decode

    return decode(frame, AudioFormat.PCMU)


@each_format
def test_an_agent_speaks_and_is_no_marker(audio_format: AudioFormat) -> None:
    chunks = agent_audio(audio_format, 100, 20)
    assert [len(chunk) for chunk in chunks] == [audio_format.octets_of_ms(100)] * 20
    assert all(rms(chunk, audio_format) == pytest.approx(AGENT_RMS, rel=0.2) for chunk in chunks)
    assert not any(is_marker(chunk, audio_format) for chunk in chunks)


def test_two_runs_carry_the_same_octets() -> None:
    assert line_frames(AudioFormat.PCMU, 20, 5) == line_frames(AudioFormat.PCMU, 20, 5)
