"""Phrases become audio: in each format, in equal deltas, kept for the next call."""

from base64 import b64decode

import pytest

from telephony.local.dialog import Phrase
from telephony.local.speaker import Speaker, SpokenPhrase
from telephony.local.voices import Voice
from telephony_codecs import AudioFormat, rms
from tests.support.local_client import tiny_voice

OPEN = "We are open."
FORMATS = [AudioFormat.PCMU, AudioFormat.PCMA, AudioFormat.PCM8K, AudioFormat.PCM24K]


def octets(phrase: SpokenPhrase) -> bytes:
    """Give the audio of a phrase."""
    return b"".join(b64decode(chunk.base64) for chunk in phrase.chunks)


@pytest.mark.parametrize("audio_format", FORMATS)
def test_a_prompt_keeps_its_length_and_level_in_every_format(audio_format: AudioFormat) -> None:
    voice = Voice.load()
    (phrase,) = Speaker(voice).say([Phrase("Goodbye.")], audio_format)
    recorded = voice.prompt("goodbye")
    samples = len(recorded) * audio_format.rate_hz // 8_000
    assert sum(chunk.samples for chunk in phrase.chunks) == samples
    assert len(octets(phrase)) == audio_format.octets(samples)
    level, wanted = rms(octets(phrase), audio_format), rms(recorded, AudioFormat.PCMU)
    assert level == pytest.approx(wanted, rel=0.02)


@pytest.mark.parametrize(("prompt_ms", "parts"), [(1_000, 5), (1_001, 6), (150, 1), (210, 2)])
def test_deltas_are_equal_parts_of_at_most_200_ms(prompt_ms: int, parts: int) -> None:
    (phrase,) = Speaker(tiny_voice(prompt_ms)).say([Phrase(OPEN)], AudioFormat.PCMU)
    lengths = {chunk.samples for chunk in phrase.chunks}
    assert len(phrase.chunks) == parts
    assert max(lengths) - min(lengths) <= 1
    assert max(lengths) <= 1_600


def test_a_pause_parts_two_phrases() -> None:
    first, second = Speaker(tiny_voice()).say([Phrase(OPEN), Phrase(OPEN)], AudioFormat.PCMA)
    assert octets(first)[: len(octets(second))] == octets(second)
    assert octets(first)[len(octets(second)) :] == b"\xd5" * 2_000


def test_a_phrase_without_recordings_is_said_by_its_stand_in() -> None:
    speaker = Speaker(tiny_voice())
    known, unknown, bare = speaker.say(
        [Phrase(OPEN), Phrase("Gesundheit!", OPEN), Phrase("Gesundheit!")], AudioFormat.PCMU
    )
    assert unknown.text == "Gesundheit!"
    assert octets(unknown) == octets(known)
    assert octets(bare) == b"\x7f" * 8_000
    (empty,) = speaker.say([Phrase("")], AudioFormat.PCMU)
    assert empty.chunks == ()


def test_what_was_cut_once_is_kept_and_what_is_kept_is_bounded() -> None:
    speaker = Speaker(tiny_voice(100))
    (first,) = speaker.say([Phrase(OPEN)], AudioFormat.PCMU)
    (again,) = speaker.say([Phrase(OPEN)], AudioFormat.PCMU)
    assert again.chunks is first.chunks
    for number in range(64):
        speaker.say([Phrase(f"Unknown {number}.")], AudioFormat.PCMU)
    (later,) = speaker.say([Phrase(OPEN)], AudioFormat.PCMU)
    assert later.chunks is not first.chunks
    assert later == first
