"""The caller's audio as it is appended: decoded, watched for speech and digits, committed."""

import binascii
from collections.abc import Iterator

from telephony.local.faults import RefusedEventError
from telephony.local.turns import (
    FRAME_OCTETS,
    SpeechBegan,
    SpeechEnded,
    TurnDetector,
    TurnSettings,
)
from telephony_codecs import AudioFormat, decode
from telephony_codecs.digits import DigitDetector
from telephony_codecs.resample import Resampler

__all__ = ["InputBuffer"]

MINIMUM_COMMIT_MS = 100
"""The protocol's own: less than this is no turn."""
MAX_DIGITS = 64
"""More digits than this in one turn are dropped: nobody dials that many."""
TELEPHONE_RATE_HZ = 8_000
SPEECH = "[speech]"


class InputBuffer:
    """The audio that the client appends, from the session's start to its end."""

    def __init__(self, audio_format: AudioFormat, settings: TurnSettings) -> None:
        """Begin empty.

        Args:
            audio_format: What the client appends.
            settings: How speech is told from silence.
        """
        self.turns = TurnDetector(settings)
        self._digits = DigitDetector()
        self._heard_digits = ""
        self._pending = b""
        self._has_voice = False
        self._committed_ms = 0
        self._set_format(audio_format)

    @property
    def audio_format(self) -> AudioFormat:
        """What the client appends."""
        return self._format

    @audio_format.setter
    def audio_format(self, audio_format: AudioFormat) -> None:
        if audio_format is not self._format:
            self._set_format(audio_format)

    def _set_format(self, audio_format: AudioFormat) -> None:
        self._format = audio_format
        self._odd = b""
        needs_resampling = audio_format.rate_hz != TELEPHONE_RATE_HZ
        self._resampler = (
            Resampler(audio_format.rate_hz, TELEPHONE_RATE_HZ) if needs_resampling else None
        )

    @property
    def turn_ms(self) -> int:
        """How much audio has been appended since the last turn, in whole frames."""
        return self.turns.position_ms - self._committed_ms

    def append(self, base64: str) -> Iterator[SpeechBegan | SpeechEnded]:
        """Take some of the caller's audio, of any length, as far as the iterator is followed.

        Args:
            base64: Octets in the session's input format.

        Yields:
            Where speech began and ended in it, in order.

        Raises:
            RefusedEventError: It is not base64; the client's fault, and nothing was taken.
        """
        try:
            octets = binascii.a2b_base64(base64, strict_mode=True)
        except ValueError:
            raise RefusedEventError("invalid_value", "It is not base64.", "audio") from None
        audio = self._pending + self._to_pcm16(octets)
        whole = len(audio) - len(audio) % FRAME_OCTETS
        self._pending = audio[whole:]
        for start in range(0, whole, FRAME_OCTETS):
            edge = self._watch(audio[start : start + FRAME_OCTETS])
            if edge is not None:
                yield edge

    def require_turn(self) -> None:
        """Make sure that there is enough audio for a turn.

        Raises:
            RefusedEventError: There is less than 100 ms of it; the client's fault.
        """
        if self.turn_ms < MINIMUM_COMMIT_MS:
            message = (
                "Error committing input audio buffer: buffer too small. Expected at least "
                f"{MINIMUM_COMMIT_MS}ms of audio, but buffer only has {self.turn_ms}ms of audio."
            )
            raise RefusedEventError("input_audio_buffer_commit_empty", message)

    def take_turn(self) -> str:
        """End the caller's turn and say what was heard in it.

        Returns:
            `[keys 12]` where digits sounded and nobody spoke, else `[speech]`.
        """
        is_keys = self._heard_digits and not self._has_voice
        heard = f"[keys {self._heard_digits}]" if is_keys else SPEECH
        self.clear()
        return heard

    def clear(self) -> None:
        """Forget what was not committed, speech under way included."""
        self._heard_digits = ""
        self._has_voice = False
        self._committed_ms = self.turns.position_ms
        self.turns.reset()

    def _watch(self, frame: bytes) -> SpeechBegan | SpeechEnded | None:
        for heard in self._digits.feed(frame):
            self._heard_digits = (self._heard_digits + heard.digit)[:MAX_DIGITS]
        edge = self.turns.handle_frame(frame, is_tone=self._digits.is_tone)
        self._has_voice = self._has_voice or self.turns.is_speaking
        return edge

    def _to_pcm16(self, octets: bytes) -> bytes:
        """Decode to PCM16 at 8,000 Hz; half a sample waits for its other half."""
        if self._format.octets_per_sample == 1:
            return decode(octets, self._format)
        octets = self._odd + octets
        whole = len(octets) & ~1
        self._odd = octets[whole:]
        return self._resampler.convert(octets[:whole]) if self._resampler else octets[:whole]
