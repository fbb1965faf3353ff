"""The judgement of the isolation table: it holds on a noisy machine, and not without isolation."""

from collections.abc import Sequence

import pytest

from tests.support.hearing import RtpPacket
from tests.tables.isolation import VOID, Pair, Window, is_void, judged, pairs_of

PACED = [20.0] * 100
"""The times between the packets of 2 s, in ms."""
STARVED = [23.0, 17.0] * 50
"""A thread that computes in the engine's process holds the interpreter, time and again."""


def packet(ms: float) -> RtpPacket:
    return RtpPacket(round(ms * 1e6), 0, 0, 0, 0, b"")


def pair(
    during_ms: Sequence[float], floors_ms: tuple[float, float] = (0.3, 0.3), late_ms: float = 0.0
) -> Pair:
    """Make a pair; late_ms is what all of its gaps are longer for, with the tool and without."""
    without, during = ([round((ms + late_ms) * 1e6) for ms in of] for of in (PACED, during_ms))
    return Pair(without, during, *floors_ms)


@pytest.mark.parametrize(
    ("rise_ms", "floors", "holds"),
    [
        (1.9, (0.3, 0.3), True),
        (2.1, (0.3, 0.3), False),
        (2.5, (0.3, 0.9), True),
        (2.1, (0.9, 0.3), False),
    ],
    ids=["within", "beyond", "the floor rose", "the floor fell"],
)
def test_2_ms_are_allowed_beyond_what_the_floor_rose(
    rise_ms: float, floors: tuple[float, float], *, holds: bool
) -> None:
    assert judged("tool", [pair([20 + rise_ms] * 100, floors)]).ok is holds


@pytest.mark.parametrize(
    "during",
    [STARVED, [20.0] * 3, [], ([20.0] * 60 + [2000.0]) * 20],
    ids=["starved of the interpreter", "blocked", "no packet at all", "blocked for the others"],
)
def test_an_engine_that_runs_the_tool_itself_falls_short(during: list[float]) -> None:
    row = judged("tool", [pair(during)] * 4)
    assert not row.ok
    assert not is_void(row)


def test_one_round_that_somebody_else_disturbed_is_outvoted() -> None:
    rounds = [pair(PACED), pair([60.0] * 100), pair(PACED), pair(PACED)]
    assert judged("tool", rounds).ok
    assert not judged("tool", [rounds[1], rounds[1], *rounds[1:]]).ok


def test_a_minute_that_is_slower_throughout_counts_for_both_sides() -> None:
    assert judged("tool", [pair(PACED, late_ms=at) for at in (0.0, 3.0, 6.0, 9.0)]).ok


def test_void_rounds_do_not_count_and_too_many_make_the_row_void() -> None:
    noisy, bad = pair(STARVED, (0.3, 2.1)), pair(STARVED)
    row = judged("tool", [noisy, bad, bad, bad])
    assert (row.ok, row.figures["void_rounds"]) == (False, "1 of 4")
    row = judged("tool", [noisy, noisy, bad, bad])
    assert (row.ok, row.figures["verdict"]) == (False, VOID)
    assert is_void(row)


def test_a_fault_is_no_void() -> None:
    row = judged("tool", [pair(PACED, (0.3, 2.1))], ["the tool ran 3 times"])
    assert (row.ok, is_void(row)) == (False, False)


def test_only_gaps_within_a_span_count_and_rounds_are_paired() -> None:
    stream = [packet(ms) for ms in (0, 20, 40, 65, 85)]
    quiet = Window(spans_ns=[(0, 50_000_000), (0, 10_000_000)], floor_ms=[0.1, 0.2])
    window = Window(
        spans_ns=[(10_000_000, 70_000_000), (60_000_000, 90_000_000)], floor_ms=[0.3, 0.4]
    )
    assert pairs_of(quiet, window, [stream]) == [
        Pair([20_000_000] * 2, [20_000_000, 25_000_000], 0.1, 0.3),
        Pair([], [20_000_000], 0.2, 0.4),
    ]
