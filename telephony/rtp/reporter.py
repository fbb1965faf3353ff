"""When to send RTCP, what to say in it, and what the peer's reports mean.

Source: RFC 3550 sections 6.2, 6.3.1 and 6.4. A leg has two members and speech of 8 to 96 kbit/s, so
the bandwidth rule of section 6.2 never asks for more than the minimum interval; timer
reconsideration (6.3.3) and member counting are left out for the same reason.
"""

from collections.abc import Callable, Iterable

from telephony.rtp.packet import RtpSender
from telephony.rtp.rtcp import (
    Goodbye,
    ReceiverReport,
    ReportBlock,
    RtcpPacket,
    SenderReport,
    SourceDescription,
    build_rtcp,
    ntp_timestamp,
)
from telephony.rtp.statistics import ReceiverStatistics
from telephony.units import NS_PER_SECOND, Nanoseconds

__all__ = ["RtcpReporter"]

MINIMUM_INTERVAL_NS = Nanoseconds(5 * NS_PER_SECOND)
RECONSIDERATION_COMPENSATION = 1.21828
"""e - 3/2: what section 6.3.1 divides by, so that the randomized mean comes out right."""
SENT_REPORTS_KEPT = 8
"""Our last sender reports, for the round trip: 40 s, far beyond any useful answer."""
FRACTION_HZ = 1 << 16
"""The unit of LSR and DLSR: 65,536ths of a second."""


class RtcpReporter:
    """The RTCP side of one leg.

    The caller sends what `report` gives whenever `next_deadline()` has come, `goodbye` at the end,
    and hands over what the peer sent. It counts no packets itself: `RtpSender` and
    `ReceiverStatistics` do.

    Attributes:
        round_trip_ns: From the peer's last usable report block, or None.
        remote_report: The peer's last report block about us, or None.
    """

    def __init__(
        self,
        *,
        cname: str,
        random: Callable[[], float],
        now_ns: Nanoseconds,
        minimum_interval_ns: Nanoseconds = MINIMUM_INTERVAL_NS,
    ) -> None:
        """Arm the first report at half the interval (RFC 3550 section 6.2).

        Args:
            cname: Canonical name, the same for all streams of this leg, without user data.
            random: Gives numbers from 0 up to 1.
            now_ns: The start of the stream.
            minimum_interval_ns: 5 s; the reduced minimum is 360 s divided by kbit/s (6.2).
        """
        self._cname = cname
        self._random = random
        self._interval_ns = minimum_interval_ns
        self._deadline_ns = self._drawn(now_ns, minimum_interval_ns // 2)
        self._packets_prior = (0, 0)
        self._sent_ns: dict[int, Nanoseconds] = {}
        self._remote_sender: tuple[int, int, Nanoseconds] | None = None
        self.round_trip_ns: Nanoseconds | None = None
        self.remote_report: ReportBlock | None = None

    def _drawn(self, now_ns: Nanoseconds, interval_ns: int) -> Nanoseconds:
        """Draw a time 0.5 to 1.5 intervals from now, less the compensation (section 6.3.1)."""
        drawn = interval_ns * (0.5 + self._random()) / RECONSIDERATION_COMPENSATION
        return Nanoseconds(now_ns + round(drawn))

    def next_deadline(self) -> Nanoseconds:
        """Give the time at which the next report is due."""
        return self._deadline_ns

    def report(
        self,
        now_ns: Nanoseconds,
        wall_ns: int,
        sender: RtpSender,
        receiver: ReceiverStatistics | None,
    ) -> bytes:
        """Build the compound packet that is due, and draw the time of the next.

        Args:
            now_ns: The monotonic time.
            wall_ns: The same instant as UTC, in nanoseconds since 1970.
            sender: Our stream, before this period's packet: its timestamp is now.
            receiver: Of the stream that we receive; None before its first packet.

        Returns:
            SR, or RR if nothing was sent since the last report but one; then our CNAME.
        """
        self._deadline_ns = self._drawn(now_ns, self._interval_ns)
        return build_rtcp(self._report(now_ns, wall_ns, sender, receiver))

    def goodbye(
        self,
        now_ns: Nanoseconds,
        wall_ns: int,
        sender: RtpSender,
        receiver: ReceiverStatistics | None,
    ) -> bytes:
        """Build the last compound packet, with BYE; arguments as for `report`."""
        packets = self._report(now_ns, wall_ns, sender, receiver)
        return build_rtcp((*packets, Goodbye((sender.ssrc,))))

    def _report(
        self,
        now_ns: Nanoseconds,
        wall_ns: int,
        sender: RtpSender,
        receiver: ReceiverStatistics | None,
    ) -> tuple[RtcpPacket, ...]:
        """Make SR or RR, and SDES."""
        blocks = (
            () if receiver is None or not receiver.is_valid else (self._block(receiver, now_ns),)
        )
        description = SourceDescription.of_cname(sender.ssrc, self._cname)
        oldest, prior = self._packets_prior
        self._packets_prior = (prior, sender.packets)
        if sender.packets == oldest:
            return ReceiverReport(sender.ssrc, blocks), description
        ntp = ntp_timestamp(wall_ns)
        self._sent_ns[ntp >> 16 & 0xFFFFFFFF] = now_ns
        if len(self._sent_ns) > SENT_REPORTS_KEPT:
            del self._sent_ns[next(iter(self._sent_ns))]
        packets, octets = sender.packets & 0xFFFFFFFF, sender.octets & 0xFFFFFFFF
        report = SenderReport(sender.ssrc, ntp, sender.timestamp, packets, octets, blocks)
        return report, description

    def _block(self, receiver: ReceiverStatistics, now_ns: Nanoseconds) -> ReportBlock:
        """Report on the stream that we receive (RFC 3550 section 6.4.1)."""
        last_sr, delay = 0, 0
        if self._remote_sender is not None and self._remote_sender[0] == receiver.ssrc:
            _, last_sr, arrival_ns = self._remote_sender
            delay = min((now_ns - arrival_ns) * FRACTION_HZ // NS_PER_SECOND, 0xFFFFFFFF)
        return ReportBlock(
            receiver.ssrc,
            receiver.take_fraction_lost(),
            receiver.cumulative_lost,
            receiver.extended_highest_sequence,
            receiver.jitter,
            last_sr,
            delay,
        )

    def handle_rtcp(
        self,
        packets: Iterable[RtcpPacket],
        arrival_ns: Nanoseconds,
        *,
        local_ssrc: int,
    ) -> None:
        """Take one compound packet of the peer.

        Args:
            packets: As `parse_rtcp` gives them; for SRTCP, only once authenticated.
            arrival_ns: When it arrived, on the clock that `report` was given.
            local_ssrc: Ours; blocks about others are left alone.
        """
        for packet in packets:
            if isinstance(packet, SenderReport):
                middle = packet.ntp >> 16 & 0xFFFFFFFF
                self._remote_sender = (packet.ssrc, middle, arrival_ns)
            if isinstance(packet, SenderReport | ReceiverReport):
                for block in packet.reports:
                    if block.ssrc == local_ssrc:
                        self._take_block(block, arrival_ns)

    def _take_block(self, block: ReportBlock, arrival_ns: Nanoseconds) -> None:
        """Keep a block about us, and the round trip that it proves: arrival - LSR - DLSR.

        LSR is looked up among the reports that we sent, so a step of the wall clock does no harm,
        and a number that we never sent proves nothing.
        """
        self.remote_report = block
        sent_ns = self._sent_ns.get(block.last_sr)
        if sent_ns is None:
            return
        delay_ns = block.delay_since_last_sr * NS_PER_SECOND // FRACTION_HZ
        if delay_ns <= arrival_ns - sent_ns:
            self.round_trip_ns = Nanoseconds(arrival_ns - sent_ns - delay_ns)
