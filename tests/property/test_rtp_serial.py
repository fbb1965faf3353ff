"""Serial numbers behave like the whole numbers that they stand for."""

from hypothesis import given
from hypothesis import strategies as st

from telephony.rtp import (
    SequenceUnwrapper,
    TimestampUnwrapper,
    sequence_distance,
    sequence_is_newer,
    timestamp_distance,
    timestamp_is_newer,
)
from telephony.units import RtpTimestamp

STEPS = st.lists(st.integers(-0x7FFF, 0x7FFF), max_size=50)
WIDE_STEPS = st.lists(st.integers(-0x7FFFFFFF, 0x7FFFFFFF), max_size=50)


@given(st.integers(0, 0xFFFF), st.integers(-0x7FFF, 0x7FFF))
def test_sequence_distance_gives_the_step_back(origin: int, step: int) -> None:
    there = (origin + step) & 0xFFFF
    assert sequence_distance(there, origin) == step == -sequence_distance(origin, there)
    assert sequence_is_newer(there, origin) == (step > 0)


@given(st.integers(0, 0xFFFFFFFF), st.integers(-0x7FFFFFFF, 0x7FFFFFFF))
def test_timestamp_distance_gives_the_step_back(origin: int, step: int) -> None:
    there = (origin + step) & 0xFFFFFFFF
    assert timestamp_distance(there, origin) == step == -timestamp_distance(origin, there)
    assert timestamp_is_newer(there, origin) == (step > 0)


@given(st.integers(0, 0xFFFF), STEPS)
def test_sequences_unwrap_to_the_walk_that_made_them(first: int, steps: list[int]) -> None:
    unwrapper = SequenceUnwrapper()
    at = unwrapper.unwrap(first)
    for step in steps:
        at += step
        assert unwrapper.unwrap(at & 0xFFFF) == at


@given(st.integers(0, 0xFFFFFFFF), WIDE_STEPS)
def test_timestamps_unwrap_to_the_walk_that_made_them(first: int, steps: list[int]) -> None:
    unwrapper = TimestampUnwrapper()
    at = unwrapper.unwrap(RtpTimestamp(first))
    for step in steps:
        now = unwrapper.unwrap(RtpTimestamp((first + at + step) & 0xFFFFFFFF))
        assert now == at + step
        at = now
