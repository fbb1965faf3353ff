"""One leg's RTP: what arrives becomes uplink audio and digits, and each tick gives one packet.

The port joins the latch, the reorder buffer, the statistics, RTCP, digits both ways, the uplink and
the playout of a leg. It has no socket: the engine hands it datagrams and sends what it gives back.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from telephony.errors import RemoteError
from telephony.media.convert import converter
from telephony.media.ledger import Ledger
from telephony.media.playout import Playout
from telephony.media.uplink import Uplink, UplinkSettings
from telephony.rtp import (
    DigitReceiver,
    DigitSender,
    DigitStarted,
    Latch,
    LatePacket,
    LostSpan,
    ReceiverStatistics,
    Released,
    ReorderBuffer,
    Resync,
    RtcpReporter,
    RtpPacket,
    RtpSender,
    SourcePolicy,
    parse_rtcp,
    parse_rtp,
    parse_telephone_event,
)
from telephony.units import NS_PER_MS, Nanoseconds, RtpTimestamp, samples_to_ns
from telephony_codecs import AudioFormat, decode
from telephony_codecs.digits import DigitDetector

__all__ = ["DigitArrived", "MediaEvent", "MediaStarted", "RtpPort", "RtpPortSettings", "WordsSent"]

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class MediaStarted:
    """The first packet of the far end was let in: the caller can be heard."""


@dataclass(frozen=True, slots=True)
class DigitArrived:
    """The far end pressed a key."""

    digit: str
    method: Literal["rtp", "inband"]


@dataclass(frozen=True, slots=True)
class WordsSent:
    """All queued audio has left our socket."""


MediaEvent = MediaStarted | DigitArrived | WordsSent


@dataclass(frozen=True, slots=True)
class RtpPortSettings:
    """What an offer and its answer agreed on; a re-INVITE makes another."""

    audio_format: AudioFormat
    """Both ways; PCMU or PCMA."""
    payload_type: int
    """To send the audio with."""
    receive_payload_types: dict[int, AudioFormat]
    """Audio that may arrive."""
    remote: Address
    """Where RTP goes, unless `nat` finds out better."""
    remote_rtcp: Address | None
    policy: SourcePolicy
    event_payload_type_send: int | None = None
    event_payload_type_receive: int | None = None
    comfort_noise_receive: int | None = None
    ptime_ms: int = 20
    is_nat: bool = False
    """Send to where packets come from, not to where SDP says."""


@dataclass(slots=True)
class PortCounters:
    """What went wrong on the way in."""

    malformed: int = 0
    """Datagrams that are no RTP or RTCP."""
    wrong_payload_type: int = 0
    """Packets of a payload type never agreed."""
    details: dict[str, int] = field(default_factory=dict[str, int])


class RtpPort:
    """One leg's RTP.

    After `handle_rtp`, `handle_tick` and `tick`, take what happened from `events`.

    Args:
        settings: What was agreed.
        sender: Our stream, with its random start.
        reporter: Our RTCP.
        uplink: Waiting times of the uplink.
    """

    def __init__(
        self,
        settings: RtpPortSettings,
        sender: RtpSender,
        reporter: RtcpReporter,
        uplink: UplinkSettings | None = None,
    ) -> None:
        """Be ready to tick; nothing is sent before the first tick."""
        self.settings = settings
        self.events: list[MediaEvent] = []
        self.counters = PortCounters()
        self.ledger = Ledger(settings.audio_format.rate_hz)
        self.playout = Playout(settings.audio_format, self.ledger)
        self.uplink = Uplink(settings.audio_format, uplink)
        self.latch = Latch(settings.policy)
        self.sends = True
        self._sender = sender
        self._reporter = reporter
        self._reorder = ReorderBuffer(self._duration)
        self._statistics: ReceiverStatistics | None = None
        self._digits_out = DigitSender(clock_rate_hz=settings.audio_format.rate_hz)
        self._digits_in = DigitReceiver(period_ns=Nanoseconds(50 * NS_PER_MS))
        self._inband = None if settings.event_payload_type_receive else DigitDetector()
        self._samples = settings.audio_format.samples_of_ms(settings.ptime_ms)
        self._had_words = False
        self._marker = True

    # ---- in -----------------------------------------------------------------------------------

    def handle_rtp(self, data: bytes, source: Address, arrival_ns: Nanoseconds) -> None:
        """Take one datagram of the RTP port."""
        try:
            packet = parse_rtp(data)
        except RemoteError:
            self.counters.malformed += 1
            return
        if not self._is_agreed(packet.payload_type):
            self.counters.wrong_payload_type += 1
            return
        had_source = self.latch.source is not None
        if not self.latch.accept(source, packet, arrival_ns):
            return
        if not had_source:
            self.events.append(MediaStarted())
        self._count(packet, arrival_ns)
        for released in self._reorder.handle_packet(packet, arrival_ns):
            if type(released) is RtpPacket:
                self._handle_in_order(released, arrival_ns)
            else:
                self._handle_released(released, arrival_ns)

    def _is_agreed(self, payload_type: int) -> bool:
        settings = self.settings
        return (
            payload_type in settings.receive_payload_types
            or payload_type == settings.event_payload_type_receive
            or payload_type == settings.comfort_noise_receive
        )

    def _count(self, packet: RtpPacket, arrival_ns: Nanoseconds) -> None:
        statistics = self._statistics
        if statistics is None or statistics.ssrc != packet.ssrc:
            rate_hz = self.settings.audio_format.rate_hz
            statistics = self._statistics = ReceiverStatistics(packet.ssrc, rate_hz)
        is_paced = packet.payload_type != self.settings.event_payload_type_receive
        statistics.handle_packet(packet.sequence, packet.timestamp, arrival_ns, is_paced=is_paced)

    def _handle_released(self, released: Released, arrival_ns: Nanoseconds) -> None:
        match released:
            case RtpPacket():
                self._handle_in_order(released, arrival_ns)
            case LostSpan():
                self.uplink.handle_lost(released, arrival_ns)
            case Resync():
                self.uplink.handle_resync(released)
            case LatePacket(packet):
                # Its gap was made up for; only a key in it is still news.
                if packet.payload_type == self.settings.event_payload_type_receive:
                    self._handle_event(packet, arrival_ns)

    def _handle_in_order(self, packet: RtpPacket, arrival_ns: Nanoseconds) -> None:
        payload_type = packet.payload_type
        audio_format = self.settings.receive_payload_types.get(payload_type)
        if audio_format is None:
            if payload_type == self.settings.event_payload_type_receive:
                self._handle_event(packet, arrival_ns)
            else:
                self.uplink.handle_comfort_noise(arrival_ns)
            return
        if self._inband is not None:
            for heard in self._inband.feed(decode(packet.payload, audio_format)):
                self.events.append(DigitArrived(heard.digit, "inband"))
        self.uplink.handle_audio(packet.payload, packet.timestamp, arrival_ns)

    def _handle_event(self, packet: RtpPacket, arrival_ns: Nanoseconds) -> None:
        try:
            told = self._digits_in.handle_packet(packet, arrival_ns)
        except RemoteError:
            self.counters.malformed += 1
            return
        for one in told:
            if isinstance(one, DigitStarted):
                self.events.append(DigitArrived(one.digit, "rtp"))
        self.uplink.handle_digit(packet.timestamp, _duration_of_event(packet), arrival_ns)

    def _duration(self, packet: RtpPacket) -> int:
        """Give the samples that a packet covers, for the reorder buffer."""
        if packet.payload_type in self.settings.receive_payload_types:
            return len(packet.payload) // self.settings.audio_format.octets_per_sample
        if packet.payload_type == self.settings.event_payload_type_receive:
            return _duration_of_event(packet)
        return 0

    def handle_rtcp(self, data: bytes, source: Address, arrival_ns: Nanoseconds) -> None:
        """Take one datagram of the RTCP port; it never moves the latch."""
        del source
        try:
            packets = parse_rtcp(data)
        except RemoteError:
            self.counters.malformed += 1
            return
        self._reporter.handle_rtcp(packets, arrival_ns, local_ssrc=self._sender.ssrc)

    # ---- out ----------------------------------------------------------------------------------

    @property
    def destination(self) -> Address:
        """Where RTP goes now."""
        if self.settings.is_nat and self.latch.source is not None:
            return self.latch.source
        return self.settings.remote

    def tick(self, now_ns: Nanoseconds) -> bytes | None:
        """Give the packet of this period, None where nothing is to be sent."""
        samples = self._samples
        sender = self._sender
        deadline_ns = self._reorder.next_deadline()
        if deadline_ns is not None and deadline_ns <= now_ns:
            for released in self._reorder.handle_timeout(now_ns):
                self._handle_released(released, now_ns)
        self._digits_in.handle_timeout(now_ns)
        self.uplink.handle_tick(now_ns)
        if self._digits_out.is_active:
            return self._tick_digit(samples, now_ns)
        payload = self.playout.take(samples, sender.timestamp, now_ns)
        if self._had_words and not self.playout.queued_samples and self.playout.is_drained:
            self._had_words = False
            self.events.append(WordsSent())
        elif self.playout.queued_samples:
            self._had_words = True
        if payload is None or not self.sends:
            sender.advance(samples)
            self._marker = True
            return None
        marker, self._marker = self._marker, False
        return sender.packet(payload, samples, marker=marker)

    def _tick_digit(self, samples: int, now_ns: Nanoseconds) -> bytes | None:
        sender = self._sender
        self.playout.skip(samples, sender.timestamp, now_ns)
        event = self._digits_out.next_packet(sender.timestamp, samples)
        packet = None
        payload_type = self.settings.event_payload_type_send
        if event is not None and payload_type is not None:
            packet = sender.event_packet(
                event.payload, payload_type, event.timestamp, marker=event.marker
            )
        sender.advance(samples)
        return packet

    def skip(self, packets: int) -> None:
        """Advance the timeline over packets that were missed."""
        self._sender.advance(packets * self._samples)
        self._marker = True

    def play(self, pcmu: bytes) -> None:
        """Queue audio of our own, mu-law at 8,000 Hz."""
        law = converter(AudioFormat.PCMU, self.settings.audio_format)
        self.playout.add_prompt(law.convert(pcmu) if law else pcmu)

    def set_direction(self, *, sends: bool) -> None:
        """Send, or only let time pass, as the descriptions say; the queue waits meanwhile."""
        self.sends = sends
        if sends:
            self.playout.unhold()
        else:
            self.playout.hold()

    def send_digits(self, digits: str) -> None:
        """Queue keys for the far end; item audio waits meanwhile.

        Raises:
            LocalError: A character is no key, or too many wait.
        """
        self._digits_out.queue(digits)

    @property
    def takes_digits(self) -> bool:
        """Whether the far end agreed to telephone-event."""
        return self.settings.event_payload_type_send is not None

    def rtcp_due(self, now_ns: Nanoseconds, wall_ns: int) -> bytes | None:
        """Give the RTCP report that is due, if one is."""
        if now_ns < self._reporter.next_deadline():
            return None
        return self._reporter.report(now_ns, wall_ns, self._sender, self._statistics)

    def goodbye(self, now_ns: Nanoseconds, wall_ns: int) -> bytes:
        """Give the last RTCP packet, with BYE."""
        return self._reporter.goodbye(now_ns, wall_ns, self._sender, self._statistics)

    # ---- renegotiation ------------------------------------------------------------------------

    def renegotiate(self, settings: RtpPortSettings, now_ns: Nanoseconds) -> None:
        """Go on under what a re-INVITE agreed; the codec stays."""
        self.latch.renegotiate(settings.policy, now_ns)
        self.settings = settings
        self._sender.payload_type = settings.payload_type
        self._samples = settings.audio_format.samples_of_ms(settings.ptime_ms)

    # ---- what it was like ---------------------------------------------------------------------

    def report(self) -> dict[str, int]:
        """Give this leg's counters, for the end of the call."""
        uplink, reorder, statistics = self.uplink, self._reorder, self._statistics
        rate_hz = self.settings.audio_format.rate_hz
        round_trip_ns = self._reporter.round_trip_ns
        return {
            "rtp_sent": self._sender.packets,
            "rtp_received": statistics.received if statistics else 0,
            "rtp_lost": reorder.lost,
            "rtp_late": reorder.late,
            "rtp_duplicate": reorder.duplicate,
            "rtp_refused": self.latch.refused,
            "rtp_malformed": self.counters.malformed,
            "rtp_wrong_payload_type": self.counters.wrong_payload_type,
            "jitter_us": samples_to_ns(statistics.jitter, rate_hz) // 1000 if statistics else 0,
            "round_trip_us": (round_trip_ns or 0) // 1000,
            "uplink_appended": uplink.appended,
            "uplink_span": uplink.span,
            "uplink_inserted": uplink.inserted,
            "uplink_dropped": uplink.dropped,
            "uplink_concealed": uplink.concealed,
            "playout_underruns": self.playout.underruns,
            "playout_refused": self.playout.refused_samples,
        }


def _duration_of_event(packet: RtpPacket) -> int:
    try:
        return sum(report.duration for report in parse_telephone_event(packet.payload))
    except RemoteError:
        return 0


def initial_timestamp(random_below: Callable[[int], int]) -> RtpTimestamp:
    """Draw a random RTP timestamp to start with (RFC 3550 section 5.1)."""
    return RtpTimestamp(random_below(1 << 32))
