"""Turn detection by energy: when speech begins, when it ends, what is none."""

import math
import random
from array import array

import pytest

from telephony.local.turns import (
    FRAME_OCTETS,
    SpeechBegan,
    SpeechEnded,
    TurnDetector,
    TurnSettings,
)

SILENCE = bytes(FRAME_OCTETS)


def voice(amplitude: int = 4000) -> bytes:
    """Give one frame of a steady tone."""
    samples = [round(amplitude * math.sin(2 * math.pi * 200 * n / 8000)) for n in range(160)]
    return array("h", samples).tobytes()


def feed(
    detector: TurnDetector, frame: bytes, count: int, *, is_tone: bool = False
) -> list[SpeechBegan | SpeechEnded]:
    """Feed the same frame several times and collect what changed."""
    edges = [detector.handle_frame(frame, is_tone=is_tone) for _ in range(count)]
    return [edge for edge in edges if edge is not None]


def test_the_third_voice_frame_in_a_row_begins_speech_padded_to_the_front() -> None:
    detector = TurnDetector(TurnSettings())
    assert feed(detector, SILENCE, 50) == []
    assert feed(detector, voice(), 2) == []
    assert feed(detector, voice(), 1) == [SpeechBegan(audio_start_ms=1000 - 300)]
    assert detector.is_speaking
    assert detector.position_ms == 1060


def test_the_padding_stops_at_the_start_of_the_audio() -> None:
    detector = TurnDetector(TurnSettings())
    assert feed(detector, SILENCE, 1) == []
    assert feed(detector, voice(), 3) == [SpeechBegan(audio_start_ms=0)]


def test_two_frames_of_noise_are_a_click() -> None:
    detector = TurnDetector(TurnSettings())
    for _ in range(20):
        assert feed(detector, voice(), 2) == []
        assert feed(detector, SILENCE, 1) == []


def test_speech_ends_after_the_silence_that_the_session_asks_for() -> None:
    detector = TurnDetector(TurnSettings(silence_duration_ms=200))
    feed(detector, SILENCE, 5)
    feed(detector, voice(), 5)
    assert feed(detector, SILENCE, 9) == []
    assert feed(detector, SILENCE, 1) == [SpeechEnded(audio_end_ms=400)]
    assert not detector.is_speaking


def test_a_pause_shorter_than_that_belongs_to_the_speech() -> None:
    detector = TurnDetector(TurnSettings())
    feed(detector, voice(), 5)
    for _ in range(4):
        assert feed(detector, SILENCE, 24) == []
        assert feed(detector, voice(), 1) == []


def test_a_digit_is_no_voice_and_breaks_a_run_of_it() -> None:
    detector = TurnDetector(TurnSettings())
    assert feed(detector, voice(), 100, is_tone=True) == []
    feed(detector, voice(), 2)
    feed(detector, voice(), 1, is_tone=True)
    assert feed(detector, voice(), 2) == []


def test_speech_goes_on_at_a_level_that_would_not_begin_it() -> None:
    soft = voice(150)
    assert feed(TurnDetector(TurnSettings()), soft, 50) == []
    detector = TurnDetector(TurnSettings())
    feed(detector, voice(), 3)
    assert feed(detector, soft, 50) == []


@pytest.mark.parametrize(("threshold", "begins"), [(0.0, True), (0.5, True), (1.0, False)])
def test_the_threshold_asks_for_a_distance_from_the_noise(threshold: float, begins: bool) -> None:
    detector = TurnDetector(TurnSettings(threshold=threshold))
    feed(detector, voice(100), 200)
    assert bool(feed(detector, voice(400), 3)) is begins


def noise(frames: int) -> list[bytes]:
    """Give frames of steady noise, at -35 dB below full scale."""
    seeded = random.Random(1)
    return [
        array("h", [round(seeded.gauss(0, 600)) for _ in range(160)]).tobytes()
        for _ in range(frames)
    ]


def test_noise_that_comes_up_becomes_the_floor_within_two_seconds() -> None:
    detector = TurnDetector(TurnSettings())
    feed(detector, SILENCE, 50)
    edges = [edge for frame in noise(300) for edge in feed(detector, frame, 1)]
    assert [type(edge) for edge in edges] == [SpeechBegan, SpeechEnded]
    assert edges[1] == SpeechEnded(audio_end_ms=1_000 + 2_100)


def test_the_noise_that_a_line_begins_with_is_no_speech() -> None:
    detector = TurnDetector(TurnSettings())
    assert [edge for frame in noise(300) for edge in feed(detector, frame, 1)] == []
    assert [type(edge) for edge in feed(detector, voice(), 3)] == [SpeechBegan]


def test_a_reset_forgets_speech_under_way() -> None:
    detector = TurnDetector(TurnSettings())
    feed(detector, voice(), 3)
    detector.reset()
    assert feed(detector, SILENCE, 60) == []
