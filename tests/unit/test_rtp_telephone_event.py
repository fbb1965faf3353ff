"""RFC 4733: one press per timestamp whatever is lost, and a sender that follows the clock."""

import pytest

from telephony.errors import LocalError
from telephony.rtp import (
    DigitEnded,
    DigitReceiver,
    DigitSender,
    DigitStarted,
    EventPacket,
    RtpPacket,
    RtpSyntaxError,
    TelephoneEvent,
    build_telephone_event,
    parse_telephone_event,
)
from telephony.units import NS_PER_MS, Nanoseconds, RtpTimestamp

Told = tuple[DigitStarted | DigitEnded, ...]


def at(ms: float) -> Nanoseconds:
    """Give a time in ms."""
    return Nanoseconds(round(ms * NS_PER_MS))


def report(
    event: int, duration: int, *, end: bool = False, timestamp: int = 1000, ssrc: int = 7
) -> RtpPacket:
    """Make an event packet."""
    payload = build_telephone_event(TelephoneEvent(event, end, 10, duration))
    return RtpPacket(101, False, 0, RtpTimestamp(timestamp & 0xFFFFFFFF), ssrc, payload)


def receiver() -> DigitReceiver:
    """Make a receiver of 20 ms packets."""
    return DigitReceiver(period_ns=at(20))


def started(digit: str, timestamp: int = 1000) -> DigitStarted:
    """Expect a start."""
    return DigitStarted(digit, RtpTimestamp(timestamp))


def ended(
    digit: str, samples: int, timestamp: int = 1000, *, is_complete: bool = True
) -> DigitEnded:
    """Expect an end."""
    return DigitEnded(digit, RtpTimestamp(timestamp), samples, is_complete)


def test_payloads_of_one_and_of_several_reports() -> None:
    assert parse_telephone_event(b"\x0b\x8a\x03\x20") == (TelephoneEvent(11, True, 10, 800),)
    assert len(parse_telephone_event(b"\x01\x0a\x01\x40" * 16)) == 16


@pytest.mark.parametrize("octets", [0, 3, 5, 68])
def test_a_payload_of_another_length_is_refused(octets: int) -> None:
    with pytest.raises(RtpSyntaxError):
        parse_telephone_event(bytes(octets))


def test_the_reserved_bit_is_ignored() -> None:
    assert parse_telephone_event(b"\x01\x4a\x01\x40")[0] == TelephoneEvent(1, False, 10, 320)


def test_a_whole_press() -> None:
    subject = receiver()
    assert subject.handle_packet(report(1, 160), at(0)) == (started("1"),)
    assert subject.is_down
    assert subject.next_deadline() == at(60)
    assert subject.handle_packet(report(1, 320), at(20)) == ()
    assert subject.handle_packet(report(1, 480, end=True), at(40)) == (ended("1", 480),)
    assert subject.handle_packet(report(1, 480, end=True), at(41)) == ()
    assert subject.handle_packet(report(1, 480, end=True), at(42)) == ()
    assert (subject.is_down, subject.next_deadline(), subject.ignored) == (False, None, 0)


def test_one_end_packet_is_enough() -> None:
    assert receiver().handle_packet(report(15, 800, end=True), at(0)) == (
        started("D"),
        ended("D", 800),
    )


def test_what_the_end_overtook_changes_nothing() -> None:
    subject = receiver()
    subject.handle_packet(report(1, 480, end=True), at(0))
    assert subject.handle_packet(report(1, 320), at(1)) == ()
    assert not subject.is_down


def test_a_duration_never_shrinks() -> None:
    subject = receiver()
    subject.handle_packet(report(1, 480), at(0))
    subject.handle_packet(report(1, 320), at(1))
    assert subject.handle_timeout(at(61)) == (ended("1", 480, is_complete=False),)


def test_silence_ends_a_press_whose_end_is_lost() -> None:
    subject = receiver()
    assert subject.handle_timeout(at(0)) == ()
    subject.handle_packet(report(1, 160), at(0))
    subject.handle_packet(report(1, 320), at(20))
    assert subject.handle_timeout(at(79)) == ()
    assert subject.handle_timeout(at(80)) == (ended("1", 320, is_complete=False),)
    assert subject.handle_packet(report(1, 480, end=True), at(90)) == ()
    assert subject.next_deadline() is None


def test_the_next_press_ends_one_whose_end_is_lost() -> None:
    subject = receiver()
    subject.handle_packet(report(1, 160), at(0))
    assert subject.handle_packet(report(1, 160, timestamp=3000), at(20)) == (
        ended("1", 160, is_complete=False),
        started("1", 3000),
    )


def test_the_same_key_twice_is_two_presses() -> None:
    subject = receiver()
    subject.handle_packet(report(5, 480, end=True), at(0))
    assert subject.handle_packet(report(5, 480, end=True, timestamp=3000), at(20)) == (
        started("5", 3000),
        ended("5", 480, 3000),
    )


def test_another_key_at_the_same_timestamp_is_another_press() -> None:
    subject = receiver()
    subject.handle_packet(report(1, 480, end=True), at(0))
    assert subject.handle_packet(report(2, 160), at(20)) == (started("2"),)


def test_a_late_packet_of_an_earlier_press_is_ignored_across_the_wrap() -> None:
    subject = receiver()
    subject.handle_packet(report(2, 480, end=True, timestamp=100), at(0))
    assert subject.handle_packet(report(1, 480, end=True, timestamp=-2000), at(1)) == ()
    assert subject.ignored == 1


def test_a_clock_that_restarted_is_not_late() -> None:
    subject = receiver()
    subject.handle_packet(report(2, 480, end=True, timestamp=0x7000_0000), at(0))
    assert subject.handle_packet(report(2, 160, timestamp=5), at(1)) == (started("2", 5),)


def test_another_source_is_not_late() -> None:
    subject = receiver()
    subject.handle_packet(report(2, 480, end=True, timestamp=1000), at(0))
    assert subject.handle_packet(report(2, 160, timestamp=900, ssrc=8), at(1)) == (
        started("2", 900),
    )


def test_events_that_are_no_keys_are_counted() -> None:
    subject = receiver()
    assert subject.handle_packet(report(16, 160), at(0)) == ()
    assert (subject.ignored, subject.is_down) == (1, False)


def test_a_long_press_goes_on_in_a_new_segment() -> None:
    subject = receiver()
    subject.handle_packet(report(3, 0xFFFF), at(0))
    assert subject.handle_packet(report(3, 160, timestamp=1000 + 0xFFFF), at(20)) == ()
    assert subject.handle_packet(report(3, 480, end=True, timestamp=1000 + 0xFFFF), at(40)) == (
        ended("3", 0xFFFF + 480),
    )
    again = report(3, 160, timestamp=1000 + 2 * 0xFFFF)
    assert subject.handle_packet(again, at(60)) == (started("3", 1000 + 2 * 0xFFFF),)


def test_several_reports_in_one_packet_are_presses_in_a_row() -> None:
    payload = b"\x01\x0a\x01\x40" + b"\x10\x0a\x00\x50" + b"\x02\x0a\x01\x40"
    subject = receiver()
    packet = report(0, 0)._replace(payload=payload)
    assert subject.handle_packet(packet, at(0)) == (
        started("1"),
        ended("1", 320),
        started("2", 1000 + 400),
    )
    assert subject.is_down


def test_a_broken_payload_leaves_the_state_alone() -> None:
    subject = receiver()
    subject.handle_packet(report(1, 160), at(0))
    with pytest.raises(RtpSyntaxError):
        subject.handle_packet(report(1, 160)._replace(payload=b"\x01"), at(20))
    assert subject.next_deadline() == at(60)


def test_the_digit_clock_may_run_at_48000_hz() -> None:
    subject = DigitSender(clock_rate_hz=48000)
    subject.queue("1")
    sent = [subject.next_packet(RtpTimestamp(960 * n), 960) for n in range(5)]
    assert sent[-1] is not None
    assert parse_telephone_event(sent[-1].payload)[0] == TelephoneEvent(1, True, 10, 4800)


def drive(subject: DigitSender, periods: int, samples: int = 160) -> list[EventPacket | None]:
    """Ask for one packet per period, from timestamp 500 before the wrap on."""
    start = 0x1_0000_0000 - 500
    return [
        subject.next_packet(RtpTimestamp((start + n * samples) & 0xFFFFFFFF), samples)
        for n in range(periods)
    ]


def shown(sent: list[EventPacket | None]) -> list[tuple[int, int, bool, bool] | None]:
    """Give event, duration, end and marker of each packet."""
    rows: list[tuple[int, int, bool, bool] | None] = []
    for packet in sent:
        if packet is None:
            rows.append(None)
        else:
            (event,) = parse_telephone_event(packet.payload)
            rows.append((event.event, event.duration, event.is_end, packet.marker))
    return rows


def test_two_keys_with_three_ends_each_and_a_pause_between() -> None:
    subject = DigitSender(clock_rate_hz=8000, duration_ns=at(60), gap_ns=at(80), volume=8)
    assert not subject.is_active
    subject.queue("1#")
    sent = drive(subject, 15)
    press = [(160, False), (320, False), (480, True), (480, True), (480, True)]
    one = [(1, duration, end, n == 0) for n, (duration, end) in enumerate(press)]
    pound = [(11, duration, end, n == 0) for n, (duration, end) in enumerate(press)]
    assert shown(sent) == [*one, None, None, *pound, None, None, None]
    assert not subject.is_active
    assert {packet.timestamp for packet in sent[:5] if packet} == {0x1_0000_0000 - 500}
    assert {packet.timestamp for packet in sent[7:12] if packet} == {7 * 160 - 500}
    (first, *_) = sent
    assert first is not None
    assert parse_telephone_event(first.payload)[0].volume == 8


def test_it_is_active_until_the_pause_is_over() -> None:
    subject = DigitSender(clock_rate_hz=8000, duration_ns=at(20), gap_ns=at(80))
    subject.queue("9")
    active: list[bool] = []
    for n in range(6):
        active.append(subject.is_active)
        subject.next_packet(RtpTimestamp(n * 160), 160)
    assert active == [True] * 5 + [True]
    assert not subject.is_active


def test_missed_periods_count_in_the_duration() -> None:
    subject = DigitSender(clock_rate_hz=8000, duration_ns=at(100))
    subject.queue("7")
    subject.next_packet(RtpTimestamp(0), 160)
    late = subject.next_packet(RtpTimestamp(160 * 10), 160)
    assert shown([late]) == [(7, 160 * 11, True, False)]


def test_a_duration_never_exceeds_its_field() -> None:
    subject = DigitSender(clock_rate_hz=8000, duration_ns=at(8000))
    subject.queue("7")
    subject.next_packet(RtpTimestamp(0), 160)
    assert shown([subject.next_packet(RtpTimestamp(70000), 160)]) == [(7, 0xFFFF, True, False)]


def test_what_cannot_be_sent_is_refused() -> None:
    subject = DigitSender(clock_rate_hz=8000)
    for digits in ("12x", "1" * 129):
        with pytest.raises(LocalError):
            subject.queue(digits)
    assert not subject.is_active
    subject.queue("1" * 128)
    with pytest.raises(LocalError):
        subject.queue("1")


@pytest.mark.parametrize(("duration_ms", "volume"), [(0, 10), (8200, 10), (100, 64), (100, -1)])
def test_settings_that_the_payload_cannot_say_are_refused(duration_ms: int, volume: int) -> None:
    with pytest.raises(LocalError):
        DigitSender(clock_rate_hz=8000, duration_ns=at(duration_ms), volume=volume)


def test_lower_case_keys_are_keys() -> None:
    subject = DigitSender(clock_rate_hz=8000)
    subject.queue("d")
    assert shown(drive(subject, 1)) == [(15, 160, False, True)]
