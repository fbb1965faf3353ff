"""The reorder buffer: at once in order, a bounded wait at a gap, nothing twice."""

import pytest

from telephony.rtp import LatePacket, LostSpan, ReorderBuffer, Resync, RtpPacket
from telephony.units import NS_PER_MS, Nanoseconds, RtpTimestamp

PERIOD = 160


def packet(sequence: int, *, ssrc: int = 7, timestamp: int | None = None) -> RtpPacket:
    """Make a packet whose timestamp follows its sequence number, unless told."""
    samples = sequence * PERIOD if timestamp is None else timestamp
    return RtpPacket(
        0, False, sequence & 0xFFFF, RtpTimestamp(samples & 0xFFFFFFFF), ssrc, bytes(PERIOD)
    )


def at(ms: float) -> Nanoseconds:
    """Give a time in ms."""
    return Nanoseconds(round(ms * NS_PER_MS))


def buffer_at(first: int = 100) -> ReorderBuffer:
    """Make a buffer that has released one packet."""
    buffer = ReorderBuffer(lambda held: len(held.payload))
    assert buffer.handle_packet(packet(first), at(0)) == (packet(first),)
    return buffer


def test_packets_in_order_leave_at_once() -> None:
    buffer = buffer_at(0xFFFE)
    for sequence in (0xFFFF, 0x10000, 0x10001):
        assert buffer.handle_packet(packet(sequence), at(0)) == (packet(sequence),)
    assert (buffer.released, buffer.held, buffer.next_deadline()) == (4, 0, None)


def test_a_gap_waits_and_is_filled() -> None:
    buffer = buffer_at()
    assert buffer.handle_packet(packet(102), at(10)) == ()
    assert buffer.handle_packet(packet(103), at(30)) == ()
    assert (buffer.next_deadline(), buffer.held) == (at(70), 2)
    assert buffer.handle_timeout(at(69)) == ()
    assert buffer.handle_packet(packet(101), at(69)) == (packet(101), packet(102), packet(103))
    assert (buffer.next_deadline(), buffer.held, buffer.released) == (None, 0, 4)


def test_a_gap_is_given_up_when_its_time_is_over() -> None:
    buffer = buffer_at()
    buffer.handle_packet(packet(103), at(10))
    assert buffer.handle_timeout(at(70)) == (
        LostSpan(101, 2, RtpTimestamp(101 * PERIOD), 2 * PERIOD),
        packet(103),
    )
    assert (buffer.lost, buffer.released, buffer.next_deadline()) == (2, 2, None)


def test_the_wait_can_be_chosen() -> None:
    buffer = ReorderBuffer(lambda _: PERIOD, gap_wait_ns=at(20))
    buffer.handle_packet(packet(1), at(0))
    buffer.handle_packet(packet(3), at(5))
    assert buffer.next_deadline() == at(25)


def test_each_gap_has_its_own_time() -> None:
    buffer = buffer_at()
    for sequence, ms in ((104, 20), (102, 30), (105, 5)):
        assert buffer.handle_packet(packet(sequence), at(ms)) == ()
    assert buffer.next_deadline() == at(80)  # when 104 proved the first gap
    buffer.handle_timeout(at(80))
    assert (buffer.released, buffer.lost, buffer.held) == (5 - 1, 2, 0)


def test_a_later_gap_goes_on_waiting_from_when_it_was_proven() -> None:
    buffer = buffer_at()
    buffer.handle_packet(packet(102), at(0))
    buffer.handle_packet(packet(105), at(50))
    buffer.handle_packet(packet(104), at(55))
    assert buffer.handle_timeout(at(60))[1:] == (packet(102),)
    assert buffer.next_deadline() == at(110)
    filled = (packet(103), packet(104), packet(105))
    assert buffer.handle_packet(packet(103), at(100)) == filled


def test_late_comes_once_and_then_is_a_duplicate() -> None:
    buffer = buffer_at()
    buffer.handle_packet(packet(102), at(0))
    buffer.handle_timeout(at(60))
    assert buffer.handle_packet(packet(101), at(61)) == (LatePacket(packet(101)),)
    assert buffer.handle_packet(packet(101), at(62)) == ()
    assert (buffer.late, buffer.duplicate, buffer.lost) == (1, 1, 1)


def test_what_is_older_than_the_first_packet_is_late() -> None:
    buffer = buffer_at()
    assert buffer.handle_packet(packet(99), at(1)) == (LatePacket(packet(99)),)


def test_copies_of_released_and_of_held_packets_are_duplicates() -> None:
    buffer = buffer_at()
    buffer.handle_packet(packet(102), at(0))
    assert buffer.handle_packet(packet(100), at(1)) == ()
    assert buffer.handle_packet(packet(102), at(2)) == ()
    assert (buffer.duplicate, buffer.held) == (2, 1)


def test_a_lost_span_is_measured_by_timestamps() -> None:
    buffer = buffer_at()
    silence = packet(102, timestamp=100 * PERIOD + 8000)
    buffer.handle_packet(silence, at(0))
    (span, _) = buffer.handle_timeout(at(60))
    assert span == LostSpan(101, 1, RtpTimestamp(101 * PERIOD), 8000 - PERIOD)


def test_lost_repeats_of_one_event_are_no_lost_samples() -> None:
    buffer = buffer_at()
    buffer.handle_packet(packet(103, timestamp=100 * PERIOD), at(0))
    (span, _) = buffer.handle_timeout(at(60))
    assert span == LostSpan(101, 2, RtpTimestamp(101 * PERIOD), 0)


def test_the_largest_step_that_is_still_a_gap() -> None:
    buffer = buffer_at()
    buffer.handle_packet(packet(201), at(0))
    (span, released) = buffer.handle_timeout(at(60))
    assert isinstance(span, LostSpan)
    assert (span.packets, released) == (100, packet(201))


def test_what_was_lost_is_not_late_but_far_beyond_the_window() -> None:
    buffer = buffer_at()
    buffer.handle_packet(packet(102), at(0))
    buffer.handle_timeout(at(60))
    for sequence in range(103, 203):
        buffer.handle_packet(packet(sequence), at(60))
    buffer.handle_packet(packet(204), at(60))
    buffer.handle_timeout(at(120))
    assert buffer.handle_packet(packet(203), at(121)) == (LatePacket(packet(203)),)
    assert buffer.handle_packet(packet(101), at(121)) == ()
    assert (buffer.held, buffer.late) == (1, 1)


@pytest.mark.parametrize("far", [202, 100 - 101])
def test_one_far_packet_is_kept_apart_and_the_stream_goes_on(far: int) -> None:
    buffer = buffer_at()
    assert buffer.handle_packet(packet(far), at(0)) == ()
    assert buffer.next_deadline() is None
    assert buffer.handle_packet(packet(101), at(1)) == (packet(101),)
    assert (buffer.held, buffer.resyncs) == (1, 0)


def test_two_far_packets_begin_another_sequence() -> None:
    buffer = buffer_at()
    buffer.handle_packet(packet(102), at(0))
    assert buffer.handle_packet(packet(30000), at(1)) == ()
    assert buffer.handle_packet(packet(30001), at(2)) == (
        LostSpan(101, 1, RtpTimestamp(101 * PERIOD), PERIOD),
        packet(102),
        Resync(7, False),
        packet(30000),
        packet(30001),
    )
    assert (buffer.resyncs, buffer.released, buffer.lost, buffer.held) == (1, 4, 1, 0)
    assert buffer.next_deadline() is None
    assert buffer.handle_packet(packet(29999), at(3)) == (LatePacket(packet(29999)),)


def test_what_an_earlier_sequence_lost_is_not_lost_in_the_next() -> None:
    buffer = buffer_at()
    buffer.handle_packet(packet(102), at(0))
    buffer.handle_timeout(at(60))
    for sequence in (30000, 30001, 100, 101):
        buffer.handle_packet(packet(sequence), at(60))
    assert buffer.resyncs == 2
    assert buffer.handle_packet(packet(101), at(61)) == ()
    assert (buffer.late, buffer.duplicate) == (0, 1)


def test_the_second_far_packet_may_overtake_the_first() -> None:
    buffer = buffer_at()
    buffer.handle_packet(packet(30001), at(1))
    released = buffer.handle_packet(packet(30000), at(2))
    assert released == (Resync(7, False), packet(30000), packet(30001))


def test_a_gap_between_the_two_far_packets_waits() -> None:
    buffer = buffer_at()
    buffer.handle_packet(packet(30000), at(1))
    assert buffer.handle_packet(packet(30002), at(2)) == (Resync(7, False), packet(30000))
    assert buffer.next_deadline() == at(62)


def test_another_source_takes_two_packets() -> None:
    buffer = buffer_at()
    assert buffer.handle_packet(packet(101, ssrc=8), at(1)) == ()
    assert buffer.handle_packet(packet(102, ssrc=8), at(2)) == (
        Resync(8, True),
        packet(101, ssrc=8),
        packet(102, ssrc=8),
    )
    assert buffer.handle_packet(packet(103, ssrc=8), at(3)) == (packet(103, ssrc=8),)


def test_far_packets_that_do_not_belong_together_are_strays() -> None:
    buffer = buffer_at()
    buffer.handle_packet(packet(30000), at(1))
    assert buffer.handle_packet(packet(30001, ssrc=9), at(2)) == ()
    assert buffer.handle_packet(packet(40000, ssrc=9), at(3)) == ()
    assert buffer.handle_packet(packet(40000, ssrc=9), at(4)) == ()
    assert (buffer.stray, buffer.duplicate, buffer.held, buffer.resyncs) == (2, 1, 1, 0)
