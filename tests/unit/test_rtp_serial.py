"""Serial number arithmetic across the wrap."""

import pytest

from telephony.rtp import (
    add_samples,
    sequence_distance,
    timestamp_distance,
)

SEQUENCES = [(1, 0, 1), (0, 1, -1), (0, 0xFFFF, 1), (0xFFFF, 0, -1), (5, 5, 0), (0x7FFF, 0, 0x7FFF)]


@pytest.mark.parametrize(("to", "origin", "steps"), SEQUENCES)
def test_sequence_distance(to: int, origin: int, steps: int) -> None:
    assert sequence_distance(to, origin) == steps


def test_sequences_half_the_circle_apart_are_behind_each_other() -> None:
    assert sequence_distance(0x8000, 0) == sequence_distance(0, 0x8000) == -0x8000


TIMESTAMPS = [(160, 0, 160), (0, 160, -160), (100, 0xFFFFFFFF, 101), (0xFFFFFFFF, 100, -101)]


@pytest.mark.parametrize(("to", "origin", "samples"), TIMESTAMPS)
def test_timestamp_distance(to: int, origin: int, samples: int) -> None:
    assert timestamp_distance(to, origin) == samples
    assert add_samples(origin, samples) == to


def test_timestamps_half_the_circle_apart_are_behind_each_other() -> None:
    assert timestamp_distance(1 << 31, 0) == timestamp_distance(0, 1 << 31) == -(1 << 31)
