"""Receiver statistics against the figures of RFC 3550 appendix A."""

import pytest

from telephony.rtp import ReceiverStatistics
from telephony.units import NS_PER_MS, Nanoseconds, RtpTimestamp


def feed(statistics: ReceiverStatistics, *sequences: int) -> list[bool]:
    """Feed packets of a perfect 20 ms clock that follows the sequence number."""
    return [
        statistics.handle_packet(
            sequence & 0xFFFF,
            RtpTimestamp(sequence * 160 & 0xFFFFFFFF),
            Nanoseconds((sequence + 1) * 20 * NS_PER_MS),
        )
        for sequence in sequences
    ]


def valid(first: int = 10) -> ReceiverStatistics:
    """Make statistics whose base is `first`, with one packet counted."""
    statistics = ReceiverStatistics(7, 8000)
    assert feed(statistics, first - 1, first) == [False, True]
    return statistics


def test_two_packets_in_sequence_end_the_probation() -> None:
    statistics = ReceiverStatistics(7, 8000)
    assert feed(statistics, 10) == [False]
    assert not statistics.is_valid
    assert (statistics.expected, statistics.cumulative_lost) == (0, 0)
    assert feed(statistics, 20, 30, 31) == [False, False, True]
    assert statistics.is_valid
    assert (statistics.received, statistics.expected) == (1, 1)


def test_the_wrap_adds_a_cycle() -> None:
    statistics = valid(0xFFFE)
    feed(statistics, 0xFFFF, 0x10000, 0x10001)
    assert statistics.extended_highest_sequence == 0x10001
    assert (statistics.expected, statistics.received, statistics.cumulative_lost) == (4, 4, 0)


def test_loss_is_expected_less_received() -> None:
    statistics = valid(10)
    feed(statistics, 12, 13, 15, 17)
    assert (statistics.expected, statistics.cumulative_lost) == (8, 3)
    assert statistics.take_fraction_lost() == 256 * 3 // 8
    feed(statistics, 18, 19)
    assert statistics.take_fraction_lost() == 0
    assert statistics.take_fraction_lost() == 0
    assert statistics.cumulative_lost == 3


def test_reordered_and_duplicate_packets_count_as_received() -> None:
    statistics = valid(10)
    assert feed(statistics, 12, 11, 11, 12) == [True] * 4
    assert (statistics.received, statistics.expected, statistics.cumulative_lost) == (5, 3, -2)
    assert statistics.take_fraction_lost() == 0


def test_cumulative_loss_stays_within_24_bits() -> None:
    statistics = valid(10)
    statistics.received = 0x900000
    assert statistics.cumulative_lost == -0x800000


def test_one_far_packet_does_not_count_and_two_restart() -> None:
    statistics = valid(10)
    assert feed(statistics, 9000, 11, 9000, 9001) == [False, True, False, True]
    assert (statistics.received, statistics.expected) == (1, 1)
    assert statistics.extended_highest_sequence == 9001


@pytest.mark.parametrize(("step", "counts"), [(2999, True), (3000, False)])
def test_the_largest_dropout(step: int, counts: bool) -> None:
    assert feed(valid(10), 10 + step) == [counts]


@pytest.mark.parametrize(("step", "counts"), [(99, True), (100, False)])
def test_the_largest_misorder(step: int, counts: bool) -> None:
    assert feed(valid(1000), 1000 - step) == [counts]


def test_a_steady_stream_has_no_jitter() -> None:
    statistics = valid(10)
    feed(statistics, *range(11, 60))
    assert statistics.jitter == 0


def test_jitter_follows_the_integer_formula() -> None:
    statistics = valid(10)
    scaled = 0
    for sequence in range(11, 40):
        late_ms = 5 if sequence % 2 else 0
        arrival_ns = Nanoseconds(((sequence + 1) * 20 + late_ms) * NS_PER_MS)
        statistics.handle_packet(sequence, RtpTimestamp(sequence * 160), arrival_ns)
        scaled += 40 - ((scaled + 8) >> 4)
    assert statistics.jitter == scaled >> 4 > 30


def test_a_packet_without_a_pace_is_left_out_of_the_jitter() -> None:
    statistics = valid(10)
    arrival_ns = Nanoseconds(12 * 20 * NS_PER_MS)
    assert statistics.handle_packet(11, RtpTimestamp(0), arrival_ns, is_paced=False)
    feed(statistics, 12)
    assert (statistics.jitter, statistics.received) == (0, 3)
