"""One leg's port: what each tick gives, renegotiation, RTCP, the report."""

import pytest

from telephony.errors import LocalError
from telephony.media import ItemKey, RowKind, RtpPort, WordsSent
from telephony.rtp import (
    Goodbye,
    ReportBlock,
    SenderReport,
    SourceDescription,
    build_rtcp,
    parse_rtcp,
    parse_rtp,
    parse_telephone_event,
)
from telephony.units import RtpTimestamp
from telephony_codecs import AudioFormat, transcode
from tests.support.media import EVENTS, PACKET, PEER, PEER_RTCP, agreement, ms, port, stream

ITEM = ItemKey(0, "a", 0)
SILENCE = b"\xff" * PACKET
WALL_NS = 1_700_000_000_000_000_000


@pytest.fixture
def subject() -> RtpPort:
    return port()


def say(subject: RtpPort, samples: int) -> None:
    """Queue an item, whole."""
    subject.playout.add(ITEM, "r", bytes(samples))
    subject.playout.finish(ITEM)


def test_each_tick_gives_a_packet_and_the_first_has_the_marker(subject: RtpPort) -> None:
    say(subject, 200)
    packets = [parse_rtp(subject.tick(ms(20 * number)) or b"") for number in range(3)]
    assert [packet.marker for packet in packets] == [True, False, False]
    assert [packet.sequence for packet in packets] == [10, 11, 12]
    assert [packet.timestamp for packet in packets] == [1000, 1160, 1320]
    assert b"".join(packet.payload for packet in packets) == bytes(200) + b"\xff" * 280
    assert packets[0].payload_type == 0
    assert subject.events == [WordsSent()]


def test_words_that_fit_one_packet_are_told_too_and_told_once(subject: RtpPort) -> None:
    say(subject, 40)
    assert subject.events == []
    subject.tick(ms(0))
    subject.tick(ms(20))
    assert subject.events == [WordsSent()]


def test_words_whose_end_is_not_known_are_not_sent_yet(subject: RtpPort) -> None:
    subject.playout.add(ITEM, "r", bytes(160))
    subject.tick(ms(0))
    assert subject.events == []
    subject.playout.finish(ITEM)
    subject.tick(ms(20))
    assert subject.events == [WordsSent()]


def test_flushed_words_leave_nothing_to_be_said(subject: RtpPort) -> None:
    subject.playout.add(ITEM, "r", bytes(1600))
    subject.tick(ms(0))
    subject.playout.flush()
    assert subject.events == []
    subject.tick(ms(20))
    assert subject.events == [WordsSent()]


def test_where_we_may_not_send_time_passes_and_the_queue_waits(subject: RtpPort) -> None:
    say(subject, 320)
    subject.tick(ms(0))
    subject.set_direction(sends=False)
    subject.send_digits("1")
    assert subject.tick(ms(20)) is None
    assert subject.ledger.last is RowKind.HOLD
    subject.set_direction(sends=True)
    given = [subject.tick(ms(40 + 20 * number)) for number in range(10)]
    packets = [parse_rtp(packet) for packet in given if packet is not None]
    assert [packet.payload_type for packet in packets] == [EVENTS] * 7 + [0]
    assert packets[-1].marker
    assert packets[-1].payload == bytes(160)
    assert packets[-1].timestamp == 1000 + 11 * 160


def test_a_digit_takes_the_place_of_packets_and_the_item_waits(subject: RtpPort) -> None:
    say(subject, 3200)
    subject.tick(ms(0))
    subject.send_digits("5")
    given = [subject.tick(ms(20 + 20 * number)) for number in range(8)]
    events = [parse_rtp(packet) for packet in given if packet is not None]
    assert len(events) == 7  # 100 ms with two repeats of the end, the last period of pause silent
    assert {event.payload_type for event in events} == {EVENTS}
    assert {event.timestamp for event in events} == {1160}
    reports = [parse_telephone_event(event.payload)[0] for event in events]
    assert [report.duration for report in reports] == [160, 320, 480, 640, 800, 800, 800]
    assert [report.is_end for report in reports] == [False] * 4 + [True] * 3
    assert {report.event for report in reports} == {5}
    row = subject.ledger.rows()[-1]
    assert row.kind is RowKind.DIGIT
    assert subject.playout.flush()[0].sent_samples == 160


def test_digits_that_the_far_end_does_not_take_are_refused() -> None:
    subject = port(agreement(has_events=False))
    assert not subject.takes_digits
    with pytest.raises(LocalError, match="RFC 4733"):
        subject.send_digits("1")
    assert port().takes_digits
    with pytest.raises(LocalError):
        port().send_digits("x")


def test_digits_still_queued_when_the_far_end_takes_none_any_more_pass_unsent(
    subject: RtpPort,
) -> None:
    subject.send_digits("1")
    subject.renegotiate(agreement(has_events=False), ms(0))
    assert subject.tick(ms(0)) is None


def test_missed_periods_advance_the_timeline(subject: RtpPort) -> None:
    subject.tick(ms(0))
    subject.skip(3)
    packet = parse_rtp(subject.tick(ms(80)) or b"")
    assert (packet.timestamp, packet.sequence, packet.marker) == (1000 + 640, 11, True)


def test_a_prompt_is_played_in_the_legs_law() -> None:
    subject = port(agreement(AudioFormat.PCMA))
    subject.play(b"\x01" * PACKET)
    assert parse_rtp(subject.tick(ms(0)) or b"").payload == transcode(
        b"\x01" * PACKET, AudioFormat.PCMU, AudioFormat.PCMA
    )
    subject = port()
    subject.play(b"\x01" * PACKET)
    assert parse_rtp(subject.tick(ms(0)) or b"").payload == b"\x01" * PACKET
    assert subject.ledger.last is RowKind.PROMPT


def test_another_law_and_ptime_in_mid_item_keep_its_position(subject: RtpPort) -> None:
    subject.playout.add(ITEM, "r", b"\x01" * 1600)
    subject.tick(ms(0))
    subject.renegotiate(agreement(AudioFormat.PCMA, ptime_ms=30), ms(10))
    packet = parse_rtp(subject.tick(ms(20)) or b"")
    assert packet.payload_type == 8
    assert packet.payload == transcode(b"\x01" * 240, AudioFormat.PCMU, AudioFormat.PCMA)
    assert subject.audio_format is AudioFormat.PCMU
    assert subject.settings.audio_format is AudioFormat.PCMA
    assert subject.playout.flush()[0].sent_samples == 160 + 240 + 40


def test_a_new_address_is_sent_to_and_may_take_the_latch_over(subject: RtpPort) -> None:
    caller = stream()
    for number in range(3):
        subject.handle_rtp(caller.packet(SILENCE, PACKET), PEER, ms(number))
    moved = ("192.0.2.10", 6000)
    subject.renegotiate(agreement(), ms(10))
    for number in range(2):
        subject.handle_rtp(caller.packet(SILENCE, PACKET), moved, ms(20 + number))
    assert subject.uplink.appended == 5 * PACKET
    assert subject.report()["rtp_refused"] == 0
    assert subject.destination == PEER


def test_behind_nat_rtp_goes_where_it_comes_from() -> None:
    subject = port(agreement(is_nat=True))
    assert subject.destination == PEER
    elsewhere = ("192.0.2.99", 7000)
    caller = stream()
    for number in range(2):
        subject.handle_rtp(caller.packet(SILENCE, PACKET), elsewhere, ms(number))
    assert subject.destination == elsewhere


def test_a_report_is_given_when_due_and_goodbye_at_the_end(subject: RtpPort) -> None:
    caller = stream()
    for number in range(4):
        subject.handle_rtp(caller.packet(SILENCE, PACKET), PEER, ms(number * 20))
        subject.tick(ms(number * 20))
    assert subject.rtcp_due(ms(100), WALL_NS) is None
    report = parse_rtcp(subject.rtcp_due(ms(5000), WALL_NS) or b"")[0]
    assert isinstance(report, SenderReport)
    assert report.packets == 4
    assert report.reports[0].ssrc == 7
    assert any(isinstance(one, Goodbye) for one in parse_rtcp(subject.goodbye(ms(5010), WALL_NS)))


def test_rtcp_is_taken_from_the_peers_host_only(subject: RtpPort) -> None:
    subject.handle_rtcp(b"\x80", ("198.51.100.1", 4001), ms(0))
    subject.handle_rtcp(b"\x80", PEER_RTCP, ms(0))
    assert subject.far_delay_ns == ms(40)
    report = subject.report()
    assert (report["rtcp_refused"], report["rtcp_malformed"]) == (1, 1)


def test_a_listener_is_half_the_round_trip_and_the_far_buffer_behind(subject: RtpPort) -> None:
    subject.tick(ms(0))
    report = parse_rtcp(subject.rtcp_due(ms(6000), WALL_NS) or b"")[0]
    assert isinstance(report, SenderReport)
    block = ReportBlock(99, 0, 3, 0, 16, report.ntp >> 16 & 0xFFFFFFFF, 0)
    sender_report = SenderReport(7, 1, RtpTimestamp(0), 0, 0, (block,))
    answer = build_rtcp((sender_report, SourceDescription.of_cname(7, "caller")))
    subject.handle_rtcp(answer, PEER_RTCP, ms(6060))
    assert subject.far_delay_ns == ms(40 + 30)
    told = subject.report()
    assert told["round_trip_us"] == 60_000
    assert (told["far_lost"], told["far_jitter_us"]) == (3, 2_000)


def test_the_report_counts_what_happened(subject: RtpPort) -> None:
    empty = subject.report()
    assert set(empty.values()) == {0}
    caller = stream()
    packets = [caller.packet(SILENCE, PACKET) for _ in range(5)]
    for number, packet in enumerate([*packets, packets[-1]]):
        subject.handle_rtp(packet, PEER, ms(number * 25))
    subject.tick(ms(180))
    report = subject.report()
    assert report["rtp_sent"] == 1
    assert report["rtp_received"] == 6
    assert report["rtp_refused"] == 0
    assert report["rtp_duplicate"] == 1
    assert report["uplink_appended"] == report["uplink_span"] == 5 * PACKET
    assert report["jitter_us"] > 0
