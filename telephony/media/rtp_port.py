"""One leg's RTP: what arrives becomes uplink audio and digits, and each tick gives one packet.

The port joins what the leg receives (`RtpInput`), what it sends (the playout, our own digits, the
stream's header) and RTCP about both. It has no socket: the engine hands it datagrams and sends what
it gives back.
"""

from telephony.errors import LocalError, RemoteError
from telephony.media.convert import Converter, converter
from telephony.media.events import MediaEvent, UplinkBlocked, WordsSent
from telephony.media.ledger import Ledger
from telephony.media.playout import Playout
from telephony.media.rtp_input import RtpInput
from telephony.media.rtp_settings import Address, RtpPortSettings
from telephony.media.uplink import Uplink, UplinkSettings
from telephony.rtp import DigitSender, RtcpReporter, RtpSender, Source, parse_rtcp
from telephony.units import Nanoseconds, samples_to_ns
from telephony_codecs import AudioFormat

__all__ = ["RtpPort"]


class RtpPort:
    """One leg's RTP.

    After `handle_rtp` and `tick`, take what happened from `events`. The leg's audio format is that
    of the first agreement for as long as the port lives: queue, ledger and uplink stay in it, and a
    re-INVITE that changes the law costs a table at the wire.

    Args:
        settings: What was agreed.
        sender: Our stream, with its random start.
        reporter: Our RTCP.
        uplink: Waiting times of the uplink.

    Attributes:
        settings: What is agreed now.
        audio_format: The leg's.
        events: What happened, oldest first; the caller takes them out.
        ledger: What left our socket.
        playout: What waits to leave.
        uplink: The caller's audio on its way up.
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
        self.audio_format = settings.audio_format
        self.events: list[MediaEvent] = []
        self.ledger = Ledger(self.audio_format.rate_hz)
        self.playout = Playout(self.audio_format, self.ledger)
        self.uplink = Uplink(self.audio_format, uplink)
        self._input = RtpInput(settings, self.audio_format, self.uplink, self._emit)
        self._sender = sender
        self._reporter = reporter
        self._digits = DigitSender(clock_rate_hz=self.audio_format.rate_hz)
        self._needs_marker = True
        self._unsent = 0
        self._malformed_rtcp = 0
        self._refused_rtcp = 0
        self._use(settings)

    def _use(self, settings: RtpPortSettings) -> None:
        self.settings = settings
        self._samples = settings.audio_format.samples_of_ms(settings.ptime_ms)
        self._law: Converter | None = converter(self.audio_format, settings.audio_format)
        self._sender.payload_type = settings.payload_type

    def renegotiate(self, settings: RtpPortSettings, now_ns: Nanoseconds) -> None:
        """Go on under what a re-INVITE agreed; the caller ticks by the new ptime from now on."""
        self._input.renegotiate(settings, now_ns)
        self._use(settings)

    def _emit(self, event: MediaEvent) -> None:
        self.events.append(event)

    def handle_rtp(self, data: bytes, source: Source, arrival_ns: Nanoseconds) -> None:
        """Take one datagram of the RTP port."""
        self._input.handle_rtp(data, source, arrival_ns)

    def handle_rtcp(self, data: bytes, source: Source, arrival_ns: Nanoseconds) -> None:
        """Take one datagram of the RTCP port, from the host that RTP is let in from."""
        if not self._input.latch.accept_rtcp(source):
            self._refused_rtcp += 1
            return
        try:
            packets = parse_rtcp(data)
        except RemoteError:
            self._malformed_rtcp += 1
            return
        self._reporter.handle_rtcp(packets, arrival_ns, local_ssrc=self._sender.ssrc)

    @property
    def destination(self) -> Address:
        """Where RTP goes now."""
        source = self._input.latch.source if self.settings.is_nat else None
        return self.settings.remote if source is None else (source[0], source[1])

    def tick(self, now_ns: Nanoseconds) -> bytes | None:
        """Give the packet of this period, None where nothing is to be sent.

        Call it behind `handle_rtp` for all that has arrived: it also lets time pass for what waits.
        """
        self._input.handle_time(now_ns)
        sender, playout, samples = self._sender, self.playout, self._samples
        if self._digits.is_active and not playout.is_held:
            return self._tick_digit(now_ns)
        payload = playout.take(samples, sender.timestamp, now_ns)
        if playout.has_words and playout.is_drained:
            playout.has_words = False
            self._emit(WordsSent())
        if payload is None:
            sender.advance(samples)
            self._needs_marker = True
            return None
        if self._law is not None:
            payload = self._law.convert(payload)
        marker, self._needs_marker = self._needs_marker, False
        return sender.packet(payload, samples, marker=marker)

    def _tick_digit(self, now_ns: Nanoseconds) -> bytes | None:
        """Give the packet of a period that a digit, or the pause behind one, takes."""
        sender = self._sender
        self.playout.yield_to_digit(self._samples, sender.timestamp, now_ns)
        event = self._digits.next_packet(sender.timestamp, self._samples)
        payload_type = self.settings.event_payload_type_send
        packet = None
        if event is not None and payload_type is not None:
            packet = sender.event_packet(
                event.payload, payload_type, event.timestamp, marker=event.marker
            )
        sender.advance(self._samples)
        return packet

    def handle_unsent(self, packet: bytes) -> None:
        """Learn that the kernel refused the packet of the last tick: it does not count as sent.

        Time moves on all the same: what it held is lost to the caller, as on the wire.
        """
        self._unsent += 1
        self._sender.take_back(packet)
        self.playout.handle_unsent()

    def handle_backlog_dropped(self, appends: int, waiting: int) -> None:
        """Learn that audio given to the uplink's sink was dropped before any of it was written.

        Args:
            appends: How many, the oldest of those not written.
            waiting: How many behind them are not written either, the last one given included.
        """
        self.uplink.handle_backlog_dropped(appends, waiting)
        self._emit(UplinkBlocked())

    def skip(self, packets: int) -> None:
        """Advance the timeline over packets that were missed."""
        self._sender.advance(packets * self._samples)
        self._needs_marker = True

    @property
    def is_silent(self) -> bool:
        """Whether nothing waits to be sent."""
        return not self.playout.queued_samples

    @property
    def is_drained(self) -> bool:
        """Whether everything that came was sent and no item is still to come."""
        return self.playout.is_drained

    def play(self, pcmu: bytes) -> None:
        """Queue audio of our own, mu-law at 8,000 Hz; it is dropped where the queue is full."""
        law = converter(AudioFormat.PCMU, self.audio_format)
        self.playout.add_prompt(law.convert(pcmu) if law else pcmu)

    def set_direction(self, *, sends: bool) -> None:
        """Send, or only let time pass, as the descriptions say; the queue waits meanwhile."""
        if sends:
            self.playout.unhold()
        else:
            self.playout.hold()

    @property
    def takes_digits(self) -> bool:
        """Whether the far end agreed to telephone-event."""
        return self.settings.event_payload_type_send is not None

    def send_digits(self, digits: str) -> None:
        """Queue keys for the far end; item audio waits meanwhile.

        Raises:
            LocalError: A character is no key, too many wait, or the far end takes none.
        """
        if not self.takes_digits:
            raise LocalError("the far end did not agree to telephone-event (RFC 4733)")
        self._digits.queue(digits)

    @property
    def far_delay_ns(self) -> Nanoseconds:
        """What a listener is behind our socket: half the round trip, and the far buffer."""
        round_trip_ns = self._reporter.round_trip_ns or 0
        return Nanoseconds(round_trip_ns // 2 + self.settings.far_buffer_ns)

    def rtcp_due(self, now_ns: Nanoseconds, wall_ns: int) -> bytes | None:
        """Give the RTCP report that is due, if one is."""
        if now_ns < self._reporter.next_deadline():
            return None
        return self._reporter.report(now_ns, wall_ns, self._sender, self._input.statistics)

    def goodbye(self, now_ns: Nanoseconds, wall_ns: int) -> bytes:
        """Give the last RTCP packet, with BYE."""
        return self._reporter.goodbye(now_ns, wall_ns, self._sender, self._input.statistics)

    def report(self) -> dict[str, int]:
        """Give this leg's counters, for the end of the call."""
        received, uplink, playout = self._input, self.uplink, self.playout
        reorder, statistics = received.reorder, received.statistics
        jitter = statistics.jitter if statistics is not None else 0
        remote = self._reporter.remote_report
        handled = reorder.released + reorder.duplicate + reorder.late + reorder.stray + reorder.held
        return {
            "rtp_sent": self._sender.packets,
            "rtp_unsent": self._unsent,
            "rtp_received": handled,
            "rtp_lost": reorder.lost,
            "rtp_late": reorder.late,
            "rtp_duplicate": reorder.duplicate,
            "rtp_resyncs": reorder.resyncs,
            "rtp_refused": received.latch.refused,
            "rtp_malformed": received.malformed,
            "rtp_wrong_payload_type": received.wrong_payload_type,
            "rtp_events_ignored": received.events_ignored,
            "rtcp_refused": self._refused_rtcp,
            "rtcp_malformed": self._malformed_rtcp,
            "jitter_us": self._us(jitter),
            "far_lost": max(0, remote.cumulative_lost) if remote is not None else 0,
            "far_jitter_us": self._us(remote.jitter) if remote is not None else 0,
            "round_trip_us": (self._reporter.round_trip_ns or 0) // 1000,
            "uplink_appended": uplink.appended,
            "uplink_span": uplink.span,
            "uplink_inserted": uplink.inserted,
            "uplink_dropped": uplink.dropped,
            "uplink_concealed": uplink.concealed,
            "uplink_overlapped": uplink.overlapped,
            "playout_underruns": playout.underruns,
            "playout_refused": playout.refused_samples,
        }

    def _us(self, samples: int) -> int:
        """Turn a duration on the leg's RTP clock into microseconds."""
        return samples_to_ns(samples, self.audio_format.rate_hz) // 1000
