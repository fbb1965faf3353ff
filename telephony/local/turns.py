"""When the caller speaks: turn detection by energy, on frames of 20 ms.

A frame counts as voice when its level stands `threshold * 18` dB above the noise floor (9 dB at the
usual 0.5) and above an absolute minimum. The floor is the level that a fifth of the last two
seconds stayed under: speech has that many gaps, noise has not, so it follows noise within two
seconds and speech not at all. What a line begins with is its noise. A frame that holds a telephone
digit is never voice, and breaks a run of voice that is still too short to count: tones are dialled,
not spoken.

States: silent, speaking. Silent becomes speaking at the third voice frame in a row (60 ms); the
speech is then said to have begun `prefix_padding_ms` before the first of them. Speaking becomes
silent after `silence_duration_ms` without a voice frame.
"""

from collections import deque
from dataclasses import dataclass

from telephony_codecs import AudioFormat, rms

__all__ = [
    "FRAME_MS",
    "FRAME_OCTETS",
    "SpeechBegan",
    "SpeechEnded",
    "TurnDetector",
    "TurnSettings",
]

FRAME_MS = 20
FRAME_OCTETS = 320
"""One frame: 160 samples of PCM16 at 8,000 Hz."""
ONSET_FRAMES = 3
"""Voice frames in a row that make speech: fewer are clicks and line noise."""
FLOOR_FRAMES = 100
"""The noise floor's memory: 2 s."""
FLOOR_SHARE = 5
"""The floor is the level that one in so many of the remembered frames stayed under."""
FLOOR_EVERY_FRAMES = 10
"""The floor moves slowly, so it is looked up every 200 ms only; at first with every frame."""
QUIET_RMS = 16.0
"""The floor assumed before anything was heard: -66 dB below full scale, an idle G.711 line."""
MINIMUM_RMS = 130.0
"""Nothing under -48 dB below full scale is speech on a telephone."""
THRESHOLD_SPAN_DB = 18.0
"""A session's threshold of 0 to 1 spans this many decibels over the noise floor."""
MINIMUM_MARGIN_DB = 3.0
"""Even a threshold of 0 asks for more than the floor itself."""
KEEP_MARGIN = 0.7
"""Speech under way goes on 3 dB below the level that began it: words end softly."""


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """What a session asks of its turn detection; the defaults are the protocol's."""

    threshold: float = 0.5
    """0 to 1: how much louder than the noise a voice must be."""
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 500


@dataclass(frozen=True, slots=True)
class SpeechBegan:
    """The caller began to speak."""

    audio_start_ms: int
    """Position in the audio appended so far, padding included."""


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The caller has been silent for as long as the session asks."""

    audio_end_ms: int
    """Position in the audio appended so far, the silence included."""


class NoiseFloor:
    """The level that a fifth of the last two seconds stayed under, as an RMS of PCM16."""

    def __init__(self) -> None:
        """Begin as if the line had been idle, until it is heard."""
        self.rms = QUIET_RMS
        self._levels: deque[float] = deque(maxlen=FLOOR_FRAMES)
        self._frames = 0

    def add(self, level: float) -> None:
        """Remember one frame's level."""
        self._levels.append(level)
        self._frames += 1
        if self._frames < FLOOR_EVERY_FRAMES or self._frames % FLOOR_EVERY_FRAMES == 0:
            self.rms = max(QUIET_RMS, sorted(self._levels)[len(self._levels) // FLOOR_SHARE])


class TurnDetector:
    """Finds where the caller's speech begins and ends; one per stream of audio."""

    def __init__(self, settings: TurnSettings) -> None:
        """Begin at position 0 in silence."""
        self.settings = settings
        self.position_ms = 0
        """How much audio has been heard."""
        self.is_speaking = False
        self._floor = NoiseFloor()
        self._voice_frames = 0
        self._voice_end_ms = 0

    def handle_frame(self, frame: bytes, *, is_tone: bool) -> SpeechBegan | SpeechEnded | None:
        """Take the next 20 ms of the caller's audio.

        Args:
            frame: PCM16, little-endian, 8,000 Hz, mono, `FRAME_OCTETS` long.
            is_tone: A telephone digit sounds in this frame.

        Returns:
            What changed with it, None for most frames.
        """
        level = rms(frame, AudioFormat.PCM8K)
        is_voice = not is_tone and level >= self._voice_level()
        if not is_tone:
            self._floor.add(level)
        self.position_ms += FRAME_MS
        if self.is_speaking:
            return self._continue_speech(is_voice=is_voice)
        return self._await_speech(is_voice=is_voice)

    def reset(self) -> None:
        """Forget speech under way, as when its audio was cleared; the noise floor stays known."""
        self.is_speaking = False
        self._voice_frames = 0

    def _voice_level(self) -> float:
        margin_db = max(MINIMUM_MARGIN_DB, self.settings.threshold * THRESHOLD_SPAN_DB)
        level = max(MINIMUM_RMS, self._floor.rms * 10 ** (margin_db / 20))
        return level * KEEP_MARGIN if self.is_speaking else level

    def _await_speech(self, *, is_voice: bool) -> SpeechBegan | None:
        self._voice_frames = self._voice_frames + 1 if is_voice else 0
        if self._voice_frames < ONSET_FRAMES:
            return None
        self.is_speaking = True
        self._voice_end_ms = self.position_ms
        onset_ms = self.position_ms - ONSET_FRAMES * FRAME_MS
        return SpeechBegan(max(0, onset_ms - self.settings.prefix_padding_ms))

    def _continue_speech(self, *, is_voice: bool) -> SpeechEnded | None:
        if is_voice:
            self._voice_end_ms = self.position_ms
        if self.position_ms - self._voice_end_ms < self.settings.silence_duration_ms:
            return None
        self.reset()
        return SpeechEnded(self.position_ms)
