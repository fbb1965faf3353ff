"""The receiving half of a leg's RTP: datagrams become uplink audio and keys.

It joins the latch, the reorder buffer, the statistics, keys (telephone-event, or in-band where that
was not agreed) and the uplink.
"""

from collections.abc import Callable

from telephony.errors import RemoteError
from telephony.media.convert import Converter, converter
from telephony.media.events import DigitArrived, MediaEvent, MediaStarted
from telephony.media.rtp_settings import RtpPortSettings
from telephony.media.uplink import Uplink
from telephony.rtp import (
    DigitReceiver,
    DigitStarted,
    Latch,
    LostSpan,
    ReceiverStatistics,
    Released,
    ReorderBuffer,
    Resync,
    RtpPacket,
    Source,
    parse_rtp,
    parse_telephone_event,
)
from telephony.units import NS_PER_MS, Nanoseconds
from telephony_codecs import AudioFormat, decode
from telephony_codecs.digits import DigitDetector

__all__ = ["RtpInput"]

EVENT_PERIOD_NS = Nanoseconds(50 * NS_PER_MS)
"""The widest spacing of event packets that senders use; three of them silent end a key."""


class RtpInput:
    """What one leg receives.

    Args:
        settings: What was agreed.
        audio_format: The leg's; audio of the other law is brought to it.
        uplink: Takes the audio.
        emit: Takes what happened.

    Attributes:
        latch: Whose packets are let in.
        statistics: Of the source let in, for RTCP; None before its first packet.
        reorder: Its counters are this leg's.
        malformed: Datagrams, and payloads of events, that do not parse.
        wrong_payload_type: Packets of a payload type never agreed.
    """

    def __init__(
        self,
        settings: RtpPortSettings,
        audio_format: AudioFormat,
        uplink: Uplink,
        emit: Callable[[MediaEvent], None],
    ) -> None:
        """Wait for the first packet."""
        self.latch = Latch(settings.policy)
        self.statistics: ReceiverStatistics | None = None
        self.reorder = ReorderBuffer(self._duration, gap_wait_ns=settings.reorder_wait_ns)
        self.malformed = 0
        self.wrong_payload_type = 0
        self._format = audio_format
        self._uplink = uplink
        self._emit = emit
        self._has_started = False
        self._digits = DigitReceiver(period_ns=EVENT_PERIOD_NS)
        self._inband: DigitDetector | None = None
        self._use(settings)

    def _use(self, settings: RtpPortSettings) -> None:
        self._payload_types = settings.payload_types
        self._event_payload_type = settings.event_payload_type_receive
        self._laws: dict[int, Converter | None] = {
            payload_type: converter(law, self._format)
            for payload_type, law in settings.receive_payload_types.items()
        }
        if self._event_payload_type is not None:
            self._inband = None
        elif self._inband is None:
            self._inband = DigitDetector()

    @property
    def events_ignored(self) -> int:
        """Reports of events that are no keys, and of presses long gone."""
        return self._digits.ignored

    def renegotiate(self, settings: RtpPortSettings, now_ns: Nanoseconds) -> None:
        """Go on under another agreement."""
        self.latch.renegotiate(settings.policy, now_ns)
        self._use(settings)

    def handle_rtp(self, data: bytes, source: Source, arrival_ns: Nanoseconds) -> None:
        """Take one datagram of the RTP port."""
        try:
            packet = parse_rtp(data)
        except RemoteError:
            self.malformed += 1
            return
        if packet.payload_type not in self._payload_types:
            self.wrong_payload_type += 1
            return
        latch = self.latch
        if not latch.accept(source, packet, arrival_ns):
            return
        if latch.first is not None:
            self._begin_source(*latch.first)
            latch.first = None
        for released in self.reorder.handle_packet(packet, arrival_ns):
            if type(released) is RtpPacket:
                self._handle_in_order(released, arrival_ns)
            else:
                self._handle_exception(released, arrival_ns)
        self._count(packet, arrival_ns)

    def _begin_source(self, first: RtpPacket, arrival_ns: Nanoseconds) -> None:
        """Use the packet that the latch kept until the one behind it proved its source."""
        if not self._has_started:
            self._has_started = True
            self._emit(MediaStarted())
        for released in self.reorder.handle_packet(first, arrival_ns):
            self._handle_exception(released, arrival_ns)
        self._count(first, arrival_ns)

    def _handle_in_order(self, packet: RtpPacket, arrival_ns: Nanoseconds) -> None:
        _, _, _, timestamp, _, payload, _, _ = packet
        payload_type = packet.payload_type
        if payload_type not in self._laws:
            if payload_type == self._event_payload_type:
                self._handle_event(packet, arrival_ns)
            else:
                self._uplink.handle_comfort_noise(timestamp, arrival_ns)
            return
        law = self._laws[payload_type]
        if law is not None:
            payload = law.convert(payload)
        if self._inband is not None:
            for heard in self._inband.feed(decode(payload, self._format)):
                self._emit(DigitArrived(heard.digit, "inband"))
        elif self._digits.is_down:
            payload = self._format.silence(self._format.samples(len(payload)))
        self._uplink.handle_audio(payload, timestamp, arrival_ns)

    def _count(self, packet: RtpPacket, arrival_ns: Nanoseconds) -> None:
        """Count a packet of the source that is let in; a stray one is another's."""
        _, _, sequence, timestamp, ssrc, _, _, _ = packet
        statistics = self.statistics
        if statistics is None:
            statistics = self.statistics = ReceiverStatistics(ssrc, self._format.rate_hz)
        if ssrc == statistics.ssrc:
            is_paced = packet.payload_type != self._event_payload_type
            statistics.handle_packet(sequence, timestamp, arrival_ns, is_paced=is_paced)

    def handle_time(self, now_ns: Nanoseconds) -> None:
        """Let time pass; call it behind all packets that have arrived by then."""
        deadline_ns = self.reorder.next_deadline()
        if deadline_ns is not None and deadline_ns <= now_ns:
            for released in self.reorder.handle_timeout(now_ns):
                self._handle_exception(released, now_ns)
        if self._digits.is_down:
            self._digits.handle_timeout(now_ns)
        self._uplink.handle_tick(now_ns)

    def _handle_exception(self, released: Released, arrival_ns: Nanoseconds) -> None:
        match released:
            case RtpPacket():
                self._handle_in_order(released, arrival_ns)
            case LostSpan():
                self._uplink.handle_lost(released, arrival_ns)
            case Resync(ssrc, is_new_source):
                self._uplink.handle_resync()
                if is_new_source:
                    self.statistics = ReceiverStatistics(ssrc, self._format.rate_hz)
            case _:
                # A late packet: its gap was made up for; only a key in it is still news.
                if released.packet.payload_type == self._event_payload_type:
                    self._handle_event(released.packet, arrival_ns)

    def _handle_event(self, packet: RtpPacket, arrival_ns: Nanoseconds) -> None:
        try:
            told = self._digits.handle_packet(packet, arrival_ns)
        except RemoteError:
            self.malformed += 1
            return
        for one in told:
            if isinstance(one, DigitStarted):
                self._emit(DigitArrived(one.digit, "rtp"))
        self._uplink.handle_digit(packet.timestamp, _duration_of_event(packet), arrival_ns)

    def _duration(self, packet: RtpPacket) -> int:
        """Give the samples that a packet covers, for the reorder buffer."""
        if packet.payload_type in self._laws:
            return self._format.samples(len(packet.payload))
        if packet.payload_type == self._event_payload_type:
            return _duration_of_event(packet)
        return 0


def _duration_of_event(packet: RtpPacket) -> int:
    try:
        return sum(report.duration for report in parse_telephone_event(packet.payload))
    except RemoteError:
        return 0
