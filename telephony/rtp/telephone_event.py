"""Keys as RTP packets of their own: reading them, and sending them.

Source: RFC 4733 sections 2.3 (payload), 2.5.1 (sending), 2.5.2 (receiving) and 3.2 (DTMF events).
"""

from collections import deque
from struct import Struct
from typing import NamedTuple

from telephony.errors import LocalError
from telephony.rtp.packet import RtpPacket, RtpSyntaxError
from telephony.rtp.serial import add_samples, timestamp_distance
from telephony.units import NS_PER_MS, NS_PER_SECOND, Nanoseconds, RtpTimestamp

__all__ = [
    "DIGITS",
    "DigitEnded",
    "DigitReceiver",
    "DigitSender",
    "DigitStarted",
    "EventPacket",
    "TelephoneEvent",
    "build_telephone_event",
    "parse_telephone_event",
]

DIGITS = "0123456789*#ABCD"
"""The keys; a key's place is its event code, 0 to 15 (RFC 4733 section 3.2)."""
EVENT_OCTETS = 4
END = 0x80
VOLUME_MASK = 0x3F
MAX_DURATION = 0xFFFF
"""What the duration field can say; a longer event goes on in a new segment (2.5.1.3)."""
MAX_REPORTS = 16
"""Reports in one packet (2.5.1.5 allows several); a sane one has one."""
MAX_QUEUED_DIGITS = 128
"""Digits waiting to be sent: longer than any number or account that is dialled."""
END_PACKETS = 3
"""The last packet is sent three times, against loss (2.5.1.4)."""
DIGIT_NS = Nanoseconds(100 * NS_PER_MS)
PAUSE_NS = Nanoseconds(60 * NS_PER_MS)
"""With the 100 ms above it satisfies any detector; ITU-T Q.24 asks for 40 and 40."""
SILENT_PERIODS = 3
"""Periods without a packet of an event after which it counts as ended (2.5.2.2)."""

_EVENT = Struct("!BBH")


class TelephoneEvent(NamedTuple):
    """One report of an event (RFC 4733 section 2.3)."""

    event: int
    """8 bits; 0 to 15 are the keys."""
    is_end: bool
    volume: int
    """0 to 63: the tone's level as that many dB below 0 dBm0."""
    duration: int
    """From the packet's timestamp on, in timestamp units, 16 bits."""


class DigitStarted(NamedTuple):
    """A key went down, or its first packet that arrived says so."""

    digit: str
    timestamp: RtpTimestamp


class DigitEnded(NamedTuple):
    """A key was released; follows its `DigitStarted`."""

    digit: str
    timestamp: RtpTimestamp
    """Of its start."""
    samples: int
    """How long it was down, in timestamp units, as far as is known."""
    is_complete: bool
    """False where no end packet came: by then another key or silence ended it."""


class EventPacket(NamedTuple):
    """What `RtpSender.event_packet` sends in place of one period's audio."""

    payload: bytes
    timestamp: RtpTimestamp
    """Of the event's start."""
    marker: bool
    """True on the first packet of an event."""


def parse_telephone_event(payload: bytes) -> tuple[TelephoneEvent, ...]:
    """Read an event payload: one report, or several that follow each other in time (2.5.1.5).

    Raises:
        RtpSyntaxError: The sender is at fault: empty, not a whole number of reports, or over 16.
    """
    reports, odd = divmod(len(payload), EVENT_OCTETS)
    if odd or not 0 < reports <= MAX_REPORTS:
        raise RtpSyntaxError(
            f"telephone-event of {len(payload)} octets, 4 per report wanted (RFC 4733 2.3)"
        )
    return tuple(
        TelephoneEvent(event, second >= END, second & VOLUME_MASK, duration)
        for event, second, duration in _EVENT.iter_unpack(payload)
    )


def build_telephone_event(event: TelephoneEvent) -> bytes:
    """Write one report; the caller keeps each number in its field's range."""
    second = event.volume | (END if event.is_end else 0)
    return _EVENT.pack(event.event, second, event.duration)


class _Press:
    """A key that is down, or was the last one down."""

    __slots__ = ("code", "has_ended", "samples", "segment", "segment_samples", "ssrc", "timestamp")

    def __init__(self, ssrc: int, code: int, timestamp: RtpTimestamp) -> None:
        self.ssrc = ssrc
        self.code = code
        self.timestamp = timestamp
        self.segment = timestamp  # where the part that packets tell of at present began
        self.segment_samples = 0
        self.samples = 0
        self.has_ended = False


class DigitReceiver:
    """Turns the event packets of one received stream into keys.

    Packets come in order, as the reorder buffer releases them; those that it reports late may come
    as well. One timestamp is one press, however many of its packets are lost, repeated or late.
    After each call the caller uses what it returned and re-arms one timer by `next_deadline()`.

    Attributes:
        ignored: Reports of events that are no keys, and of presses long gone.
    """

    def __init__(self, *, period_ns: Nanoseconds) -> None:
        """Start with no key down.

        Args:
            period_ns: The spacing of the sender's event packets: its ptime, or the 50 ms that
                older senders keep to.
        """
        self._silence_ns = SILENT_PERIODS * period_ns
        self._press: _Press | None = None
        self._deadline_ns: Nanoseconds | None = None
        self.ignored = 0

    @property
    def is_down(self) -> bool:
        """Whether a key is down."""
        return self._deadline_ns is not None

    def next_deadline(self) -> Nanoseconds | None:
        """Give the time at which the key that is down counts as released, or None."""
        return self._deadline_ns

    def handle_packet(
        self, packet: RtpPacket, now_ns: Nanoseconds
    ) -> tuple[DigitStarted | DigitEnded, ...]:
        """Take one packet of the telephone-event payload type.

        Raises:
            RtpSyntaxError: The sender is at fault; the state is as before.
        """
        told: list[DigitStarted | DigitEnded] = []
        ssrc, timestamp = packet.ssrc, packet.timestamp
        reports = parse_telephone_event(packet.payload)
        for index, report in enumerate(reports):
            if report.event < len(DIGITS):
                told += self._take(report, ssrc, timestamp)
                if self._press is not None and not self._press.has_ended:
                    self._deadline_ns = Nanoseconds(now_ns + self._silence_ns)
                if index < len(reports) - 1:
                    told += self._end(is_complete=True)  # the next report began where it ended
            else:
                self.ignored += 1
            timestamp = add_samples(timestamp, report.duration)
        return tuple(told)

    def handle_timeout(self, now_ns: Nanoseconds) -> tuple[DigitEnded, ...]:
        """End the key whose packets have stopped."""
        if self._deadline_ns is None or now_ns < self._deadline_ns:
            return ()
        return self._end(is_complete=False)

    def _take(
        self, report: TelephoneEvent, ssrc: int, timestamp: RtpTimestamp
    ) -> list[DigitStarted | DigitEnded]:
        """Count one report towards the press that it belongs to."""
        told: list[DigitStarted | DigitEnded] = []
        press = self._press
        if press is None or not self._belongs(press, report, ssrc, timestamp):
            if press is not None and self._is_late(press, ssrc, timestamp):
                self.ignored += 1
                return told
            told += self._end(is_complete=False)
            press = self._press = _Press(ssrc, report.event, timestamp)
            told.append(DigitStarted(DIGITS[report.event], timestamp))
        if press.has_ended:
            return told  # a repeat of the end, or what it overtook
        press.segment_samples = max(press.segment_samples, report.duration)
        press.samples = timestamp_distance(press.segment, press.timestamp) + press.segment_samples
        if report.is_end:
            told += self._end(is_complete=True)
        return told

    def _belongs(
        self, press: _Press, report: TelephoneEvent, ssrc: int, timestamp: RtpTimestamp
    ) -> bool:
        """Say whether a report is of the press at hand; step to its new segment if it has one.

        A timestamp with another event code is another press: some senders forget to move it.
        """
        if report.event != press.code or ssrc != press.ssrc:
            return False
        if timestamp == press.segment:
            return True
        if press.has_ended or timestamp != add_samples(press.segment, MAX_DURATION):
            return False
        press.segment = timestamp
        press.segment_samples = 0
        return True

    def _is_late(self, press: _Press, ssrc: int, timestamp: RtpTimestamp) -> bool:
        """Say whether a report is of an earlier press; a far step back is a restarted clock."""
        step = timestamp_distance(timestamp, press.segment)
        return ssrc == press.ssrc and -MAX_DURATION <= step < 0

    def _end(self, *, is_complete: bool) -> tuple[DigitEnded, ...]:
        """End the key that is down, if there is one."""
        press = self._press
        self._deadline_ns = None
        if press is None or press.has_ended:
            return ()
        press.has_ended = True
        return (DigitEnded(DIGITS[press.code], press.timestamp, press.samples, is_complete),)


class DigitSender:
    """Sends keys on a leg's media clock, in place of audio.

    While `is_active`, the caller asks `next_packet` once per period and sends no item audio; after
    it, sent or not, it advances its `RtpSender`. Periods that were missed do no harm: durations
    follow the clock, not the count of packets.
    """

    def __init__(
        self,
        *,
        clock_rate_hz: int,
        duration_ns: Nanoseconds = DIGIT_NS,
        gap_ns: Nanoseconds = PAUSE_NS,
        volume: int = 10,
    ) -> None:
        """Start with nothing to send.

        Args:
            clock_rate_hz: Of the stream's RTP clock, which the events share.
            duration_ns: How long each key is down.
            gap_ns: The pause behind each key; the last repeats of its end lie in it.
            volume: dB below 0 dBm0, 0 to 63; digits are usually -10.

        Raises:
            LocalError: A duration beyond what one event can say, or a volume out of range.
        """
        self._duration = duration_ns * clock_rate_hz // NS_PER_SECOND
        self._gap = gap_ns * clock_rate_hz // NS_PER_SECOND
        if not 0 < self._duration <= MAX_DURATION:
            raise LocalError(f"digit of {self._duration} samples, 1 to {MAX_DURATION} wanted")
        if not 0 <= volume <= VOLUME_MASK:
            raise LocalError(f"digit volume {volume}, 0 to 63 wanted (RFC 4733 2.3.3)")
        self._volume = volume
        self._waiting: deque[int] = deque()
        self._code: int | None = None
        self._start = RtpTimestamp(0)
        self._end_duration = 0
        self._ends_sent = 0

    @property
    def is_active(self) -> bool:
        """Whether a digit, or the pause behind one, is still to be sent."""
        return self._code is not None or bool(self._waiting)

    def queue(self, digits: str) -> None:
        """Add keys to send: 0-9, *, #, A-D in either case.

        Raises:
            LocalError: Another character, or more than 128 waiting; none is queued then.
        """
        codes = [DIGITS.find(digit) for digit in digits.upper()]
        if -1 in codes:
            raise LocalError("a digit to send is not one of 0-9, *, #, A-D")
        if len(self._waiting) + len(codes) > MAX_QUEUED_DIGITS:
            raise LocalError(f"more than {MAX_QUEUED_DIGITS} digits wait to be sent")
        self._waiting.extend(codes)

    def next_packet(self, timestamp: RtpTimestamp, samples: int) -> EventPacket | None:
        """Give this period's packet.

        Args:
            timestamp: The stream's clock at the period's start: `RtpSender.timestamp`.
            samples: The period's length on that clock.

        Returns:
            The packet; None in the pause behind a digit, and when nothing is left.
        """
        marker = False
        if self._code is not None and self._is_over(timestamp):
            self._code = None
        if self._code is None:
            if not self._waiting:
                return None
            self._code = self._waiting.popleft()
            self._start = timestamp
            self._ends_sent = 0
            marker = True
        if self._ends_sent == END_PACKETS:
            return None
        if self._ends_sent == 0:
            elapsed = timestamp_distance(timestamp, self._start) + samples
            self._end_duration = min(elapsed, MAX_DURATION)
        is_end = self._end_duration >= self._duration
        self._ends_sent += is_end
        report = TelephoneEvent(self._code, is_end, self._volume, self._end_duration)
        return EventPacket(build_telephone_event(report), self._start, marker)

    def _is_over(self, timestamp: RtpTimestamp) -> bool:
        """Say whether the digit, its three ends and its pause have all gone by."""
        pause = timestamp_distance(timestamp, self._start) - self._end_duration
        return self._ends_sent == END_PACKETS and pause >= self._gap
