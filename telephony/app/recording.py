"""A call's audio as it was sent and heard, on one clock, and the stereo file made of it.

For programs that run an engine in their own process: the recorder is a tap on the call. What is
kept is bounded; a call that lasts longer is recorded up to there.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from telephony.media import RtpPortSettings
from telephony.units import Nanoseconds, ns_to_samples
from telephony_codecs import AudioFormat, WavAudio, WavEncoding, decode
from telephony_codecs.tones import ToneSource, digit_tone

__all__ = ["RATE_HZ", "CallRecorder", "Track", "lay", "stereo_wav"]

RATE_HZ = 8_000
MAX_SECONDS = 3_600
"""Of each direction: 58 MB."""
SLACK_SAMPLES = RATE_HZ * 120 // 1000
"""How far a track may fall behind the clock before the hole is filled: jitter is no hole."""
RTP_HEADER_OCTETS = 12
PAYLOAD_TYPE_MASK = 0x7F
EVENT_ENDED = 0x80
EVENT_DIGITS = "0123456789*#ABCD"
"""RFC 4733 section 3.2, table 3: events 0 to 15."""

Samples = NDArray[np.int16]


@dataclass(slots=True)
class Track:
    """One direction of a call: PCM16 at 8,000 Hz from its first sample on."""

    started_ns: Nanoseconds | None = None
    pcm16: bytearray = field(default_factory=bytearray)

    @property
    def samples(self) -> int:
        """How many there are."""
        return len(self.pcm16) // 2

    def append(self, pcm16: bytes, now_ns: Nanoseconds) -> None:
        """Add what is heard from `now_ns` on; a hole before it becomes silence."""
        if self.started_ns is None:
            self.started_ns = now_ns
        missing = ns_to_samples(now_ns - self.started_ns, RATE_HZ) - self.samples
        if missing > SLACK_SAMPLES:
            self.pcm16 += bytes(2 * missing)
        if self.samples < MAX_SECONDS * RATE_HZ:
            self.pcm16 += pcm16


class CallRecorder:
    """Records both directions of one call; a tap (`telephony.engine.tap.MediaTap`)."""

    def __init__(self) -> None:
        """Wait for the call's media."""
        self.sent_track = Track()
        self.received_track = Track()
        self._settings: RtpPortSettings | None = None
        self._received_format: AudioFormat | None = None
        self._tone: tuple[int, ToneSource] | None = None

    def started(self, settings: RtpPortSettings, now_ns: Nanoseconds) -> None:
        """Learn the formats: what is received stays in the first one."""
        del now_ns
        self._settings = settings
        self._received_format = self._received_format or settings.audio_format

    def sent(self, packet: bytes, now_ns: Nanoseconds) -> None:
        """Take a packet of ours; a key is recorded as its tone."""
        settings = self._settings
        if settings is None:
            return
        payload = packet[RTP_HEADER_OCTETS:]
        if packet[1] & PAYLOAD_TYPE_MASK == settings.payload_type:
            pcm16 = decode(payload, settings.audio_format)
        else:
            pcm16 = self._sound_of_key(payload, settings)
        self.sent_track.append(pcm16, now_ns)

    def received(self, octets: bytes, now_ns: Nanoseconds) -> None:
        """Take audio of the far end."""
        if self._received_format is not None:
            self.received_track.append(decode(octets, self._received_format), now_ns)

    def _sound_of_key(self, payload: bytes, settings: RtpPortSettings) -> bytes:
        """Give what a listener would hear for one packet of a telephone event."""
        samples = settings.ptime_ms * RATE_HZ // 1000
        event = payload[0]
        if payload[1] & EVENT_ENDED or event >= len(EVENT_DIGITS):
            self._tone = None
            return bytes(2 * samples)
        if self._tone is None or self._tone[0] != event:
            self._tone = event, ToneSource(digit_tone(EVENT_DIGITS[event]), RATE_HZ)
        return self._tone[1].read(samples)

    def wav(self) -> bytes:
        """Give the call as a stereo file: left what we sent, right what the far end did."""
        tracks = (self.sent_track, self.received_track)
        origin_ns = min(
            (track.started_ns for track in tracks if track.started_ns is not None),
            default=Nanoseconds(0),
        )
        left, right = (lay([track], origin_ns) for track in tracks)
        return stereo_wav(left, right)


def lay(tracks: Iterable[Track], origin_ns: Nanoseconds) -> Samples:
    """Lay tracks over each other on one clock.

    Args:
        tracks: None may begin before `origin_ns`.
        origin_ns: The time of the first sample of the result.

    Returns:
        PCM16 at 8,000 Hz; as long as the track that ends last.
    """
    placed = [
        (ns_to_samples(track.started_ns - origin_ns, RATE_HZ), np.frombuffer(track.pcm16, "<i2"))
        for track in tracks
        if track.started_ns is not None
    ]
    mixed = np.zeros(max((at + len(pcm) for at, pcm in placed), default=0), np.int32)
    for at, pcm in placed:
        mixed[at : at + len(pcm)] += pcm
    return np.clip(mixed, -32768, 32767).astype(np.int16)


def stereo_wav(left: Samples, right: Samples) -> bytes:
    """Give a WAV file of two channels, PCM16 at 8,000 Hz; the shorter one ends in silence."""
    frames = np.zeros((max(len(left), len(right)), 2), "<i2")
    frames[: len(left), 0] = left
    frames[: len(right), 1] = right
    return WavAudio(WavEncoding.PCM16, RATE_HZ, 2, frames.tobytes()).pack()
