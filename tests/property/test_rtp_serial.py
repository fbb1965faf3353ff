"""Serial numbers behave like the whole numbers that they stand for."""

from hypothesis import given
from hypothesis import strategies as st

from telephony.rtp import (
    sequence_distance,
    timestamp_distance,
)


@given(st.integers(0, 0xFFFF), st.integers(-0x7FFF, 0x7FFF))
def test_sequence_distance_gives_the_step_back(origin: int, step: int) -> None:
    there = (origin + step) & 0xFFFF
    assert sequence_distance(there, origin) == step == -sequence_distance(origin, there)


@given(st.integers(0, 0xFFFFFFFF), st.integers(-0x7FFFFFFF, 0x7FFFFFFF))
def test_timestamp_distance_gives_the_step_back(origin: int, step: int) -> None:
    there = (origin + step) & 0xFFFFFFFF
    assert timestamp_distance(there, origin) == step == -timestamp_distance(origin, there)
