"""Uplink: the caller's audio, in order, on the caller's own timeline, towards the voice model.

The model's server takes audio faster than real time, so nothing waits for a playout clock (design:
decision 5). What is missing is made up for: a proven loss is concealed, a jump of the timestamps
and a digit become silence, and when packets stay away silence is sent in their stead. The
invariant, counted in samples at the leg's rate and held at all times:

    appended = span + inserted - dropped

`span` is what the caller's RTP timestamps cover, `inserted` is filling beyond it, `dropped` is
audio of the span that was not passed on: during hold, or because filling had stood in for it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from telephony.media.uplink_log import UplinkLog
from telephony.rtp import LostSpan, Resync, add_samples, timestamp_distance
from telephony.units import (
    NS_PER_MS,
    Nanoseconds,
    RtpTimestamp,
    SampleCount,
    ns_to_samples,
    samples_to_ns,
)
from telephony_codecs import AudioFormat, decode, encode
from telephony_codecs.plc import Concealer

__all__ = ["Uplink", "UplinkSettings"]

MAX_GAP_SECONDS = 10
"""A jump of the timestamps beyond this is another timeline, not a silence to be filled."""
CONCEALED_MS = 60
"""Concealment fades to zero by then; the rest of a gap is silence."""
PLC_HISTORY = 6
"""Payloads kept for a concealment that may come: 60 ms and more."""
DTX_GAP_MS = 40
"""A gap in the timestamps without a loss shows that the peer stops sending in silence."""


@dataclass(frozen=True, slots=True)
class UplinkSettings:
    """When packets that stay away are replaced by silence."""

    starvation_ns: Nanoseconds = Nanoseconds(400 * NS_PER_MS)
    starvation_dtx_ns: Nanoseconds = Nanoseconds(100 * NS_PER_MS)
    """For a peer that has shown discontinuous transmission or comfort noise."""


class Uplink:
    """One leg's way up.

    Args:
        audio_format: The leg's.
        settings: Waiting times.

    Attributes:
        sink: Takes audio in the leg's format; called once or more per packet, at once.
    """

    __slots__ = (
        "_concealer",
        "_filled",
        "_format",
        "_history",
        "_is_gated",
        "_last_arrival_ns",
        "_next",
        "_settings",
        "_speech_ended_ns",
        "_starved_since_ns",
        "appended",
        "concealed",
        "dropped",
        "has_dtx",
        "inserted",
        "log",
        "overlapped",
        "sink",
        "span",
    )

    def __init__(
        self,
        audio_format: AudioFormat,
        settings: UplinkSettings | None = None,
    ) -> None:
        """Stand still until `start`."""
        self._format = audio_format
        self.sink: Callable[[bytes], None] = _discard
        self._settings = settings or UplinkSettings()
        self._next: RtpTimestamp | None = None
        self._filled = 0
        self._is_gated = False
        self._last_arrival_ns: Nanoseconds | None = None
        self._starved_since_ns: Nanoseconds | None = None
        self._speech_ended_ns: Nanoseconds | None = None
        self._history: list[bytes] = []
        self._concealer: Concealer | None = None
        self.log = UplinkLog()
        self.has_dtx = False
        self.appended = 0
        """Samples given to the sink."""
        self.span = 0
        """Samples that the RTP timestamps cover."""
        self.inserted = 0
        """Silence appended beyond the span."""
        self.dropped = 0
        """Samples of the span that were not appended."""
        self.concealed = 0
        """Samples of the span made up by concealment."""
        self.overlapped = 0
        """Samples that came for a time already covered, such as tone beneath a digit event."""

    def start(self, now_ns: Nanoseconds) -> None:
        """Begin to wait for packets: from now on their absence is filled."""
        self._last_arrival_ns = now_ns

    # ---- the timeline -------------------------------------------------------------------------

    def handle_audio(
        self, payload: bytes, timestamp: RtpTimestamp, arrival_ns: Nanoseconds
    ) -> None:
        """Take the next packet's audio, in order of sequence."""
        self._last_arrival_ns = arrival_ns
        if timestamp == self._next and not self._filled and self._concealer is None:
            samples = len(payload) // self._format.octets_per_sample
            self._next = add_samples(timestamp, samples)
            self.span += samples
            self._remember(payload)
            self._append(payload, samples, timestamp, arrival_ns)
            return
        self._handle_off_time(payload, timestamp, arrival_ns)

    def _handle_off_time(
        self, payload: bytes, timestamp: RtpTimestamp, arrival_ns: Nanoseconds
    ) -> None:
        if self._concealer is not None:
            payload = self._rejoin(payload)
        gap = self._gap_before(timestamp)
        if gap > 0:
            self.has_dtx = self.has_dtx or gap >= self._format.samples_of_ms(DTX_GAP_MS)
            self._cover_with_silence(gap, arrival_ns)
        elif gap < 0:
            payload = payload[-gap * self._format.octets_per_sample :]
            self.overlapped += -gap
            timestamp = add_samples(timestamp, -gap)
        samples = len(payload) // self._format.octets_per_sample
        if not samples:
            return
        self._next = add_samples(timestamp, samples)
        self.span += samples
        self._remember(payload)
        payload = self._settle_filling(payload, samples)
        if payload:
            kept = len(payload) // self._format.octets_per_sample
            self._append(payload, kept, timestamp, arrival_ns)

    def handle_lost(self, lost: LostSpan, now_ns: Nanoseconds) -> None:
        """Make up for packets that did not come in time."""
        gap = self._gap_before(add_samples(lost.timestamp, lost.samples))
        if gap <= 0 or self._next is None:
            return
        credit = min(self._filled, gap)
        self._take_credit(credit)
        self.span += gap
        start = self._next
        self._next = add_samples(start, gap)
        remaining = gap - credit
        concealed = min(remaining, self._format.samples_of_ms(CONCEALED_MS))
        if concealed:
            self.concealed += concealed
            self._append(self._conceal(concealed), concealed, start, now_ns)
        if remaining > concealed:
            self._append_silence(remaining - concealed, start, now_ns)

    def handle_resync(self, resync: Resync) -> None:
        """Learn that the next packet's timestamp owes nothing to the one before."""
        del resync
        self._next = None
        self._history.clear()
        self._concealer = None

    def handle_digit(self, timestamp: RtpTimestamp, duration: int, arrival_ns: Nanoseconds) -> None:
        """Cover a digit event, so far `duration` samples long, with silence (RFC 4733)."""
        self._last_arrival_ns = arrival_ns
        gap = self._gap_before(add_samples(timestamp, duration))
        if gap > 0:
            self._cover_with_silence(gap, arrival_ns)

    def handle_comfort_noise(self, arrival_ns: Nanoseconds) -> None:
        """Note comfort noise (RFC 3389): the peer stops sending in silence."""
        self.has_dtx = True
        self._last_arrival_ns = arrival_ns

    def handle_tick(self, now_ns: Nanoseconds) -> None:
        """Fill with silence when packets have stayed away too long."""
        last = self._last_arrival_ns
        if last is None or self._is_gated:
            return
        settings = self._settings
        patience = settings.starvation_dtx_ns if self.has_dtx else settings.starvation_ns
        away_ns = now_ns - last
        if away_ns <= patience:
            return
        if not self._filled:
            self._starved_since_ns = last
        missing = ns_to_samples(away_ns, self._format.rate_hz) - self._filled
        if missing > 0:
            self._filled += missing
            self.inserted += missing
            self._append_silence(missing, self._next or RtpTimestamp(0), now_ns)

    def _gap_before(self, timestamp: RtpTimestamp) -> int:
        """Give the samples from the end of what is covered to `timestamp`; negative: overlap."""
        if self._next is None:
            self._next = timestamp
        gap = timestamp_distance(timestamp, self._next)
        if abs(gap) > MAX_GAP_SECONDS * self._format.rate_hz:
            self._next = timestamp
            return 0
        return gap

    def _cover_with_silence(self, gap: int, arrival_ns: Nanoseconds) -> None:
        assert self._next is not None
        credit = min(self._filled, gap)
        self._take_credit(credit)
        self.span += gap
        start = self._next
        self._next = add_samples(start, gap)
        if gap > credit:
            self._append_silence(gap - credit, start, arrival_ns)

    def _take_credit(self, samples: int) -> None:
        """Let filling stand for a part of the span: it was right to be there."""
        self._filled -= samples
        self.inserted -= samples

    def _settle_filling(self, payload: bytes, samples: int) -> bytes:
        """Decide between filling and the packets that came late after it.

        They are dropped for as long as the filling was, where it followed the end of speech;
        otherwise they may hold words, and are appended behind it.
        """
        if not self._filled:
            return payload
        if not self._filling_followed_speech():
            self._filled = 0
            return payload
        dropped = min(self._filled, samples)
        self._filled -= dropped
        self.dropped += dropped
        return payload[dropped * self._format.octets_per_sample :]

    def _filling_followed_speech(self) -> bool:
        ended, starved = self._speech_ended_ns, self._starved_since_ns
        return ended is not None and starved is not None and ended >= starved

    def handle_speech_started(self) -> None:
        """Learn from the session that the caller speaks."""
        self._speech_ended_ns = None

    def handle_speech_stopped(self, now_ns: Nanoseconds) -> None:
        """Learn from the session that the caller has stopped."""
        self._speech_ended_ns = now_ns

    # ---- the gate -----------------------------------------------------------------------------

    @property
    def is_gated(self) -> bool:
        """Whether audio is dropped instead of appended."""
        return self._is_gated

    def gate(self) -> None:
        """Append nothing from now on: the caller is on hold, or hears music elsewhere."""
        self._is_gated = True

    def open(self, now_ns: Nanoseconds) -> None:
        """Append again."""
        self._is_gated = False
        self._filled = 0
        self._next = None
        if self._last_arrival_ns is not None:
            self._last_arrival_ns = now_ns

    # ---- what goes up -------------------------------------------------------------------------

    def _append(
        self, octets: bytes, samples: int, timestamp: RtpTimestamp, arrival_ns: Nanoseconds
    ) -> None:
        if self._is_gated:
            self.dropped += samples
            return
        self.log.append(SampleCount(self.appended), timestamp, arrival_ns)
        self.appended += samples
        self.sink(octets)

    def _append_silence(self, samples: int, timestamp: RtpTimestamp, now_ns: Nanoseconds) -> None:
        self._append(self._format.silence(samples), samples, timestamp, now_ns)

    def _remember(self, payload: bytes) -> None:
        history = self._history
        history.append(payload)
        if len(history) > PLC_HISTORY:
            del history[0]

    def _conceal(self, samples: int) -> bytes:
        if self._concealer is None:
            self._concealer = Concealer()
            for payload in self._history:
                self._concealer.good(decode(payload, self._format))
        return encode(self._concealer.conceal(samples), self._format)

    def _rejoin(self, payload: bytes) -> bytes:
        concealer, self._concealer = self._concealer, None
        if concealer is None:
            return payload
        return encode(concealer.good(decode(payload, self._format)), self._format)

    def reacted_at(self, audio_start_ms: int, rate_hz: int) -> Nanoseconds | None:
        """Turn a session's offset into the instant at which we had that sound.

        Args:
            audio_start_ms: Offset in the appended audio.
            rate_hz: The leg's rate.
        """
        offset = audio_start_ms * rate_hz // 1000
        row = self.log.row_at(offset)
        if row is None:
            return None
        return Nanoseconds(row.arrival_ns + samples_to_ns(offset - row.offset, rate_hz))


def _discard(octets: bytes) -> None:
    """Take audio that nobody wants yet."""
    del octets
