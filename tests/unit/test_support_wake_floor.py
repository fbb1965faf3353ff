"""Real time is judged on a machine that was punctual; a wait ends with what it waits for."""

import time
from collections.abc import Callable

import pytest

from tests.support.patience import wait_until
from tests.support.void import unless_void
from tests.support.wake_floor import Lateness, WakeFloor, percentile_99

STILL_MS = 100.0


class Floor(WakeFloor):
    """Tells what it is told to tell, and starts no process."""

    def __init__(self, worst_ms: float) -> None:
        super().__init__()
        self._worst_ms = worst_ms

    def __enter__(self) -> "Floor":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def take(self) -> Lateness:
        return Lateness(0.0, self._worst_ms)


def tried(*outcomes: tuple[bool, float]) -> Callable[[], int]:
    """Make a test whose attempts hold or not, on a machine that was so late; give their number."""
    attempts = 0
    left = list(outcomes)

    def floor() -> WakeFloor:
        return Floor(left[0][1])

    @unless_void(STILL_MS, len(outcomes), floor=floor)
    def test() -> None:
        nonlocal attempts
        attempts += 1
        assert left.pop(0)[0]

    def run() -> int:
        test()
        return attempts

    return run


@pytest.mark.parametrize(
    ("outcomes", "attempts"),
    [([(True, 900.0)], 1), ([(False, 101.0), (False, 500.0), (True, 0.1), (True, 0.1)], 3)],
    ids=["holds on a late machine", "holds at last"],
)
def test_an_attempt_that_holds_is_the_last(
    outcomes: list[tuple[bool, float]], attempts: int
) -> None:
    assert tried(*outcomes)() == attempts


def test_what_does_not_hold_on_a_punctual_machine_fails_at_once() -> None:
    with pytest.raises(AssertionError):
        tried((False, 100.0), (True, 0.1))()


def test_what_was_void_each_time_is_skipped_with_its_reason() -> None:
    with pytest.raises(pytest.skip.Exception, match="in each attempt: 101 ms, 300 ms"):
        tried((False, 101.0), (False, 300.0))()


def test_the_floor_tells_how_late_it_woke_since_it_was_asked() -> None:
    with WakeFloor() as floor:
        first, second = floor.take(), floor.take()
    for told in (first, second):
        assert 0 <= told.p99_ms <= told.worst_ms


@pytest.mark.parametrize(("count", "found"), [(0, 0), (1, 0), (100, 98), (1000, 989)])
def test_percentile_of_numbers_in_a_row(count: int, found: int) -> None:
    assert percentile_99(list(range(count))) == found


def test_a_wait_ends_with_its_condition_or_says_what_is_wrong() -> None:
    answers = iter([False, False, True])
    wait_until(lambda: next(answers))
    assert next(answers, None) is None
    began = time.monotonic()
    with pytest.raises(AssertionError, match="nobody came"):
        wait_until(lambda: False, 0.05, what=lambda: "nobody came")
    assert time.monotonic() - began >= 0.05
