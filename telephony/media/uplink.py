"""Uplink: the caller's audio, in order, on the caller's own timeline, towards the voice model.

The model's server takes audio faster than real time, so nothing waits for a playout clock (design:
decision 5). What is missing is made up for: a proven loss is concealed, a jump of the timestamps
and a digit become silence, and when packets stay away silence is sent in their stead. The
invariant, counted in samples at the leg's rate and held at all times:

    appended = span + inserted - dropped

`span` is what the caller's RTP timestamps cover, `inserted` is filling beyond it, `dropped` is
audio of the span that was not passed on: during hold, or because filling had stood in for it. Audio
that was appended and then dropped unwritten, as the way to the model was blocked, moves from the
one count to the other.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from telephony.media.uplink_log import UplinkLog
from telephony.rtp import LostSpan, add_samples, timestamp_distance
from telephony.units import NS_PER_MS, Nanoseconds, RtpTimestamp, ns_to_samples
from telephony_codecs import AudioFormat, decode, encode
from telephony_codecs.plc import Concealer

__all__ = ["Uplink", "UplinkSettings"]

MAX_GAP_MS = 10_000
"""A jump of the timestamps beyond this is another timeline, not a silence to be filled."""
MAX_OVERLAP_MS = 200
"""A step back beyond this, in order of sequence, is another timeline too: audio beneath a digit
overlaps the digit's last report by a packet or two."""
CONCEALED_MS = 60
"""Concealment fades to zero by then; the rest of a gap is silence."""
CONCEALMENT_PAYLOADS = 6
"""Payloads kept for a concealment that may come: 60 ms and more."""
DTX_GAP_MS = 40
"""A gap between the timestamps of audio, without a loss: the peer stops sending in silence."""


@dataclass(frozen=True, slots=True)
class UplinkSettings:
    """When packets that stay away are replaced by silence."""

    starvation_ns: Nanoseconds = Nanoseconds(400 * NS_PER_MS)
    starvation_dtx_ns: Nanoseconds = Nanoseconds(100 * NS_PER_MS)
    """For a peer that has shown discontinuous transmission or comfort noise."""


class Uplink:
    """One leg's way up.

    Args:
        audio_format: The leg's, 8,000 Hz.
        settings: Waiting times.

    Attributes:
        sink: Takes audio in the leg's format; called once or more per packet, at once.
        log: One row per append.
        is_gated: Whether audio is dropped instead of appended.
        has_dtx: Whether the peer has shown that it stops sending in silence.
        appended: Samples given to the sink.
        span: Samples that the RTP timestamps cover.
        inserted: Silence appended beyond the span.
        dropped: Samples that were not appended, or were dropped before they were written.
        concealed: Samples of the span made up by concealment.
        overlapped: Samples that came for a time already covered, such as tone beneath a digit.
    """

    __slots__ = (
        "_concealer",
        "_filled",
        "_filling_stands",
        "_format",
        "_history",
        "_last_arrival_ns",
        "_max_gap",
        "_max_overlap",
        "_next",
        "_octets_per_sample",
        "_period",
        "_settings",
        "_speech_ended_ns",
        "appended",
        "concealed",
        "dropped",
        "has_dtx",
        "inserted",
        "is_gated",
        "log",
        "overlapped",
        "sink",
        "span",
    )

    def __init__(self, audio_format: AudioFormat, settings: UplinkSettings | None = None) -> None:
        """Stand still until `start`, or the first packet."""
        self.sink: Callable[[bytes], None] = _discard
        self.log = UplinkLog()
        self.has_dtx = False
        self.appended = 0
        self.span = 0
        self.inserted = 0
        self.dropped = 0
        self.concealed = 0
        self.overlapped = 0
        self._format = audio_format
        self._octets_per_sample = audio_format.octets_per_sample
        self._max_gap = audio_format.samples_of_ms(MAX_GAP_MS)
        self._max_overlap = audio_format.samples_of_ms(MAX_OVERLAP_MS)
        self._settings = settings or UplinkSettings()
        self.is_gated = False
        self._last_arrival_ns: Nanoseconds | None = None
        self._speech_ended_ns: Nanoseconds | None = None
        self._next: RtpTimestamp | None = None  # the end of what is covered
        self._period = 0  # samples of the last audio packet
        self._history: deque[bytes] = deque(maxlen=CONCEALMENT_PAYLOADS)
        self._concealer: Concealer | None = None
        self._filled = 0  # samples of silence that packets may still come for
        self._filling_stands = False  # whether those packets are dropped, or appended behind it

    def start(self, now_ns: Nanoseconds) -> None:
        """Begin to wait for packets: from now on their absence is filled."""
        self._last_arrival_ns = now_ns

    def handle_audio(
        self, payload: bytes, timestamp: RtpTimestamp, arrival_ns: Nanoseconds
    ) -> None:
        """Take the next packet's audio, in order of sequence."""
        self._last_arrival_ns = arrival_ns
        samples = len(payload) // self._octets_per_sample
        is_next = timestamp == self._next and not self._filled and self._concealer is None
        if not is_next or not samples:
            self._handle_off_time(payload, timestamp, arrival_ns)
            return
        self._next = RtpTimestamp((timestamp + samples) & 0xFFFFFFFF)
        self._period = samples
        self.span += samples
        self._history.append(payload)
        self._append(payload, samples, timestamp, arrival_ns)

    def _handle_off_time(
        self, payload: bytes, timestamp: RtpTimestamp, arrival_ns: Nanoseconds
    ) -> None:
        """Take audio behind a gap, a loss or filling, or for a time that is covered."""
        payload = self._rejoin(payload)
        self._settle_timeline(timestamp, arrival_ns)
        assert self._next is not None
        payload, timestamp, covered = self._cut(payload, self._next, timestamp)
        self.overlapped += covered
        samples = len(payload) // self._octets_per_sample
        if not samples:
            return
        self._next = add_samples(timestamp, samples)
        self._period = samples
        self.span += samples
        self._history.append(payload)
        payload, timestamp, late = self._cut(
            payload, add_samples(timestamp, self._stand_in_for(samples)), timestamp
        )
        self.dropped += late
        if payload:
            self._append(payload, samples - late, timestamp, arrival_ns)

    def _settle_timeline(self, timestamp: RtpTimestamp, arrival_ns: Nanoseconds) -> None:
        """Let the timeline reach the next packet's timestamp, or begin anew there."""
        gap = 0 if self._next is None else timestamp_distance(timestamp, self._next)
        if self._next is None or not -self._max_overlap <= gap <= self._max_gap:
            self._next = timestamp
        elif gap > 0:
            if self._history and gap >= self._format.samples_of_ms(DTX_GAP_MS):
                self.has_dtx = True
            self._cover(gap, arrival_ns)

    def _cut(
        self, payload: bytes, start: RtpTimestamp, timestamp: RtpTimestamp
    ) -> tuple[bytes, RtpTimestamp, int]:
        """Cut what lies before `start` off a payload; give the rest, its timestamp, what went."""
        before = timestamp_distance(start, timestamp)
        if before <= 0:
            return payload, timestamp, 0
        cut = min(before, len(payload) // self._octets_per_sample)
        return payload[cut * self._octets_per_sample :], start, cut

    def _stand_in_for(self, samples: int) -> int:
        """Say how many samples of late audio the filling stands in for.

        Where it followed the end of speech they are dropped; otherwise they may hold words, and are
        appended behind it, all of them.
        """
        if not self._filling_stands:
            self._filled = 0
        covered = min(self._filled, samples)
        self._filled -= covered
        return covered

    def handle_lost(self, lost: LostSpan, now_ns: Nanoseconds) -> None:
        """Make up for packets that did not come in time."""
        gap = self._gap_before(add_samples(lost.timestamp, lost.samples))
        self._cover(gap, now_ns, conceal=True)

    def handle_digit(self, timestamp: RtpTimestamp, duration: int, arrival_ns: Nanoseconds) -> None:
        """Cover a digit event, so far `duration` samples long, with silence (RFC 4733)."""
        self._last_arrival_ns = arrival_ns
        self._break_off()
        self._cover(self._gap_before(add_samples(timestamp, duration)), arrival_ns)

    def handle_comfort_noise(self, timestamp: RtpTimestamp, arrival_ns: Nanoseconds) -> None:
        """Cover the time before comfort noise (RFC 3389): the peer stops sending in silence."""
        self.has_dtx = True
        self._last_arrival_ns = arrival_ns
        self._break_off()
        self._cover(self._gap_before(timestamp), arrival_ns)

    def handle_resync(self) -> None:
        """Learn that the next packet's timestamp owes nothing to the one before."""
        self._next = None
        self._filled = 0
        self._break_off()

    def _break_off(self) -> None:
        """Forget the audio before something else: nothing is concealed from it."""
        self._history.clear()
        self._concealer = None

    def _gap_before(self, timestamp: RtpTimestamp) -> int:
        """Give the samples between what is covered and `timestamp`; 0 where there is no telling."""
        if self._next is None:
            self._next = timestamp
        gap = timestamp_distance(timestamp, self._next)
        return gap if 0 < gap <= self._max_gap else 0

    def _cover(self, gap: int, now_ns: Nanoseconds, *, conceal: bool = False) -> None:
        """Cover the next `gap` samples: what was filled stands for the first of them.

        Where the sender was silent nothing late can follow: filling beyond the gap stays inserted.
        """
        if not gap:
            return
        assert self._next is not None
        start = add_samples(self._next, min(self._filled, gap))
        missing = gap - min(self._filled, gap)
        self._filled -= gap - missing
        self.inserted -= gap - missing
        if not conceal:
            self._filled = 0
        self.span += gap
        self._next = add_samples(self._next, gap)
        concealed = min(missing, self._format.samples_of_ms(CONCEALED_MS)) if conceal else 0
        if concealed:
            self.concealed += concealed
            self._append(self._conceal(concealed), concealed, start, now_ns)
        self._append_silence(missing - concealed, add_samples(start, concealed), now_ns)

    def handle_tick(self, now_ns: Nanoseconds) -> None:
        """Fill with silence when packets have stayed away too long."""
        last_ns = self._last_arrival_ns
        if last_ns is None or self.is_gated:
            return
        settings = self._settings
        away_ns = now_ns - last_ns
        if away_ns <= (settings.starvation_dtx_ns if self.has_dtx else settings.starvation_ns):
            return
        # A packet that came now would hold the last period: the filling ends before it.
        away = ns_to_samples(away_ns, self._format.rate_hz) - self._period
        missing = away - self._filled
        if missing <= 0:
            return
        if not self._filled:
            ended_ns = self._speech_ended_ns
            self._filling_stands = ended_ns is not None and ended_ns <= last_ns
        start = add_samples(self._next or 0, self._filled)
        self._filled += missing
        self.inserted += missing
        self._append_silence(missing, start, now_ns)

    def handle_speech_started(self) -> None:
        """Learn from the session that the caller speaks."""
        self._speech_ended_ns = None

    def handle_speech_stopped(self, now_ns: Nanoseconds) -> None:
        """Learn from the session that the caller has stopped."""
        self._speech_ended_ns = now_ns

    def gate(self) -> None:
        """Append nothing from now on: the caller is on hold, or hears music elsewhere."""
        self.is_gated = True

    def open(self, now_ns: Nanoseconds) -> None:
        """Append again."""
        self.is_gated = False
        self.handle_resync()
        if self._last_arrival_ns is not None:
            self._last_arrival_ns = now_ns

    def handle_backlog_dropped(self, appends: int, waiting: int) -> None:
        """Learn that audio given to the sink was dropped before any of it was written.

        The model never heard it: its rows leave the log, and its samples are `dropped`.

        Args:
            appends: How many, the oldest of those not written.
            waiting: How many behind them are not written either, the last one given included.
        """
        samples = self.log.drop(appends, waiting, self.appended)
        self.appended -= samples
        self.dropped += samples

    def _append(
        self, octets: bytes, samples: int, timestamp: RtpTimestamp, arrival_ns: Nanoseconds
    ) -> None:
        if self.is_gated:
            self.dropped += samples
            return
        self.log.append(self.appended, timestamp, arrival_ns)
        self.appended += samples
        self.sink(octets)

    def _append_silence(self, samples: int, timestamp: RtpTimestamp, now_ns: Nanoseconds) -> None:
        if samples:
            self._append(self._format.silence(samples), samples, timestamp, now_ns)

    def _conceal(self, samples: int) -> bytes:
        if self._concealer is None:
            self._concealer = Concealer()
            for payload in self._history:
                self._concealer.good(decode(payload, self._format))
        return encode(self._concealer.conceal(samples), self._format)

    def _rejoin(self, payload: bytes) -> bytes:
        """Blend the end of a concealment, if there was one, into the packet behind it."""
        concealer, self._concealer = self._concealer, None
        if concealer is None:
            return payload
        return encode(concealer.good(decode(payload, self._format)), self._format)

    def instant_of(self, offset: int) -> Nanoseconds | None:
        """Turn a position in the appended audio, in samples, into the instant of that sound."""
        return self.log.instant_of(offset, self.appended, self._format.rate_hz)


def _discard(octets: bytes) -> None:
    """Take audio that nobody wants yet."""
    del octets
