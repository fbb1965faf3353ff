"""Serial number arithmetic across the wrap."""

import pytest

from telephony.rtp import (
    SequenceUnwrapper,
    TimestampUnwrapper,
    add_samples,
    sequence_distance,
    sequence_is_newer,
    timestamp_distance,
    timestamp_is_newer,
)
from telephony.units import RtpTimestamp

SEQUENCES = [(1, 0, 1), (0, 1, -1), (0, 0xFFFF, 1), (0xFFFF, 0, -1), (5, 5, 0), (0x7FFF, 0, 0x7FFF)]


@pytest.mark.parametrize(("to", "origin", "steps"), SEQUENCES)
def test_sequence_distance(to: int, origin: int, steps: int) -> None:
    assert sequence_distance(to, origin) == steps
    assert sequence_is_newer(to, origin) == (steps > 0)


def test_sequences_half_the_circle_apart_are_newer_neither_way() -> None:
    assert sequence_distance(0x8000, 0) == sequence_distance(0, 0x8000) == -0x8000
    assert not sequence_is_newer(0x8000, 0)
    assert not sequence_is_newer(0, 0x8000)


TIMESTAMPS = [(160, 0, 160), (0, 160, -160), (100, 0xFFFFFFFF, 101), (0xFFFFFFFF, 100, -101)]


@pytest.mark.parametrize(("to", "origin", "samples"), TIMESTAMPS)
def test_timestamp_distance(to: int, origin: int, samples: int) -> None:
    assert timestamp_distance(to, origin) == samples
    assert timestamp_is_newer(to, origin) == (samples > 0)
    assert add_samples(origin, samples) == to


def test_timestamps_half_the_circle_apart_are_newer_neither_way() -> None:
    assert timestamp_distance(1 << 31, 0) == timestamp_distance(0, 1 << 31) == -(1 << 31)
    assert not timestamp_is_newer(1 << 31, 0)
    assert not timestamp_is_newer(0, 1 << 31)


def test_sequences_unwrap_through_the_wrap_and_back() -> None:
    unwrapper = SequenceUnwrapper()
    seen = [
        unwrapper.unwrap(number) for number in (0xFFFE, 0, 0xFFFF, 1, 0x8000, 0, 0x8000, 0xFFFF)
    ]
    assert seen == [0xFFFE, 0x10000, 0xFFFF, 0x10001, 0x18000, 0x10000, 0x8000, 0xFFFF]


def test_timestamps_unwrap_to_positions_from_the_first() -> None:
    unwrapper = TimestampUnwrapper()
    timestamps = (0xFFFFFF00, 0, 0xFFFFFE60, 0x70000000)
    seen = [unwrapper.unwrap(RtpTimestamp(timestamp)) for timestamp in timestamps]
    assert seen == [0, 256, -160, 256 + 0x70000000]
