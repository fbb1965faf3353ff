"""Gap errors, lateness and timeline jumps of a stream that arrived."""

from telephony.app.bench.pacing import (
    ArrivedStream,
    gap_errors_ns,
    lateness_ns,
    timeline_jumps,
)

PERIOD_NS = 20_000_000
SAMPLES = 160


def stream(*packets: tuple[int, int, int]) -> ArrivedStream:
    arrived = ArrivedStream()
    for packet in packets:
        arrived.add(*packet)
    return arrived


def test_gap_error_is_the_distance_from_the_packet_time_either_way() -> None:
    arrivals = [0, 20_000_000, 43_000_000, 58_000_000]
    assert gap_errors_ns(arrivals, PERIOD_NS) == [0, 3_000_000, 5_000_000]


def test_a_skipped_packet_is_an_error_of_a_whole_period() -> None:
    assert gap_errors_ns([0, 2 * PERIOD_NS], PERIOD_NS) == [PERIOD_NS]


def test_one_packet_has_no_gap() -> None:
    assert gap_errors_ns([5], PERIOD_NS) == []


def test_lateness_is_measured_from_the_earliest_packet_of_the_stream() -> None:
    late = stream((1_000_000, 1, 0), (20_000_000, 2, 160), (42_500_000, 3, 320))
    assert lateness_ns(late, SAMPLES, PERIOD_NS) == [1_000_000, 0, 2_500_000]


def test_lateness_goes_by_the_timestamp_not_by_the_count() -> None:
    skipped = stream((0, 1, 0), (2 * PERIOD_NS, 2, 320))
    assert lateness_ns(skipped, SAMPLES, PERIOD_NS) == [0, 0]


def test_lateness_follows_a_timestamp_that_wraps() -> None:
    wrapping = stream((0, 1, 2**32 - 160), (PERIOD_NS, 2, 0), (2 * PERIOD_NS, 3, 160))
    assert lateness_ns(wrapping, SAMPLES, PERIOD_NS) == [0, 0, 0]


def test_no_packets_have_no_lateness() -> None:
    assert lateness_ns(stream(), SAMPLES, PERIOD_NS) == []


def test_an_even_stream_has_no_jumps_over_both_wraps() -> None:
    even = stream((0, 65_535, 2**32 - 160), (1, 0, 0), (2, 1, 160))
    assert timeline_jumps(even, SAMPLES) == (0, 0)


def test_a_lost_packet_is_no_jump() -> None:
    assert timeline_jumps(stream((0, 1, 0), (1, 3, 320)), SAMPLES) == (1, 0)


def test_a_period_that_was_skipped_is_a_jump() -> None:
    assert timeline_jumps(stream((0, 1, 0), (1, 2, 320)), SAMPLES) == (0, 1)
