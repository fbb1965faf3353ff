"""The caller's audio: formats, pieces of any size, digits that are no speech, speech that is."""

from base64 import b64encode
from itertools import pairwise
from pathlib import Path

import pytest

from telephony.local.faults import RefusedEventError
from telephony.local.hearing import InputBuffer
from telephony.local.turns import SpeechBegan, SpeechEnded, TurnSettings
from telephony_codecs import AudioFormat, encode, rms
from telephony_codecs.resample import Resampler
from telephony_codecs.tones import DIGITS, Tone, ToneSource, digit_tone

Edge = SpeechBegan | SpeechEnded
SPEECH = Path(__file__).parents[1] / "fixtures" / "speech"
FORMATS = [AudioFormat.PCMU, AudioFormat.PCMA, AudioFormat.PCM24K]
SECOND = b"\0\0" * 8_000


def in_format(pcm16: bytes, audio_format: AudioFormat) -> bytes:
    """Turn PCM16 at 8,000 Hz into what a client appends."""
    if audio_format is AudioFormat.PCM24K:
        resampler = Resampler(8_000, 24_000)
        return resampler.convert(pcm16) + resampler.flush()
    return encode(pcm16, audio_format)


def append(buffer: InputBuffer, octets: bytes, size: int = 160) -> list[Edge]:
    """Append audio in pieces of a size and give what was found."""
    edges: list[Edge] = []
    for start in range(0, len(octets), size):
        edges += buffer.append(b64encode(octets[start : start + size]).decode())
    return edges


def buffer_of(audio_format: AudioFormat = AudioFormat.PCMU) -> InputBuffer:
    """Make a buffer with the usual settings."""
    return InputBuffer(audio_format, TurnSettings())


def voice(ms: int) -> bytes:
    """Give something that counts as speech."""
    return ToneSource(Tone(((300, -10), (450, -14))), 8_000).read(8 * ms)


def digits(text: str, ms: int, level_dbm0: float = -8.0) -> bytes:
    """Dial digits with pauses of 60 ms, after 300 ms of silence."""
    tones = [digit_tone(digit, low_dbm0=level_dbm0 - 2, high_dbm0=level_dbm0) for digit in text]
    pause = b"\0\0" * 480
    return SECOND[:4_800] + b"".join(ToneSource(tone, 8_000).read(8 * ms) + pause for tone in tones)


@pytest.mark.parametrize("audio_format", FORMATS)
@pytest.mark.parametrize(("ms", "level_dbm0"), [(40, -8.0), (100, -3.0), (250, -25.0)])
def test_a_digit_never_starts_speech(audio_format: AudioFormat, ms: int, level_dbm0: float) -> None:
    buffer = buffer_of(audio_format)
    assert append(buffer, in_format(digits(DIGITS, ms, level_dbm0), audio_format)) == []
    assert buffer.take_turn() == f"[keys {DIGITS}]"


@pytest.mark.parametrize("audio_format", FORMATS)
def test_speech_is_found_in_every_format(audio_format: AudioFormat) -> None:
    buffer = buffer_of(audio_format)
    octets = in_format(SECOND + voice(400) + SECOND, audio_format)
    began, ended = append(buffer, octets)
    assert isinstance(began, SpeechBegan)
    assert isinstance(ended, SpeechEnded)
    assert began.audio_start_ms == pytest.approx(700, abs=20)
    assert ended.audio_end_ms == pytest.approx(1_900, abs=40)


@pytest.mark.parametrize("size", [1, 7, 320, 1_000_000])
def test_pieces_of_any_size_give_the_same(size: int) -> None:
    octets = in_format(SECOND[:8_000] + voice(200) + SECOND, AudioFormat.PCM24K)
    octets = octets[:40_001] if size == 1 else octets
    wanted = append(buffer_of(AudioFormat.PCM24K), octets, 960)
    assert append(buffer_of(AudioFormat.PCM24K), octets, size) == wanted
    assert wanted


@pytest.mark.parametrize("name", ["hear_me", "invoice", "stop", "yes_please"])
def test_a_caller_who_speaks_is_noticed_within_250_ms(name: str) -> None:
    recording = (SPEECH / f"{name}.ulaw").read_bytes()
    silence = b"\xff" * 8_000
    edges = append(buffer_of(), silence + recording + silence)
    assert isinstance(edges[0], SpeechBegan)
    noticed_ms = edges[0].audio_start_ms + TurnSettings().prefix_padding_ms + 60 - 1_000
    starts = range(0, len(recording) + 1, 80)
    onset = next(
        start
        for start, end in pairwise(starts)
        if rms(recording[start:end], AudioFormat.PCMU) > 150
    )
    assert 0 <= noticed_ms - onset // 8 <= 250


@pytest.mark.parametrize("base64", ["audio!", "YQ", "YQ==YQ==", "\u00e9\u00e9\u00e9\u00e9"])
def test_what_is_no_base64_is_refused_whole(base64: str) -> None:
    buffer = buffer_of()
    with pytest.raises(RefusedEventError) as refused:
        list(buffer.append(base64))
    assert (refused.value.code, refused.value.param) == ("invalid_value", "audio")
    assert buffer.turns.position_ms == 0


def test_less_than_100_ms_is_no_turn() -> None:
    buffer = buffer_of()
    append(buffer, b"\xff" * 799)
    with pytest.raises(RefusedEventError, match="at least 100ms") as refused:
        buffer.require_turn()
    assert refused.value.code == "input_audio_buffer_commit_empty"
    append(buffer, b"\xff")
    buffer.require_turn()
    buffer.take_turn()
    with pytest.raises(RefusedEventError):
        buffer.require_turn()


def test_a_turn_with_a_voice_in_it_is_speech_whatever_was_dialled() -> None:
    buffer = buffer_of()
    append(buffer, encode(digits("12", 100) + voice(200), AudioFormat.PCMU))
    assert buffer.take_turn() == "[speech]"
    append(buffer, encode(digits("3", 100), AudioFormat.PCMU))
    assert buffer.take_turn() == "[keys 3]"
    assert buffer.take_turn() == "[speech]"


def test_digits_in_one_turn_are_bounded() -> None:
    buffer = buffer_of()
    append(buffer, encode(digits("19" * 40, 40), AudioFormat.PCMU))
    assert buffer.take_turn() == f"[keys {'19' * 32}]"


def test_clearing_forgets_speech_under_way_and_digits() -> None:
    buffer = buffer_of()
    append(buffer, encode(digits("5", 100) + voice(200), AudioFormat.PCMU))
    buffer.clear()
    assert append(buffer, b"\xff" * 8_000) == []
    assert buffer.take_turn() == "[speech]"


def test_another_format_takes_over_at_the_same_position() -> None:
    buffer = buffer_of(AudioFormat.PCM24K)
    append(buffer, bytes(48_000))
    at_ms = buffer.turns.position_ms
    buffer.audio_format = AudioFormat.PCMU
    buffer.audio_format = AudioFormat.PCMU
    (began,) = append(buffer, in_format(SECOND + voice(100), AudioFormat.PCMU))
    assert buffer.audio_format is AudioFormat.PCMU
    assert began == SpeechBegan(audio_start_ms=at_ms + 700)


def test_pcm_at_8_khz_needs_no_resampling() -> None:
    buffer = buffer_of(AudioFormat.PCM8K)
    assert append(buffer, SECOND + voice(100), 321) == [SpeechBegan(audio_start_ms=700)]
