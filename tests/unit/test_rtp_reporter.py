"""RTCP reports: when they are due, what they say, what round trip they prove."""

import pytest

from telephony.rtp import (
    Goodbye,
    ReceiverReport,
    ReceiverStatistics,
    ReportBlock,
    RtcpReporter,
    RtpSender,
    SenderReport,
    SourceDescription,
    ntp_timestamp,
    parse_rtcp,
)
from telephony.units import NS_PER_SECOND, Nanoseconds, RtpTimestamp

WALL_NS = 1_800_000_000 * NS_PER_SECOND


def at(seconds: float) -> Nanoseconds:
    """Give a time in seconds."""
    return Nanoseconds(round(seconds * NS_PER_SECOND))


def reporter(random: float = 0.5) -> RtcpReporter:
    """Make a reporter that draws one number for ever."""
    return RtcpReporter(cname="leg@host", random=lambda: random, now_ns=at(0))


def sender() -> RtpSender:
    """Make a stream that has sent two packets."""
    stream = RtpSender(ssrc=0xA, payload_type=0, sequence=1, timestamp=RtpTimestamp(1000))
    stream.packet(bytes(160), 160)
    stream.packet(bytes(160), 160)
    return stream


def receiver() -> ReceiverStatistics:
    """Make statistics of a source with one packet in four lost."""
    statistics = ReceiverStatistics(0xB, 8000)
    for sequence in (9, 10, 12, 13):
        statistics.handle_packet(sequence, RtpTimestamp(sequence * 160), at(sequence * 0.02))
    return statistics


@pytest.mark.parametrize(("random", "part"), [(0.0, 0.5), (0.5, 1.0), (1.0, 1.5)])
def test_the_interval_is_drawn_around_5_seconds(random: float, part: float) -> None:
    subject = reporter(random)
    assert subject.next_deadline() == pytest.approx(at(2.5 * part / 1.21828), abs=1)
    subject.report(at(10), WALL_NS, sender(), None)
    assert subject.next_deadline() == pytest.approx(at(10 + 5 * part / 1.21828), abs=1)


def test_the_minimum_may_be_reduced() -> None:
    subject = RtcpReporter(
        cname="x", random=lambda: 0.5, now_ns=at(0), minimum_interval_ns=at(1.21828)
    )
    subject.report(at(3), WALL_NS, sender(), None)
    assert subject.next_deadline() == at(4)


def test_a_sender_reports_what_it_sent_and_received() -> None:
    report, description = parse_rtcp(reporter().report(at(2), WALL_NS, sender(), receiver()))
    block = ReportBlock(0xB, 64, 1, 13, 0)
    assert report == SenderReport(0xA, ntp_timestamp(WALL_NS), RtpTimestamp(1320), 2, 320, (block,))
    assert description == SourceDescription.of_cname(0xA, "leg@host")


def test_a_source_on_probation_is_not_reported() -> None:
    (report, _) = parse_rtcp(
        reporter().report(at(2), WALL_NS, sender(), ReceiverStatistics(0xB, 8000))
    )
    assert isinstance(report, SenderReport)
    assert report.reports == ()


def test_after_two_intervals_without_sending_it_is_a_receiver() -> None:
    subject, stream = reporter(), sender()
    kinds = [
        type(parse_rtcp(subject.report(at(5 * n), WALL_NS, stream, None))[0]) for n in range(4)
    ]
    stream.packet(bytes(160), 160)
    kinds.append(type(parse_rtcp(subject.report(at(20), WALL_NS, stream, None))[0]))
    assert kinds == [SenderReport, SenderReport, ReceiverReport, ReceiverReport, SenderReport]


def test_goodbye_ends_with_bye() -> None:
    packets = parse_rtcp(reporter().goodbye(at(2), WALL_NS, sender(), receiver()))
    assert [type(packet) for packet in packets] == [SenderReport, SourceDescription, Goodbye]
    assert packets[-1] == Goodbye((0xA,))


def test_the_delay_since_the_last_sender_report_is_told() -> None:
    subject = reporter()
    remote = SenderReport(0xB, 0x1234_5678_9ABC_DEF0, RtpTimestamp(0), 1, 160)
    subject.handle_rtcp((remote,), at(1), local_ssrc=0xA)
    (report, _) = parse_rtcp(subject.report(at(3.5), WALL_NS, sender(), receiver()))
    assert isinstance(report, SenderReport)
    assert (report.reports[0].last_sr, report.reports[0].delay_since_last_sr) == (
        0x5678_9ABC,
        round(2.5 * 65536),
    )


def test_a_sender_report_of_another_source_says_nothing_of_this_one() -> None:
    subject = reporter()
    remote = SenderReport(0xC, 0x1234_5678_9ABC_DEF0, RtpTimestamp(0), 1, 160)
    subject.handle_rtcp((remote,), at(1), local_ssrc=0xA)
    (report, _) = parse_rtcp(subject.report(at(3.5), WALL_NS, sender(), receiver()))
    assert isinstance(report, SenderReport)
    assert report.reports[0].last_sr == 0


def answer(last_sr: int, delay_seconds: float, *, ssrc: int = 0xA) -> ReceiverReport:
    """Make the peer's report about us."""
    delay = round(delay_seconds * 65536)
    return ReceiverReport(0xB, (ReportBlock(ssrc, 10, 3, 13, 4, last_sr, delay),))


def middle(wall_ns: int) -> int:
    """Give the middle 32 bits of the NTP timestamp."""
    return ntp_timestamp(wall_ns) >> 16 & 0xFFFFFFFF


def test_the_round_trip_is_arrival_less_report_less_delay() -> None:
    subject = reporter()
    subject.report(at(2), WALL_NS, sender(), None)
    subject.handle_rtcp((answer(middle(WALL_NS), 1.5),), at(3.58), local_ssrc=0xA)
    assert subject.round_trip_ns == at(0.08)
    assert subject.remote_report is not None
    assert (subject.remote_report.fraction_lost, subject.remote_report.jitter) == (10, 4)


@pytest.mark.parametrize(
    "report",
    [
        answer(middle(WALL_NS) + 1, 0.5),  # a report that we never sent
        answer(0, 0),  # the peer has none of ours yet
        answer(middle(WALL_NS), 1.7),  # longer than it can have been held
        answer(middle(WALL_NS), 0.5, ssrc=0xD),  # about another source
    ],
)
def test_what_cannot_be_proves_no_round_trip(report: ReceiverReport) -> None:
    subject = reporter()
    subject.report(at(2), WALL_NS, sender(), None)
    subject.handle_rtcp((report,), at(3.58), local_ssrc=0xA)
    assert subject.round_trip_ns is None


def test_a_step_of_the_wall_clock_does_not_touch_the_round_trip() -> None:
    subject, stream = reporter(), sender()
    subject.report(at(2), WALL_NS, stream, None)
    subject.report(at(7), WALL_NS - 3600 * NS_PER_SECOND, stream, None)
    subject.handle_rtcp((answer(middle(WALL_NS), 5.0),), at(7.03), local_ssrc=0xA)
    assert subject.round_trip_ns == at(0.03)


def test_only_the_last_eight_reports_are_kept() -> None:
    subject, stream = reporter(), sender()
    for n in range(9):
        stream.packet(bytes(160), 160)
        subject.report(at(n), WALL_NS + n * NS_PER_SECOND, stream, None)
    subject.handle_rtcp((answer(middle(WALL_NS), 0),), at(9), local_ssrc=0xA)
    assert subject.round_trip_ns is None
    subject.handle_rtcp((answer(middle(WALL_NS + NS_PER_SECOND), 0),), at(9), local_ssrc=0xA)
    assert subject.round_trip_ns == at(8)
