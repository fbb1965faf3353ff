"""What ITU-T Q.24 asks of a digit receiver: what it must hear, and what it must not."""

# pyright: reportUnknownMemberType=false
# numpy's stubs name types that Python 3.11, the version checked for, does not know.

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from telephony_codecs import decode_pcmu, encode_pcmu
from telephony_codecs.digits import DigitDetector, DigitHeard
from telephony_codecs.tones import DIGITS, Tone, ToneSource, digit_tone

Samples = NDArray[np.float64]
ROOT = Path(__file__).parents[2]


def press(
    digit: str, ms: float, *, low: float = -10.0, high: float = -8.0, detuned: float = 1.0
) -> Samples:
    """Make one key's tone; `detuned` multiplies both frequencies."""
    pair = digit_tone(digit, low_dbm0=low, high_dbm0=high)
    tone = Tone(tuple((hz * detuned, dbm0) for hz, dbm0 in pair.components))
    return np.frombuffer(ToneSource(tone, 8_000).read(int(8 * ms)), "<i2").astype(float)


def pause(ms: float) -> Samples:
    return np.zeros(int(8 * ms))


def hear(*parts: Samples, chunk: int = 160) -> list[DigitHeard]:
    """Send audio through mu-law and a detector, in frames."""
    audio = np.clip(np.rint(np.concatenate(parts)), -32768, 32767).astype("<i2").tobytes()
    audio = decode_pcmu(encode_pcmu(audio))
    detector = DigitDetector()
    heard: list[DigitHeard] = []
    for start in range(0, len(audio), 2 * chunk):
        heard += detector.feed(audio[start : start + 2 * chunk])
    return heard


def digits(heard: list[DigitHeard]) -> str:
    return "".join(event.digit for event in heard)


def dialled(ms: float, gap_ms: float = 45, **how: float) -> str:
    """Press all sixteen keys, each at another phase of the windows, and say what was heard."""
    parts: list[Samples] = []
    for number, digit in enumerate(DIGITS):
        parts += [pause(gap_ms + number * 0.625), press(digit, ms, **how)]
    return digits(hear(*parts, pause(60)))


LEVELS = [-3, -10, -20, -25, -30, -35]
TWISTS = [(-8, -16), (-12, -8), (-10, -10), (-16, -12)]


@pytest.mark.parametrize("level", LEVELS)
def test_all_digits_at_all_levels(level: float) -> None:
    assert dialled(40, low=level - 0.01, high=level - 0.01) == DIGITS


@pytest.mark.parametrize(("low", "high"), TWISTS)
def test_a_high_tone_8_db_under_to_4_db_over_the_low_one_is_heard(low: float, high: float) -> None:
    assert dialled(40, low=low, high=high) == DIGITS


@pytest.mark.parametrize(("low", "high"), [(-8, -21), (-21, -8), (-10, -60), (-60, -10)])
def test_more_twist_is_no_digit(low: float, high: float) -> None:
    assert dialled(50, low=low, high=high) == ""


@pytest.mark.parametrize("detuned", [0.982, 0.985, 1.0, 1.015, 1.018])
def test_frequencies_off_by_up_to_1_8_percent_are_heard(detuned: float) -> None:
    assert dialled(40, detuned=detuned) == DIGITS


@pytest.mark.parametrize("detuned", [0.965, 1.035])
def test_frequencies_off_by_3_5_percent_are_not(detuned: float) -> None:
    assert dialled(50, detuned=detuned) == ""


@pytest.mark.parametrize("snr_db", [25, 15, 10])
def test_noise_up_to_10_db_under_the_tone_does_no_harm(snr_db: float) -> None:
    rng = np.random.default_rng(5)
    parts: list[Samples] = []
    for digit in DIGITS:
        parts += [pause(60), press(digit, 50)]
    clean = np.concatenate([*parts, pause(60)])
    power = float(np.mean(press("5", 50) ** 2))
    noisy = clean + rng.normal(0, np.sqrt(power / 10 ** (snr_db / 10)), len(clean))
    assert digits(hear(noisy)) == DIGITS


def test_a_tone_of_40_ms_is_heard_and_one_of_18_ms_is_not() -> None:
    assert dialled(40) == DIGITS
    assert dialled(18) == ""


def test_40_ms_of_pause_part_two_presses_of_one_key() -> None:
    parts: list[Samples] = []
    for number in range(20):
        parts += [press("7", 40 + number * 0.625), pause(40)]
    assert digits(hear(*parts)) == "7" * 20


def test_a_break_of_10_ms_belongs_to_the_press() -> None:
    for length in range(40, 45):
        assert digits(hear(press("7", length), pause(10), press("7", 60), pause(60))) == "7"


def test_a_key_held_for_seconds_is_one_press() -> None:
    assert digits(hear(pause(30), press("#", 5_000), pause(100))) == "#"


def test_another_key_without_a_pause_is_another_press() -> None:
    assert digits(hear(press("1", 80), press("2", 80), press("1", 80), pause(60))) == "121"


@pytest.mark.parametrize("chunk", [1, 40, 160, 240, 8_000])
def test_the_cut_into_chunks_makes_no_difference(chunk: int) -> None:
    parts = (pause(33), press("4", 60), pause(50), press("2", 60), pause(50))
    assert hear(*parts, chunk=chunk) == hear(*parts, chunk=160)


@pytest.mark.parametrize("offset_ms", [0, 3, 100, 777])
def test_a_press_is_told_where_it_began_and_within_50_ms(offset_ms: int) -> None:
    (event,) = hear(pause(offset_ms), press("9", 100), pause(60))
    assert abs(event.start_sample - 8 * offset_ms) <= 80
    assert event.heard_sample - 8 * offset_ms <= 400
    assert event.heard_sample > event.start_sample


def test_it_says_while_there_is_a_tone() -> None:
    detector = DigitDetector()
    tone = np.rint(press("3", 100)).astype("<i2").tobytes()
    assert not detector.is_tone
    detector.feed(bytes(1_600))
    assert not detector.is_tone
    detector.feed(tone[:640])
    assert detector.is_tone
    detector.feed(tone[640:])
    assert detector.is_tone
    detector.feed(bytes(2 * 8 * 20))
    assert detector.is_tone
    detector.feed(bytes(2 * 8 * 60))
    assert not detector.is_tone


def test_single_tones_and_network_tones_are_no_digits() -> None:
    at = np.arange(8_000) / 8_000
    for hz in (350, 440, 480, 620, 697, 941, 1_000, 1_209, 1_633, 2_100):
        assert hear(8_000 * np.sin(2 * np.pi * hz * at)) == []
    for pair in ((350, 440), (440, 480), (480, 620), (697, 770), (1_336, 1_477)):
        low, high = (5_000 * np.sin(2 * np.pi * hz * at) for hz in pair)
        assert hear(low + high) == []


def test_noise_and_clipped_noise_are_no_digits() -> None:
    rng = np.random.default_rng(11)
    assert hear(rng.normal(0, 4_000, 240_000)) == []
    assert hear(rng.normal(0, 60_000, 80_000)) == []


def test_nothing_is_heard_before_a_whole_window() -> None:
    detector = DigitDetector()
    assert detector.feed(b"") == []
    assert detector.feed(np.rint(press("1", 20)).astype("<i2").tobytes()) == []


SPEECH = [
    *sorted((ROOT / "telephony/local/prompts").glob("*.ulaw")),
    *sorted((ROOT / "telephony/app/demo_audio").glob("*.ulaw")),
    *sorted((ROOT / "tests/fixtures/speech").glob("*.ulaw")),
]


def speech(gain: float) -> Samples:
    """Put all recordings of this repository, two voices, in one row: over two minutes."""
    octets = b"".join(file.read_bytes() for file in SPEECH)
    return gain * np.frombuffer(decode_pcmu(octets), "<i2").astype(float)


@pytest.mark.parametrize("gain", [0.1, 1.0, 3.0])
@pytest.mark.parametrize("offset", [0, 20])
def test_speech_is_no_digit_and_hides_none_of_itself(gain: float, offset: int) -> None:
    """Talk-off: faint, as recorded, and clipped; `is_tone` would keep a caller from being heard."""
    audio = speech(gain)[offset:]
    assert len(audio) > 120 * 8_000
    pcm16 = np.clip(np.rint(audio), -32768, 32767).astype("<i2").tobytes()
    detector = DigitDetector()
    masked = 0
    for start in range(0, len(pcm16), 320):
        assert detector.feed(pcm16[start : start + 320]) == []
        masked += detector.is_tone
    assert masked * 20 < 200


def test_digits_pressed_while_somebody_speaks_softly_are_heard() -> None:
    """A detector that hears no digits at all would pass the tests above."""
    audio = speech(0.1)[: 20 * 8_000]
    for number, digit in enumerate(DIGITS):
        tone = press(digit, 80)
        start = 8_000 * (number + 1)
        audio[start : start + len(tone)] += tone
    assert digits(hear(audio)) == DIGITS
