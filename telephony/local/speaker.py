"""From phrases to audio: recorded prompts, converted once per format and cut into deltas.

What is cut and encoded is kept for all sessions of the process: the prompts are few, and a delta of
a call then costs no more than its frame.
"""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from telephony.local.dialog import Phrase
from telephony.local.voices import Voice
from telephony_codecs import AudioFormat, decode_pcmu, encode_pcma
from telephony_codecs.resample import Resampler

__all__ = ["AudioChunk", "Speaker", "SpokenPhrase"]

MAX_CHUNK_MS = 200
"""A delta holds 100 to 200 ms: a prompt is cut into equal parts of at most this."""
MAX_KEPT_TEXTS = 64
"""The prompts of a few agents; texts with numbers in them come and go."""
PAUSE_MS = 250
"""Silence between two phrases."""


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """One delta's worth of audio."""

    base64: bytes
    samples: int
    """At the format's rate."""


@dataclass(frozen=True, slots=True)
class SpokenPhrase:
    """A phrase, ready to be sent."""

    text: str
    """For the transcript."""
    chunks: tuple[AudioChunk, ...]


class Speaker:
    """Says phrases in any session format; one serves a whole process."""

    def __init__(self, voice: Voice) -> None:
        """Begin with nothing converted.

        Args:
            voice: What speaks.
        """
        self._voice = voice
        self._spoken: dict[tuple[str, AudioFormat], tuple[AudioChunk, ...]] = {}
        self._pauses = {form: _cut(_silence(form), form) for form in AudioFormat}

    def say(self, phrases: Iterable[Phrase], audio_format: AudioFormat) -> tuple[SpokenPhrase, ...]:
        """Give the audio and the text of phrases, a pause between them.

        A phrase that the voice has no recordings for is said by its stand-in.
        """
        spoken: list[SpokenPhrase] = []
        for phrase in phrases:
            if spoken:
                before = spoken[-1]
                spoken[-1] = SpokenPhrase(before.text, before.chunks + self._pauses[audio_format])
            is_known = phrase.stand_in is None or self._voice.can_speak(phrase.text)
            said = phrase.text if is_known else phrase.stand_in or ""
            spoken.append(SpokenPhrase(phrase.text, self._chunks(said, audio_format)))
        return tuple(spoken)

    def _chunks(self, text: str, audio_format: AudioFormat) -> tuple[AudioChunk, ...]:
        known = self._spoken.get((text, audio_format))
        if known is not None:
            return known
        chunks = _cut(_convert(self._voice.speak(text).octets, audio_format), audio_format)
        if len(self._spoken) >= MAX_KEPT_TEXTS:
            del self._spoken[next(iter(self._spoken))]
        self._spoken[text, audio_format] = chunks
        return chunks


def _silence(audio_format: AudioFormat) -> bytes:
    return audio_format.silence(audio_format.samples_of_ms(PAUSE_MS))


def _convert(pcmu: bytes, audio_format: AudioFormat) -> bytes:
    """Turn a whole recording into another format."""
    if audio_format is AudioFormat.PCMU:
        return pcmu
    pcm16 = decode_pcmu(pcmu)
    if audio_format is AudioFormat.PCMA:
        return encode_pcma(pcm16)
    if audio_format.rate_hz == AudioFormat.PCM8K.rate_hz:
        return pcm16
    resampler = Resampler(AudioFormat.PCMU.rate_hz, audio_format.rate_hz)
    return resampler.convert(pcm16) + resampler.flush()


def _cut(audio: bytes, audio_format: AudioFormat) -> tuple[AudioChunk, ...]:
    """Cut audio into the fewest equal parts of at most `MAX_CHUNK_MS`."""
    samples = audio_format.samples(len(audio))
    parts = -(-samples // audio_format.samples_of_ms(MAX_CHUNK_MS))
    edges = [samples * part // parts for part in range(parts + 1)] if parts else []
    return tuple(
        AudioChunk(
            b64encode(audio[audio_format.octets(start) : audio_format.octets(end)]), end - start
        )
        for start, end in pairwise(edges)
    )
